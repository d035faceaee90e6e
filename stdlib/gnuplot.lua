-- gnuplot: turns a figure into gnuplot's commands, and runs gnuplot on them.
--
-- The commands go to gnuplot's standard input and the picture comes back from its standard output,
-- so no file name ever stands in a command. What a script passes as text stands between single
-- quotes, in which gnuplot reads nothing (no backtick, no @macro), with no quote and no newline
-- left in it, under a terminal that is `noenhanced`; data are numbers alone. So no text becomes a
-- command.
--
-- All sizes are in points (1/72 inch), whatever the picture's format; margins are computed here,
-- from the ticks that are computed in gradus.layout, so that panels line up and nothing is wasted.
-- Rests on gradus.figure, gradus.layout and gradus.pipe.

local figure = require "gradus.figure"
local layout = require "gradus.layout"
local pipe = require "gradus.pipe"

local floor, max, min = math.floor, math.max, math.min

local gnuplot = {}

-- ---- the look ----

local FONT = "DejaVu Sans"
local SIZE = { tick = 9, label = 10, title = 11, suptitle = 13, legend = 9, text = 9 }
local INK, AXIS, GRID, FRAME = "#262626", "#8a8a8a", "#e8e8e8", "#dcdcdc"
local MISSING = "#ececec" -- a heat map's cell without a value
local PAD = 7             -- between panels and around them

-- ---- words of gnuplot's language ----

-- Text as gnuplot's quoted string. A ' becomes the typographic one: gnuplot 5.4 misreads the
-- doubled '' at the start of a string, and two of them in a row.
local function quote(text) return "'" .. figure.clean(text):gsub("'", "’") .. "'" end

-- A number in full, in C's notation whatever the locale.
local function number(value)
  return (("%.17g"):format(value):gsub(",", "."))
end

-- "#rrggbb" with an alpha of 0 (unseen) to 1 as gnuplot's '#AARRGGBB', whose 00 is opaque.
local function rgb(color, alpha)
  local clear = floor((1 - (alpha or 1)) * 255 + 0.5)
  if clear == 0 then return "rgb '" .. color .. "'" end
  return ("rgb '#%02x%s'"):format(clear, color:sub(2))
end

-- a length that a picture is drawn with: fewer digits say enough
local function short(value)
  return (("%.6g"):format(value):gsub(",", "."))
end

-- figure.linestyles and figure.markers as gnuplot has them
local dashes = { ["-"] = "solid", ["--"] = "(14,9)", [":"] = "(2,6)", ["-."] = "(14,7,2,7)" }
local points = { o = 7, s = 5, ["^"] = 9, v = 11, D = 13, ["+"] = 1, x = 2, ["*"] = 3, ["."] = 7,
                 circle = 6 }

local function line_style(artist)
  return ("lw %s dt %s"):format(short(artist.linewidth), dashes[artist.linestyle])
end

-- markersize is the marker's width in points; gnuplot's size 1 is about 5 of them
local function point_style(artist)
  local size = artist.markersize / (artist.marker == "." and 10 or 5)
  return ("pt %d ps %s"):format(points[artist.marker], short(size))
end

local function color_of(artist) return "lc " .. rgb(artist.color, artist.alpha) end

local raised = {}
for letter in ("⁻⁰¹²³⁴⁵⁶⁷⁸⁹"):gmatch(utf8.charpattern) do raised[letter] = true end

-- About how wide a text of one line is, in points. DejaVu Sans' own widths, by class.
local function text_width(text, size)
  local ems = 0
  for letter in text:gmatch(utf8.charpattern) do
    if letter:find "^[il.,:;'|!jI]$" then ems = ems + 0.32
    elseif letter:find "^[frt ()%[%]/-]$" then ems = ems + 0.39
    elseif letter:find "^[mwMW%%@]$" then ems = ems + 0.95
    elseif letter:find "^[A-Z+=<>~]$" then ems = ems + 0.74
    elseif raised[letter] then ems = ems + 0.44
    elseif letter == "−" or letter == "×" then ems = ems + 0.84
    else ems = ems + 0.62 end
  end
  return ems * size
end

local function widest(labels, size)
  local width = 0
  for _, label in ipairs(labels) do width = max(width, text_width(label, size)) end
  return width
end

-- ---- layout ----

local function heat_map(axes)
  for _, artist in ipairs(axes.artists) do
    if artist.kind == "cells" then return artist end
  end
end

local function clamp(value, low, high) return max(low, min(high, value)) end

-- What one panel shows and the room it needs on each side. `cell` is its share of the figure.
local function measure(axes, cell)
  local view = { axes = axes }
  view.x, view.y = layout.range(axes, "x"), layout.range(axes, "y")
  local width, height = cell.right - cell.left, cell.top - cell.bottom
  view.y_ticks = layout.ticks(axes.y, view.y, clamp(height / 34 // 1, 3, 9))
  -- as many labels along x as stand apart
  local count = clamp((width - 45) / 36 // 1, 3, 9)
  repeat
    view.x_ticks = layout.ticks(axes.x, view.x, count)
    local room = widest(view.x_ticks.labels, SIZE.tick) + 8
    local fits = #view.x_ticks.labels * room <= width - 40
    count = count - 1
  until fits or count < 2 or axes.x.ticks
  view.x_turned = axes.x.ticks and #view.x_ticks.labels > 1
    and #view.x_ticks.labels * (widest(view.x_ticks.labels, SIZE.tick) + 6) > width - 40
  view.entries = axes.legend and layout.legend_entries(axes, view.x, view.y) or {}
  view.cells = heat_map(axes)
  if view.cells then view.x_ticks.minor, view.y_ticks.minor = {}, {} end

  local label_height = SIZE.tick * 1.25
  if view.x_turned then label_height = widest(view.x_ticks.labels, SIZE.tick) * 0.72 + SIZE.tick end
  view.left = widest(view.y_ticks.labels, SIZE.tick) + 8
  if axes.ylabel then -- gnuplot puts it beside labels that it takes to be wider than they are
    local letters = 0
    for _, label in ipairs(view.y_ticks.labels) do
      letters = max(letters, utf8.len(figure.clean(label)))
    end
    view.left = max(view.left, letters * 0.6 * SIZE.tick + 8) + SIZE.label * 1.6
  end
  view.bottom = label_height + 7 + (axes.xlabel and SIZE.label * 1.45 or 0)
  view.top = axes.title and SIZE.title * 1.75 or 5
  local last = view.x_ticks.labels[#view.x_ticks.labels]
  view.right = last and max(3, text_width(last, SIZE.tick) / 2 - 4) or 3
  if axes.colorbar then
    view.color_range = layout.color_range(view.cells)
    view.color_ticks = layout.ticks({}, view.color_range, clamp(height / 34 // 1, 3, 9))
    view.bar_gap = 9
    view.right = view.bar_gap + 10 + 8 + widest(view.color_ticks.labels, SIZE.tick)
      + (axes.colorbar.label and SIZE.label * 2.1 or 2)
  end
  local labels = {}
  local letters = 0
  for i, entry in ipairs(view.entries) do
    labels[i] = figure.clean(entry.label)
    letters = max(letters, utf8.len(labels[i]))
  end
  -- gnuplot takes each letter for a wide one: tell it how many fewer there are
  local letter = 0.65 * SIZE.legend
  view.legend_slack = (widest(labels, SIZE.legend) + 5) / letter - letters
  view.legend_width = widest(labels, SIZE.legend) + 34
  view.legend_height = #labels * SIZE.legend * 1.45 + 8
  if axes.legend and axes.legend.loc == "outside" and #labels > 0 then
    view.right = view.right + view.legend_width + 4
  end
  return view
end

-- The panels of a figure with their rectangles in points. Panels of one column share their left and
-- right margins, those of one row their top and bottom ones.
local function lay_out(self, width, height)
  local views, shared = {}, {}
  local roof = height - PAD - (self.suptitle and SIZE.suptitle * 1.9 or 0)
  for i, axes in ipairs(self.axes) do
    local w, h = (width - PAD) / axes.columns, (roof - PAD / 2) / axes.rows
    local cell = { left = PAD + (axes.column - 1) * w + (axes.column > 1 and PAD or 0),
                   right = axes.column * w,
                   bottom = roof - axes.row * h + PAD / 2,
                   top = roof - (axes.row - 1) * h - (axes.row > 1 and PAD or 0) }
    local view = measure(axes, cell)
    view.cell = cell
    views[i] = view
    local grid = axes.rows .. "x" .. axes.columns
    for _, side in ipairs { "left", "right", "top", "bottom" } do
      local upright = side == "left" or side == "right"
      local key = grid .. side .. (upright and axes.column or axes.row)
      shared[key] = max(shared[key] or 0, view[side])
    end
  end
  for _, view in ipairs(views) do
    local axes, cell = view.axes, view.cell
    local grid = axes.rows .. "x" .. axes.columns
    local box = {
      left = cell.left + shared[grid .. "left" .. axes.column],
      right = cell.right - shared[grid .. "right" .. axes.column],
      bottom = cell.bottom + shared[grid .. "bottom" .. axes.row],
      top = cell.top - shared[grid .. "top" .. axes.row],
    }
    -- a panel keeps some room for its data, however long its labels are
    if box.right - box.left < 20 then box.left, box.right = cell.left + 10, cell.right - 5 end
    if box.top - box.bottom < 20 then box.bottom, box.top = cell.bottom + 10, cell.top - 5 end
    view.box = box
  end
  return views
end

-- ---- one panel ----

-- A script under construction: lines of commands, the parts of the coming `plot` command, and the
-- data that it will read after itself, in the order of its parts.
local function new_script() return { lines = {}, parts = {}, data = {} } end

local function emit(script, format, ...)
  script.lines[#script.lines + 1] = select("#", ...) > 0 and format:format(...) or format
end

local function add_part(script, format, ...)
  script.parts[#script.parts + 1] = format:format(...)
end

-- Add a part that draws rows of numbers; false is an empty line, a gap. `using` are the columns.
local function add_rows(script, rows, using, style)
  local data = script.data
  for _, row in ipairs(rows) do
    if row then
      for i = 1, #row do row[i] = number(row[i]) end
    end
    data[#data + 1] = row and table.concat(row, " ") or ""
  end
  data[#data + 1] = "e"
  add_part(script, "'-' using %s with %s", using, style)
end

local function add_lines(script, rows, artist)
  add_rows(script, rows, "1:2", "lines " .. line_style(artist) .. " " .. color_of(artist))
end

local function add_points(script, rows, artist)
  add_rows(script, rows, "1:2", "points " .. point_style(artist) .. " " .. color_of(artist))
end

local RECTANGLES = "1:2:3:4:5:6" -- and "boxxyerror": a point, then left, right, bottom, top

local draw = {}

local COLUMNS = 1500 -- more points of a curve than these can show are thinned out

-- The rows of a curve's runs as a line, the rows of all its points, and those of the points that
-- stand alone and that a line cannot show.
local function curve_rows(x, y, view)
  local rows, all, lone = {}, {}, {}
  for _, run in ipairs(layout.runs(x, y, view.x, view.y)) do
    for i = 1, #run.x do all[#all + 1] = { run.x[i], run.y[i] } end
    if #run.x == 1 then lone[#lone + 1] = { run.x[1], run.y[1] } end
    run = layout.thinned(run, view.x, COLUMNS)
    for i = 1, #run.x do rows[#rows + 1] = { run.x[i], run.y[i] } end
    rows[#rows + 1] = false
  end
  return rows, all, lone
end

function draw.line(script, artist, view)
  local rows, all, lone = curve_rows(artist.x, artist.y, view)
  if #all == 0 then return end
  if artist.linestyle ~= "none" then add_lines(script, rows, artist) end
  if artist.marker ~= "none" then
    add_points(script, all, artist)
  elseif #lone > 0 then
    add_rows(script, lone, "1:2", ("points pt 7 ps %s %s"):format(short(artist.linewidth / 3.2),
                                                                 color_of(artist)))
  end
end

function draw.points(script, artist, view)
  local _, all = curve_rows(artist.x, artist.y, view)
  if #all == 0 then return end
  add_points(script, all, artist)
end

function draw.rule(script, artist, view)
  local range = artist.along == "x" and view.y or view.x
  if not figure.can_draw(artist.at, range.is_log) then return end
  local rows = artist.along == "x"
    and { { view.x.low, artist.at }, { view.x.high, artist.at } }
    or { { artist.at, view.y.low }, { artist.at, view.y.high } }
  add_lines(script, rows, artist)
end

function draw.bars(script, artist, view)
  local rows = {}
  for _, bar in ipairs(layout.bar_rectangles(artist, view.x, view.y)) do
    rows[#rows + 1] = { bar.left, bar.low, bar.left, bar.right, bar.low, bar.high }
  end
  if #rows == 0 then return end
  local edge = artist.edgecolor == "none" and "noborder"
    or ("border lc %s"):format(rgb(artist.edgecolor))
  add_rows(script, rows, RECTANGLES,
           ("boxxyerror fs solid 1 %s lw 0.7 %s"):format(edge, color_of(artist)))
end

function draw.band(script, artist, view)
  local rows = {}
  for _, run in ipairs(layout.band_runs(artist, view.x, view.y)) do
    for i = 1, #run.x do rows[#rows + 1] = { run.x[i], run.low[i], run.high[i] } end
    rows[#rows + 1] = false
  end
  if #rows == 0 then return end
  add_rows(script, rows, "1:2:3", "filledcurves fs solid 1 noborder " .. color_of(artist))
end

-- Cells are painted one after the other, each reaching under its neighbours to the right and
-- above, so that no seam of the background shines through between two of them.
function draw.cells(script, artist)
  local function reach(edges, i)
    if i + 2 > #edges then return edges[i + 1] end
    local part = #edges > 60 and 0.5 or 0.06 -- small cells need more of themselves for a pixel
    return edges[i + 1] + (edges[i + 2] - edges[i + 1]) * part
  end
  local missing, filled = {}, {}
  local range = layout.color_range(artist)
  for j, row in ipairs(artist.values) do
    for i, value in ipairs(row) do
      local rectangle = { artist.x[i], artist.y[j], artist.x[i], reach(artist.x, i),
                          artist.y[j], reach(artist.y, j) }
      if figure.can_draw(value, range.is_log) then
        rectangle[7] = clamp(value, range.low, range.high)
        filled[#filled + 1] = rectangle
      else
        rectangle[4], rectangle[6] = artist.x[i + 1], artist.y[j + 1]
        missing[#missing + 1] = rectangle
      end
    end
  end
  if #filled > 0 then
    add_rows(script, filled, RECTANGLES .. ":7", "boxxyerror fs solid 1 noborder lc palette")
  end
  if #missing > 0 then
    add_rows(script, missing, RECTANGLES,
             ("boxxyerror fs solid 1 border lc rgb '#ffffff' lw 0.7 lc rgb '%s'"):format(MISSING))
  end
end

local shift = { bottom = 0.55, center = 0, top = -0.55 }

function draw.text(script, artist, view)
  if not figure.can_draw(artist.x, view.x.is_log) then return end
  if not figure.can_draw(artist.y, view.y.is_log) then return end
  emit(script, "set label %s at first %s, first %s %s rotate by %s font ',%s' textcolor %s "
       .. "offset 0,%s front", quote(artist.text), number(artist.x), number(artist.y), artist.ha,
       short(artist.rotation), short(artist.fontsize), rgb(artist.color), short(shift[artist.va]))
end

-- How a legend shows an artist.
local function sample_style(artist)
  if artist.kind == "bars" or artist.kind == "band" then return "boxes fs solid 1 noborder" end
  local has_marker = artist.marker and artist.marker ~= "none"
  if artist.kind == "points" or artist.linestyle == "none" then
    return has_marker and "points " .. point_style(artist) or "dots"
  end
  if has_marker then return "linespoints " .. line_style(artist) .. " " .. point_style(artist) end
  return "lines " .. line_style(artist)
end

-- The legend's rows are all `keyentry`s: in the order of the script, whatever is drawn first.
local function draw_legend(script, view)
  local axes, box = view.axes, view.box
  if #view.entries == 0 then
    emit(script, "unset key")
    return
  end
  local width, height = box.right - box.left, box.top - box.bottom
  local place = layout.legend_place(axes, view.x, view.y, view.legend_width / width,
                                    view.legend_height / height)
  local u, h, v, w = 0.5, "center", 0.5, "center"
  if place:find "left" then u, h = 6 / width, "left"
  elseif place:find "right" then u, h = 1 - 6 / width, "right" end
  if place:find "upper" then v, w = 1 - 5 / height, "top"
  elseif place:find "lower" then v, w = 5 / height, "bottom" end
  if place == "outside" then u, h, v, w = 1 + 8 / width, "left", 1, "top" end
  emit(script, "set key on at graph %s, graph %s %s %s vertical Left reverse samplen 1.7 "
       .. "spacing 1.15 width %s height 0.3 font ',%s' textcolor rgb '%s' box lc rgb '%s' lw 0.7 "
       .. "opaque fillcolor rgb '#30ffffff'",
       number(u), number(v), h, w, short(view.legend_slack), short(SIZE.legend), INK, FRAME)
  for _, entry in ipairs(view.entries) do
    add_part(script, "keyentry with %s %s title %s", sample_style(entry.artist),
             color_of(entry.artist), quote(entry.label))
  end
end

-- gnuplot takes a tick's label that holds % for a number's format
local function tick_list(ticks)
  local list = {}
  for i, at in ipairs(ticks.at) do
    list[#list + 1] = quote((ticks.labels[i]:gsub("%%", "%%%%"))) .. " " .. number(at)
  end
  for _, at in ipairs(ticks.minor) do list[#list + 1] = "'' " .. number(at) .. " 1" end
  return "(" .. table.concat(list, ", ") .. ")"
end

local function draw_axis(script, name, range, ticks, more)
  emit(script, "set %srange [%s:%s] noextend", name, number(range.low), number(range.high))
  if range.is_log then emit(script, "set logscale %s 10", name) end
  if #ticks.at + #ticks.minor == 0 then -- for an empty list gnuplot chooses ticks itself
    emit(script, "unset %stics", name)
    return
  end
  emit(script, "set %stics %s nomirror out scale 0.55,0.3 font ',%s' textcolor rgb '%s' %s", name,
       tick_list(ticks), short(SIZE.tick), INK, more or "")
end

local function draw_colorbar(script, view, width, height)
  local axes, box = view.axes, view.box
  if not axes.colorbar then
    emit(script, "unset colorbox")
    return
  end
  local range = view.color_range
  emit(script, "set colorbox user origin screen %s, screen %s size screen %s, screen %s "
       .. "noborder front", number((box.right + view.bar_gap) / width), number(box.bottom / height),
       number(10 / width), number((box.top - box.bottom) / height))
  draw_axis(script, "cb", range, view.color_ticks)
  if axes.colorbar.label then
    emit(script, "set cblabel %s font ',%s' textcolor rgb '%s' offset 0.7,0",
         quote(axes.colorbar.label), short(SIZE.label), INK)
  end
end

local function draw_palette(script, view)
  if not view.cells then return end
  local stops = {}
  for i, color in ipairs(view.cells.cmap) do
    stops[i] = ("%s '%s'"):format(number((i - 1) / (#view.cells.cmap - 1)), color)
  end
  local range = layout.color_range(view.cells)
  emit(script, "set palette maxcolors 0 defined (%s)", table.concat(stops, ", "))
  emit(script, "set cbrange [%s:%s]", number(range.low), number(range.high))
  if range.is_log then emit(script, "set logscale cb 10") end
end

local function draw_panel(script, view, width, height)
  local axes, box = view.axes, view.box
  emit(script, "set lmargin at screen %s", number(box.left / width))
  emit(script, "set rmargin at screen %s", number(box.right / width))
  emit(script, "set bmargin at screen %s", number(box.bottom / height))
  emit(script, "set tmargin at screen %s", number(box.top / height))
  emit(script, "set border %d lw 0.8 lc rgb '%s'", view.cells and 0 or 3, AXIS)
  draw_axis(script, "x", view.x, view.x_ticks, view.x_turned and "rotate by -45" or nil)
  draw_axis(script, "y", view.y, view.y_ticks)
  local grid = axes.grid
  if grid == nil then grid = not view.cells end
  if grid then
    emit(script, "set grid xtics ytics %s lt 1 lw 0.7 lc rgb '%s'",
         view.cells and "front" or "back", GRID)
  end
  emit(script, "set clip two")
  if axes.title then
    emit(script, "set title %s font ',%s' textcolor rgb '%s' offset 0,-0.45", quote(axes.title),
         short(SIZE.title), INK)
  end
  for _, direction in ipairs { "x", "y" } do
    local label = axes[direction .. "label"]
    if label then
      local nearer = direction == "x" and not view.x_turned and "offset 0,0.25" or ""
      emit(script, "set %slabel %s font ',%s' textcolor rgb '%s' %s", direction, quote(label),
           short(SIZE.label), INK, nearer)
    end
  end
  draw_palette(script, view)
  draw_colorbar(script, view, width, height)
  for _, artist in ipairs(layout.layered(axes)) do draw[artist.kind](script, artist, view) end
  if layout.is_blank(axes, view.x, view.y) then
    emit(script, "set label 'no finite value' at graph 0.5, graph 0.5 center font ',%s' "
         .. "textcolor rgb '%s'", short(SIZE.label), AXIS)
  end
  draw_legend(script, view)
  -- a point without a value: gnuplot wants something to plot, and a heat map's colours, too
  add_part(script, "NaN with points %s", view.cells and "palette" or "")
  for i, part in ipairs(script.parts) do
    if not part:find "^keyentry" then part = part .. " notitle" end
    script.parts[i] = part
  end
  emit(script, "plot %s", table.concat(script.parts, ", "))
  table.move(script.data, 1, #script.data, #script.lines + 1, script.lines)
  script.parts, script.data = {}, {}
end

-- All of gnuplot's commands that draw the figure on `terminal` (a `set terminal` command).
local function commands_for(self, terminal)
  local width, height = self.width * 72, self.height * 72
  if #self.axes == 0 then figure.subplot(self, 1, 1, 1) end
  local script = new_script()
  emit(script, "set encoding utf8")
  emit(script, "set terminal " .. terminal)
  -- a wxt window shows no data of a single panel inside a multiplot
  if #self.axes > 1 then emit(script, "set multiplot") end
  for i, view in ipairs(lay_out(self, width, height)) do
    emit(script, "reset")
    if i == 1 and self.suptitle then
      emit(script, "set label %s at screen 0.5, screen %s center font ',%s' textcolor rgb '%s'",
           quote(self.suptitle), number(1 - (PAD / 2 + SIZE.suptitle * 0.95) / height),
           short(SIZE.suptitle), INK)
    end
    draw_panel(script, view, width, height)
  end
  if #self.axes > 1 then emit(script, "unset multiplot") end
  emit(script, "exit")
  return table.concat(script.lines, "\n") .. "\n"
end

-- ---- running it ----

local function program() return os.getenv "GRADUS_GNUPLOT" or "gnuplot" end

-- What gnuplot itself said, as one line: without its echo of the command and its mark under it.
local function complaint(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    line = line:gsub("%c", " "):gsub("^%s*line %d+:%s*", ""):gsub("^%s+", ""):gsub("%s+$", "")
    if line ~= "" and line ~= "^" and not line:find "^%a+> " then lines[#lines + 1] = line end
  end
  return #lines > 0 and table.concat(lines, "; "):sub(1, 300) or "it said nothing"
end

-- Run gnuplot on commands; returns what it wrote to standard output, or nil and a sentence.
local function run(commands)
  local name = program()
  local missing = ('the program "%s" was not found (Debian has it in the package gnuplot-nox: '
    .. 'apt install gnuplot-nox; GRADUS_GNUPLOT can name another)'):format(name)
  local child <close>, message, code = pipe.open { name, "-d" }
  if not child then
    if code == 2 then return nil, missing end
    return nil, ('the program "%s" did not start: %s'):format(name, message)
  end
  local written = child:write(commands)
  local ok, how, number_of = child:finish()
  local picture, said = child:output()
  if ok and written then return picture end
  if how == "signal" then
    return nil, ("%s was killed by signal %d before the figure was drawn"):format(name, number_of)
  elseif how ~= "exit" then -- interrupted: the program is ended when `child` closes
    return nil, ("%s was not awaited: %s"):format(name, how)
  elseif number_of == 127 then -- how a start fails where it is noticed late (under valgrind)
    return nil, missing
  end
  return nil, ("%s failed: %s"):format(name, complaint(said))
end

local FONT_SCALE = 0.75 -- cairo's terminals draw a font of 10 points as 13.3 units

local CANVAS = ("noenhanced rounded background rgb '#ffffff' font '%s,10'"):format(FONT)

-- gnuplot's terminal for each kind of file. The factors make a point of line, letter and marker the
-- same in all three.
local terminals = {
  png = function(self, dpi)
    return ("pngcairo size %d,%d %s fontscale %s linewidth %s pointscale %s"):format(
      floor(self.width * dpi + 0.5), floor(self.height * dpi + 0.5), CANVAS,
      short(dpi / 72 * FONT_SCALE), short(dpi / 72), short(dpi / 72 * 0.62))
  end,
  svg = function(self)
    return ("svg size %d,%d %s fontscale 1.3333 linewidth 1.33"):format(
      floor(self.width * 96 + 0.5), floor(self.height * 96 + 0.5), CANVAS)
  end,
  pdf = function(self)
    return ("pdfcairo size %sin,%sin %s fontscale %s linewidth 2 pointscale 0.68"):format(
      short(self.width), short(self.height), CANVAS, short(FONT_SCALE))
  end,
}
-- The figure as the bytes of a file of one of the formats, or nil and a sentence.
function gnuplot.picture(self, format, dpi)
  local picture, message = run(commands_for(self, terminals[format](self, dpi)))
  if picture == "" then return nil, program() .. " drew nothing" end
  return picture, message
end

-- The terminal that opens a window, by gnuplot's own list, or nil.
local function window_terminal()
  local listed = run "set print '-'\nprint GPVAL_TERMINALS\nexit\n"
  for _, name in ipairs { "qt", "wxt", "x11" } do
    if listed and (" " .. listed:gsub("%s", " ") .. " "):find(" " .. name .. " ", 1, true) then
      return name
    end
  end
end

-- Show the figure in a window of its own that stays when the script goes on or ends. False where
-- there is no display or gnuplot has no window.
function gnuplot.window(self)
  local function set(name) local value = os.getenv(name) return value and value ~= "" end
  if not (set "DISPLAY" or set "WAYLAND_DISPLAY") then return false end
  local name = window_terminal()
  if not name then return false end
  local terminal = ("%s size %d,%d noenhanced font '%s,10' linewidth 1.33 title %s persist")
    :format(name, floor(self.width * 96 + 0.5), floor(self.height * 96 + 0.5), FONT,
            quote(self.suptitle or "Gradus"))
  return run(commands_for(self, terminal)) ~= nil
end

return gnuplot

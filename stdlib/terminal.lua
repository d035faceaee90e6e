-- terminal: draws a figure with letters, for a script that runs where there is no window.
--
-- In colour, curves are drawn in braille letters, whose eight dots make a cell two pixels wide and
-- four high; bars are blocks, a heat map's cells are coloured blocks. Without colour each curve has
-- a letter of its own, so that the legend can tell them apart. Without UTF-8 everything is ASCII.
-- Needs no gnuplot. Rests on gradus.figure and gradus.layout.

local figure = require "gradus.figure"
local layout = require "gradus.layout"

local terminal = {}

local floor, max, min = math.floor, math.max, math.min

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- ---- the sheet: a grid of letters ----

-- What a terminal can show, from its environment; `columns` is nil where there is no terminal.
local function abilities(columns)
  local locale = environment "LC_ALL" or environment "LC_CTYPE" or environment "LANG" or ""
  local kind = environment "TERM" or "dumb"
  return {
    unicode = locale:lower():find "utf%-?8" ~= nil,
    color = columns ~= nil and kind ~= "dumb" and not environment "NO_COLOR",
    true_color = (environment "COLORTERM" or ""):find "truecolor" ~= nil
      or (environment "COLORTERM" or ""):find "24bit" ~= nil,
  }
end

-- letters[row][column] is what stands there, dots[row][column] the braille dots where no letter
-- does, colors[row][column] its colour; rows count from the top.
local function new_sheet(columns, rows, can)
  local sheet = { columns = columns, rows = rows, can = can, letters = {}, dots = {}, colors = {} }
  for row = 1, rows do sheet.letters[row], sheet.dots[row], sheet.colors[row] = {}, {}, {} end
  return sheet
end

local function put(sheet, column, row, letter, color)
  if row < 1 or row > sheet.rows or column < 1 or column > sheet.columns then return end
  sheet.letters[row][column], sheet.colors[row][column] = letter, color
end

local function length(text) return utf8.len(text) or #text end

-- Write a text; what stands beyond the last column is cut.
local function write(sheet, column, row, text, color)
  text = figure.clean(text)
  if not sheet.can.unicode then text = text:gsub("[\xc2-\xf4][\x80-\xbf]+", "?") end
  for letter in text:gmatch(utf8.charpattern) do
    put(sheet, column, row, letter, color)
    column = column + 1
  end
end

local function shorten(text, room)
  text = figure.clean(text)
  if length(text) <= room then return text end
  if room < 2 then return "" end
  return text:sub(1, utf8.offset(text, room) - 1) .. "."
end

local bits = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } }

-- Dark greys are ink: on a dark terminal they would not be seen, so they take the terminal's own
-- colour.
local function is_ink(color)
  local level = tonumber(color:sub(2, 3), 16)
  return level < 0x70 and color == ("#%02x%02x%02x"):format(level, level, level)
end

-- The escape sequence that turns the pen to "#rrggbb".
local function pen(color, can)
  local function channel(first) return tonumber(color:sub(first, first + 1), 16) end
  local r, g, b = channel(2), channel(4), channel(6)
  if can.true_color then return ("\27[38;2;%d;%d;%dm"):format(r, g, b) end
  local function level(value) return value < 48 and 0 or value < 115 and 1 or (value - 35) // 40 end
  return ("\27[38;5;%dm"):format(16 + 36 * level(r) + 6 * level(g) + level(b))
end

local function sheet_text(sheet)
  local lines = {}
  for row = 1, sheet.rows do
    local parts, last, current = {}, 0, nil
    for column = 1, sheet.columns do
      if sheet.letters[row][column] or sheet.dots[row][column] then last = column end
    end
    for column = 1, last do
      local letter = sheet.letters[row][column]
      local dots = sheet.dots[row][column]
      local color = sheet.can.color and sheet.colors[row][column] or nil
      if color and is_ink(color) then color = nil end
      if not letter and not dots then color = current end
      if color ~= current then
        parts[#parts + 1] = color and pen(color, sheet.can) or "\27[39m"
        current = color
      end
      parts[#parts + 1] = letter or (dots and utf8.char(0x2800 + dots)) or " "
    end
    if current then parts[#parts + 1] = "\27[39m" end
    lines[row] = table.concat(parts)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- the plane: the part of the sheet inside a panel's axes ----

-- left and top are the first column and row; each cell has across × down pixels.
local function new_plane(sheet, left, top, width, height, view)
  local braille = sheet.can.color and sheet.can.unicode
  return { sheet = sheet, left = left, top = top, width = width, height = height, view = view,
           across = braille and 2 or 1, down = braille and 4 or 1, braille = braille }
end

-- The pixel of a point of the data, from the upper left corner; may lie outside.
local function pixel(plane, x, y)
  local u, v = layout.share(plane.view.x, x), layout.share(plane.view.y, y)
  return u * (plane.width * plane.across - 1), (1 - v) * (plane.height * plane.down - 1)
end

local function dot(plane, px, py, color, mark)
  px, py = floor(px + 0.5), floor(py + 0.5)
  local column, row = px // plane.across, py // plane.down
  if column < 0 or row < 0 or column >= plane.width or row >= plane.height then return end
  column, row = column + plane.left, row + plane.top
  local sheet = plane.sheet
  if not plane.braille then return put(sheet, column, row, mark, color) end
  sheet.letters[row][column] = nil
  sheet.dots[row][column] = (sheet.dots[row][column] or 0) | bits[py % 4 + 1][px % 2 + 1]
  sheet.colors[row][column] = color
end

-- The part of a segment inside the plane (Liang and Barsky 1984), or nil.
local function clip(plane, x0, y0, x1, y1)
  local first, last = 0, 1
  local dx, dy = x1 - x0, y1 - y0
  local right, bottom = plane.width * plane.across - 1, plane.height * plane.down - 1
  for _, edge in ipairs { { -dx, x0 }, { dx, right - x0 }, { -dy, y0 }, { dy, bottom - y0 } } do
    local step, room = edge[1], edge[2]
    if step == 0 then
      if room < 0 then return nil end
    elseif step < 0 then first = max(first, room / step)
    else last = min(last, room / step) end
  end
  if first > last then return nil end
  return x0 + first * dx, y0 + first * dy, x0 + last * dx, y0 + last * dy
end

local on = { ["-"] = "1", ["--"] = "111100", [":"] = "100", ["-."] = "11110010" }

-- A straight line, a pixel for each step of its longer side; `phase` carries a dash over its
-- corners.
local function segment(plane, x0, y0, x1, y1, color, mark, linestyle, phase)
  x0, y0, x1, y1 = clip(plane, x0, y0, x1, y1)
  if not x0 then return phase end
  local steps = max(1, floor(max(math.abs(x1 - x0), math.abs(y1 - y0)) + 0.5))
  local pattern = plane.braille and on[linestyle] or "1"
  for k = 0, steps do
    local place = (phase + k) % #pattern + 1
    if pattern:byte(place) == 49 then
      dot(plane, x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps, color, mark)
    end
  end
  return phase + steps
end

local draw = {}

local function path(plane, x, y, artist, mark)
  for _, run in ipairs(layout.runs(x, y, plane.view.x, plane.view.y)) do
    local phase, px, py = 0, nil, nil
    for i = 1, #run.x do
      local qx, qy = pixel(plane, run.x[i], run.y[i])
      if px and artist.linestyle ~= "none" then
        phase = segment(plane, px, py, qx, qy, artist.color, mark, artist.linestyle, phase)
      elseif #run.x == 1 or artist.linestyle == "none" then
        dot(plane, qx, qy, artist.color, mark)
      end
      px, py = qx, qy
    end
  end
end

function draw.line(plane, artist, mark) path(plane, artist.x, artist.y, artist, mark) end

function draw.rule(plane, artist, mark)
  local x, y = plane.view.x, plane.view.y
  local ends = { artist.at, artist.at }
  if artist.along == "x" then
    path(plane, { x.low, x.high }, ends, artist, plane.braille and mark or "-")
  else
    path(plane, ends, { y.low, y.high }, artist, plane.braille and mark or "|")
  end
end

function draw.points(plane, artist, mark)
  for _, run in ipairs(layout.runs(artist.x, artist.y, plane.view.x, plane.view.y)) do
    for i = 1, #run.x do
      local px, py = pixel(plane, run.x[i], run.y[i])
      if artist.marker == "circle" then
        px, py = floor(px + 0.5) // plane.across, floor(py + 0.5) // plane.down
        put(plane.sheet, plane.left + px, plane.top + py, "o", artist.color)
      else
        dot(plane, px, py, artist.color, mark)
      end
    end
  end
end

-- Every other pixel between the two edges: a tint.
function draw.band(plane, artist)
  for _, run in ipairs(layout.band_runs(artist, plane.view.x, plane.view.y)) do
    for i = 1, #run.x - 1 do
      local x0, low0 = pixel(plane, run.x[i], run.low[i])
      local x1, low1 = pixel(plane, run.x[i + 1], run.low[i + 1])
      local _, high0 = pixel(plane, run.x[i], run.high[i])
      local _, high1 = pixel(plane, run.x[i + 1], run.high[i + 1])
      local first = max(0, floor(min(x0, x1) + 0.5))
      for px = first, min(plane.width * plane.across, floor(max(x0, x1) + 0.5)) do
        local t = x1 == x0 and 0 or max(0, min(1, (px - x0) / (x1 - x0)))
        local top = max(0, floor(high0 + (high1 - high0) * t + 0.5))
        local bottom = min(plane.height * plane.down - 1, floor(low0 + (low1 - low0) * t + 0.5))
        for py = top, bottom do
          if plane.braille and (px + py) % 2 == 0 and px % 2 == 0 or not plane.braille then
            dot(plane, px, py, artist.color, ".")
          end
        end
      end
    end
  end
end

local eighths = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

function draw.bars(plane, artist)
  local sheet = plane.sheet
  for _, bar in ipairs(layout.bar_rectangles(artist, plane.view.x, plane.view.y)) do
    local u0, u1 = layout.share(plane.view.x, bar.left), layout.share(plane.view.x, bar.right)
    local first = floor(min(u0, u1) * plane.width + 0.5)
    local last = floor(max(u0, u1) * plane.width + 0.5) - 1
    if last - first >= 3 then last = last - 1 end -- a gap between wide bars
    local bottom = layout.share(plane.view.y, bar.low) * plane.height
    local top = layout.share(plane.view.y, bar.high) * plane.height
    for column = max(0, first), min(plane.width - 1, max(last, first)) do
      for row = max(0, floor(bottom + 0.5)), min(plane.height - 1, math.ceil(top) - 1) do
        local filled = max(1, min(8, floor((top - row) * 8 + 0.5)))
        local letter = sheet.can.unicode and eighths[filled] or "#"
        put(sheet, plane.left + column, plane.top + plane.height - 1 - row, letter, artist.color)
      end
    end
  end
end

-- Where a share lies among the edges of cells, which may run either way on the axis.
local function cell_at(edges, range, share)
  for i = 1, #edges - 1 do
    local a, b = layout.share(range, edges[i]), layout.share(range, edges[i + 1])
    if share >= min(a, b) and share <= max(a, b) then return i end
  end
end

local shades = { " ", ".", ":", "-", "=", "+", "*", "#", "%", "@" }

local function shade(sheet, cells, share)
  local r, g, b = figure.blend(cells.cmap, share)
  if sheet.can.color then
    return sheet.can.unicode and "█" or "#", ("#%02x%02x%02x"):format(r, g, b)
  end
  return shades[min(#shades, 1 + floor(share * #shades))]
end

function draw.cells(plane, artist)
  local colors = layout.color_range(artist)
  for row = 0, plane.height - 1 do
    local i = cell_at(artist.y, plane.view.y, 1 - (row + 0.5) / plane.height)
    for column = 0, plane.width - 1 do
      local j = cell_at(artist.x, plane.view.x, (column + 0.5) / plane.width)
      local value = i and j and artist.values[i][j]
      if value then
        local letter, color = "x", "#7f7f7f"
        if figure.can_draw(value, colors.is_log) then
          letter, color = shade(plane.sheet, artist, max(0, min(1, layout.share(colors, value))))
        end
        put(plane.sheet, plane.left + column, plane.top + row, letter, color)
      end
    end
  end
end

function draw.text(plane, artist)
  if not figure.can_draw(artist.x, plane.view.x.is_log) then return end
  if not figure.can_draw(artist.y, plane.view.y.is_log) then return end
  local px, py = pixel(plane, artist.x, artist.y)
  local column, row = floor(px + 0.5) // plane.across, floor(py + 0.5) // plane.down
  local text = shorten(artist.text, plane.width)
  if artist.ha == "center" then column = column - length(text) // 2
  elseif artist.ha == "right" then column = column - length(text) + 1 end
  column = max(0, min(plane.width - length(text), column))
  row = max(0, min(plane.height - 1, row))
  write(plane.sheet, plane.left + column, plane.top + row, text, artist.color)
end

-- ---- one panel ----

local FAINT = "#8a8a8a"
local marks = { "*", "+", "o", "x", "#", "@", "%", "&" }

local function draw_legend(plane, view, mark_of)
  local axes, sheet = view.axes, plane.sheet
  if #view.entries == 0 then return end
  local widest = 0
  for _, entry in ipairs(view.entries) do widest = max(widest, length(entry.label)) end
  local width, height = min(widest + 4, plane.width), min(#view.entries, plane.height)
  local place = layout.legend_place(axes, view.x, view.y, width / plane.width,
                                    height / plane.height)
  if place == "outside" then place = "upper right" end
  local column, row = (plane.width - width) // 2, (plane.height - height) // 2
  if place:find "left" then column = 1
  elseif place:find "right" then column = plane.width - width end
  if place:find "upper" then row = 0
  elseif place:find "lower" then row = plane.height - height end
  for i, entry in ipairs(view.entries) do
    if i > height then return end
    local artist = entry.artist
    local sample = plane.braille and "──" or mark_of[artist] .. mark_of[artist]
    if artist.kind == "bars" or artist.kind == "band" then
      sample = sheet.can.unicode and (artist.kind == "bars" and "██" or "▒▒") or "##"
    elseif artist.kind == "points" or artist.linestyle == "none" then
      sample = " " .. (plane.braille and "•" or mark_of[artist])
    elseif plane.braille and artist.linestyle ~= "-" then
      sample = "╌╌"
    end
    local left, line = plane.left + column, plane.top + row + i - 1
    for k = 0, width - 1 do put(sheet, left + k, line, " ") end
    write(sheet, left, line, sample, artist.color)
    write(sheet, left + 3, line, shorten(entry.label, width - 3))
  end
end

-- The axes' lines, their ticks' labels, and a label where it does not meet the one before.
local function draw_axes(sheet, plane, view)
  local unicode = sheet.can.unicode
  local letters = unicode and { v = "│", h = "─", corner = "└", y = "┤", x = "┬" }
    or { v = "|", h = "-", corner = "+", y = "+", x = "+" }
  local floor_row = plane.top + plane.height
  for row = plane.top, floor_row - 1 do put(sheet, plane.left - 1, row, letters.v, FAINT) end
  put(sheet, plane.left - 1, floor_row, letters.corner, FAINT)
  for column = plane.left, plane.left + plane.width - 1 do
    put(sheet, column, floor_row, letters.h, FAINT)
  end
  local used = {}
  for i, at in ipairs(view.y_ticks.at) do
    local row = plane.top + floor((1 - layout.share(view.y, at)) * (plane.height - 1) + 0.5)
    local text = view.y_ticks.labels[i]
    if not used[row] then
      used[row] = true
      put(sheet, plane.left - 1, row, letters.y, FAINT)
      write(sheet, plane.left - 1 - length(text), row, text)
    end
  end
  local free = plane.left - 2
  for i, at in ipairs(view.x_ticks.at) do
    local column = plane.left + floor(layout.share(view.x, at) * (plane.width - 1) + 0.5)
    local text = figure.clean(view.x_ticks.labels[i])
    local rightmost = plane.left + plane.width - length(text)
    local start = max(plane.left - 1, min(column - length(text) // 2, rightmost))
    if start > free then
      put(sheet, column, floor_row, letters.x, FAINT)
      write(sheet, start, floor_row + 1, text)
      free = start + length(text)
    end
  end
end

-- A heat map's scale in one row: its lowest value, its colours, its highest.
local function draw_scale(sheet, view, left, row, width)
  local cells, range = view.cells, view.color_range
  local low, high = ("%.3g"):format(range.low), ("%.3g"):format(range.high)
  local label = view.axes.colorbar.label
  label = label and shorten(label .. ": ", width // 2) or ""
  write(sheet, left, row, label .. low)
  left = left + length(label .. low) + 1
  local steps = max(4, min(24, width - length(label) - 20))
  for k = 0, steps - 1 do
    local letter, color = shade(sheet, cells, k / (steps - 1))
    put(sheet, left + k, row, letter, color)
  end
  write(sheet, left + steps + 1, row, high)
end

local function draw_panel(sheet, axes, left, top, width, height)
  local plain = not sheet.can.unicode
  local view = { axes = axes, x = layout.range(axes, "x"), y = layout.range(axes, "y") }
  for _, artist in ipairs(axes.artists) do
    if artist.kind == "cells" then view.cells = artist end
  end
  view.entries = axes.legend and layout.legend_entries(axes, view.x, view.y) or {}
  local head = (axes.title and 1 or 0) + (axes.ylabel and 1 or 0)
  local foot = 2 + (axes.xlabel and 1 or 0) + (axes.colorbar and 1 or 0)
  view.y_ticks = layout.ticks(axes.y, view.y, max(3, (height - head - foot) // 3), plain)
  local margin = 1
  for i, label in ipairs(view.y_ticks.labels) do
    view.y_ticks.labels[i] = shorten(label, width // 3)
    margin = max(margin, length(view.y_ticks.labels[i]))
  end
  local plane = new_plane(sheet, left + margin + 1, top + head, max(4, width - margin - 2),
                          max(3, height - head - foot), view)
  view.x_ticks = layout.ticks(axes.x, view.x, max(2, plane.width // 8), plain)

  local function centred(row, text, color)
    text = shorten(text, plane.width)
    write(sheet, plane.left + (plane.width - length(text)) // 2, row, text, color)
  end
  if axes.title then centred(top, axes.title) end
  if axes.ylabel then write(sheet, left, plane.top - 1, shorten(axes.ylabel, width), FAINT) end
  draw_axes(sheet, plane, view)
  local row = plane.top + plane.height + 2
  if axes.xlabel then
    centred(row, axes.xlabel, FAINT)
    row = row + 1
  end
  if axes.colorbar then
    view.color_range = layout.color_range(view.cells)
    draw_scale(sheet, view, plane.left, row, plane.width)
  end

  local mark_of, count = {}, 0
  for _, artist in ipairs(axes.artists) do
    mark_of[artist] = marks[1]
    if artist.label then
      mark_of[artist] = marks[count % #marks + 1]
      count = count + 1
    end
  end
  for _, artist in ipairs(layout.layered(axes)) do
    draw[artist.kind](plane, artist, mark_of[artist])
  end
  if layout.is_blank(axes, view.x, view.y) then
    centred(plane.top + plane.height // 2, "no finite value", FAINT)
  end
  draw_legend(plane, view, mark_of)
end

-- terminal.draw(figure, columns, rows) -> the text of its drawing, its lines ended by newlines.
--   columns
-- and rows are the terminal's; without them the drawing is plain and 79 columns wide.
function terminal.draw(self, columns, rows)
  local can = abilities(columns)
  columns = max(20, min(columns or 79, 400))
  if #self.axes == 0 then figure.subplot(self, 1, 1, 1) end
  local deep = 1
  for _, axes in ipairs(self.axes) do deep = max(deep, axes.rows) end
  -- letters are about twice as high as wide; a panel is no taller than the terminal
  local height = floor(columns * self.height / self.width * 0.45)
  height = max(16 * deep, min(height, (rows and rows - 2 or 28)))
  local head = self.suptitle and 2 or 0
  local sheet = new_sheet(columns, height + head, can)
  if self.suptitle then
    local text = shorten(self.suptitle, columns)
    write(sheet, (columns - length(text)) // 2 + 1, 1, text)
  end
  for _, axes in ipairs(self.axes) do
    local width, tall = columns // axes.columns, height // axes.rows
    draw_panel(sheet, axes, 1 + (axes.column - 1) * width, 1 + head + (axes.row - 1) * tall,
               width, tall - (axes.row < axes.rows and 1 or 0))
  end
  return sheet_text(sheet)
end

return terminal

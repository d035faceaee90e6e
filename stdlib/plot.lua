-- plot: pyplot's verbs on a current figure.
--
--   plot.plot(history.loss, { label = "train" })
--   plot.legend()
--   plot.show()
--
-- Each verb checks its arguments, adds to the current axes of the current figure and returns; the
-- figure is drawn by show and savefig. Names, arguments and defaults are matplotlib.pyplot's;
-- options come in one table at the end. What counts counts from 1: plot.plot(y) puts y[1] at x = 1.
-- The model is gradus.figure; what draws it, gradus.gnuplot for files and windows and gradus.terminal for
-- the terminal, is loaded when something is drawn.
--
-- Environment: GRADUS_PLOT=none makes show draw nothing; GRADUS_PLOT=folder/ makes it save each
-- figure there as a PNG named after the script (mlp.png, mlp_2.png, ...); GRADUS_GNUPLOT names the
-- gnuplot to run.

local errors = require "gradus.errors"
local figure = require "gradus.figure"
local pipe = require "gradus.pipe"
local statistics = require "gradus.statistics"

local plot = {}

-- The open figures in the order they were made, the last of them the current one; how many this
-- script has saved in GRADUS_PLOT's folder.
local open_figures, saved = {}, 0

-- ---- arguments ----

local function current_figure()
  if #open_figures == 0 then open_figures[1] = figure.new(6.4, 4.8) end
  return open_figures[#open_figures]
end

local function current_axes() return figure.current_axes(current_figure()) end

-- What a script passed as text; a number is text as well.
local function text_argument(where, argument, value)
  if type(value) == "number" then return tostring(value) end
  if type(value) ~= "string" then errors.argument(where, argument, "a string", value) end
  return value
end

local function finite_argument(where, argument, value)
  if type(value) ~= "number" or not figure.can_draw(value) then
    errors.argument(where, argument, "a finite number", value)
  end
  return value + 0.0
end

-- One of a list of words.
local function word_option(where, options, name, words, default)
  local value = options[name]
  if value == nil then return default end
  for _, word in ipairs(words) do
    if value == word then return value end
  end
  if type(value) ~= "string" then errors.argument(where, name, "a string", value) end
  errors.fail('%s: %s "%s" is unknown%s', where, name, value, errors.suggestion(value, words))
end

local function alpha_option(where, options, default)
  local alpha = errors.option(where, options, "alpha", "number", default or 1)
  if not (alpha >= 0 and alpha <= 1) then
    errors.argument(where, "alpha", "a number from 0 to 1", alpha)
  end
  return alpha
end

-- A colour's option; where there is none, the axes' next colour for "lines" or "fills".
local function color_option(where, options, axes, turn)
  if options.color ~= nil then return figure.color(where, "color", options.color) end
  return figure.next_color(axes, turn)
end

local function label_option(where, options)
  if options.label == nil then return nil end
  return text_argument(where, "label", options.label)
end

-- The options that a line's look has, put into an artist.
local function style_line(where, options, artist, axes)
  artist.linestyle = word_option(where, options, "linestyle", figure.linestyles, "-")
  artist.linewidth = errors.option(where, options, "linewidth", "positive number", 1.6)
  artist.alpha = alpha_option(where, options)
  artist.label = label_option(where, options)
  artist.color = color_option(where, options, axes, "lines")
  return artist
end

local function style_marker(where, options, artist, default, size)
  artist.marker = word_option(where, options, "marker", figure.markers, default)
  artist.markersize = errors.option(where, options, "markersize", "positive number", size)
  return artist
end

-- (y), (y, options), (x, y), (x, y, options) -> x, y, options
local function curve_arguments(where, known, x, y, options)
  if y == nil or not figure.is_data(y) then
    if options ~= nil then errors.argument(where, "y", "a list of numbers or a tensor", y) end
    x, y, options = nil, x, y
  end
  options = errors.check_options(where, options, known)
  y = figure.numbers(where, "y", y)
  if x == nil then
    x = {}
    for i = 1, #y do x[i] = i + 0.0 end
  else
    x = figure.numbers(where, "x", x)
    if #x ~= #y then errors.fail("%s: x has %d numbers, y has %d", where, #x, #y) end
  end
  return x, y, options
end

-- ---- figures and axes ----

-- plot.figure { figsize = {6.4, 4.8}, title = nil }
-- Begin a new figure of so many inches (width, height), which becomes the current one. `title` is
-- the figure's own, over all its panels (as plot.suptitle). As matplotlib.pyplot.figure.
-- Example: plot.figure { figsize = { 8, 4 }, title = "Two runs" }
function plot.figure(options, ...)
  errors.refuse_more("plot.figure", "expected one table of options,", ...)
  options = errors.check_options("plot.figure", options, { "figsize", "title" })
  local size = options.figsize == nil and { 6.4, 4.8 }
    or figure.numbers("plot.figure", "figsize", options.figsize)
  if #size ~= 2 or not (size[1] >= 1 and size[2] >= 1 and size[1] <= 60 and size[2] <= 60) then
    errors.fail("plot.figure: figsize must be {width, height}, each from 1 to 60 inches")
  end
  local title = options.title and text_argument("plot.figure", "title", options.title)
  open_figures[#open_figures + 1] = figure.new(size[1], size[2], title)
end

-- plot.subplot(rows [, columns, index])
-- Make the axes at place `index` of a grid the current ones; places are counted along the rows
-- from 1. plot.subplot(121) says the same in one number. As matplotlib.pyplot.subplot.
-- Example:
--   plot.subplot(1, 2, 1)
--   plot.plot { 3, 2, 1 }
--   plot.subplot(1, 2, 2)
--   plot.plot { 1, 2, 3 }
function plot.subplot(rows, columns, index)
  local packed = columns == nil and index == nil and math.type(rows) == "integer"
  if packed and rows >= 111 and rows <= 999 then
    rows, columns, index = rows // 100, rows // 10 % 10, rows % 10
  end
  local place = { rows = rows, columns = columns, index = index }
  for _, name in ipairs { "rows", "columns", "index" } do
    if place[name] == nil then
      errors.argument("plot.subplot", name, "a positive integer", place[name])
    end
    place[name] = math.tointeger(errors.option("plot.subplot", place, name, "positive integer"))
  end
  if place.rows > 50 or place.columns > 50 or place.index > place.rows * place.columns then
    errors.fail("plot.subplot: index must be 1 to rows * columns (at most 50 of each), got "
                .. "%d rows, %d columns, index %d", place.rows, place.columns, place.index)
  end
  figure.subplot(current_figure(), place.rows, place.columns, place.index)
end

-- plot.close([which])
-- Close the current figure without drawing it; with "all", every open figure. As
-- matplotlib.pyplot.close.
-- Example: plot.close "all"
function plot.close(which)
  if which ~= nil and which ~= "all" then
    errors.argument("plot.close", "which", '"all" or nothing', which)
  end
  if which == "all" then open_figures = {} else open_figures[#open_figures] = nil end
end

-- ---- curves ----

local curve_options =
  { "label", "color", "linestyle", "linewidth", "marker", "markersize", "alpha" }

-- plot.plot([x,] y [, { label, color, linestyle = "-", linewidth = 1.6, marker = "none",
--   markersize = 5, alpha = 1 }])
-- Draw a curve through the points (x[i], y[i]); plot.plot(y) puts y[i] at x = i. x and y are lists
-- of numbers or tensors. nan and infinity leave a gap, on a logarithmic axis what is not positive,
-- too; a finite value between two gaps is a dot. linestyle: "-", "--", ":", "-." or "none"; marker:
-- "o", "s", "^", "v", "D", "+", "x", "*", "." or "none". As matplotlib.pyplot.plot.
-- Example: plot.plot({ 1, 2, 3 }, { 9, 4, 1 }, { label = "loss", linestyle = "--" })
function plot.plot(x, y, options, ...)
  errors.refuse_more("plot.plot", "expected one table of options,", ...)
  x, y, options = curve_arguments("plot.plot", curve_options, x, y, options)
  local axes = current_axes()
  local line = style_line("plot.plot", options, { kind = "line", x = x, y = y }, axes)
  figure.add(axes, style_marker("plot.plot", options, line, "none", 5))
end

-- plot.scatter(x, y [, { label, color, marker = "o", markersize = 5, alpha = 0.8 }])
-- Draw a marker at each point; markersize is its width in points (1/72 inch). What is not finite
-- is left out. As matplotlib.pyplot.scatter.
-- Example: plot.scatter({ 1, 2, 3 }, { 2, 4, 8 }, { marker = "s" })
function plot.scatter(x, y, options, ...)
  errors.refuse_more("plot.scatter", "expected one table of options,", ...)
  local where = "plot.scatter"
  if not figure.is_data(y) then errors.argument(where, "y", "a list of numbers or a tensor", y) end
  x, y, options = curve_arguments(where, { "label", "color", "marker", "markersize", "alpha" },
                                  x, y, options)
  local axes = current_axes()
  local dots = { kind = "points", x = x, y = y, alpha = alpha_option(where, options, 0.8),
                 label = label_option(where, options) }
  style_marker(where, options, dots, "o", 5)
  dots.color = color_option(where, options, axes, "fills")
  figure.add(axes, dots)
end

-- plot.errorbar(x, y, yerr [, { label, color, linestyle = "-", linewidth = 1.6, marker = "o",
--   markersize = 5, alpha = 1 }])
-- Draw a curve with a vertical bar from y - yerr to y + yerr at each point; yerr is a number or a
-- list of numbers. As matplotlib.pyplot.errorbar.
-- Example: plot.errorbar({ 1, 2, 3 }, { 2, 4, 8 }, { 0.1, 0.2, 0.4 })
function plot.errorbar(x, y, yerr, options, ...)
  errors.refuse_more("plot.errorbar", "expected one table of options,", ...)
  local where = "plot.errorbar"
  if not figure.is_data(y) then errors.argument(where, "y", "a list of numbers or a tensor", y) end
  x, y, options = curve_arguments(where, curve_options, x, y, options)
  local spread = {}
  if type(yerr) == "number" then
    for i = 1, #y do spread[i] = yerr end
  else
    spread = figure.numbers(where, "yerr", yerr)
    if #spread ~= #y then errors.fail("%s: y has %d numbers, yerr has %d", where, #y, #spread) end
  end
  local axes = current_axes()
  local line = style_line(where, options, { kind = "line", x = x, y = y }, axes)
  style_marker(where, options, line, "o", 5)
  local bars = { kind = "line", x = {}, y = {}, color = line.color, alpha = line.alpha,
                 linestyle = "-", linewidth = line.linewidth, marker = "none", markersize = 5 }
  for i = 1, #x do
    local n = 3 * (i - 1)
    bars.x[n + 1], bars.x[n + 2], bars.x[n + 3] = x[i], x[i], 0 / 0
    bars.y[n + 1], bars.y[n + 2], bars.y[n + 3] = y[i] - spread[i], y[i] + spread[i], 0 / 0
  end
  figure.add(axes, bars)
  figure.add(axes, line)
end

-- plot.fill_between(x, y1 [, y2] [, { label, color, alpha = 0.25 }])
-- Fill the band between two curves over x; y1 and y2 are lists of numbers, tensors or one number;
-- y2 is 0 when not given. Where one of them is not finite the band has a gap; on a logarithmic axis
-- a lower edge that is not positive is the axis' end. As matplotlib.pyplot.fill_between.
-- Example: plot.fill_between({ 1, 2, 3 }, { 1, 2, 3 }, { 2, 4, 6 })
function plot.fill_between(x, y1, y2, options, ...)
  errors.refuse_more("plot.fill_between", "expected one table of options,", ...)
  local where = "plot.fill_between"
  if options == nil and type(y2) == "table" and not figure.is_data(y2) then
    y2, options = nil, y2
  end
  options = errors.check_options(where, options, { "label", "color", "alpha" })
  x = figure.numbers(where, "x", x)
  local function edge(argument, value)
    if type(value) ~= "number" then
      local list = figure.numbers(where, argument, value)
      if #list ~= #x then
        errors.fail("%s: x has %d numbers, %s has %d", where, #x, argument, #list)
      end
      return list
    end
    local list = {}
    for i = 1, #x do list[i] = value + 0.0 end
    return list
  end
  local first, second = edge("y1", y1), edge("y2", y2 == nil and 0 or y2)
  local low, high = {}, {}
  for i = 1, #x do
    if first[i] <= second[i] then low[i], high[i] = first[i], second[i]
    else low[i], high[i] = second[i], first[i] end
  end
  local axes = current_axes()
  figure.add(axes, {
    kind = "band", x = x, low = low, high = high, label = label_option(where, options),
    alpha = alpha_option(where, options, 0.25), color = color_option(where, options, axes, "fills"),
  })
end

local function add_rule(where, along, at, options, ...)
  errors.refuse_more(where, "expected one table of options,", ...)
  options = errors.check_options(where, options,
                                 { "label", "color", "linestyle", "linewidth", "alpha" })
  at = finite_argument(where, along == "x" and "y" or "x", at)
  local axes = current_axes()
  local color = options.color == nil and "#5c5c5c" or figure.color(where, "color", options.color)
  figure.add(axes, {
    kind = "rule", along = along, at = at, color = color, label = label_option(where, options),
    linestyle = word_option(where, options, "linestyle", figure.linestyles, "--"),
    linewidth = errors.option(where, options, "linewidth", "positive number", 1),
    alpha = alpha_option(where, options),
  })
end

-- plot.axhline(y [, { label, color = "#5c5c5c", linestyle = "--", linewidth = 1, alpha = 1 }])
-- Draw a horizontal line at y through the whole axes. As matplotlib.pyplot.axhline.
-- Example: plot.axhline(1, { color = "red" })
function plot.axhline(y, options, ...) add_rule("plot.axhline", "x", y, options, ...) end

-- plot.axvline(x [, { label, color = "#5c5c5c", linestyle = "--", linewidth = 1, alpha = 1 }])
-- Draw a vertical line at x through the whole axes. As matplotlib.pyplot.axvline.
-- Example: plot.axvline(10)
function plot.axvline(x, options, ...) add_rule("plot.axvline", "y", x, options, ...) end

-- ---- distributions ----

-- The bins' two ends that the user gave, or nothing: then they are the data's, all finite.
local function bin_range(where, values, range)
  if range == nil then
    for i, value in ipairs(values) do
      if not figure.can_draw(value) then
        errors.fail("%s: values[%d] is %s; give range = {low, high} to count the others",
                    where, i, value ~= value and "nan" or value)
      end
    end
    return nil
  end
  local ends = figure.numbers(where, "range", range)
  if #ends ~= 2 then
    errors.fail("%s: range must be {low, high}, got %d number%s", where, #ends, #ends == 1 and "" or "s")
  end
  if not (figure.can_draw(ends[1]) and figure.can_draw(ends[2]) and ends[1] <= ends[2]) then
    errors.fail("%s: range must be finite and go up, got {%s, %s}", where, ends[1], ends[2])
  end
  return ends[1], ends[2]
end

-- plot.hist(values [, { bins = 10, range = nil, density = false, label, color,
--   edgecolor = "white", alpha = 1 }]) -> counts, edges
-- Count the values in `bins` bins of equal width, draw a bar for each, and return the counts and the
-- bins' edges, one more of them. A bin holds its left edge; the last one its right edge, too.
-- The range is { low, high }, the data's own when not given; values outside are left out. With
-- density the bars' area is 1. nan and infinity without a range are an error. As
-- matplotlib.pyplot.hist and numpy.histogram.
-- Example: local counts, edges = plot.hist(RandomState(1):normal(0, 1, 1000), { bins = 20 })
function plot.hist(values, options, ...)
  errors.refuse_more("plot.hist", "expected one table of options,", ...)
  local where = "plot.hist"
  options = errors.check_options(where, options,
    { "bins", "range", "density", "label", "color", "edgecolor", "alpha" })
  values = figure.numbers(where, "values", values)
  local bins = math.tointeger(errors.option(where, options, "bins", "positive integer", 10))
  if not bins or bins > 1000000 then
    errors.argument(where, "bins", "at most 1000000", options.bins)
  end
  local low, high = bin_range(where, values, options.range)
  local density = errors.option(where, options, "density", "boolean", false)
  local counts, edges = statistics.histogram(values, bins, low, high)
  if density then
    local total = 0
    for i = 1, bins do total = total + counts[i] end
    for i = 1, bins do counts[i] = counts[i] / total / (edges[i + 1] - edges[i]) end
  end
  local axes = current_axes()
  local bars = { kind = "bars", left = {}, right = {}, top = table.move(counts, 1, bins, 1, {}),
                 label = label_option(where, options), alpha = alpha_option(where, options) }
  bars.edgecolor = options.edgecolor == "none" and "none"
    or figure.color(where, "edgecolor", options.edgecolor == nil and "white" or options.edgecolor)
  for i = 1, bins do bars.left[i], bars.right[i] = edges[i], edges[i + 1] end
  bars.color = color_option(where, options, axes, "lines")
  figure.add(axes, bars)
  return counts, edges
end

-- The lines and circles of one box: what matplotlib draws for one.
local function add_box(axes, box, at, width, look)
  local gap, half, cap = 0 / 0, width / 2, width / 4
  local function line(color, linewidth, xs, ys)
    figure.add(axes, { kind = "line", x = xs, y = ys, color = color, linewidth = linewidth,
                       alpha = 1, linestyle = "-", marker = "none", markersize = 5 })
  end
  line(look.color, 1, -- the box, its whiskers and their caps
    { at - half, at + half, at + half, at - half, at - half, gap, at, at, gap, at, at, gap,
      at - cap, at + cap, gap, at - cap, at + cap },
    { box.q1, box.q1, box.q3, box.q3, box.q1, gap, box.q1, box.whislo, gap, box.q3, box.whishi, gap,
      box.whislo, box.whislo, gap, box.whishi, box.whishi })
  line(look.median, 1.6, { at - half, at + half }, { box.med, box.med })
  if look.fliers and #box.fliers > 0 then
    local xs = {}
    for i = 1, #box.fliers do xs[i] = at end
    figure.add(axes, { kind = "points", x = xs, y = table.move(box.fliers, 1, #box.fliers, 1, {}),
                       color = look.color, alpha = 1, marker = "circle", markersize = 5.5 })
  end
end

-- plot.boxplot(values [, { labels, positions, widths, showfliers = true, color = "#333333" }])
--   -> statistics
-- Draw a box from the first quartile to the third with a line at the median, whiskers to the
-- furthest values within 1.5 times the box's height, and a circle for each value beyond. values is
-- one list of numbers (or tensor), or a list of such lists: a box each, at 1, 2, ... or at
-- `positions`, named by `labels`. Returns a table for one list, else a list of tables: mean, med,
-- q1, q3, iqr, whislo, whishi, cilo, cihi, fliers. As matplotlib.pyplot.boxplot and
-- matplotlib.cbook.boxplot_stats.
-- Example: plot.boxplot({ { 1, 2, 3, 4 }, { 2, 4, 6, 20 } }, { labels = { "a", "b" } })
function plot.boxplot(values, options, ...)
  errors.refuse_more("plot.boxplot", "expected one table of options,", ...)
  local where = "plot.boxplot"
  options = errors.check_options(where, options,
                                 { "labels", "positions", "widths", "showfliers", "color" })
  local several = figure.is_list_of_lists(values)
  local sets = {}
  if several then
    if type(values) == "userdata" then values = values:totable() end
    for i = 1, #values do sets[i] = figure.numbers(where, ("values[%d]"):format(i), values[i]) end
  else
    sets[1] = figure.numbers(where, "values", values)
  end
  for i, set in ipairs(sets) do
    if #set == 0 then
      errors.fail("%s: %s is empty", where, several and ("values[%d]"):format(i) or "values")
    end
  end
  local positions = options.positions and figure.numbers(where, "positions", options.positions)
  if not positions then
    positions = {}
    for i = 1, #sets do positions[i] = i + 0.0 end
  end
  local labels = options.labels
  for name, list in pairs { positions = positions, labels = labels } do
    if type(list) ~= "table" then errors.argument(where, name, "a list", list) end
    if #list ~= #sets then
      errors.fail("%s: %s must have one entry for each box (%d), it has %d", where, name, #sets,
                  #list)
    end
  end
  local width = errors.option(where, options, "widths", "positive number",
                              math.max(0.15, math.min(0.5, 0.15 * #sets)))
  local look = { color = "#333333", median = "#d55e00",
                 fliers = errors.option(where, options, "showfliers", "boolean", true) }
  if options.color ~= nil then look.color = figure.color(where, "color", options.color) end
  local axes, results, ticks = current_axes(), {}, {}
  for i, set in ipairs(sets) do
    results[i] = statistics.box(set)
    ticks[i] = labels and text_argument(where, ("labels[%d]"):format(i), labels[i])
      or ("%g"):format(positions[i])
  end
  for i, box in ipairs(results) do add_box(axes, box, positions[i], width, look) end
  -- room for half a box beyond the outer ones, and a tick under each
  local low, high = math.min(table.unpack(positions)), math.max(table.unpack(positions))
  axes.x.low = math.min(axes.x.low or low - 0.5, low - 0.5)
  axes.x.high = math.max(axes.x.high or high + 0.5, high + 0.5)
  axes.x.ticks, axes.x.tick_labels = axes.x.ticks or {}, axes.x.tick_labels or {}
  for i = 1, #positions do
    table.insert(axes.x.ticks, positions[i])
    axes.x.tick_labels[#axes.x.ticks] = ticks[i]
  end
  return several and results or results[1]
end

-- ---- heat maps ----

local cell_options = { "cmap", "vmin", "vmax", "norm" }

local function with(list, ...)
  local longer = table.move(list, 1, #list, 1, {})
  for _, name in ipairs { ... } do longer[#longer + 1] = name end
  return longer
end

local function add_cells(where, x, y, values, options)
  local log = word_option(where, options, "norm", { "linear", "log" }, "linear") == "log"
  local cells = {
    kind = "cells", x = x, y = y, values = values, log = log,
    cmap = figure.colormap(where, errors.option(where, options, "cmap", "string", "viridis")),
  }
  for _, name in ipairs { "vmin", "vmax" } do
    if options[name] ~= nil then
      cells[name] = finite_argument(where, name, options[name])
      if log and cells[name] <= 0 then
        errors.argument(where, name, "positive with a log norm", options[name])
      end
    end
  end
  if cells.vmin and cells.vmax and cells.vmin >= cells.vmax then
    errors.fail("%s: vmin must be smaller than vmax", where)
  end
  local axes = current_axes()
  figure.add(axes, cells)
  return axes
end

-- plot.imshow(grid [, { cmap = "viridis", vmin, vmax, norm = "linear", origin = "upper" }])
-- Draw rows of numbers (nested lists or a tensor of rank 2) as coloured cells, row i at y = i and
-- column j at x = j, the first row on top (origin "lower": at the bottom). norm "log" spreads the
-- colours over powers of ten. A cell that is not finite is grey. cmap: viridis, magma, blues, gray,
-- coolwarm, each also with _r at its end, turned round. As matplotlib.pyplot.imshow, with
-- cells as wide as the axes allow.
-- Example: plot.imshow({ { 1, 2 }, { 3, 4 } }, { cmap = "magma" })
function plot.imshow(grid, options, ...)
  errors.refuse_more("plot.imshow", "expected one table of options,", ...)
  local where = "plot.imshow"
  options = errors.check_options(where, options, with(cell_options, "origin"))
  local values = figure.grid(where, "grid", grid)
  local origin = word_option(where, options, "origin", { "upper", "lower" }, "upper")
  local x, y = {}, {}
  for j = 0, #values[1] do x[j + 1] = j + 0.5 end
  for i = 0, #values do y[i + 1] = i + 0.5 end
  local axes = add_cells(where, x, y, values, options)
  if origin == "upper" then axes.y.low, axes.y.high = #values + 0.5, 0.5 end
end

-- Edges of cells around their middles; on a logarithmic axis halfway between the logarithms.
local function edges_around(where, argument, list, count, is_log)
  local function increasing(numbers)
    for i, value in ipairs(numbers) do
      if not figure.can_draw(value, is_log) or (i > 1 and value <= numbers[i - 1]) then
        errors.fail("%s: %s must be finite and increasing%s, see %s[%d]", where, argument,
                    is_log and " and positive on a log axis" or "", argument, i)
      end
    end
  end
  increasing(list)
  if #list == count + 1 then return list end
  if #list ~= count then
    errors.fail("%s: %s must have %d numbers (the cells' middles) or %d (their edges), it has %d",
                where, argument, count, count + 1, #list)
  end
  local at, edges = {}, {}
  for i, value in ipairs(list) do at[i] = is_log and math.log(value, 10) or value end
  local last = count > 1 and at[count] - at[count - 1] or 1
  edges[1] = at[1] - (count > 1 and at[2] - at[1] or 1) / 2
  for i = 2, count do edges[i] = (at[i - 1] + at[i]) / 2 end
  edges[count + 1] = at[count] + last / 2
  if is_log then
    for i, edge in ipairs(edges) do edges[i] = 10 ^ edge end
  end
  return edges
end

-- plot.pcolormesh(x, y, grid [, { cmap = "viridis", vmin, vmax, norm = "linear" }])
-- Draw rows of numbers as coloured cells, grid[i][j] at y[i] and x[j]: the cells' middles, or
-- their edges where x or y has one number more. Set plot.xscale and plot.yscale before: middles on
-- a logarithmic axis have their edges halfway in the logarithm. Otherwise as plot.imshow. As
-- matplotlib.pyplot.pcolormesh.
-- Example: plot.pcolormesh({ 0, 1, 2 }, { 0, 1, 2 }, { { 1, 2 }, { 3, 4 } })
function plot.pcolormesh(x, y, grid, options, ...)
  errors.refuse_more("plot.pcolormesh", "expected one table of options,", ...)
  local where = "plot.pcolormesh"
  options = errors.check_options(where, options, cell_options)
  local values = figure.grid(where, "grid", grid)
  local axes = current_axes()
  x = edges_around(where, "x", figure.numbers(where, "x", x), #values[1], axes.x.scale == "log")
  y = edges_around(where, "y", figure.numbers(where, "y", y), #values, axes.y.scale == "log")
  add_cells(where, x, y, values, options)
end

-- plot.colorbar { label = nil }
-- Put the scale of a heat map's colours beside the current axes. As
-- matplotlib.pyplot.colorbar.
-- Example:
--   plot.imshow { { 1, 2 }, { 3, 4 } }
--   plot.colorbar { label = "loss" }
function plot.colorbar(options, ...)
  errors.refuse_more("plot.colorbar", "expected one table of options,", ...)
  local where = "plot.colorbar"
  options = errors.check_options(where, options, { "label" })
  local axes = current_axes()
  for _, artist in ipairs(axes.artists) do
    if artist.kind == "cells" then
      axes.colorbar = { label = label_option(where, options) }
      return
    end
  end
  errors.fail("%s: the axes hold no heat map (plot.imshow or plot.pcolormesh comes first)", where)
end

-- ---- words and scales ----

-- plot.title(text)
-- Set the title over the current axes. As matplotlib.pyplot.title.
-- Example: plot.title "Mean squared error"
function plot.title(text) current_axes().title = text_argument("plot.title", "text", text) end

-- plot.xlabel(text)
-- Label the x axis. As matplotlib.pyplot.xlabel.
-- Example: plot.xlabel "epoch"
function plot.xlabel(text) current_axes().xlabel = text_argument("plot.xlabel", "text", text) end

-- plot.ylabel(text)
-- Label the y axis. As matplotlib.pyplot.ylabel.
-- Example: plot.ylabel "loss"
function plot.ylabel(text) current_axes().ylabel = text_argument("plot.ylabel", "text", text) end

-- plot.suptitle(text)
-- Set the title over the whole figure. As matplotlib.pyplot.suptitle.
-- Example: plot.suptitle "Clipping by norm"
function plot.suptitle(text)
  current_figure().suptitle = text_argument("plot.suptitle", "text", text)
end

-- plot.text(x, y, text [, { color = "#262626", fontsize = 9, ha = "left", va = "bottom",
--   rotation = 0 }])
-- Write a text at a point of the axes. ha ("left", "center", "right") and va ("bottom", "center",
-- "top") say which part of it stands there; rotation is in degrees. As matplotlib.pyplot.text.
-- Example: plot.text(2, 0.5, "here it explodes", { color = "red" })
function plot.text(x, y, text, options, ...)
  errors.refuse_more("plot.text", "expected one table of options,", ...)
  local where = "plot.text"
  options = errors.check_options(where, options, { "color", "fontsize", "ha", "va", "rotation" })
  local words = { kind = "text", color = "#262626" }
  words.x, words.y = finite_argument(where, "x", x), finite_argument(where, "y", y)
  words.text = text_argument(where, "text", text)
  if options.color ~= nil then words.color = figure.color(where, "color", options.color) end
  words.fontsize = errors.option(where, options, "fontsize", "positive number", 9)
  words.ha = word_option(where, options, "ha", { "left", "center", "right" }, "left")
  words.va = word_option(where, options, "va", { "bottom", "center", "top" }, "bottom")
  words.rotation = finite_argument(where, "rotation", options.rotation or 0)
  figure.add(current_axes(), words)
end

-- plot.legend { loc = "best" }
-- Show the labels of the curves. loc: "best" (where the fewest points lie), "upper right", "upper
-- left", "lower left", "lower right", "center left", "center right", "lower center", "upper
-- center", "center", or "outside", right of the axes. A curve without a finite value says so here.
-- As matplotlib.pyplot.legend.
-- Example:
--   plot.plot({ 3, 2, 1 }, { label = "train" })
--   plot.legend { loc = "upper right" }
function plot.legend(options, ...)
  errors.refuse_more("plot.legend", "expected one table of options,", ...)
  options = errors.check_options("plot.legend", options, { "loc" })
  local loc = word_option("plot.legend", options, "loc", figure.places, "best")
  current_axes().legend = { loc = loc }
end

-- plot.grid([shown])
-- Show or hide the grid of the current axes. It is there unless plot.grid(false) or a heat map
-- hides it. As matplotlib.pyplot.grid.
-- Example: plot.grid(true)
function plot.grid(shown)
  if shown == nil then shown = true end
  if type(shown) ~= "boolean" then errors.argument("plot.grid", "shown", "a boolean", shown) end
  current_axes().grid = shown
end

local function set_scale(where, direction, scale)
  if scale == nil then errors.argument(where, "scale", '"linear" or "log"', scale) end
  scale = word_option(where, { scale = scale }, "scale", { "linear", "log" })
  current_axes()[direction].scale = scale
end

-- plot.xscale(scale)
-- Make the x axis "linear" or "log" (to base 10). As matplotlib.pyplot.xscale.
-- Example: plot.xscale "log"
function plot.xscale(scale) set_scale("plot.xscale", "x", scale) end

-- plot.yscale(scale)
-- Make the y axis "linear" or "log" (to base 10). As matplotlib.pyplot.yscale.
-- Example: plot.yscale "log"
function plot.yscale(scale) set_scale("plot.yscale", "y", scale) end

local function set_limits(where, direction, low, high)
  if type(low) == "table" then
    low, high = low[1], low[2]
  end
  local axis = current_axes()[direction]
  if low == nil and high == nil then errors.argument(where, "low", "a finite number", nil) end
  if low ~= nil then low = finite_argument(where, "low", low) end
  if high ~= nil then high = finite_argument(where, "high", high) end
  if low and low == high then errors.fail("%s: low and high are both %s", where, low) end
  if axis.scale == "log" and ((low and low <= 0) or (high and high <= 0)) then
    errors.fail("%s: the ends of a logarithmic axis must be positive", where)
  end
  axis.low, axis.high = low or axis.low, high or axis.high
end

-- plot.xlim(low, high)
-- Set the ends of the x axis; nil leaves one to the data; low above high turns the axis round. On
-- a logarithmic axis an end that is not positive has no effect. As matplotlib.pyplot.xlim.
-- Example: plot.xlim(0, 100)
function plot.xlim(low, high) set_limits("plot.xlim", "x", low, high) end

-- plot.ylim(low, high)
-- Set the ends of the y axis, as plot.xlim does those of the x axis. As
-- matplotlib.pyplot.ylim.
-- Example: plot.ylim(0, nil)
function plot.ylim(low, high) set_limits("plot.ylim", "y", low, high) end

local function set_ticks(where, direction, positions, labels)
  positions = figure.numbers(where, "positions", positions)
  local texts
  if labels ~= nil then
    if type(labels) ~= "table" then
      errors.argument(where, "labels", "a list of strings", labels)
    end
    if #labels ~= #positions then
      errors.fail("%s: %d position%s but %d label%s", where, #positions, #positions == 1 and "" or "s",
                  #labels, #labels == 1 and "" or "s")
    end
    texts = {}
    for i = 1, #labels do texts[i] = text_argument(where, ("labels[%d]"):format(i), labels[i]) end
  end
  local axis = current_axes()[direction]
  axis.ticks, axis.tick_labels = positions, texts
end

-- plot.xticks(positions [, labels])
-- Put ticks at these positions of the x axis, with these labels or their numbers; plot.xticks {}
-- has none. As matplotlib.pyplot.xticks.
-- Example: plot.xticks({ 1, 2, 3 }, { "a", "b", "c" })
function plot.xticks(positions, labels) set_ticks("plot.xticks", "x", positions, labels) end

-- plot.yticks(positions [, labels])
-- Put ticks on the y axis, as plot.xticks does on the x axis. As matplotlib.pyplot.yticks.
-- Example: plot.yticks { 0, 0.5, 1 }
function plot.yticks(positions, labels) set_ticks("plot.yticks", "y", positions, labels) end

-- ---- out into the world ----

-- The renderers, loaded when a figure is drawn: a script whose figures nobody wants does without.
local function gnuplot() return require "gradus.gnuplot" end
local function terminal() return require "gradus.terminal" end

local function save(where, drawn, name, format, dpi)
  local picture, message = gnuplot().picture(drawn, format, dpi)
  if not picture then errors.fail("%s: %s", where, message) end
  local ok, reason = pipe.replace_file(name, picture)
  if not ok then errors.fail('%s: cannot write "%s": %s', where, name, reason) end
end

-- plot.savefig(name [, { dpi = 150 }])
-- Save the current figure as PNG, SVG or PDF, by the end of the file's name; dpi is a PNG's dots
-- per inch. The file is written beside and renamed, so a file of that name stays as it was when
-- anything fails. The figure stays open. GRADUS_PLOT has no say here. Errors: another ending, a
-- place that cannot be written, gnuplot missing or failing. As matplotlib.pyplot.savefig.
-- Example:
--   plot.plot { 3, 2, 1 }
--   plot.savefig "loss.svg"
function plot.savefig(name, options, ...)
  errors.refuse_more("plot.savefig", "expected one table of options,", ...)
  local where = "plot.savefig"
  if type(name) ~= "string" then errors.argument(where, "name", "a file's name", name) end
  if name:find "%z" then errors.fail("%s: name holds a zero byte", where) end
  options = errors.check_options(where, options, { "dpi" })
  local dpi = errors.option(where, options, "dpi", "positive number", 150)
  if dpi < 20 or dpi > 1200 then errors.argument(where, "dpi", "a number from 20 to 1200", dpi) end
  local format = (name:match "%.([^./]+)$" or ""):lower()
  for _, known in ipairs(figure.formats) do
    if format == known then return save(where, current_figure(), name, format, dpi) end
  end
  errors.fail('%s: name must end in .png, .svg or .pdf, got "%s"', where, name)
end

-- "mlp_clipnorm" for scripts/mlp_clipnorm.lua; "figure" where there is no script.
local function script_name()
  local arguments = rawget(_G, "arg")
  local name = type(arguments) == "table" and type(arguments[0]) == "string" and arguments[0] or ""
  name = name:match("([^/]*)$"):gsub("%.lua$", "")
  return name ~= "" and name ~= "-" and name or "figure"
end

-- Save a figure in GRADUS_PLOT's folder, which is made when it is not there.
local function save_in_folder(drawn, folder)
  folder = folder:gsub("/+$", "")
  local path = ""
  for slash, part in (folder .. "/"):gmatch "(/*)([^/]*)" do
    path = path .. (slash ~= "" and "/" or "") .. part
    local ok, reason = true, nil
    if part ~= "" then ok, reason = pipe.make_folder(path) end
    if not ok then errors.fail('plot.show: cannot make the folder "%s": %s', path, reason) end
  end
  saved = saved + 1
  local number = saved > 1 and "_" .. saved or ""
  save("plot.show", drawn, folder .. "/" .. script_name() .. number .. ".png", "png", 150)
end

local function show_one(drawn, target)
  if target == "none" then return end
  if target then return save_in_folder(drawn, target) end
  if gnuplot().window(drawn) then return end
  io.stdout:write(terminal().draw(drawn, pipe.terminal()))
  io.stdout:flush()
end

-- plot.show()
-- Show the open figures and close them; the next verb begins a new one. Each is shown in a window
-- that stays while the script goes on, where there is a display and gnuplot has a window; else it
-- is drawn in the terminal, in colour and as wide as it is, or as plain text of 79 columns when
-- standard output is no terminal. GRADUS_PLOT=none draws nothing, GRADUS_PLOT=folder/ saves PNGs
-- there. As matplotlib.pyplot.show, but never waits.
-- Example:
--   plot.plot { 3, 2, 1 }
--   plot.show()
function plot.show()
  local target = os.getenv "GRADUS_PLOT"
  if target == "" then target = nil end
  local figures = open_figures
  open_figures = {}
  for _, drawn in ipairs(figures) do show_one(drawn, target) end
end

return plot

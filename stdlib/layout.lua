-- layout: what every renderer asks about a figure: which range an axis spans, where its ticks stand
-- and what they say, which runs of a curve can be drawn, which corner the legend leaves free.
--
-- Apart from gradus.figure, which a script's verbs need: a figure that nobody draws does without.
-- Rests on gradus.figure.

local figure = require "gradus.figure"

local can_draw = figure.can_draw
local floor, ceil, abs, max, min = math.floor, math.ceil, math.abs, math.max, math.min
local huge = math.huge

local function log10(value) return math.log(value, 10) end

local layout = {}

-- ---- ranges ----

-- Call `see(value)` for each number of the artist that its axes should show along `direction`. An x
-- counts where its y is a gap, too: an empty curve still shows how long the run was.
local function each_value(artist, direction, see)
  local function all(list) for i = 1, #list do see(list[i]) end end
  if artist.kind == "line" or artist.kind == "points" then
    all(artist[direction])
  elseif artist.kind == "bars" then
    if direction == "x" then all(artist.left) all(artist.right)
    else all(artist.top) see(0) end
  elseif artist.kind == "band" then
    if direction == "x" then all(artist.x) else all(artist.low) all(artist.high) end
  elseif artist.kind == "cells" then
    all(artist[direction])
  elseif artist.kind == "rule" and artist.along ~= direction then
    see(artist.at)
  end
end

-- The smallest and largest value that can be drawn, or nil; whether the axis ends there exactly.
local function data_range(axes, direction, is_log)
  local low, high, tight = huge, -huge, false
  for _, artist in ipairs(axes.artists) do
    each_value(artist, direction, function(value)
      if can_draw(value, is_log) then
        if value < low then low = value end
        if value > high then high = value end
      end
    end)
    if artist.kind == "cells" then tight = true end
  end
  if low > high then return nil end
  return low, high, tight
end

-- Bars stand on the axis itself: nothing is left free under their base of 0 (or over it, where all
-- are negative).
local function stands_on_zero(axes, direction)
  if direction == "x" then return false end
  for _, artist in ipairs(axes.artists) do
    if artist.kind == "bars" then return true end
  end
  return false
end

local LARGEST, SMALLEST = 8e307, 1e-307

local function widen_log(low, high, margin)
  local a, b = log10(low), log10(high)
  if b - a < 1e-9 then a, b = a - 0.5, b + 0.5 end
  local room = (b - a) * margin
  return max(10 ^ (a - room), SMALLEST), min(10 ^ min(b + room, 307.9), LARGEST)
end

local function widen_linear(low, high, margin, on_zero)
  low, high = max(low, -LARGEST), min(high, LARGEST)
  if high - low <= 1e-12 * max(abs(low), abs(high)) then
    local room = max(abs(low) * 0.05, low == 0 and 0.5 or 0)
    low, high = low - room, high + room
  end
  local room = (high - low) * margin
  local bottom = on_zero and low == 0 and 0 or max(low - room, -LARGEST)
  local top = on_zero and high == 0 and 0 or min(high + room, LARGEST)
  return bottom, top
end

-- Whether an x axis counts whole things: epochs, steps.
local function is_whole(axes, direction)
  if direction ~= "x" then return false end
  local whole, curves = true, false
  for _, artist in ipairs(axes.artists) do
    if artist.kind == "line" or artist.kind == "points" or artist.kind == "band" then
      curves = true
      for _, x in ipairs(artist.x) do whole = whole and (x % 1 == 0 or not can_draw(x)) end
    elseif artist.kind ~= "rule" and artist.kind ~= "text" then
      return false
    end
  end
  return whole and curves
end

-- The range of one axis: { low, high, is_log, whole }. What the user set stands; the rest follows
-- from the data with a margin of 5 %, as in matplotlib; where nothing can be drawn, 0 to 1 or 1 to
-- 10.
function layout.range(axes, direction)
  local axis = axes[direction]
  local is_log = axis.scale == "log"
  local low, high, tight = data_range(axes, direction, is_log)
  if not low then
    low, high = is_log and 1 or 0, is_log and 10 or 1
  elseif not tight or low == high then
    local margin = 0.05
    if is_log then
      if stands_on_zero(axes, direction) then low = low * 0.6 end
      low, high = widen_log(low, high, margin)
    else
      low, high = widen_linear(low, high, margin, stands_on_zero(axes, direction))
    end
  end
  if axis.low and can_draw(axis.low, is_log) then low = axis.low end
  if axis.high and can_draw(axis.high, is_log) then high = axis.high end
  if low == high or (low > high and not (axis.low and axis.high)) then
    -- one end was set beyond all data
    if axis.low then high = is_log and low * 10 or low + 1
    else low = is_log and high / 10 or high - 1 end
  end
  return { low = low, high = high, is_log = is_log, whole = is_whole(axes, direction) }
end

-- Where a value lies on a range: 0 at its low end, 1 at its high end.
function layout.share(range, value)
  if range.is_log then
    return (log10(value) - log10(range.low)) / (log10(range.high) - log10(range.low))
  end
  -- halves, so that the difference of two huge numbers stays finite
  return (value / 2 - range.low / 2) / (range.high / 2 - range.low / 2)
end

-- ---- ticks ----

local superscripts = {
  ["-"] = "⁻", ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴",
  ["5"] = "⁵", ["6"] = "⁶", ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹",
}

local function power_of_ten(exponent, plain)
  if plain then return ("1e%d"):format(exponent) end
  return "10" .. ("%d"):format(exponent):gsub(".", superscripts)
end

local function decimal(value, digits, plain)
  local text = ("%." .. digits .. "f"):format(value):gsub(",", ".")
  if text:find("^%-[0.]*$") then text = text:sub(2) end
  return plain and text or (text:gsub("^%-", "−"))
end

-- The fewest decimals that show every multiple of `step` exactly.
local function digits_of(step)
  for digits = 0, 12 do
    local scaled = step * 10 ^ digits
    if abs(scaled - floor(scaled + 0.5)) < 1e-6 * scaled then return digits end
  end
  return 12
end

-- A label for each value: decimals, or m×10ᵏ with one k where decimals would be long.
local function linear_labels(values, step, plain)
  local largest = 0
  for _, value in ipairs(values) do largest = max(largest, abs(value)) end
  local labels = {}
  local exponent = largest > 0 and floor(log10(largest) + 1e-9) or 0
  if exponent < 6 and step >= 1e-5 then
    for i, value in ipairs(values) do labels[i] = decimal(value, digits_of(step), plain) end
    return labels
  end
  local unit = 10 ^ exponent
  local digits = digits_of(step / unit)
  for i, value in ipairs(values) do
    if value == 0 then labels[i] = "0"
    elseif plain then labels[i] = ("%se%d"):format(decimal(value / unit, digits, true), exponent)
    else labels[i] = decimal(value / unit, digits) .. "×" .. power_of_ten(exponent) end
  end
  return labels
end

-- The smallest of 1, 2, 2.5, 5 times a power of ten that cuts `span` into at most `count` parts;
-- an integer where the axis counts whole things.
local function nice_step(span, count, whole)
  local rough = whole and max(span / count, 1) or span / count
  local unit = 10 ^ floor(log10(rough))
  for _, factor in ipairs { 1, 2, 2.5, 5, 10 } do
    local step = factor * unit
    if step >= rough * (1 - 1e-9) and not (whole and step % 1 ~= 0) then return step end
  end
  return 10 * unit
end

local function linear_ticks(low, high, count, plain, whole)
  local step = nice_step(max(high / 2 - low / 2, SMALLEST) * 2, count, whole)
  if step == huge then return { at = {}, labels = {}, minor = {} } end
  local at = {}
  for k = ceil(low / step - 1e-9), floor(high / step + 1e-9) do at[#at + 1] = k * step end
  if #at < 2 and count < 12 then return linear_ticks(low, high, count + 1, plain, whole) end
  return { at = at, labels = linear_labels(at, step, plain), minor = {} }
end

-- Within less than two decades: 1, 2 and 5 times powers of ten, or all their multiples where those
-- are few, as decimals.
local function short_log_ticks(low, high, count, plain)
  local at, labels
  local function add(exponent, factor)
    local value = factor * 10.0 ^ exponent
    if value < low * (1 - 1e-9) or value > high * (1 + 1e-9) then return end
    at[#at + 1] = value
    if exponent >= -4 and exponent < 6 then
      labels[#at] = decimal(value, max(0, -exponent), plain)
    elseif factor == 1 then
      labels[#at] = power_of_ten(exponent, plain)
    else
      labels[#at] = factor .. (plain and "e" .. exponent or "×" .. power_of_ten(exponent))
    end
  end
  for _, factors in ipairs { { 1, 2, 5 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9 } } do
    at, labels = {}, {}
    for exponent = floor(log10(low)) - 1, ceil(log10(high)) do
      for _, factor in ipairs(factors) do add(exponent, factor) end
    end
    if #at >= 3 then return { at = at, labels = labels, minor = {} } end
  end
  return linear_ticks(low, high, count, plain)
end

local function log_ticks(low, high, count, plain)
  local first, last = ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9)
  if last - first < 2 then return short_log_ticks(low, high, count, plain) end
  local step = 1
  for _, candidate in ipairs { 1, 2, 3, 5, 10, 20, 50, 100 } do
    step = candidate
    if (last - first) // step + 1 <= count then break end
  end
  local at, labels, minor = {}, {}, {}
  for exponent = first - 1, last do
    local value = 10.0 ^ exponent
    if exponent >= first and exponent % step == 0 then
      at[#at + 1], labels[#labels + 1] = value, power_of_ten(exponent, plain)
    elseif exponent >= first then
      minor[#minor + 1] = value
    end
    for factor = 2, step == 1 and 9 or 1 do
      if factor * value >= low and factor * value <= high then
        minor[#minor + 1] = factor * value
      end
    end
  end
  return { at = at, labels = labels, minor = minor }
end

-- The ticks of a range, at most about `count`: { at, labels, minor }. `plain` keeps to ASCII. An
-- axis that the user gave ticks has those.
function layout.ticks(axis, range, count, plain)
  local low, high = min(range.low, range.high), max(range.low, range.high)
  local ticks
  if axis.ticks then
    ticks = { at = {}, labels = {}, minor = {} }
    for i, value in ipairs(axis.ticks) do
      if can_draw(value, range.is_log) and value >= low and value <= high then
        ticks.at[#ticks.at + 1] = value
        local label = axis.tick_labels and axis.tick_labels[i]
        ticks.labels[#ticks.at] = label or (plain and ("%g"):format(value)
          or (("%g"):format(value):gsub("^%-", "−")))
      end
    end
  elseif range.is_log then
    ticks = log_ticks(low, high, count, plain)
  else
    ticks = linear_ticks(low, high, count, plain, range.whole)
  end
  return ticks
end

-- ---- what a renderer draws ----

-- Lists of `count` values side by side, cut where `is_drawn(i)` says no: a list of runs without gaps,
-- each with the same lists.
local function runs_of(lists, count, is_drawn)
  local runs, first = {}, nil
  for i = 1, count + 1 do
    if i <= count and is_drawn(i) then
      first = first or i
    elseif first then
      local run = {}
      for name, list in pairs(lists) do run[name] = table.move(list, first, i - 1, 1, {}) end
      runs[#runs + 1], first = run, nil
    end
  end
  return runs
end

-- The runs of a curve that can be drawn: a list of { x = {...}, y = {...} } without gaps.
function layout.runs(x, y, x_range, y_range)
  return runs_of({ x = x, y = y }, #x, function(i)
    return can_draw(x[i], x_range.is_log) and can_draw(y[i], y_range.is_log)
  end)
end

-- A long run as the few points that show in a picture of so many columns: of each column the first,
-- the lowest, the highest and the last point, in their order (Jugel et al. 2014, M4). Only where x
-- never goes back; other runs, and short ones, come as they are.
function layout.thinned(run, x_range, columns)
  local x, y = run.x, run.y
  if #x <= 4 * columns then return run end
  for i = 2, #x do
    if x[i] < x[i - 1] then return run end
  end
  local thin = { x = {}, y = {} }
  local function keep(...)
    local indices, last = { ... }, 0
    table.sort(indices)
    for _, i in ipairs(indices) do
      if i ~= last then thin.x[#thin.x + 1], thin.y[#thin.y + 1] = x[i], y[i] end
      last = i
    end
  end
  local function column_of(i) return floor(layout.share(x_range, x[i]) * columns) end
  local first, lowest, highest, column = 1, 1, 1, column_of(1)
  for i = 2, #x + 1 do
    local here = i <= #x and column_of(i)
    if here ~= column then
      keep(first, lowest, highest, i - 1)
      first, lowest, highest, column = i, i, i, here
    elseif y[i] < y[lowest] then lowest = i
    elseif y[i] > y[highest] then highest = i end
  end
  return thin
end

-- The runs of a band: { x, low, high }. On a logarithmic axis a lower edge that is not positive is
-- the axis' own low end.
function layout.band_runs(band, x_range, y_range)
  local x, low, high = band.x, {}, band.high
  for i = 1, #x do
    local below = y_range.is_log and band.low[i] <= 0 and band.low[i] > -huge
    low[i] = below and min(y_range.low, y_range.high) or band.low[i]
  end
  return runs_of({ x = x, low = low, high = high }, #x, function(i)
    return can_draw(x[i], x_range.is_log) and can_draw(low[i], y_range.is_log)
           and can_draw(high[i], y_range.is_log)
  end)
end

-- The bars that can be drawn, as a list of { left, right, low, high }.
function layout.bar_rectangles(bars, x_range, y_range)
  local rectangles = {}
  local base = y_range.is_log and min(y_range.low, y_range.high) or 0
  for i = 1, #bars.left do
    local left, right, top = bars.left[i], bars.right[i], bars.top[i]
    if can_draw(left, x_range.is_log) and can_draw(right, x_range.is_log)
       and can_draw(top, y_range.is_log) and top ~= 0 then
      rectangles[#rectangles + 1] =
        { left = left, right = right, low = min(base, top), high = max(base, top) }
    end
  end
  return rectangles
end

-- The range of a heat map's colours.
function layout.color_range(cells)
  local low, high = huge, -huge
  for _, row in ipairs(cells.values) do
    for _, value in ipairs(row) do
      if can_draw(value, cells.log) then
        low, high = min(low, value), max(high, value)
      end
    end
  end
  if low > high then low, high = cells.log and 1 or 0, cells.log and 10 or 1 end
  low, high = cells.vmin or low, cells.vmax or high
  if low == high and cells.log then low, high = low / 2, high * 2
  elseif low == high then low, high = widen_linear(low, high, 0) end
  return { low = low, high = high, is_log = cells.log }
end

-- The artists from the bottom layer to the top one: surfaces, then lines and points, then text.
local layers = { cells = 0, band = 1, bars = 1, rule = 2, line = 2, points = 2, text = 3 }

function layout.layered(axes)
  local ordered = {}
  for layer = 0, 3 do
    for _, artist in ipairs(axes.artists) do
      if layers[artist.kind] == layer then ordered[#ordered + 1] = artist end
    end
  end
  return ordered
end

-- How many of a curve's points can be drawn.
local function drawable_count(artist, x_range, y_range)
  local count, heights = 0, artist.y or artist.high
  for i = 1, #artist.x do
    if can_draw(artist.x[i], x_range.is_log) and can_draw(heights[i], y_range.is_log) then
      count = count + 1
    end
  end
  return count
end

-- Whether axes hold curves and none of them has a value.
function layout.is_blank(axes, x_range, y_range)
  local curves = false
  for _, artist in ipairs(axes.artists) do
    if artist.kind == "line" or artist.kind == "points" or artist.kind == "band" then
      curves = true
      if drawable_count(artist, x_range, y_range) > 0 then return false end
    elseif artist.kind ~= "rule" and artist.kind ~= "text" then
      return false
    end
  end
  return curves
end

-- The legend's rows in the order the artists were added: { artist, label }. A curve of which
-- nothing can be drawn says so.
function layout.legend_entries(axes, x_range, y_range)
  local entries = {}
  for _, artist in ipairs(axes.artists) do
    local label = artist.label
    if label and label ~= "" then
      if artist.x and artist.kind ~= "cells" and drawable_count(artist, x_range, y_range) == 0 then
        local log = x_range.is_log or y_range.is_log
        label = label .. (log and " (no finite positive value)" or " (no finite value)")
      end
      entries[#entries + 1] = { artist = artist, label = label }
    end
  end
  return entries
end

-- ---- the legend's place ----

-- Call `see(u, v)` for points of the artist on the unit square of its axes, closely enough that a
-- legend cannot slip between two of them.
local function each_spot(artist, x_range, y_range, see)
  local function along(u0, v0, u1, v1)
    local steps = min(40, ceil(max(abs(u1 - u0), abs(v1 - v0)) * 40))
    for k = 0, steps do
      local t = steps == 0 and 0 or k / steps
      see(u0 + (u1 - u0) * t, v0 + (v1 - v0) * t)
    end
  end
  local function path(x, y)
    for _, run in ipairs(layout.runs(x, y, x_range, y_range)) do
      local u0, v0
      for i = 1, #run.x do
        local u, v = layout.share(x_range, run.x[i]), layout.share(y_range, run.y[i])
        along(u0 or u, v0 or v, u, v)
        u0, v0 = u, v
      end
    end
  end
  if artist.kind == "line" then
    path(artist.x, artist.y)
  elseif artist.kind == "points" then
    for i = 1, #artist.x do path({ artist.x[i] }, { artist.y[i] }) end
  elseif artist.kind == "band" then
    path(artist.x, artist.low)
    path(artist.x, artist.high)
  elseif artist.kind == "bars" then
    for _, bar in ipairs(layout.bar_rectangles(artist, x_range, y_range)) do
      local middle = layout.share(x_range, bar.left / 2 + bar.right / 2)
      along(middle, layout.share(y_range, bar.low), middle, layout.share(y_range, bar.high))
    end
  elseif artist.kind == "text" and can_draw(artist.x, x_range.is_log)
         and can_draw(artist.y, y_range.is_log) then
    see(layout.share(x_range, artist.x), layout.share(y_range, artist.y))
  elseif artist.kind == "rule" and artist.along == "x" and can_draw(artist.at, y_range.is_log) then
    local v = layout.share(y_range, artist.at)
    along(0, v, 1, v)
  elseif artist.kind == "rule" and can_draw(artist.at, x_range.is_log) then
    local u = layout.share(x_range, artist.at)
    along(u, 0, u, 1)
  end
end

-- Where a box of width w and height h (shares of the axes) lies when put at a named place.
local function place_of(name, w, h, gap_u, gap_v)
  local u, v = (1 - w) / 2, (1 - h) / 2
  if name:find "left" then u = gap_u elseif name:find "right" then u = 1 - w - gap_u end
  if name:find "upper" then v = 1 - h - gap_v elseif name:find "lower" then v = gap_v end
  return u, v
end

-- The place of a legend of width w and height h: the named one or, for "best", the one under which
-- the fewest points lie, the upper right one first, as in matplotlib. Returns the name.
function layout.legend_place(axes, x_range, y_range, w, h)
  local wanted = axes.legend.loc
  if wanted ~= "best" then return wanted end
  local boxes = {}
  for i = 2, #figure.places - 1 do
    local u, v = place_of(figure.places[i], w, h, 0.02, 0.03)
    boxes[#boxes + 1] = { name = figure.places[i], u = u, v = v, count = 0 }
  end
  for _, artist in ipairs(axes.artists) do
    each_spot(artist, x_range, y_range, function(u, v)
      for _, box in ipairs(boxes) do
        if u >= box.u - 0.01 and u <= box.u + w + 0.01 and v >= box.v - 0.01
           and v <= box.v + h + 0.01 then
          box.count = box.count + 1
        end
      end
    end)
  end
  local best = boxes[1]
  for _, box in ipairs(boxes) do
    if box.count < best.count then best = box end
  end
  return best.name
end

return layout

-- figure: the model of a figure: what is drawn, and on which axes.
--
-- A figure holds axes; axes hold artists in the order they were added; an artist is a plain table
-- whose `kind` says what it holds:
--
--   line    x, y (arrays); color, alpha, linestyle, linewidth, marker, markersize, label
--   points  x, y; color, alpha, marker, markersize, label
--   bars    left, right, top (arrays) over a base of 0; color, edgecolor, alpha, label
--   band    x, low, high (arrays); color, alpha, label
--   cells   x, y (edges), values[row][column]; cmap, vmin, vmax, log
--   rule    along ("x": horizontal, "y": vertical), at; color, alpha, linestyle, linewidth, label
--   text    x, y, text; color, fontsize, ha, va, rotation
--
-- This file turns what a script passed into such tables; gradus.layout answers what every renderer
-- asks about them. It draws nothing and rests on gradus.errors alone. A value "can be drawn" on an
-- axis when it is finite and, where the axis is logarithmic, positive; everything else is a gap.

local errors = require "gradus.errors"

local floor, max, min = math.floor, math.max, math.min
local huge = math.huge

local figure = {}

-- ---- data ----

-- An array or tensor as nested Lua tables; nil when it is neither.
local function as_table(value)
  local kind = type(value)
  if kind ~= "table" and kind ~= "userdata" then return nil end
  if kind == "userdata" or getmetatable(value) then
    local found, method = pcall(function() return value.totable end)
    if found and type(method) == "function" then
      local list = method(value)
      return type(list) == "table" and list or { list }
    end
  end
  return kind == "table" and value or nil
end

-- A number, or something that holds exactly one (a tensor of one element, a row { 3 }).
local function as_number(value)
  if type(value) == "number" then return value + 0.0 end
  local list = as_table(value)
  if list and #list == 1 then return as_number(list[1]) end
  return nil
end

-- A fresh array of floats from a list of numbers, a tensor of rank 1 or of shape [n, 1].
function figure.numbers(where, argument, value)
  local list = as_table(value)
  if not list then errors.argument(where, argument, "a list of numbers or a tensor", value) end
  local result = {}
  for i = 1, #list do
    local number = as_number(list[i])
    if not number then
      errors.argument(where, ("%s[%d]"):format(argument, i), "a number", list[i])
    end
    result[i] = number
  end
  return result
end

-- Whether a value is data (a list, a tensor) and not a table of options. The empty table is data.
function figure.is_data(value)
  if type(value) == "userdata" then return true end
  if type(value) ~= "table" then return false end
  return getmetatable(value) ~= nil or value[1] ~= nil or next(value) == nil
end

-- Whether a list's entries are lists themselves.
function figure.is_list_of_lists(value)
  local list = as_table(value)
  local first = list and list[1]
  return first ~= nil and as_table(first) ~= nil and as_number(first) == nil
end

-- A grid of numbers, rows of equal length, from nested lists or a tensor of rank 2.
function figure.grid(where, argument, value)
  local list = as_table(value)
  if not list or #list == 0 then
    errors.argument(where, argument, "a list of rows of numbers or a tensor of rank 2", value)
  end
  local rows = {}
  for i = 1, #list do
    if not as_table(list[i]) then
      errors.argument(where, ("%s[%d]"):format(argument, i), "a row of numbers", list[i])
    end
    rows[i] = figure.numbers(where, ("%s[%d]"):format(argument, i), list[i])
    if #rows[i] ~= #rows[1] or #rows[i] == 0 then
      errors.fail("%s: %s must have rows of one length, row 1 has %d numbers and row %d has %d",
                  where, argument, #rows[1], i, #rows[i])
    end
  end
  return rows
end

-- ---- texts ----

-- A text as one line of UTF-8: control characters (a newline, a terminal's escape) become spaces,
-- bytes that are no UTF-8 become ?.
function figure.clean(text)
  text = text:gsub("[%c\127]", " ")
  local good, at = utf8.len(text)
  while not good do
    text = text:sub(1, at - 1) .. "?" .. text:sub(at + 1)
    good, at = utf8.len(text, at)
  end
  return (text:gsub("\xc2[\x80-\x9f]", " "))
end

-- ---- colours ----

-- Okabe and Ito's palette, told apart by colour-blind readers; C1 and on, as a curve's default.
local palette = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f6a4f",
                  "#5c5c5c" }

local named = {
  blue = "#0072b2", orange = "#e69f00", green = "#009e73", red = "#c8102e", purple = "#7b4fa3",
  brown = "#7f6a4f", pink = "#cc79a7", gray = "#7f7f7f", grey = "#7f7f7f", olive = "#8a8d1f",
  cyan = "#17a2b8", magenta = "#b5179e", yellow = "#f0c419", black = "#000000", white = "#ffffff",
  vermillion = "#d55e00", skyblue = "#56b4e9", navy = "#1b2a5c", teal = "#007a7a",
  lightgray = "#d3d3d3", lightgrey = "#d3d3d3", darkgray = "#4d4d4d", darkgrey = "#4d4d4d",
  b = "#0072b2", g = "#009e73", r = "#c8102e", c = "#17a2b8", m = "#b5179e", y = "#f0c419",
  k = "#000000", w = "#ffffff",
}

local names = {}
for name in pairs(named) do
  if #name > 1 then names[#names + 1] = name end
end
table.sort(names)

-- "#rrggbb" from a name, "tab:name", "C1" ... (the default colours in turn) or "#rgb", "#rrggbb".
function figure.color(where, argument, value)
  if type(value) ~= "string" then
    errors.argument(where, argument, 'a colour such as "blue", "C1" or "#0072b2"', value)
  end
  local text = value:lower():gsub("^tab:", "")
  if text:find("^#%x%x%x%x%x%x$") then return text end
  if text:find("^#%x%x%x$") then return (text:gsub("%x", "%0%0")) end
  local turn = text:match("^c(%d%d?)$")
  if turn then return figure.nth_color(tonumber(turn)) end
  if named[text] then return named[text] end
  errors.fail('%s: %s "%s" is no colour%s', where, argument, value, errors.suggestion(text, names))
end

function figure.nth_color(n) return palette[(n - 1) % #palette + 1] end

-- Stops of the colour maps, from the lowest value to the highest.
local maps = {
  viridis = { "#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962",
              "#addc30", "#fde725" },
  magma = { "#000004", "#1c1044", "#4f127b", "#812581", "#b5367a", "#e55064", "#fb8761", "#fec287",
            "#fcfdbf" },
  blues = { "#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c",
            "#08306b" },
  gray = { "#000000", "#ffffff" },
  coolwarm = { "#3b4cc0", "#7b9ff9", "#c0d4f5", "#f2cbb7", "#ee8468", "#b40426" },
}
figure.map_names = { "viridis", "magma", "blues", "gray", "coolwarm" }

-- The stops of a colour map by its name; "_r" at the end turns it round.
function figure.colormap(where, name)
  local base, reversed = name:lower():gsub("_r$", "")
  local stops = maps[base]
  if not stops then
    errors.fail('%s: cmap "%s" is unknown%s', where, name,
                errors.suggestion(base, figure.map_names))
  end
  if reversed == 0 then return stops end
  local turned = {}
  for i = #stops, 1, -1 do turned[#turned + 1] = stops[i] end
  return turned
end

-- The colour at `share` (0 to 1) of a list of stops, as three numbers 0 to 255.
function figure.blend(stops, share)
  local place = max(0, min(1, share)) * (#stops - 1)
  local i = min(floor(place), #stops - 2)
  local weight, mixed = place - i, {}
  for channel = 1, 3 do
    local from = tonumber(stops[i + 1]:sub(2 * channel, 2 * channel + 1), 16)
    local to = tonumber(stops[i + 2]:sub(2 * channel, 2 * channel + 1), 16)
    mixed[channel] = floor(from + (to - from) * weight + 0.5)
  end
  return mixed[1], mixed[2], mixed[3]
end

-- ---- figures and axes ----

figure.linestyles = { "-", "--", ":", "-.", "none" }
figure.markers = { "o", "s", "^", "v", "D", "+", "x", "*", ".", "circle", "none" }
figure.formats = { "png", "svg", "pdf" }

-- Where a legend may stand.
figure.places = {
  "best", "upper right", "upper left", "lower left", "lower right", "center left", "center right",
  "lower center", "upper center", "center", "outside",
}

-- A figure of so many inches.
function figure.new(width, height, title)
  return { width = width, height = height, suptitle = title, axes = {}, current = nil }
end

-- The axes at place `index` of a grid, counted along the rows from 1; made when not yet there.
function figure.subplot(self, rows, columns, index)
  for _, axes in ipairs(self.axes) do
    if axes.rows == rows and axes.columns == columns and axes.index == index then
      self.current = axes
      return axes
    end
  end
  local axes = {
    rows = rows, columns = columns, index = index,
    row = (index - 1) // columns + 1, column = (index - 1) % columns + 1,
    artists = {}, lines = 0, fills = 0, x = { scale = "linear" }, y = { scale = "linear" },
  }
  self.axes[#self.axes + 1] = axes
  self.current = axes
  return axes
end

-- The axes that verbs act on.
function figure.current_axes(self) return self.current or figure.subplot(self, 1, 1, 1) end

function figure.add(axes, artist)
  axes.artists[#axes.artists + 1] = artist
  return artist
end

-- The axes' next colour. "lines" and "fills" (bands, scattered points) take turns of their own, as
-- in matplotlib, so that a band and the curve drawn after it have one colour.
function figure.next_color(axes, turn)
  axes[turn] = axes[turn] + 1
  return figure.nth_color(axes[turn])
end

-- ---- what can be drawn ----

function figure.can_draw(value, is_log)
  return value == value and value > -huge and value < huge and (not is_log or value > 0)
end

return figure

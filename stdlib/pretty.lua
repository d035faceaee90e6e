-- pretty: how the prompt shows a value.
--
-- A tensor as its numbers, a model as its summary, a history as a small table with sparklines, a
-- table with its fields in order, as deep and as wide as there is room and no more than ENTRIES in
-- all, what it met before shown as <cycle>. Nothing of a table's own is called but __tostring; reads are raw.

local concat, sort, unpack = table.concat, table.sort, table.unpack
local byte, format, gsub, match, rep, sub =
  string.byte, string.format, string.gsub, string.match, string.rep, string.sub
local floor, huge, max, min = math.floor, math.huge, math.max, math.min
local getmetatable, ipairs, next, pcall, rawequal, rawget, rawlen, tostring, type =
  getmetatable, ipairs, next, pcall, rawequal, rawget, rawlen, tostring, type
local getinfo, math_type = debug.getinfo, math.type
local len = utf8.len

local core = require "gradus.core"
local printing = require "gradus.printing"
local keywords = require("gradus.tokens").keywords
local words = require "gradus"

local pretty = {}

local DEPTH = 4           -- tables within tables
local LIST, FIELDS = 20, 40  -- entries shown of a list, and of a table's other fields
local ENTRIES = 200       -- entries shown in all; a table that comes after them is {...}
local NESTED_STRING, STRING = 60, 4000  -- bytes shown

local no_colors = setmetatable({}, { __index = function() return "" end })
local colors = { string = "\27[32m", number = "\27[36m", constant = "\27[35m", dim = "\27[2m",
                 bold = "\27[1m", red = "\27[31m", reset = "\27[0m" }

-- How things may look: { width, height or nil, color = escape sequences or "", unicode }.
local function look_of(options)
  options = options or {}
  return { width = max(20, options.width or 80), height = options.height, unicode = options.unicode ~= false,
           color = options.color and colors or no_colors }
end

local function paint(look, kind, text)
  local color = look.color[kind]
  return color == "" and text or color .. text .. look.color.reset
end

-- How many columns a text takes, escape sequences aside.
local function width_of(text)
  text = gsub(text, "\27%[[%d;]*m", "")
  return len(text) or #text
end

local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escaped_bytes(text)
  return (gsub(text, "[\x80-\xff]", function(letter) return format("\\x%02x", byte(letter)) end))
end

-- The text with each byte that is no UTF-8 escaped.
local function without_stray_bytes(text)
  local parts, at = {}, 1
  while true do
    local _, stray = len(text, at)
    if not stray then break end
    parts[#parts + 1] = sub(text, at, stray - 1) .. escaped_bytes(sub(text, stray, stray))
    at = stray + 1
  end
  return concat(parts) .. sub(text, at)
end

local function quoted(text, limit)
  local rest = #text - limit
  if rest > 0 then
    local cut = limit
    while cut > 0 and match(text, "^[\x80-\xbf]", cut + 1) do cut = cut - 1 end
    rest = #text - cut
    text = sub(text, 1, cut)
  end
  text = gsub(text, '[%c"\\\127]', function(letter)
    return escapes[letter] or format("\\%03d", byte(letter))
  end)
  if not len(text) then text = without_stray_bytes(text) end
  local ending = rest > 0 and (limit == STRING and format("... %d more bytes", rest) or "...") or ""
  return '"' .. text .. '"' .. ending
end

local function number_text(value)
  if value ~= value then return "nan" end
  if value == huge then return "inf" end
  if value == -huge then return "-inf" end
  return tostring(value)
end

-- ---- functions ----

local lua_libraries = { "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package" }
local loaded = package.loaded

-- Call visit(function, name) for what has a name of its own: words, methods, Lua's functions.
local function each_named_function(visit)
  for name, f in next, core.methods do visit(f, "t:" .. name) end
  for name, f in next, words do visit(f, name) end
  for name, f in next, rawget(words, "plot") or {} do visit(f, "plot." .. name) end
  for _, library in ipairs(lua_libraries) do
    for name, f in next, loaded[library] or {} do visit(f, library .. "." .. name) end
  end
end

-- The name by which a function is known, or nil. A global may be a person's own name for one that has
-- another, as `_` is.
local function known_name(f)
  local found
  local function compare(known, name)
    if rawequal(known, f) and name ~= "_" and (not found or name < found) then found = name end
  end
  each_named_function(compare)
  if found then return found end
  for name, global in next, loaded._G or {} do
    if type(name) == "string" then compare(global, name) end
  end
  return found
end

local function function_text(f)
  local info = getinfo(f, "S")
  local module = match(info.source, "^=gradus%.(.*)")
  if info.what == "C" or module then
    local name = known_name(f)
    if name then return "function " .. name end
  end
  if info.what == "C" then return tostring(f) end
  if module then return "function of gradus." .. module end
  return format("function at %s:%d", info.short_src, info.linedefined)
end

-- ---- what values say of themselves ----

-- What a value's own __tostring says, or nil.
local function own_text(value, metatable)
  local has_own = type(metatable) == "table" and rawget(metatable, "__tostring")
  if not has_own then return nil end
  local succeeded, text = pcall(tostring, value)
  return succeeded and text or nil
end

local function tensor_name(tensor)
  return format("tensor [%s] %s", concat(tensor.shape, ", "), tensor.dtype)
end

local function is_history(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__name") == "history"
    and type(rawget(value, "history")) == "table" and type(rawget(value, "epoch")) == "table"
end

-- ---- values in a line ----

local function scalar_text(value, look, limit)
  local kind = type(value)
  if kind == "string" then return paint(look, "string", quoted(value, limit)) end
  if kind == "number" then return paint(look, "number", number_text(value)) end
  if kind == "nil" or kind == "boolean" then return paint(look, "constant", tostring(value)) end
  if kind == "function" then return paint(look, "dim", function_text(value)) end
  return nil
end

local table_text

local function first_line(text)
  local line = match(text, "^[^\n]*")
  return #line == #text and line or line .. " ..."
end

-- A value inside a table.
local function nested_text(value, look, state, depth, indent)
  local text = scalar_text(value, look, NESTED_STRING)
  if text then return text end
  if core.is_tensor(value) then
    if value.rank == 0 then return paint(look, "number", number_text(value:item())) end
    return paint(look, "dim", tensor_name(value))
  end
  local metatable = getmetatable(value)
  text = own_text(value, metatable)
  if text then return first_line(text) end
  if type(value) ~= "table" then return paint(look, "dim", tostring(value)) end
  return table_text(value, look, state, depth, indent)
end

-- ---- tables ----

local kind_order = { number = 1, string = 2, boolean = 3 }

local function key_before(a, b)
  local left, right = kind_order[type(a)] or 4, kind_order[type(b)] or 4
  if left ~= right then return left < right end
  if left <= 2 then return a < b end
  return tostring(a) < tostring(b)
end

local function key_text(key, look)
  if type(key) == "string" and match(key, "^[%a_][%w_]*$") and not keywords[key] then return key end
  if type(key) == "string" then return "[" .. quoted(key, NESTED_STRING) .. "]" end
  local text = scalar_text(key, look, NESTED_STRING)
    or core.is_tensor(key) and tensor_name(key) or own_text(key, getmetatable(key))
  return "[" .. first_line(text or tostring(key)) .. "]"
end

-- The parts of a table: its list, then its other fields in order.
local function table_parts(value, look, state, depth, indent)
  local parts, count = {}, rawlen(value)
  for i = 1, min(count, LIST) do
    state.entries = state.entries + 1
    parts[i] = nested_text(rawget(value, i), look, state, depth + 1, indent + 2)
  end
  if count > LIST then parts[#parts + 1] = paint(look, "dim", format("... %d more", count - LIST)) end
  local keys = {}
  for key in next, value do
    local in_list = math_type(key) == "integer" and key >= 1 and key <= count
    if not in_list then keys[#keys + 1] = key end
  end
  sort(keys, key_before)
  for i = 1, min(#keys, FIELDS) do
    state.entries = state.entries + 1
    local name = key_text(keys[i], look)
    parts[#parts + 1] = name .. " = "
      .. nested_text(rawget(value, keys[i]), look, state, depth + 1, indent + 2)
  end
  if #keys > FIELDS then
    parts[#parts + 1] = paint(look, "dim", format("... %d more fields", #keys - FIELDS))
  end
  return parts, #keys == 0
end

-- Parts in lines that are filled as far as they go.
local function filled(parts, look, indent)
  local lines, line, used = {}, {}, 0
  for _, part in ipairs(parts) do
    local width = width_of(part) + 2
    if used > 0 and indent + 2 + used + width > look.width then
      lines[#lines + 1] = concat(line, ", ")
      line, used = {}, 0
    end
    line[#line + 1], used = part, used + width
  end
  lines[#lines + 1] = concat(line, ", ")
  return lines
end

function table_text(value, look, state, depth, indent)
  if state[value] then return paint(look, "dim", "<cycle>") end
  local metatable = getmetatable(value)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  local prefix = type(name) == "string" and name .. " " or ""
  if next(value) == nil then return prefix .. "{}" end
  if depth >= DEPTH or state.entries > ENTRIES then return prefix .. paint(look, "dim", "{...}") end
  state[value] = true
  local parts, is_list = table_parts(value, look, state, depth, indent)
  state[value] = nil
  local line = prefix .. "{ " .. concat(parts, ", ") .. " }"
  if indent + width_of(line) <= look.width and not match(line, "\n") then return line end
  local margin = rep(" ", indent + 2)
  local lines = is_list and not match(line, "\n") and filled(parts, look, indent) or parts
  return prefix .. "{\n" .. margin .. concat(lines, ",\n" .. margin) .. "\n" .. rep(" ", indent) .. "}"
end

-- ---- histories ----

local blocks = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local letters = { "_", ".", ",", "-", "~", "=", "*", "#" }

-- The values at `width` places spread over the list: of each stretch its largest, so that no
-- explosion is passed over; nan where one is not finite.
local function spread(values, width)
  local result, count = {}, #values
  width = min(width, count)
  for i = 1, width do
    local first, last = (i - 1) * count // width + 1, i * count // width
    local largest = -huge
    for j = first, last do
      local value = values[j]
      if value - value ~= 0 then largest = 0 / 0 break end
      largest = max(largest, value)
    end
    result[i] = largest
  end
  return result
end

-- A line of blocks, on a logarithmic scale where the values are positive and span much.
local function sparkline(values, width, look)
  local points = spread(values, width)
  local low, high = huge, -huge
  for _, value in ipairs(points) do
    if value == value then low, high = min(low, value), max(high, value) end
  end
  local function scale(value) return value end
  if low > 0 and high / low > 20 then scale, low, high = math.log, math.log(low), math.log(high) end
  local marks, line = look.unicode and blocks or letters, {}
  for i, value in ipairs(points) do
    if value ~= value then
      line[i] = paint(look, "red", "x")
    else
      local part = high > low and (scale(value) - low) / (high - low) or 0
      line[i] = marks[1 + min(7, floor(part * 8))]
    end
  end
  return concat(line)
end

local function short(value)
  if type(value) ~= "number" then return "-" end
  return value ~= value and "nan" or format("%.4g", value)
end

-- The smallest number of a list and its place.
local function best_of(values)
  local best, place
  for i, value in ipairs(values) do
    if value == value and (not best or value < best) then best, place = value, i end
  end
  return best, place
end

local function pad(text, width) return rep(" ", width - width_of(text)) .. text end

local function history_rows(history)
  local rows, names = {}, {}
  for name, values in next, history.history do
    if type(values) == "table" and type(values[1]) == "number" then names[#names + 1] = name end
  end
  sort(names)
  for _, name in ipairs(names) do
    local values = history.history[name]
    local best, place = best_of(values)
    rows[#rows + 1] = { name, short(values[1]), short(values[#values]),
                        best and format("%s at %d", short(best), place) or "-", values = values }
  end
  return rows
end

-- The rows one below the other, where a table of them is too wide.
local function add_narrow(lines, rows, look)
  for _, row in ipairs(rows) do
    lines[#lines + 1] = "  " .. row[1]
    lines[#lines + 1] = format("    first %s, last %s", row[2], row[3])
    lines[#lines + 1] = "    smallest " .. row[4]
    lines[#lines + 1] = "    " .. sparkline(row.values, min(40, look.width - 6), look)
  end
end

local function add_table(lines, rows, widths, look)
  local used = widths[1] + widths[2] + widths[3] + widths[4] + 8
  for _, row in ipairs(rows) do
    local line = format("  %s%s %s %s", row[1] .. rep(" ", widths[1] - #row[1]),
      pad(row[2], widths[2] + 1), pad(row[3], widths[3]), pad(row[4], widths[4]))
    local room = min(40, look.width - used - 1)
    if row.values and room >= 8 then line = line .. "  " .. sparkline(row.values, room, look) end
    lines[#lines + 1] = line
    if row.values and room < 8 then
      lines[#lines + 1] = "  " .. sparkline(row.values, min(40, look.width - 4), look)
    end
  end
end

function pretty.history(history, look)
  local rows = history_rows(history)
  local lines = { format("history of %d epoch%s%s", #history.epoch, #history.epoch == 1 and "" or "s",
    history.interrupted and ", interrupted" or "") }
  local first = rawget(history, "first_not_finite")
  if type(first) == "table" then
    lines[1] = lines[1] .. paint(look, "red", format(", the %s not finite from epoch %s, step %s on",
      tostring(first.what), tostring(first.epoch), tostring(first.step)))
  end
  local heading = { "", "first", "last", "smallest" }
  local widths = { 0, #heading[2], #heading[3], #heading[4] }
  for _, row in ipairs(rows) do
    for i = 1, 4 do widths[i] = max(widths[i], #row[i]) end
  end
  if widths[1] + widths[2] + widths[3] + widths[4] + 5 >= look.width then
    add_narrow(lines, rows, look)
  else
    add_table(lines, { heading, unpack(rows) }, widths, look)
  end
  return concat(lines, "\n")
end

-- ---- everything ----

-- The text of a value. options: width (columns), height (lines of a tensor, more are left out), color,
-- unicode.
function pretty.text(value, options)
  local look = look_of(options)
  local text = scalar_text(value, look, STRING)
  if text then return text end
  if is_history(value) then return pretty.history(value, look) end
  if core.is_tensor(value) then return printing.tensor(value, look.width - 1, look.height) end
  text = own_text(value, getmetatable(value))
  if text then return text end
  if type(value) ~= "table" then return paint(look, "dim", tostring(value)) end
  return table_text(value, look, { entries = 0 }, 0, 0)
end

return pretty

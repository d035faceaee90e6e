-- golden: files of expected values, for assertGolden of gradus.testing.
--
-- A golden file is a Lua table in text: names in the order of the alphabet, numbers in hexadecimal,
-- exact to the bit, with their decimals beside for the reader; it differs only where a value does.
-- It is read as data: its text sees nan, inf and tensor, and nothing else.

local core = require "gradus.core"
local errors = require "gradus.errors"
local pipe = require "gradus.pipe"

local golden = {
  updates = false,  -- whether assertGolden writes: gradus --test --update
  file = nil,       -- the file of tests that runs, as the runner tells it
}

-- ---- values ----

-- "tensor", "integer", "float", "string", "boolean", "table" or nil.
function golden.kind(value)
  if core.is_tensor(value) then return "tensor" end
  local kind = math.type(value) or type(value)
  local is_known = kind == "integer" or kind == "float" or kind == "string" or kind == "boolean"
    or kind == "table"
  return is_known and kind or nil
end

-- For a message.
function golden.describe(value)
  if type(value) == "string" then return ("the string %q"):format(value) end
  return (golden.kind(value) == "float" and "%.17g" or "%s"):format(
    math.type(value) == "float" and value or errors.describe(value))
end

local function key_before(a, b)
  if type(a) == type(b) then return a < b end
  return type(a) == "number"
end

-- The keys of one or two tables, numbers first.
function golden.keys(table_a, table_b)
  local keys, seen = {}, {}
  for _, from in ipairs { table_a, table_b } do
    for key in pairs(from) do
      if not seen[key] then keys[#keys + 1] = key end
      seen[key] = true
    end
  end
  table.sort(keys, key_before)
  return keys
end

function golden.key_text(key)
  return type(key) == "string" and ("%q"):format(key) or tostring(key)
end

-- Fail for a value that a golden file cannot hold. `around` has the tables that the value lies in.
function golden.check(name, value, around)
  local kind = golden.kind(value)
  if not kind then
    errors.argument("assertGolden", name, "a number, a string, a boolean, a tensor or a table of these",
                    value)
  elseif kind == "table" then
    around = around or {}
    if around[value] then
      errors.fail("assertGolden: %s must not contain itself, got a table that does", name)
    end
    around[value] = true
    for key, entry in pairs(value) do
      if type(key) ~= "string" and math.type(key) ~= "integer" then
        errors.argument("assertGolden", "a key of " .. name, "a string or a whole number", key)
      end
      golden.check(name, entry, around)
    end
    around[value] = nil
  end
end

-- ---- writing ----

local ROW = 4  -- numbers in a line

local function float_text(x)
  if x ~= x then return "nan" end
  if x - x ~= 0 then return x > 0 and "inf" or "-inf" end
  return ("%a"):format(x)
end

local function decimal_text(x) return x - x == 0 and ("%.6g"):format(x) or float_text(x) end

local function quoted(text) return (("%q"):format(text):gsub("\\\n", "\\n")) end

-- Rows of numbers, each with its decimals behind.
local function write_rows(lines, numbers, indent)
  for first = 1, #numbers, ROW do
    local hex, decimals = {}, {}
    for i = first, math.min(first + ROW - 1, #numbers) do
      hex[#hex + 1] = float_text(numbers[i]) .. ","
      decimals[#decimals + 1] = decimal_text(numbers[i])
    end
    lines[#lines + 1] = indent .. table.concat(hex, " ") .. "  -- " .. table.concat(decimals, ", ")
  end
end

local write_value

local function write_tensor(lines, before, value, indent)
  local flat = value:detach():reshape(-1):totable()
  lines[#lines + 1] = ("%stensor { dtype = %q, shape = {%s},"):format(before, value.dtype,
    table.concat(value.shape, ", "))
  write_rows(lines, type(flat) == "table" and flat or { flat }, indent .. "  ")
  lines[#lines + 1] = indent .. "},"
end

local function write_table(lines, before, value, indent)
  lines[#lines + 1] = before .. "{"
  for _, key in ipairs(golden.keys(value)) do
    write_value(lines, ("%s  [%s] = "):format(indent, type(key) == "string" and quoted(key) or key),
                value[key], indent .. "  ")
  end
  lines[#lines + 1] = indent .. "},"
end

function write_value(lines, before, value, indent)
  local kind = golden.kind(value)
  if kind == "tensor" then write_tensor(lines, before, value, indent)
  elseif kind == "table" then write_table(lines, before, value, indent)
  elseif kind == "float" then
    lines[#lines + 1] = ("%s%s,  -- %s"):format(before, float_text(value), decimal_text(value))
  else
    lines[#lines + 1] = ("%s%s,"):format(before, kind == "string" and quoted(value) or tostring(value))
  end
end

local function file_text(path, values)
  local lines = {
    ("-- The golden values of %s.lua, written by gradus --test --update."):format(
      path:match "([^/]*)%.golden$"),
    "return {",
  }
  for _, name in ipairs(golden.keys(values)) do
    write_value(lines, ("  [%s] = "):format(quoted(name)), values[name], "  ")
  end
  lines[#lines + 1] = "}\n"
  return table.concat(lines, "\n")
end

-- ---- reading ----

local function read_tensor(parts)
  local shape, dtype = parts.shape, parts.dtype
  local numbers = table.move(parts, 1, #parts, 1, {})
  if #numbers == 0 then return core.zeros(shape, { dtype = dtype }) end
  return core.tensor(numbers, { dtype = dtype }):reshape(shape)
end

local cache = {}  -- path -> values, as the file holds them

local function values_of(path)
  if cache[path] then return cache[path] end
  local file <close> = io.open(path, "rb")
  local values = {}
  if file then
    local environment = { nan = 0 / 0, inf = math.huge, tensor = read_tensor }
    local chunk, message = load(file:read "a", "@" .. path, "t", environment)
    if not chunk then error(("golden file: %s"):format(message), 0) end
    values = chunk()
    if values == nil then values = {} end  -- an empty file
    if type(values) ~= "table" then
      errors.fail("assertGolden: %s must return a table of values, got %s", path, errors.describe(values))
    end
  end
  cache[path] = values
  return values
end

-- The golden file of the tests that run.
function golden.path()
  local test = golden.file or (_G.arg and _G.arg[0])
  if not test then errors.fail("assertGolden: there is no file of tests to put a golden file beside") end
  return (test:gsub("%.lua$", "")) .. ".golden"
end

function golden.get(path, name) return values_of(path)[name] end

-- Note a value and write the whole file anew, beside and renamed.
function golden.put(path, name, value)
  local values = values_of(path)
  values[name] = value
  local succeeded, message = pipe.replace_file(path, file_text(path, values))
  if not succeeded then errors.fail("assertGolden: cannot write %s: %s", path, message) end
end

return golden

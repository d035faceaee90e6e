-- testing: assertions on tensors, for scripts under LuaUnit: local t = require "gradus.testing".
--
-- They fail as LuaUnit's own do, with a message that shows where and by how much two tensors differ;
-- the table returned has LuaUnit's assertions, too (t.assertEquals). Without LuaUnit a failure is a
-- plain error. Golden values live in a file beside the test, which `gradus --test --update` writes.

local core = require "gradus.core"
local debug = require "debug"
local errors = require "gradus.errors"
local golden = require "gradus.golden"

local has_luaunit, luaunit = pcall(require, "luaunit")
local PREFIX = has_luaunit and luaunit.FAILURE_PREFIX or ""

local testing = {}

local SHOWN = 5  -- differing elements that a message shows

-- ---- failing ----

-- The level of the innermost function that is the test's own.
local function user_level()
  local level = 2
  while true do
    local info = debug.getinfo(level, "S")
    if not info or not info.source:find "^=gradus%." and info.what ~= "C" then return level - 1 end
    level = level + 1
  end
end

local function fail(message, note)
  if note then message = note .. "\n" .. message end
  error(PREFIX .. message, user_level())
end

-- ---- numbers ----

local function is_nan(x) return x ~= x end

-- Equal to the bit, but for the sign and payload of a NaN, which are no part of a value.
local function same_bits(a, b)
  return (a == b and (a ~= 0 or 1 / a == 1 / b)) or (is_nan(a) and is_nan(b))
end

-- Enough digits to tell any two numbers of the type apart.
local function number_text(x, dtype)
  if is_nan(x) then return "nan" end
  if x == math.huge or x == -math.huge then return x > 0 and "inf" or "-inf" end
  return ((dtype == "float32" and "%.9g" or "%.17g"):format(x))
end

-- ---- tensors ----

local function shape_text(shape) return "[" .. table.concat(shape, ", ") .. "]" end

local function same_shape(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

-- The tensor, or a number or nested table as one of the other's type.
local function as_tensor(where, argument, value, like)
  if core.is_tensor(value) then return value end
  if type(value) == "number" or type(value) == "table" then
    return core.tensor(value, { dtype = core.is_tensor(like) and like.dtype or "float64" })
  end
  errors.argument(where, argument, "a tensor, a number or a table of numbers", value)
end

local function numbers_of(tensor)
  local flat = tensor:detach():reshape(-1):totable()
  return type(flat) == "table" and flat or { flat }
end

-- The indices of element i of the flat order: "[2, 3]".
local function index_text(i, shape)
  local indices, rest = {}, i - 1
  for axis = #shape, 1, -1 do
    indices[axis] = rest % shape[axis] + 1
    rest = rest // shape[axis]
  end
  return #shape == 0 and "the element" or shape_text(indices)
end

local function distance(a, b)
  if is_nan(a) or is_nan(b) then return math.huge end
  return a == b and 0 or math.abs(a - b)
end

local function instead_text(a, b, dtype)
  local text = number_text(a, dtype) .. " instead of " .. number_text(b, dtype)
  if is_nan(a) or is_nan(b) then return text end
  return ("%s, off by %.3g"):format(text, distance(a, b))
end

-- Where two lists of numbers differ by the rule `fits`: nil, or the message.
local function difference(actual, expected, shape, dtype, fits)
  local lines, count, largest, largest_at = {}, 0, -1, nil
  for i = 1, #expected do
    local a, b = actual[i], expected[i]
    if not fits(a, b) then
      count = count + 1
      local gap = distance(a, b)
      if gap > largest then largest, largest_at = gap, i end
      if count <= SHOWN then
        lines[count] = ("  at %s: %s"):format(index_text(i, shape), instead_text(a, b, dtype))
      end
    end
  end
  if count == 0 then return nil end
  if count > SHOWN then lines[#lines + 1] = ("  and %d more"):format(count - SHOWN) end
  if count > 1 then
    lines[#lines + 1] = ("  the largest difference, at %s: %s"):format(index_text(largest_at, shape),
      instead_text(actual[largest_at], expected[largest_at], dtype))
  end
  return ("tensors differ in %d of %d elements, shape %s\n%s"):format(count, #expected,
    shape_text(shape), table.concat(lines, "\n"))
end

local function check_same_shape(actual, expected, note)
  if same_shape(actual.shape, expected.shape) then return end
  fail(("shapes differ: %s instead of %s"):format(shape_text(actual.shape),
                                                  shape_text(expected.shape)), note)
end

local function equal_nan_option(where, options)
  return errors.option(where, options, "equal_nan", "boolean", true)
end

-- testing.assertTensorEquals(actual, expected [, { equal_nan = true, message = nil }])
-- Fail unless two tensors have the same shape, the same dtype and, to the bit, the same numbers, so
-- that 0 and -0 differ. `expected` may be a number or nested tables, of actual's dtype then.
--
--   equal_nan   whether nan equals nan (true)
--   message     a text to begin the failure's with (nil)
--
-- As numpy.testing.assert_array_equal, to the bit.
-- Example:
--   local testing = require "gradus.testing"
--   testing.assertTensorEquals(ones(2) + 1, { 2, 2 })
function testing.assertTensorEquals(actual, expected, options)
  local where = "assertTensorEquals"
  options = errors.check_options(where, options, { "equal_nan", "message" })
  actual = as_tensor(where, "actual", actual, expected)
  expected = as_tensor(where, "expected", expected, actual)
  local equal_nan = equal_nan_option(where, options)
  check_same_shape(actual, expected, options.message)
  if actual.dtype ~= expected.dtype then
    fail(("dtypes differ: %s instead of %s"):format(actual.dtype, expected.dtype), options.message)
  end
  if equal_nan and actual:identical(expected) then return end
  local text = difference(numbers_of(actual), numbers_of(expected), expected.shape, expected.dtype,
    function(a, b) return same_bits(a, b) and (equal_nan or not is_nan(a)) end)
  if text then fail(text .. "\n  they should be equal to the bit", options.message) end
end

-- relative and absolute: those of torch.testing.assert_close
local tolerances = { float32 = { 1.3e-6, 1e-5 }, float64 = { 1e-7, 1e-7 } }

-- testing.assertTensorAlmostEquals(actual, expected
--   [, { rtol = nil, atol = nil, equal_nan = true, message = nil }])
-- Fail unless two tensors have the same shape and, element by element,
-- |actual - expected| <= atol + rtol * |expected|; infinities must be the same. The dtypes may
-- differ. `expected` may be a number or nested tables.
--
--   rtol        the relative tolerance (nil: 1.3e-6 where one of the two is float32, else 1e-7)
--   atol        the absolute tolerance (nil: 1e-5 where one of the two is float32, else 1e-7)
--   equal_nan   whether nan equals nan (true)
--   message     a text to begin the failure's with (nil)
--
-- As torch.testing.assert_close.
-- Example:
--   local testing = require "gradus.testing"
--   testing.assertTensorAlmostEquals(tensor { 0.1 + 0.2 }, { 0.3 })
function testing.assertTensorAlmostEquals(actual, expected, options)
  local where = "assertTensorAlmostEquals"
  options = errors.check_options(where, options, { "rtol", "atol", "equal_nan", "message" })
  actual = as_tensor(where, "actual", actual, expected)
  expected = as_tensor(where, "expected", expected, actual)
  local is_single = actual.dtype == "float32" or expected.dtype == "float32"
  local default = tolerances[is_single and "float32" or "float64"]
  local rtol = errors.option(where, options, "rtol", "number", default[1])
  local atol = errors.option(where, options, "atol", "number", default[2])
  local equal_nan = equal_nan_option(where, options)
  check_same_shape(actual, expected, options.message)
  local text = difference(numbers_of(actual), numbers_of(expected), expected.shape,
    is_single and "float32" or "float64", function(a, b)
      if is_nan(a) or is_nan(b) then return equal_nan and is_nan(a) and is_nan(b) end
      return a == b or (math.abs(a - b) <= atol + rtol * math.abs(b) and math.abs(b) < math.huge)
    end)
  if text then
    fail(("%s\n  allowed: %g + %g * |expected|"):format(text, atol, rtol), options.message)
  end
end

-- testing.assertShape(tensor, shape)
-- Fail unless the tensor has this shape, a list of dimensions. Gradus's own.
-- Example:
--   local testing = require "gradus.testing"
--   testing.assertShape(zeros(32, 20), { 32, 20 })
function testing.assertShape(actual, shape)
  if not core.is_tensor(actual) then
    fail("expected a tensor of shape " .. shape_text(shape) .. ", got " .. errors.describe(actual))
  end
  if type(shape) ~= "table" then
    errors.argument("assertShape", "shape", "a list of dimensions", shape)
  end
  if not same_shape(actual.shape, shape) then
    fail(("the shape is %s, expected %s"):format(shape_text(actual.shape), shape_text(shape)))
  end
end

-- testing.assertFinite(value)
-- Fail when a tensor, a number or a nested table of numbers holds nan or infinity; the message counts
-- them and shows the first. Gradus's own.
-- Example:
--   local testing = require "gradus.testing"
--   testing.assertFinite(ones(3))
function testing.assertFinite(value)
  local tensor = as_tensor("assertFinite", "value", value)
  local nans, infinities, first = 0, 0, nil
  local numbers = numbers_of(tensor)
  for i, x in ipairs(numbers) do
    if x - x ~= 0 then
      first = first or i
      if is_nan(x) then nans = nans + 1 else infinities = infinities + 1 end
    end
  end
  if not first then return end
  fail(("%d nan and %d infinite among %d elements, shape %s; the first at %s: %s"):format(nans,
    infinities, #numbers, shape_text(tensor.shape), index_text(first, tensor.shape),
    number_text(numbers[first])))
end

-- ---- golden values ----

-- Compare what a golden file holds with a value, both as golden.encode has them; `at` is the way to
-- them. Fails where they differ.
local function compare(actual, expected, at)
  local kind = golden.kind(expected)
  if golden.kind(actual) ~= kind then
    fail(("%s is %s, in the golden file it is %s"):format(at, golden.describe(actual),
                                                          golden.describe(expected)))
  elseif kind == "tensor" then
    testing.assertTensorEquals(actual, expected, { message = at })
  elseif kind == "float" and not same_bits(actual, expected) then
    fail(("%s: %s"):format(at, instead_text(actual, expected)))
  elseif kind == "table" then
    for _, key in ipairs(golden.keys(expected, actual)) do
      compare(actual[key], expected[key], ("%s[%s]"):format(at, golden.key_text(key)))
    end
  elseif kind ~= "float" and actual ~= expected then
    fail(("%s: %s instead of %s"):format(at, golden.describe(actual), golden.describe(expected)))
  end
end

-- testing.assertGolden(name, value)
-- Fail unless the value equals, to the bit, the one that the golden file has under this name. A
-- value is a number, a string, a boolean, a tensor, or a table of these. The golden file stands
-- beside the test's: test_mlp.golden beside test_mlp.lua. `gradus --test --update` writes the values
-- that it meets into it, instead of comparing; others that the file holds stay. Gradus's own.
-- Example:
--   local testing = require "gradus.testing"
--   testing.assertGolden("a sum", ones(3):sum())
function testing.assertGolden(name, value)
  if type(name) ~= "string" then errors.argument("assertGolden", "name", "a string", name) end
  golden.check(name, value)
  local path = golden.path()
  if golden.updates then return golden.put(path, name, value) end
  local expected = golden.get(path, name)
  if expected == nil then
    fail(('there is no golden value "%s" in %s: gradus --test --update writes it'):format(name, path))
  end
  compare(value, expected, name)
end

return setmetatable(testing, has_luaunit and { __index = luaunit } or nil)

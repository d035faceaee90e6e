-- Each row of the table of operations against NumPy's numbers, in float64 and float32, from inputs
-- that lie in memory in every way. golden/print_operations.py printed what is expected.

local lu = require "luaunit"

local golden = dofile "tests/golden/operations.lua"

local function shape_text(shape) return "[" .. table.concat(shape, ", ") .. "]" end

local function contiguous(array, dtype)
  return tensor(array.values, "float64"):reshape(array.shape):cast(dtype)
end

local function every(x, entry)
  local key = {}
  for axis, n in ipairs(x.shape) do key[axis] = n == 0 and {} or entry(n) end
  return key
end

-- The same numbers, laid out otherwise: each gives a view that is not contiguous where it can be.
local layouts = {
  contiguous = function(x) return x end,
  transposed = function(x) return x.T:clone().T end,
  backwards = function(x)
    local reversed = every(x, function(n) return { n, 1, -1 } end)
    return x[reversed]:clone()[reversed]
  end,
  spread = function(x)
    local wide = {}
    for axis, n in ipairs(x.shape) do wide[axis] = 2 * n end
    local room = full(wide, 0 / 0, x.dtype)
    local odd = every(x, function(n) return { 1, 2 * n, 2 } end)
    room[odd] = x
    return room[odd]
  end,
}

local names = { "contiguous", "transposed", "backwards", "spread" }

local function call(case, dtype, layout)
  local inputs = {}
  for i, array in ipairs(case.inputs) do
    local x = contiguous(array, dtype)
    inputs[i] = x.rank > 0 and layouts[layout](x) or x
  end
  local method = inputs[1][case.name]
  local count = #inputs
  for i = 1, case.arguments.n do inputs[count + i] = case.arguments[i] end
  return method(table.unpack(inputs, 1, count + case.arguments.n))
end

local function is_close(came, expected, tolerance)
  if expected ~= expected then return came ~= came end
  if expected == came then return true end
  local scale = tolerance >= 1e-14 and math.max(1, math.abs(expected)) or math.abs(expected)
  return math.abs(came - expected) <= tolerance * scale
end

local function describe(case, dtype, layout)
  local shapes = {}
  for i, array in ipairs(case.inputs) do shapes[i] = shape_text(array.shape) end
  local arguments = {}
  for i = 1, case.arguments.n do
    local value = case.arguments[i]
    arguments[i] = type(value) == "table" and shape_text(value) or tostring(value)
  end
  return ("%s of %s (%s), %s, %s"):format(case.name, table.concat(shapes, " and "),
                                          table.concat(arguments, ", "), dtype, layout)
end

local dtype_of = { argmax = "float64", argmin = "float64" }

local function check(case, dtype, layout, tolerance)
  local what = describe(case, dtype, layout)
  local result = call(case, dtype, layout)
  lu.assertEquals(shape_text(result.shape), shape_text(case.result.shape), what)
  lu.assertEquals(result.dtype, dtype_of[case.name] or case.name == "cast" and case.arguments[1] or dtype, what)
  for i, came in ipairs(result:reshape(-1):totable()) do
    local expected = case.result.values[i]
    if not is_close(came, expected, tolerance) then
      lu.fail(("%s: element %d is %.17g, NumPy's %.17g"):format(what, i, came, expected))
    end
  end
  return result
end

TestOperations = {}

function TestOperations.test_every_operation_has_a_case()
  local has_case = { slice = true }  -- the parts
  for _, case in ipairs(golden.cases) do has_case[case.name] = true end
  for _, row in ipairs(core.list_operations()) do
    lu.assertTrue(has_case[row.name], "no golden case for " .. row.name)
  end
end

function TestOperations.test_float64_equals_numpy()
  for _, case in ipairs(golden.cases) do check(case, "float64", "contiguous", case.tolerance) end
end

-- How the inputs lie in memory changes no bit.
function TestOperations.test_layouts_change_no_bit()
  for _, case in ipairs(golden.cases) do
    for _, dtype in ipairs { "float64", "float32" } do
      local expected = call(case, dtype, "contiguous")
      for _, layout in ipairs(names) do
        lu.assertTrue(call(case, dtype, layout):identical(expected), describe(case, dtype, layout))
      end
    end
  end
end

-- Inputs that float32 can hold without leaving the range where the result is of the same size.
local function suits_float32(case)
  if case.name == "floordiv" or case.name == "mod" then return false end  -- they jump
  for _, array in ipairs(case.inputs) do
    for _, value in ipairs(array.values) do
      if value == value and value ~= 0 and math.abs(value) ~= math.huge
         and (math.abs(value) > 50 or math.abs(value) < 1e-3) then return false end
    end
  end
  return true
end

function TestOperations.test_float32_equals_numpy_to_its_precision()
  for _, case in ipairs(golden.cases) do
    if suits_float32(case) then check(case, "float32", "contiguous", 2e-5) end
  end
end

function TestOperations.test_parts_equal_numpys()
  for _, part in ipairs(golden.parts) do
    local size = 1
    for _, n in ipairs(part.shape) do size = size * n end
    local came = range(size):reshape(part.shape)[part.key]
    if type(came) == "number" then came = tensor(came, "float64") end
    lu.assertEquals(shape_text(came.shape), shape_text(part.result.shape))
    lu.assertEquals(came:reshape(-1):totable(), part.result.values)
  end
end

-- Arguments in every form

TestArguments = {}

function TestArguments.test_named_arguments_equal_those_in_order()
  local x = range(24):reshape(2, 3, 4)
  local expected = x:sum(2, true)
  lu.assertTrue(x:sum { axes = 2, keepdims = true }:identical(expected))
  lu.assertTrue(x:sum { axis = 2, keepdims = true }:identical(expected))
  lu.assertTrue(x:sum { axes = { 2 }, keepdims = true }:identical(expected))
  lu.assertTrue(x:sum { 2, keepdims = true }:identical(expected))
  lu.assertTrue(x:sum { 1, 3, keepdims = true }:identical(x:sum({ 1, 3 }, true)))
  lu.assertTrue(x:sum { keepdims = true }:identical(x:sum(nil, true)))
  lu.assertTrue(x:quantile { q = 0.5, axes = 1 }:identical(x:quantile(0.5, 1)))
  lu.assertTrue(x:quantile { 0.5, axis = 1 }:identical(x:quantile(0.5, 1)))
  lu.assertTrue(x:clip { high = 5 }:identical(x:clip(nil, 5)))
  lu.assertTrue(x:clip { low = 5 }:identical(x:clip(5)))
  lu.assertTrue(x:reshape { shape = { 4, 6 } }:identical(x:reshape(4, 6)))
  lu.assertTrue(x:transpose { order = { 3, 1, 2 } }:identical(x:transpose(3, 1, 2)))
  lu.assertTrue(x:transpose { 3, 1, 2 }:identical(x:transpose(3, 1, 2)))
end

function TestArguments.test_an_empty_list_of_axes_reduces_nothing()
  local x = range(6):reshape(2, 3)
  lu.assertTrue(x:sum({}):identical(x))
  lu.assertTrue(x:max({}):identical(x))
end

function TestArguments.test_operators_are_the_operations()
  local a, b = tensor { 1, -2, 3 }, tensor { 2, 5, -4 }
  for sign, name in pairs { ["+"] = "add", ["-"] = "sub", ["*"] = "mul", ["/"] = "div",
                            ["^"] = "pow", ["//"] = "floordiv", ["%"] = "mod" } do
    local f = load(("local a, b = ... return a %s b"):format(sign))
    lu.assertTrue(f(a, b):identical(a[name](a, b)), sign)
    lu.assertTrue(f(a, 2):identical(a[name](a, 2)), sign)
    lu.assertTrue(f(2, a):identical(a[name](2, a)), sign)
  end
  lu.assertTrue((-a):identical(a:neg()))
end

-- // and % on tensors are Lua's on its floats, number by number.
function TestArguments.test_division_with_remainder_is_luas()
  local numbers = { 0.0, 1.0, -1.0, 2.5, -2.5, 7.0, -7.0, -0.1, 1e10, math.huge, -math.huge }
  local function assert_same(came, expected, what)
    lu.assertTrue(came == expected or (came ~= came and expected ~= expected),
                  ("%s is %s, Lua's %s"):format(what, came, expected))
  end
  for _, a in ipairs(numbers) do
    for _, b in ipairs(numbers) do
      local x, y = tensor({ a }, "float64"), tensor({ b }, "float64")
      assert_same((x // y)[1], a // b, a .. " // " .. b)
      assert_same((x % y)[1], a % b, a .. " % " .. b)
    end
  end
end

function TestArguments.test_take_reads_a_table_of_indices()
  local x = range(6):reshape(3, 2)
  lu.assertEquals(x:take { 3, 1 }:totable(), { { 5, 6 }, { 1, 2 } })
  lu.assertEquals(x:take(tensor { 3, 1 }):totable(), { { 5, 6 }, { 1, 2 } })
  lu.assertEquals(x:take({}).shape, { 0, 2 })
end

function TestArguments.test_take_reads_a_table_whatever_a_script_calls_tensor()
  local core = require "gradus.core"
  local make = core.tensor
  core.tensor = function() return 1 end
  local succeeded, row = pcall(function() return range(3):take({ 3 }):totable()[1] end)
  core.tensor = make
  lu.assertEquals({ succeeded, row }, { true, 3 })
end

-- Rows of any layout, picked by numbers of any layout and either type, against one at a time.
function TestArguments.test_take_and_mask_whatever_lies_where()
  local rs = RandomState(4)
  local base = rs:normal(0, 1, { 9, 7, 5 })
  local numbers = rs:randint(1, 10, 23)
  local spread = zeros { 23, 2, dtype = "float64" }
  spread[{ {}, 2 }] = numbers
  for _, dtype in ipairs { "float32", "float64" } do
    local x = base:cast(dtype)
    for _, source in ipairs { x, x:transpose(1, 3, 2), x[{ {}, { 2, 6, 2 } }], x[{ {}, 3, 1 }],
                              x[{ { 9, 1, -1 } }], x[{ {}, {}, 4 }] } do
      local function compare(taken, rows)
        lu.assertEquals(#taken, #rows)
        for i, row in ipairs(rows) do lu.assertTrue(tensor(taken[i]) == tensor(source[row])) end
      end
      for _, given in ipairs { numbers, numbers:cast "float32", spread[{ {}, 2 }], numbers:totable() } do
        compare(source:take(given), numbers:totable())
      end
      compare(source:mask(spread[{ { 1, 9 }, 2 }]:gt(5)), (function()
        local rows = {}
        for i = 1, 9 do if numbers[i] > 5 then rows[#rows + 1] = i end end
        return rows
      end)())
    end
  end
  lu.assertEquals(zeros(3, 0):take({ 2, 1 }).shape, { 2, 0 })
end

function TestArguments.test_max_and_min_over_any_axes()
  local rs = RandomState(5)
  local x = rs:normal(0, 1, { 4, 3, 5, 2 }):transpose(1, 3, 2, 4)  -- [4, 5, 3, 2]
  x[{ 2, 3, 1, 2 }] = 0 / 0
  for _, axes in ipairs { {}, { 1 }, { 2 }, { 4 }, { 1, 3 }, { 2, 4 }, { 3, 4 }, { 1, 2, 3, 4 } } do
    local list = #axes > 0 and axes or nil
    for _, name in ipairs { "max", "min" } do
      local reference = name == "max" and x:quantile(1, list) or x:quantile(0, list)
      lu.assertEquals(x[name](x, list), reference, name)
      lu.assertEquals(x:cast("float32")[name](x:cast "float32", list), reference:cast "float32", name)
    end
  end
end

function TestArguments.test_mask_keeps_the_rows_that_are_marked()
  local x = range(6):reshape(3, 2)
  lu.assertEquals(x:mask(tensor { 1, 0, 1 }):totable(), { { 1, 2 }, { 5, 6 } })
  lu.assertEquals(x:mask { 0, 0, 2 }:totable(), { { 5, 6 } })
  lu.assertEquals(x:mask(x[{ {}, 1 }]:gt(1)):totable(), { { 3, 4 }, { 5, 6 } })
  lu.assertEquals(x:mask(zeros(3)).shape, { 0, 2 })
end

function TestArguments.test_the_help_of_each_row_names_its_call()
  for _, row in ipairs(core.list_operations()) do
    lu.assertStrContains(row.signature, row.name == "slice" and "x[" or row.name .. "(")
    lu.assertTrue(#row.help > 10 and row.help:find("%.") ~= nil, row.name)
    lu.assertTrue(row.low < row.high, row.name)
  end
end

-- Numbers that no rounding may spoil

TestPrecision = {}

function TestPrecision.test_a_long_float32_sum_keeps_its_digits()
  lu.assertAlmostEquals(full({ 1000000 }, 0.1):sum():item() / 100000, 1, 1e-6)
  lu.assertAlmostEquals(full({ 3000000 }, 0.1):mean():item(), 0.1, 1e-7)
end

function TestPrecision.test_variance_far_from_zero()
  local x = range(1000) + 1e9
  lu.assertAlmostEquals(x:var():item(), (1000 ^ 2 - 1) / 12, 1e-6)
end

function TestPrecision.test_norm_neither_overflows_nor_vanishes()
  lu.assertAlmostEquals(tensor({ 3e200, 4e200 }, "float64"):norm():item() / 5e200, 1, 1e-14)
  lu.assertAlmostEquals(tensor({ 3e-200, 4e-200 }, "float64"):norm():item() / 5e-200, 1, 1e-14)
  lu.assertAlmostEquals(tensor({ 3e30, 4e30 }, "float32"):norm():item() / 5e30, 1, 1e-6)
end

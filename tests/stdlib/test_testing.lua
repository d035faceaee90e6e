-- gradus.testing and gradus.golden: what fails, and what the messages tell.

local lu = require "luaunit"
local golden = require "gradus.golden"
local t = require "gradus.testing"

local nan, inf = 0 / 0, math.huge

-- The message of the failure, without LuaUnit's mark and the position, or nil.
local function failure(f, ...)
  local succeeded, message = pcall(f, ...)
  if succeeded then return nil end
  return (message:gsub("^[^\n]-" .. lu.FAILURE_PREFIX:gsub("%p", "%%%0"), ""))
end

TestEquals = {}

function TestEquals.test_equal_to_the_bit_passes()
  t.assertTensorEquals(tensor { { 1, 2 }, { 3, nan } }, tensor { { 1, 2 }, { 3, nan } })
  t.assertTensorEquals(tensor { 1, inf }, { 1, inf })
  t.assertTensorEquals(tensor(0.1, { dtype = "float64" }), 0.1)
  t.assertTensorEquals(zeros(0, 3), zeros(0, 3))
end

function TestEquals.test_a_failure_shows_where_and_by_how_much()
  lu.assertEquals(failure(t.assertTensorEquals, tensor { { 1, 2 }, { 3, 4 } }, tensor { { 1, 2.5 }, { 3, nan } }), [[
tensors differ in 2 of 4 elements, shape [2, 2]
  at [1, 2]: 2 instead of 2.5, off by 0.5
  at [2, 2]: 4 instead of nan
  the largest difference, at [2, 2]: 4 instead of nan
  they should be equal to the bit]])
end

function TestEquals.test_a_single_difference_is_shown_once()
  lu.assertEquals(failure(t.assertTensorEquals, ones(2), tensor { 1, 2 }), [[
tensors differ in 1 of 2 elements, shape [2]
  at [2]: 1 instead of 2, off by 1
  they should be equal to the bit]])
end

function TestEquals.test_a_failure_shows_a_few_and_counts_the_rest()
  local message = failure(t.assertTensorEquals, zeros(100), range(100):cast("float32"))
  lu.assertStrContains(message, "differ in 100 of 100 elements")
  lu.assertStrContains(message, "  at [5]: 0 instead of 5, off by 5\n  and 95 more\n")
  lu.assertStrContains(message, "largest difference, at [100]: 0 instead of 100, off by 100")
end

function TestEquals.test_the_failure_is_at_the_tests_own_line()
  local _, message = pcall(function() t.assertTensorEquals(zeros(1), ones(1)) end)
  lu.assertStrMatches(message, ".*test_testing%.lua:%d+: .*tensors differ.*")
end

function TestEquals.test_one_bit_and_the_sign_of_zero_count()
  local x = tensor({ 1 }, { dtype = "float64" })
  lu.assertStrContains(failure(t.assertTensorEquals, x, x + 2 ^ -52), "1 instead of 1.0000000000000002, off by 2.22e-16")
  lu.assertStrContains(failure(t.assertTensorEquals, zeros(1), -zeros(1)), "0 instead of -0")
end

function TestEquals.test_shape_dtype_and_nan()
  lu.assertEquals(failure(t.assertTensorEquals, zeros(2, 3), zeros(3, 2)), "shapes differ: [2, 3] instead of [3, 2]")
  lu.assertEquals(failure(t.assertTensorEquals, zeros(1), zeros(1, { dtype = "float64" })),
    "dtypes differ: float32 instead of float64")
  lu.assertStrContains(failure(t.assertTensorEquals, tensor { nan }, tensor { nan }, { equal_nan = false }),
    "nan instead of nan")
  lu.assertStrContains(failure(t.assertTensorEquals, zeros(1), ones(1), { message = "the bias" }), "the bias\ntensors")
  lu.assertErrorMsgContains("unknown option \"equl_nan\", did you mean \"equal_nan\"?", t.assertTensorEquals, zeros(1),
    zeros(1), { equl_nan = true })
end

TestAlmostEquals = {}

function TestAlmostEquals.test_tolerances_follow_the_dtype()
  local single, double = ones(2), ones(2, { dtype = "float64" })
  t.assertTensorAlmostEquals(single + 5e-6, single)
  t.assertTensorAlmostEquals(single + 5e-6, double)
  lu.assertStrContains(failure(t.assertTensorAlmostEquals, double + 5e-6, double), "allowed: 1e-07 + 1e-07 * |expected|")
  t.assertTensorAlmostEquals(double + 5e-3, double, { atol = 1e-2 })
  t.assertTensorAlmostEquals(double * 100.5, double * 100, { rtol = 1e-2 })
end

function TestAlmostEquals.test_infinities_must_be_the_same_and_nan_equals_nan()
  t.assertTensorAlmostEquals(tensor { inf, nan }, tensor { inf, nan })
  lu.assertStrContains(failure(t.assertTensorAlmostEquals, tensor { 1 }, tensor { inf }), "1 instead of inf")
  lu.assertStrContains(failure(t.assertTensorAlmostEquals, tensor { inf }, tensor { -inf }), "inf instead of -inf")
  lu.assertStrContains(failure(t.assertTensorAlmostEquals, tensor { nan }, tensor { 1 }), "nan instead of 1")
end

TestShapeAndFinite = {}

function TestShapeAndFinite.test_shape()
  t.assertShape(zeros(2, 3), { 2, 3 })
  t.assertShape(tensor(1), {})
  lu.assertEquals(failure(t.assertShape, zeros(2, 3), { 3 }), "the shape is [2, 3], expected [3]")
  lu.assertEquals(failure(t.assertShape, 3, { 3 }), "expected a tensor of shape [3], got the number 3")
end

function TestShapeAndFinite.test_finite()
  t.assertFinite(zeros(3))
  t.assertFinite(1)
  t.assertFinite { 1, 2 }
  lu.assertEquals(failure(t.assertFinite, tensor { { 1, inf }, { nan, nan } }),
    "2 nan and 1 infinite among 4 elements, shape [2, 2]; the first at [1, 2]: inf")
end

TestGolden = {}

function TestGolden.setUp()
  TestGolden.file, TestGolden.updates = golden.file, golden.updates
  TestGolden.path = os.tmpname()
  golden.file = TestGolden.path .. ".lua"
end

function TestGolden.tearDown()
  os.remove(TestGolden.path)
  os.remove(TestGolden.path .. ".golden")
  golden.file, golden.updates = TestGolden.file, TestGolden.updates
end

local function put(name, value)
  golden.updates = true
  t.assertGolden(name, value)
  golden.updates = false
end

function TestGolden.test_a_value_is_kept_to_the_bit()
  local value = { whole = 3, third = 1 / 3, text = 'a "b"\n\\', yes = true, list = { 1.5, nan, -inf },
                  weights = tensor { { 0.1, -0.0 }, { nan, inf } }, none = zeros(0, 2),
                  ["of rank 0"] = tensor(7, { dtype = "float64" }) }
  put("all", value)
  t.assertGolden("all", value)
  local values = loadfile(golden.path(), "t", { nan = nan, inf = inf, tensor = function(parts) return parts end })()
  lu.assertEquals(values.all.third, 1 / 3)
  lu.assertEquals(values.all.text, value.text)
  lu.assertEquals(values.all.weights.shape, { 2, 2 })
end

function TestGolden.test_differences_are_told_with_the_way_to_them()
  put("run", { loss = { 1.0, 2.0 }, w = zeros(2), n = 1, who = "a" })
  local function message(change)
    local value = { loss = { 1.0, 2.0 }, w = zeros(2), n = 1, who = "a" }
    change(value)
    return failure(t.assertGolden, "run", value)
  end
  lu.assertEquals(message(function(v) v.loss[2] = 2.5 end), 'run["loss"][2]: 2.5 instead of 2, off by 0.5')
  lu.assertStrContains(message(function(v) v.w = ones(2) end), 'run["w"]\ntensors differ in 2 of 2')
  lu.assertEquals(message(function(v) v.n = 2 end), 'run["n"]: the number 2 instead of the number 1')
  lu.assertStrContains(message(function(v) v.who = nil end), 'run["who"] is nothing, in the golden file it is')
  lu.assertStrContains(message(function(v) v.new = 1 end), 'run["new"] is the number 1, in the golden file it is nothing')
end

function TestGolden.test_a_name_that_is_not_there_and_a_value_that_cannot_be_kept()
  lu.assertStrContains(failure(t.assertGolden, "nothing", 1), 'there is no golden value "nothing" in ')
  lu.assertErrorMsgContains("must be a number, a string, a boolean, a tensor", t.assertGolden, "f", print)
end

function TestGolden.test_a_table_that_contains_itself()
  local r = { inner = { 1 } }
  r.twice = { r.inner, r.inner }
  put("twice", r)
  t.assertGolden("twice", r)
  r.inner.outer = r
  for _, updates in ipairs { false, true } do
    golden.updates = updates
    lu.assertErrorMsgContains("assertGolden: r must not contain itself, got a table that does", t.assertGolden, "r", r)
  end
end

local function write_file(text)
  local file <close> = assert(io.open(golden.path(), "wb"))
  file:write(text)
end

function TestGolden.test_an_empty_file_holds_no_values()
  write_file ""
  lu.assertStrContains(failure(t.assertGolden, "a", 1), 'there is no golden value "a" in ')
  put("a", 1)
  t.assertGolden("a", 1)
  lu.assertEquals(loadfile(golden.path())(), { a = 1 })
end

function TestGolden.test_a_file_that_holds_no_table()
  write_file "return 3"
  for _, updates in ipairs { false, true } do
    golden.updates = updates
    lu.assertErrorMsgContains(("assertGolden: %s must return a table of values, got the number 3"):format(golden.path()),
      t.assertGolden, "a", 1)
  end
end

function TestGolden.test_other_values_of_the_file_stay()
  put("a", 1)
  put("b", 2)
  t.assertGolden("a", 1)
  t.assertGolden("b", 2)
end

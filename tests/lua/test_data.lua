-- make_regression gives scikit-learn's X and coef to the bit, and its y to the rounding of sums.

local lu = require "luaunit"
local core = require "gradus.core"

local golden = dofile "tests/golden/data.lua"

local function assert_bits(came, expected)
  expected = core.tensor(expected, "float64")
  lu.assertTrue(came:identical(expected), ("got\n%s\nexpected\n%s"):format(came, expected))
end

-- To 1e-12 of the largest value.
local function assert_near(came, expected)
  expected = core.tensor(expected, "float64")
  lu.assertEquals(came.shape, expected.shape)
  local error = (came - expected):abs():max():item()
  lu.assertTrue(error <= 1e-12 * expected:abs():max():item(), "the largest error is " .. error)
end

local function assert_error(message, options)
  local succeeded, came = pcall(make_regression, options)
  lu.assertFalse(succeeded, "no error: " .. message)
  lu.assertStrContains(came, message)
  lu.assertNotStrContains(came, "gradus.")
end

TestMakeRegression = {}

function TestMakeRegression.test_the_tutorials_data()
  local X, y, coef = make_regression { n_samples = 1000, n_features = 20, noise = 0.1,
                                       random_state = 1, coef = true }
  lu.assertEquals({ X.shape, y.shape, coef.shape }, { { 1000, 20 }, { 1000 }, { 20 } })
  lu.assertEquals({ X.dtype, y.dtype, coef.dtype }, { "float64", "float64", "float64" })
  assert_bits(X[1], golden.tutorial_X_first)
  assert_bits(X[1000], golden.tutorial_X_last)
  assert_bits(coef, golden.tutorial_coef)
  assert_near(y:rows(1, 5), golden.tutorial_y_first)
  for i, statistic in ipairs { "min", "max", "mean", "std" } do
    lu.assertAlmostEquals(y[statistic](y):item(), golden.tutorial_y[i], 1e-10)
  end
end

function TestMakeRegression.test_the_tutorials_histogram()
  local _, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
  local low, high = y:min():item(), y:max():item()
  local counts = {}
  for i = 1, 10 do counts[i] = 0 end
  for _, value in ipairs(y:totable()) do
    local bin = math.min((value - low) / (high - low) * 10 // 1 + 1, 10)
    counts[math.tointeger(bin)] = counts[math.tointeger(bin)] + 1
  end
  lu.assertEquals(counts, golden.tutorial_counts)
end

function TestMakeRegression.test_several_targets()
  local X, y, coef = make_regression { n_samples = 8, n_features = 6, n_informative = 4,
                                       n_targets = 3, noise = 1.5, bias = -1, coef = true,
                                       random_state = 21 }
  assert_bits(X, golden.targets_X)
  assert_near(y, golden.targets_y)
  assert_bits(coef, golden.targets_coef)
end

function TestMakeRegression.test_more_informative_features_than_there_are()
  local X, y, coef = make_regression { n_samples = 5, n_features = 3, n_informative = 9,
                                       shuffle = false, coef = true, random_state = { 4, 5 } }
  assert_bits(X, golden.plain_X)
  assert_near(y, golden.plain_y)
  assert_bits(coef, golden.plain_coef)
end

function TestMakeRegression.test_a_random_state_goes_on_where_it_stood()
  local rs = RandomState(3)
  rs:randn()
  local X, y, coef = make_regression { n_samples = 3, n_features = 2, n_informative = 0, noise = 2,
                                       bias = 10, random_state = rs }
  assert_bits(X, golden.state_X)
  assert_near(y, golden.state_y)
  lu.assertNil(coef)
  lu.assertEquals(rs:randn(), golden.state_next)
end

function TestMakeRegression.test_effective_rank()
  local X, y, coef = make_regression { n_samples = 10, n_features = 5, n_informative = 3,
                                       effective_rank = 2, tail_strength = 0.7, noise = 0.1,
                                       coef = true, random_state = 5 }
  assert_near(X, golden.low_rank_X)
  assert_near(y, golden.low_rank_y)
  assert_bits(coef, golden.low_rank_coef)
end

function TestMakeRegression.test_the_defaults_are_scikit_learns()
  local X, y, coef = make_regression { random_state = 0, coef = true }
  lu.assertEquals({ X.shape, y.shape }, { { 100, 100 }, { 100 } })
  lu.assertEquals(coef:ne(0):sum():item(), 10)
  assert_near(y, (X:matmul(coef:reshape { 100, 1 })):reshape { 100 }:totable())
end

function TestMakeRegression.test_without_a_random_state_each_call_differs()
  local first, second = make_regression { n_samples = 2, n_features = 1 },
    make_regression { n_samples = 2, n_features = 1 }
  lu.assertFalse(first:identical(second))
  seed(3)
  first = make_regression()
  seed(3)
  second = make_regression {}
  lu.assertTrue(first:identical(second))
end

TestMakeRegressionErrors = {}

function TestMakeRegressionErrors.test_unknown_options()
  assert_error('make_regression: unknown option "n_sample", did you mean "n_samples"?',
    { n_sample = 3 })
  assert_error('make_regression: unknown option "seed"', { seed = 3 })
  assert_error("make_regression: every option has a name, got the number 100 without one", { 100 })
  assert_error("make_regression: options must be a table, got the number 100", 100)
end

function TestMakeRegressionErrors.test_wrong_types()
  assert_error('make_regression: n_samples must be a whole number, got the string "10"',
    { n_samples = "10" })
  assert_error("make_regression: n_features must be a whole number, got the number 2.5",
    { n_features = 2.5 })
  assert_error("make_regression: noise must be a number, got true", { noise = true })
  assert_error("make_regression: shuffle must be a boolean, got the number 0", { shuffle = 0 })
  assert_error("make_regression: coef must be a boolean, got the number 1", { coef = 1 })
  assert_error("make_regression: bias must be a number, got a tensor [2]", { bias = core.zeros(2) })
  assert_error("make_regression: random_state must be a RandomState, a whole number from 0 to "
    .. "4294967295, or a list of them, got the number -1", { random_state = -1 })
  assert_error('got the string "1"', { random_state = "1" })
  assert_error("make_regression: entry 1 of random_state must be a whole number", { random_state = { -1 } })
  assert_error("got an empty table", { random_state = {} })
end

function TestMakeRegressionErrors.test_values_outside()
  assert_error("make_regression: n_samples must be 1 or more, got the number 0", { n_samples = 0 })
  assert_error("make_regression: n_features must be 1 or more, got the number -2", { n_features = -2 })
  assert_error("make_regression: n_informative must be 0 or more, got the number -1",
    { n_informative = -1 })
  assert_error("make_regression: n_targets must be 1 or more, got the number 0", { n_targets = 0 })
  assert_error("make_regression: effective_rank must be 1 or more, got the number 0",
    { effective_rank = 0 })
  assert_error("make_regression: tail_strength must be a number from 0 to 1, got the number 1.5",
    { tail_strength = 1.5 })
  assert_error("make_regression: noise must be a finite number not below 0, got the number -0.1",
    { noise = -0.1 })
  assert_error("make_regression: noise must be a finite number not below 0", { noise = 0 / 0 })
  assert_error("make_regression: bias must be a finite number", { bias = math.huge })
end

function TestMakeRegressionErrors.test_too_large()
  lu.assertFalse(pcall(make_regression, { n_samples = 1 << 40, n_features = 1 << 40 }))
  lu.assertFalse(pcall(make_regression, { n_samples = 1 << 62, n_features = 1 }))
  lu.assertFalse(pcall(make_regression, { n_samples = 2, n_features = 2, n_targets = 1 << 61 }))
end

-- The scalers and train_test_split give what scikit-learn's give.

local lu = require "luaunit"
local core = require "gradus.core"

local golden = dofile "tests/golden/data.lua"

local function float64(values) return core.tensor(values, "float64") end

-- Each number to 1e-12 of itself or of 1, nan to nan.
local function assert_near(came, expected, tolerance)
  expected = float64(expected)
  lu.assertEquals(came.shape, expected.shape)
  local both_nan = came:ne(came) * expected:ne(expected)
  local close = (came - expected):abs():le(expected:abs():maximum(1) * (tolerance or 1e-12))
  lu.assertEquals(close:maximum(both_nan):min():item(), 1, ("got\n%s\nexpected\n%s"):format(came, expected))
end

local function assert_error(message, f, ...)
  local succeeded, came = pcall(f, ...)
  lu.assertFalse(succeeded, "no error: " .. message)
  lu.assertStrContains(came, message)
  lu.assertNotStrContains(came, "gradus.")
end

-- StandardScaler ---------------------------------------------------------------------------------

TestStandardScaler = {}

function TestStandardScaler.test_equals_scikit_learn()
  local X = float64(golden.scaled_X)
  local scaler = StandardScaler()
  lu.assertIs(scaler:fit(X), scaler)
  assert_near(scaler.mean_, golden.standard_mean)
  -- The variance of numbers near 1e6 keeps ten digits; of constant columns nothing but rounding.
  assert_near(scaler.var_, golden.standard_var, 1e-10)
  assert_near(scaler.scale_, golden.standard_scale, 1e-10)
  assert_near(scaler:transform(X), golden.standard_Z, 1e-9)
  lu.assertEquals({ scaler.n_samples_seen_, scaler.n_features_in_ }, { 12, 5 })
end

function TestStandardScaler.test_the_result_has_mean_0_and_variance_1()
  local Z = StandardScaler():fit_transform(RandomState(1):normal(7, 3, { 200, 4 }))
  lu.assertTrue(Z:mean(1):abs():max() < 1e-14)
  lu.assertTrue((Z:var(1) - 1):abs():max() < 1e-13)
end

function TestStandardScaler.test_there_and_back()
  local X = RandomState(1):uniform(-100, 300, { 50, 3 })
  local scaler = StandardScaler()
  assert_near(scaler:inverse_transform(scaler:fit_transform(X)), X:totable())
end

function TestStandardScaler.test_a_constant_feature_keeps_scale_1()
  local scaler = StandardScaler():fit(core.full({ 5, 1 }, 0.1, "float64"))
  lu.assertEquals(scaler.scale_:totable(), { 1 })
  lu.assertTrue(scaler:transform(core.full({ 5, 1 }, 0.1, "float64")):abs():max() < 1e-15)
  lu.assertEquals(StandardScaler():fit(core.tensor { { 3, 4 } }).scale_:totable(), { 1, 1 })
end

function TestStandardScaler.test_a_list_of_targets_is_one_feature()
  local y = RandomState(1):normal(50, 20, 30)
  local scaler = StandardScaler():fit(y)
  local z = scaler:transform(y)
  lu.assertEquals({ z.shape, scaler.mean_.shape, scaler.n_features_in_ }, { { 30 }, { 1 }, 1 })
  assert_near(z, ((y - y:mean()) / y:std()):totable())
  local predictions = z:reshape { 30, 1 }
  lu.assertEquals(scaler:inverse_transform(predictions).shape, { 30, 1 })
  assert_near(scaler:inverse_transform(predictions):reshape { 30 }, y:totable())
end

function TestStandardScaler.test_computed_in_float64_with_the_type_of_what_came()
  local X = RandomState(1):normal(1000, 1, { 100, 2 })
  local scaler = StandardScaler():fit(X:cast "float32")
  lu.assertEquals({ scaler.mean_.dtype, scaler.scale_.dtype }, { "float64", "float64" })
  local Z = scaler:transform(X:cast "float32")
  lu.assertEquals(Z.dtype, "float32")
  lu.assertTrue(Z:identical(scaler:transform(X:cast "float32":cast "float64"):cast "float32"))
  lu.assertEquals(scaler:transform(X).dtype, "float64")
end

function TestStandardScaler.test_options()
  local X = RandomState(1):normal(5, 2, { 20, 2 })
  local no_mean, no_std = StandardScaler { with_mean = false }, StandardScaler { with_std = false }
  assert_near(no_mean:fit_transform(X), (X / X:std(1)):totable())
  assert_near(no_mean:inverse_transform(X), (X * X:std(1)):totable())
  assert_near(no_std:fit_transform(X), (X - X:mean(1)):totable())
  lu.assertNil(no_std.scale_)
  lu.assertNil(no_std.var_)
  local neither = StandardScaler { with_mean = false, with_std = false }
  lu.assertTrue(neither:fit_transform(X):identical(X))
  lu.assertNil(neither.mean_)
end

function TestStandardScaler.test_fit_begins_anew()
  local scaler = StandardScaler():fit(core.zeros(4, 3))
  scaler:fit(core.tensor { 1, 3 })
  lu.assertEquals({ scaler.mean_:totable(), scaler.n_features_in_, scaler.n_samples_seen_ },
    { { 2 }, 1, 2 })
end

function TestStandardScaler.test_nan_is_passed_over_in_fit_and_handed_on()
  local X = float64(golden.gaps_X)
  local scaler = StandardScaler():fit(X)
  assert_near(scaler.mean_, golden.gaps_mean)
  assert_near(scaler.var_, golden.gaps_var, 1e-10)
  lu.assertEquals(scaler.n_samples_seen_:totable(), golden.gaps_seen)
  assert_near(scaler:transform(X), golden.gaps_Z, 1e-9)
  local nothing = StandardScaler():fit(core.full({ 3, 2 }, 0 / 0))
  lu.assertEquals(nothing.mean_:ne(nothing.mean_):sum():item(), 2)
end

function TestStandardScaler.test_a_view_and_a_tensor_with_history_can_be_scaled()
  local X = RandomState(1):randn(20, 4)
  local part = X[{ { 1, 20, 2 }, { 2, 3 } }]
  lu.assertTrue(StandardScaler():fit_transform(part):identical(
    StandardScaler():fit_transform(part:clone())))
  local w = core.tensor({ 1, 2, 6 }, { requires_grad = true })
  local scaler = StandardScaler():fit(w * 2)
  lu.assertFalse(scaler.mean_.requires_grad)
  scaler:transform(w):sum():backward()
  assert_near(w.grad:cast "float64" * scaler.scale_, { 1, 1, 1 }, 1e-6)
end

-- MinMaxScaler -----------------------------------------------------------------------------------

TestMinMaxScaler = {}

function TestMinMaxScaler.test_equals_scikit_learn()
  local X = float64(golden.scaled_X)
  local scaler = MinMaxScaler { feature_range = { -1, 3 } }
  local Z = scaler:fit_transform(X)
  lu.assertTrue(scaler.data_min_:identical(float64(golden.min_max_data_min)))
  lu.assertTrue(scaler.data_max_:identical(float64(golden.min_max_data_max)))
  lu.assertTrue(scaler.scale_:identical(float64(golden.min_max_scale)))
  lu.assertTrue(scaler.min_:identical(float64(golden.min_max_min)))
  lu.assertTrue(Z:identical(float64(golden.min_max_Z)))
  lu.assertTrue(scaler.data_range_:identical(scaler.data_max_ - scaler.data_min_))
  assert_near(MinMaxScaler():fit_transform(float64(golden.gaps_X)), golden.gaps_min_max_Z)
end

function TestMinMaxScaler.test_there_and_back()
  local X = RandomState(1):uniform(-100, 300, { 50, 3 })
  local scaler = MinMaxScaler()
  local Z = scaler:fit_transform(X)
  lu.assertAlmostEquals(Z:min():item(), 0, 1e-15)
  lu.assertAlmostEquals(Z:max():item(), 1, 1e-15)
  assert_near(scaler:inverse_transform(Z), X:totable())
  lu.assertEquals(scaler:transform(X:cols(1, 3):cast "float32").dtype, "float32")
end

function TestMinMaxScaler.test_clip()
  local scaler = MinMaxScaler { clip = true }:fit(core.tensor { 0, 10 })
  lu.assertEquals(scaler:transform(core.tensor { -5, 5, 20 }):totable(), { 0, 0.5, 1 })
  lu.assertEquals(MinMaxScaler():fit(core.tensor { 0, 10 }):transform(core.tensor { -5, 20 }):totable(),
    { -0.5, 2 })
end

function TestMinMaxScaler.test_a_range_of_0_counts_as_1()
  local scaler = MinMaxScaler():fit(core.tensor { 4, 4 })
  lu.assertEquals(scaler.scale_:totable(), { 1 })
  lu.assertEquals(scaler:transform(core.tensor { 4, 6 }):totable(), { 0, 2 })
end

function TestMinMaxScaler.test_feature_range_is_copied()
  local range = { 0, 1 }
  local scaler = MinMaxScaler { feature_range = range }
  range[2] = "x"
  lu.assertEquals(scaler:fit_transform(core.tensor { 1, 2 }):totable(), { 0, 1 })
end

TestScalerErrors = {}

function TestScalerErrors.test_options()
  assert_error('StandardScaler: unknown option "with_means", did you mean "with_mean"?',
    StandardScaler, { with_means = true })
  assert_error("StandardScaler: with_std must be a boolean, got the number 1", StandardScaler,
    { with_std = 1 })
  assert_error("StandardScaler: options must be a table, got a tensor [2]", StandardScaler, core.zeros(2))
  assert_error("MinMaxScaler: feature_range must be a table, got the number 1", MinMaxScaler,
    { feature_range = 1 })
  assert_error("MinMaxScaler: feature_range must be {low, high}, got a table of 3 entries",
    MinMaxScaler, { feature_range = { 1, 2, 3 } })
  assert_error("MinMaxScaler: feature_range must be {low, high}, got a table of 1 entry",
    MinMaxScaler, { feature_range = { 1 } })
  assert_error('MinMaxScaler: an end of feature_range must be a number, got the string "1"',
    MinMaxScaler, { feature_range = { 0, "1" } })
  for _, range in ipairs { { 1, 0 }, { 1, 1 }, { 0, 0 / 0 }, { 0, math.huge } } do
    assert_error("MinMaxScaler: feature_range must go from a lower to a higher finite number",
      MinMaxScaler, { feature_range = range })
  end
  assert_error('MinMaxScaler: unknown option "range"', MinMaxScaler, { range = { 0, 1 } })
end

function TestScalerErrors.test_data()
  for _, new in ipairs { StandardScaler, MinMaxScaler } do
    local scaler = new()
    local name = getmetatable(scaler).__name
    assert_error(name .. ".fit: X must be a tensor of shape [n] or [n, k], got nothing", scaler.fit, scaler)
    assert_error("got a table", scaler.fit, scaler, { 1, 2 })
    assert_error("got a tensor [2, 2, 2]", scaler.fit, scaler, core.zeros(2, 2, 2))
    assert_error("got a tensor []", scaler.fit, scaler, core.tensor(1))
    assert_error(name .. ".fit: X must be a tensor with at least one element, got a tensor [0, 3]",
      scaler.fit, scaler, core.zeros(0, 3))
    assert_error("with at least one element, got a tensor [3, 0]", scaler.fit, scaler, core.zeros(3, 0))
    assert_error(name .. ".fit: X must not hold infinity (X is [2])", scaler.fit, scaler,
      core.tensor { 1, -math.huge })
    assert_error(name .. ".transform: the scaler is not fitted yet, call fit first", scaler.transform,
      scaler, core.zeros(2))
    scaler:fit(core.zeros(4, 3))
    assert_error(name .. ".transform: X has 2 features, the scaler was fitted on 3 (X is [4, 2])",
      scaler.transform, scaler, core.zeros(4, 2))
    assert_error(name .. ".inverse_transform: X has 1 feature, the scaler was fitted on 3 (X is [3])",
      scaler.inverse_transform, scaler, core.zeros(3))
    assert_error("X must be a tensor of shape [n] or [n, k], got the number 3", scaler.transform, scaler, 3)
    assert_error("at least one element", scaler.transform, scaler, core.zeros(0, 3))
  end
end

function TestScalerErrors.test_a_failed_fit_changes_nothing()
  local scaler = StandardScaler():fit(core.tensor { 1, 3 })
  lu.assertFalse(pcall(scaler.fit, scaler, core.tensor { 1, math.huge }))
  lu.assertEquals({ scaler.mean_:totable(), scaler.n_features_in_ }, { { 2 }, 1 })
end

function TestScalerErrors.test_names_and_selves()
  local scaler = StandardScaler()
  assert_error('StandardScaler: there is no "mean", did you mean "mean_"?',
    function() return scaler.mean end)
  assert_error('StandardScaler: there is no "fit_transfrom", did you mean "fit_transform"?',
    function() return scaler:fit_transfrom(core.zeros(2)) end)
  lu.assertNil(scaler.mean_)
  for _, method in ipairs { "fit", "transform", "fit_transform", "inverse_transform" } do
    assert_error(("StandardScaler.%s: argument 1 must be a StandardScaler, got a tensor [2]"):format(method),
      scaler[method], core.zeros(2))
    assert_error(("StandardScaler.%s: argument 1 must be a StandardScaler, got a MinMaxScaler"):format(method),
      scaler[method], MinMaxScaler(), core.zeros(2))
  end
end

-- train_test_split -------------------------------------------------------------------------------

TestTrainTestSplit = {}

function TestTrainTestSplit.test_the_rows_are_scikit_learns()
  local rows = core.range(23)
  for i, options in ipairs {
    { random_state = 0 },
    { random_state = 1, test_size = 0.33 },
    { random_state = 2, test_size = 5 },
    { random_state = 3, train_size = 0.5 },
    { random_state = 4, train_size = 7 },
    { random_state = 5, test_size = 3, train_size = 0.4 },
    { random_state = RandomState(6), test_size = 0.2, train_size = 0.3 },
  } do
    local train, test = train_test_split(rows, options)
    lu.assertEquals(train:totable(), golden.splits[i][1])
    lu.assertEquals(test:totable(), golden.splits[i][2])
  end
end

function TestTrainTestSplit.test_in_order()
  local train, test = train_test_split(core.range(23), { shuffle = false, test_size = 0.3 })
  lu.assertEquals(train:totable(), golden.split_in_order[1])
  lu.assertEquals(test:totable(), golden.split_in_order[2])
end

function TestTrainTestSplit.test_all_tensors_are_divided_alike()
  local X = core.range(20):reshape { 10, 2 }
  local y, z = X[{ {}, 1 }]:cast "float32", X:reshape { 10, 1, 2 }
  local X_train, X_test, y_train, y_test, z_train, z_test = train_test_split(X, y, z, { random_state = 3 })
  lu.assertEquals({ X_train.shape, X_test.shape, z_test.shape }, { { 7, 2 }, { 3, 2 }, { 3, 1, 2 } })
  lu.assertEquals(y_train:totable(), X_train[{ {}, 1 }]:totable())
  lu.assertEquals(y_test:totable(), X_test[{ {}, 1 }]:totable())
  lu.assertEquals(z_train:reshape { 7, 2 }:totable(), X_train:totable())
  lu.assertEquals({ y_train.dtype, X_train.dtype }, { "float32", "float64" })
end

function TestTrainTestSplit.test_the_parts_are_copies()
  local x = core.range(4)
  local train = train_test_split(x, { shuffle = false, test_size = 2 })
  train:fill(0)
  lu.assertEquals(x:totable(), { 1, 2, 3, 4 })
end

function TestTrainTestSplit.test_without_options_a_quarter_is_for_the_test_and_each_split_differs()
  local x = core.range(100)
  local train, test = train_test_split(x)
  lu.assertEquals({ #train, #test }, { 75, 25 })
  lu.assertFalse(train:identical((train_test_split(x))))
  seed(1)
  local first = train_test_split(x)
  seed(1)
  lu.assertTrue(first:identical((train_test_split(x))))
end

function TestTrainTestSplit.test_errors()
  local x = core.range(10)
  local function refuses(message, ...) assert_error("train_test_split: " .. message, train_test_split, ...) end
  refuses("argument 1 must be a tensor, got nothing")
  refuses("argument 1 must be a tensor, got nothing", {})
  refuses("argument 1 must be a tensor with rows, got the number 3", 3)
  refuses("argument 2 must be a tensor with rows, got a table", x, { 1, 2 }, x)
  refuses("argument 2 must be a tensor with rows, got nothing", x, nil)
  refuses("argument 1 must be a tensor with rows, got a tensor []", core.tensor(1))
  refuses("all tensors must have the same number of rows, argument 1 is [10], argument 2 is [9, 2]", x,
    core.zeros(9, 2))
  refuses('unknown option "testsize", did you mean "test_size"?', x, { testsize = 0.3 })
  refuses("test_size must be a share between 0 and 1 or a number of rows from 1 to 9, got the number 0",
    x, { test_size = 0 })
  for _, size in ipairs { -1, 10, 1.5, 0 / 0, "0.3", true } do
    refuses("test_size must be a share between 0 and 1 or a number of rows", x, { test_size = size })
    refuses("train_size must be a share between 0 and 1 or a number of rows", x, { train_size = size })
  end
  refuses("test_size and train_size must not sum to more than 1, got 0.6 and 0.7", x,
    { test_size = 0.6, train_size = 0.7 })
  refuses("6 train rows and 5 test rows are more than the 10 that there are", x,
    { test_size = 5, train_size = 6 })
  refuses("no row is left for the train part (there are 10, 10 in the test part)", x,
    { test_size = 0.95 })
  refuses("no row is left for the train part (there are 1, 1 in the test part)", core.range(1))
  refuses("no row is left for the train part", core.zeros(0, 3))
  refuses("shuffle must be a boolean, got the number 1", x, { shuffle = 1 })
  refuses("random_state must be a RandomState, a whole number", x, { random_state = -1 })
end

-- batches ----------------------------------------------------------------------------------------

TestBatches = {}

function TestBatches.test_y_may_be_left_out()
  local sizes = {}
  for x_batch, y_batch in batches(ones(5, 3), { batch_size = 2 }) do
    lu.assertNil(y_batch)
    sizes[#sizes + 1] = #x_batch
  end
  lu.assertEquals(sizes, { 2, 2, 1 })
  assert_error('batches: unknown option "batchsize", did you mean "batch_size"?', batches, ones(2, 3),
               { batchsize = 2 })
end

function TestBatches.test_what_is_no_y()
  local message = "batches: y must be a tensor or nil, got "
  assert_error(message .. "a table", batches, ones(2, 3), { 1, 2 })
  assert_error(message .. "a table", batches, ones(2, 3), { batch_size = 1 }, { batch_size = 1 })
  assert_error(message .. "a model", batches, ones(2, 3), Sequential {})
end

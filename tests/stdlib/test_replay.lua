-- Recorded and replayed steps against eager ones and against a loop of one's own: the same bits
-- wherever a step can be replayed, and no replay where it cannot.

local lu = require "luaunit"
local core = require "gradus.core"

local FEATURES, ROWS = 5, 90

local function data()
  local rs = RandomState(7)
  local X = rs:normal(0, 1, { ROWS, FEATURES })
  local y = X:sum(2) * 3 + rs:normal(0, 0.5, { ROWS })
  return X, y
end

-- Layers and losses written in Lua

local function scaled_layer()
  return {
    build = function(self, input_shape)
      self.scale = self:add_weight { name = "scale", shape = { input_shape[#input_shape] },
                                     initializer = "ones" }
      self.shift = self:add_weight { name = "shift", shape = { input_shape[#input_shape] },
                                     initializer = "zeros" }
    end,
    call = function(self, x) return (x * self.scale + self.shift):tanh() end,
  }
end

local function half_squared_error(y_true, y_pred)
  local e = y_pred - y_true
  return (e * e):mean() * 0.5
end

local function built_in_layers()
  return { Dense { 7, input_dim = FEATURES, activation = "relu", kernel_initializer = "he_uniform" },
           Dense { 4, activation = "tanh" }, Dense { 3, activation = "sigmoid", use_bias = false },
           Dense { 1 } }
end

local function lua_layers()
  return { Dense { 7, input_dim = FEATURES, activation = "relu" }, scaled_layer(),
           function(x) return x:relu() + x * 0.1 end, Dense { 1 } }
end

-- A fresh model of the same numbers each time. `case` has layers, loss, optimizer, dtype.
local function build(case, run_eagerly)
  seed(11)
  local layers = case.layers()
  layers.dtype = case.dtype
  local model = Sequential(layers)
  model:compile { loss = case.loss or "mse", optimizer = SGD(case.optimizer or { lr = 0.01 }),
                  run_eagerly = run_eagerly }
  return model
end

local function train(case, run_eagerly, callbacks)
  local model = build(case, run_eagerly)
  local X, y = data()
  local history = model:fit(X, y, { epochs = case.epochs or 4, batch_size = case.batch_size or 16,
                                    verbose = 0, callbacks = callbacks, warn_nonfinite = false })
  return model, history
end

local function assert_same_bits(a, b, what)
  lu.assertEquals(#a, #b)
  for i = 1, #a do
    lu.assertTrue(a[i]:identical(b[i]), ("%s: weight %d differs, by at most %g"):format(what, i,
      (a[i] - b[i]):abs():max():item()))
  end
end

local function assert_same_losses(a, b, what)
  lu.assertTrue(a.steps.loss:identical(b.steps.loss), what .. ": the losses of the steps differ")
  lu.assertTrue(a.steps.grad_norm:identical(b.steps.grad_norm), what .. ": the norms differ")
  lu.assertTrue(a.steps.clip_scale:identical(b.steps.clip_scale), what .. ": the scales differ")
  lu.assertTrue(a.steps.cut:identical(b.steps.cut), what .. ": the cuts differ")
  lu.assertTrue(tensor(a.loss, "float64"):identical(tensor(b.loss, "float64")),
    what .. ": the losses of the epochs differ")
end

local function is_replayed(model)
  local text = tostring(model)
  return text:find("Steps: recorded once, then replayed", 1, true) ~= nil
end

-- What standard error gets while f runs, kept off the screen.
local function without_stderr(f)
  local kept, written = io.stderr, {}
  rawset(io, "stderr", { write = function(_, ...)
    for _, text in ipairs { ... } do written[#written + 1] = text end
  end })
  local succeeded, message = pcall(f)
  rawset(io, "stderr", kept)
  if not succeeded then error(message, 0) end
  return table.concat(written)
end

local function loop_by_hand(case)
  local model = build(case)
  local X, y = data()
  local losses, epochs = {}, {}
  for _ = 1, case.epochs or 4 do
    local sum = 0.0
    for xb, yb in batches(X, y, { batch_size = case.batch_size or 16, model = model }) do
      local loss = (case.loss or mean_squared_error)(yb, model(xb))
      loss:backward()
      model.optimizer:apply(model)
      losses[#losses + 1] = loss:item()
      sum = sum + loss:item() * #xb
    end
    epochs[#epochs + 1] = sum / ROWS
  end
  return model, losses, epochs
end

-- Eager, replayed and by hand.
local function check_three_ways(what, case)
  local replayed, history = train(case)
  local eager, eager_history = train(case, true)
  lu.assertTrue(is_replayed(replayed), what .. ": is not replayed: " .. tostring(replayed))
  lu.assertStrContains(tostring(eager), "eager, as compile asked")
  assert_same_bits(replayed:get_weights(), eager:get_weights(), what .. ", replayed and eager")
  assert_same_losses(history, eager_history, what .. ", replayed and eager")
  local by_hand, losses, epochs = loop_by_hand(case)
  assert_same_bits(replayed:get_weights(), by_hand:get_weights(), what .. ", replayed and by hand")
  lu.assertTrue(history.steps.loss:identical(tensor(losses, "float64")), what .. ": losses by hand")
  lu.assertEquals(history.loss, epochs)
  local start = build(case)
  lu.assertFalse(start:get_weights()[1]:identical(replayed:get_weights()[1]))
end

TestSameBits = {}

local optimizers = {
  plain = { lr = 0.01 },
  momentum = { lr = 0.01, momentum = 0.9 },
  nesterov = { lr = 0.01, momentum = 0.9, nesterov = true },
  clipnorm = { lr = 0.01, momentum = 0.9, clipnorm = 0.5 },
  global_clipnorm = { lr = 0.05, global_clipnorm = 1 },
  clipvalue = { lr = 0.02, clipvalue = 0.3 },
  clipvalue_range = { lr = 0.02, clipvalue = { -0.1, 0.4 }, momentum = 0.5 },
  norm_then_value = { lr = 0.02, clipnorm = 1, clipvalue = 0.2, nesterov = true, momentum = 0.8 },
  weight_decay = { lr = 0.02, weight_decay = 0.1, momentum = 0.3 },
}

for name, optimizer in pairs(optimizers) do
  for _, dtype in ipairs { "float32", "float64" } do
    TestSameBits["test_built_in_" .. name .. "_" .. dtype] = function()
      check_three_ways(name, { layers = built_in_layers, optimizer = optimizer, dtype = dtype })
    end
    TestSameBits["test_written_in_lua_" .. name .. "_" .. dtype] = function()
      check_three_ways(name, { layers = lua_layers, loss = half_squared_error, optimizer = optimizer,
                               dtype = dtype })
    end
  end
end

function TestSameBits.test_batches_that_divide_the_rows()
  check_three_ways("45 rows", { layers = lua_layers, batch_size = 45 })
  check_three_ways("all rows", { layers = built_in_layers, batch_size = 90 })
  check_three_ways("more than all rows", { layers = built_in_layers, batch_size = 1000 })
  check_three_ways("one row", { layers = built_in_layers, batch_size = 1, epochs = 2 })
end

function TestSameBits.test_a_last_batch_of_one_row()
  check_three_ways("89 and 1", { layers = lua_layers, batch_size = 89 })
end

function TestSameBits.test_the_mean_absolute_error()
  check_three_ways("mae", { layers = built_in_layers, loss = mean_absolute_error })
end

function TestSameBits.test_without_shuffling()
  local X, y = data()
  local case = { layers = lua_layers, optimizer = { lr = 0.01, momentum = 0.9 } }
  local fitted, by_hand = build(case), build(case)
  fitted:fit(X, y, { epochs = 3, batch_size = 32, shuffle = false, verbose = 0 })
  for _ = 1, 3 do
    for xb, yb in batches(X, y, { batch_size = 32, shuffle = false }) do
      mean_squared_error(yb, by_hand(xb)):backward()
      by_hand.optimizer:apply(by_hand)
    end
  end
  assert_same_bits(fitted:get_weights(), by_hand:get_weights(), "without shuffling")
end

function TestSameBits.test_steps_with_a_callback_at_each()
  local case = { layers = lua_layers, dtype = "float64", optimizer = { lr = 0.01, momentum = 0.9 } }
  local _, plain = train(case)
  local model, called = train(case, false, { { on_train_batch_end = function() end } })
  lu.assertTrue(is_replayed(model))
  assert_same_losses(plain, called, "with a callback")
end

-- Epochs that nobody is told of run in the core, one after the other.
local function check_epochs_alone_and_told(what, optimizer, options)
  local X, y = data()
  local idle = { on_epoch_end = function() end }
  local function fit(callbacks)
    local model = build { layers = built_in_layers, optimizer = optimizer }
    options.callbacks, options.verbose, options.warn_nonfinite = callbacks, 0, false
    local first = model:fit(X, y, options)
    return model, first, model:fit(X, y, options)
  end
  local alone, alone_first, alone_second = fit {}
  local told, told_first, told_second = fit { idle }
  assert_same_bits(alone:get_weights(), told:get_weights(), what)
  for _, pair in ipairs { { alone_first, told_first }, { alone_second, told_second } } do
    assert_same_losses(pair[1], pair[2], what)
    lu.assertTrue(tensor(pair[1].val_loss or {}, "float64"):identical(tensor(pair[2].val_loss or {}, "float64")),
      what .. ": the validation differs")
    lu.assertEquals(pair[1].epoch, pair[2].epoch)
    lu.assertEquals(pair[1].first_not_finite, pair[2].first_not_finite)
  end
  return alone_first
end

function TestSameBits.test_epochs_that_nobody_is_told_of()
  local clipped = { lr = 0.01, momentum = 0.9, clipnorm = 1 }
  check_epochs_alone_and_told("plain", clipped, { epochs = 7, batch_size = 16 })
  check_epochs_alone_and_told("validated", clipped, { epochs = 5, batch_size = 32, validation_split = 0.3 })
  check_epochs_alone_and_told("in order", clipped, { epochs = 5, batch_size = 30, shuffle = false })
  check_epochs_alone_and_told("one batch", clipped, { epochs = 5, batch_size = 1000 })
  local many = check_epochs_alone_and_told("more than the log has room for at first", clipped,
    { epochs = 2100, batch_size = 45 })
  lu.assertEquals({ many.steps.loss.size, #many.loss }, { 4200, 2100 })
  local wild = check_epochs_alone_and_told("running away", { lr = 8 },
    { epochs = 12, batch_size = 45, validation_split = 0.2 })
  lu.assertTrue(wild.first_not_finite.epoch > 2)
end

-- Of a large layer the optimizer takes the gradient while backward runs, but where somebody is told of
-- each step.
local function check_large_layers(what, optimizer, options)
  local rs = RandomState(5)
  local x, y = rs:normal(0, 1, { 170, 400 }):cast "float32", rs:normal(0, 1, { 170, 2 }):cast "float32"
  local x_kept, y_kept = rs:normal(0, 1, { 9, 400 }):cast "float32", rs:normal(0, 1, { 9, 2 }):cast "float32"
  local function fit(callbacks)
    local model = build { optimizer = optimizer, dtype = options.dtype, layers = options.layers or function()
      return { Dense { 350, input_dim = 400, activation = "relu" }, Dense { 2 } }
    end }
    local history = model:fit(x, y, { epochs = options.epochs or 2, batch_size = options.batch_size or 40, verbose = 0,
                                      callbacks = callbacks, validation_data = { x_kept, y_kept },
                                      warn_nonfinite = false })
    return model, history
  end
  local threads = num_threads()
  set_num_threads(2)
  local taken, taken_history = fit {}
  set_num_threads(threads)
  local told, told_history = fit { { on_train_batch_end = function() end } }
  assert_same_bits(taken:get_weights(), told:get_weights(), what)
  assert_same_losses(taken_history, told_history, what)
  local function assert_same_numbers(a, b)
    lu.assertTrue(tensor(a, "float64"):identical(tensor(b, "float64")), what)
  end
  assert_same_numbers(taken_history.val_loss, told_history.val_loss)
  for _, name in ipairs { "norms", "norms_after", "scales" } do
    assert_same_numbers(taken.optimizer.last_step[name], told.optimizer.last_step[name])
  end
  for i, weight in ipairs(taken.trainable_weights) do
    lu.assertTrue(weight.grad:identical(told.trainable_weights[i].grad), what .. ": a gradient differs")
  end
end

for _, name in ipairs { "plain", "nesterov", "clipnorm", "clipvalue_range", "weight_decay" } do
  TestSameBits["test_large_layers_" .. name] = function()
    check_large_layers(name, optimizers[name], {})
  end
end

function TestSameBits.test_large_layers_of_float64()
  check_large_layers("float64", { lr = 0.01, momentum = 0.9 }, { dtype = "float64" })
end

function TestSameBits.test_large_layers_in_batches_of_other_sizes()
  for _, size in ipairs { 12, 56, 169 } do
    check_large_layers(size .. " rows", { lr = 0.01, momentum = 0.9 }, { batch_size = size })
  end
end

function TestSameBits.test_large_layers_that_run_away()
  check_large_layers("running away", { lr = 100 }, {})
end

-- Here something reads a weight after its gradient was computed.
function TestSameBits.test_large_layers_whose_weights_are_used_twice()
  local function build_dense(self)
    self.kernel = self:add_weight { name = "kernel", shape = { 400, 400 } }
    self.bias = self:add_weight { name = "bias", shape = { 400 } }
  end
  local function tied()
    return {
      build = function(self)
        build_dense(self)
        self.back = self:add_weight { name = "back", shape = { 400 } }
      end,
      call = function(self, x) return x:dense(self.kernel, self.bias):dense(self.kernel.T, self.back) end,
    }
  end
  local function repeated()
    return {
      build = build_dense,
      call = function(self, x)
        for _ = 1, 3 do x = x:dense(self.kernel, self.bias, "tanh") end
        return x
      end,
    }
  end
  local function held()
    return {
      build = build_dense,
      call = function(self, x)
        return x:matmul(self.kernel:detach():cols(1, 400)):dense(self.kernel, self.bias)
      end,
    }
  end
  for _, layer in ipairs { tied, repeated, held } do
    check_large_layers("used twice", { lr = 0.01 }, { epochs = 1, batch_size = 25, layers = function()
      return { Dense { 400, input_dim = 400 }, layer(), Dense { 2 } }
    end })
  end
end

-- What callbacks change is seen by replayed steps as by eager ones.
local function check_changes(what, new_layers, new_callback)
  local rs = RandomState(1)
  local x, y = rs:randn(120, 6):cast "float32", rs:randn(120, 1):cast "float32"
  local function fit(eager)
    seed(1)
    local model = Sequential(new_layers())
    model:compile { loss = "mse", optimizer = SGD { lr = 0.01 }, run_eagerly = eager }
    return model, model:fit(x, y, { epochs = 3, batch_size = 10, verbose = 0, callbacks = { new_callback(model) } })
  end
  local replayed, history = fit(false)
  local eager, eager_history = fit(true)
  assert_same_losses(history, eager_history, what)
  assert_same_bits(replayed:get_weights(), eager:get_weights(), what)
  return replayed
end

function TestSameBits.test_layers_that_are_taken_away_or_change_places()
  local function three() return { Dense { 6, input_dim = 6 }, Dense { 6, activation = "tanh" }, Dense { 1 } } end
  local function at_the_end_of_the_first(change)
    return function(model)
      return { on_epoch_end = function(_, epoch) if epoch == 1 then change(model.layers) end end }
    end
  end
  check_changes("taken away", three, at_the_end_of_the_first(function(layers) table.remove(layers, 2) end))
  check_changes("other places", three, at_the_end_of_the_first(function(layers)
    layers[1], layers[2] = layers[2], layers[1]
  end))
end

function TestSameBits.test_numbers_that_a_callback_changes_in_a_layer()
  local function scaled()
    return { Dense { 1, input_dim = 6 }, { factor = 1, call = function(self, x) return x * self.factor end } }
  end
  local replayed = check_changes("a factor", scaled, function(model)
    return { on_train_batch_begin = function(_, batch) if batch > 4 then model.layers[2].factor = 0.5 end end }
  end)
  lu.assertStrContains(tostring(replayed), "recorded once, then replayed")
end

-- A batch names a row that is not there: the gradients are those of the step before.
function TestSameBits.test_large_layers_behind_a_layer_that_fails()
  local rows = RandomState(3):randn(10, 20):cast "float32"
  local x, y = full({ 320, 1 }, 3), RandomState(4):randn(320, 1)
  x[{ 315, 1 }] = 77
  local function fit(eager)
    seed(5)
    local model = Sequential {
      function(numbers) return rows:take(numbers:reshape(numbers.size) + 1) end,
      Dense { 500, input_dim = 20, activation = "relu" }, Dense { 400 }, Dense { 1 },
    }
    model:compile { loss = "mse", optimizer = SGD { lr = 0.01 }, run_eagerly = eager }
    lu.assertErrorMsgContains("index 78 at place 27 is no row", model.fit, model, x, y,
      { batch_size = 32, epochs = 1, verbose = 0, shuffle = false })
    return model
  end
  local replayed, eager = fit(false), fit(true)
  assert_same_bits(replayed:get_weights(), eager:get_weights(), "behind a layer that fails")
  lu.assertEquals(replayed.optimizer.last_step.norms_after, eager.optimizer.last_step.norms_after)
  for i, weight in ipairs(replayed.trainable_weights) do
    lu.assertTrue(weight.grad:identical(eager.trainable_weights[i].grad), "gradient " .. i .. " differs")
  end
end

function TestSameBits.test_a_model_that_runs_away()
  local case = { layers = built_in_layers, optimizer = { lr = 1e4 }, epochs = 3 }
  local replayed, history = train(case)
  local eager, eager_history = train(case, true)
  lu.assertEquals(tostring(history.loss[3]), "nan")
  assert_same_losses(history, eager_history, "running away")
  for i, weight in ipairs(replayed:get_weights()) do
    lu.assertTrue(weight:identical(eager:get_weights()[i]))
  end
end

function TestSameBits.test_strided_and_float64_data_in_a_float32_model()
  local rs = RandomState(3)
  local wide = rs:normal(0, 1, { FEATURES * 2, ROWS })
  local X = wide.T[{ {}, { 1, FEATURES * 2, 2 } }]
  local y = X:sum(2)
  local models = {}
  for i, x in ipairs { X, X:clone(), X:cast("float32") } do
    models[i] = build { layers = built_in_layers }
    models[i]:fit(x, y, { epochs = 2, verbose = 0 })
  end
  assert_same_bits(models[1]:get_weights(), models[2]:get_weights(), "strided")
  assert_same_bits(models[1]:get_weights(), models[3]:get_weights(), "cast")
end

-- What must not be replayed

TestNeverReplayedWrongly = {}

-- Train with a layer made anew by `make` eagerly and as fit chooses; the bits must be the same.
-- Returns the second model and what standard error got.
local function check_against_eager(make, options)
  options = options or {}
  local results, models, histories, warning = {}, {}, {}, nil
  for i, run_eagerly in ipairs { true, false } do
    math.randomseed(5)
    local layer, callbacks = make()
    local case = { layers = function()
      return { Dense { 6, input_dim = FEATURES, activation = "tanh" }, layer, Dense { 1 } }
    end, dtype = options.dtype, epochs = options.epochs, loss = options.loss,
      batch_size = options.batch_size }
    warning = without_stderr(function()
      models[i], histories[i] = train(case, run_eagerly, callbacks)
    end)
    results[i] = models[i]:get_weights()
  end
  assert_same_bits(results[1], results[2], "eager and chosen")
  assert_same_losses(histories[1], histories[2], "eager and chosen")
  return models[2], warning
end

local function check_eager(make, reason, options)
  local model, warning = check_against_eager(make, options)
  lu.assertFalse(is_replayed(model), "was replayed")
  lu.assertStrContains(tostring(model), "eager, because")
  if reason then lu.assertStrContains(tostring(model), reason) end
  return warning
end

local function reader(read)
  return function() return function(x) return x * read(x) end end
end

function TestNeverReplayedWrongly.test_a_layer_that_reads_an_element()
  check_eager(reader(function(x) return 1 + 0.01 * x[{ 1, 2 }] end), "read a number")
end

function TestNeverReplayedWrongly.test_a_layer_that_reads_an_item()
  check_eager(reader(function(x) return 1 + 0.01 * x:mean():item() end), "read a number")
end

function TestNeverReplayedWrongly.test_a_layer_that_reads_a_table()
  check_eager(reader(function(x) return 1 + 0.01 * x:totable()[1][1] end), "read numbers")
end

function TestNeverReplayedWrongly.test_a_layer_that_compares()
  check_eager(reader(function(x) return x:mean() > 0 and 1.1 or 0.9 end), "compared")
  check_eager(reader(function(x) return x:mean() <= x:max() and 1.1 or 0.9 end), "compared")
  check_eager(reader(function(x) return x == x:abs() and 1.1 or 0.9 end), "compared")
  check_eager(reader(function(x) return x:identical(x:abs()) and 1.1 or 0.9 end), "compared")
end

function TestNeverReplayedWrongly.test_a_layer_that_prints()
  check_eager(reader(function(x) return 1 + 0.001 * #tostring(x:mean()) end), "printed")
  check_eager(reader(function(x) return 1 + 0.001 * #("" .. x:mean()) end), "read a number")
  check_eager(reader(function(x) return 1 + 0.001 * #("%s"):format(x) end), "printed")
end

function TestNeverReplayedWrongly.test_a_layer_that_masks()
  check_eager(function()
    return function(x) return x * (1 + 0.001 * #x:mask(x:sum(2):gt(0))) end
  end, "mask")
end

function TestNeverReplayedWrongly.test_a_layer_that_loops_over_numbers()
  check_eager(function()
    return function(x)
      local sum = 0
      for _, number in ipairs(x[1]) do sum = sum + number end
      return x * (1 + 0.01 * sum)
    end
  end, "read a number")
end

function TestNeverReplayedWrongly.test_a_layer_that_uses_a_number_as_an_argument()
  check_eager(function()
    return function(x) return x:clip(-2, x:max()) end
  end, "read a number")
  check_eager(function() return function(x) return x + tensor(x:mean()) end end, "copied")
end

function TestNeverReplayedWrongly.test_a_layer_that_counts_its_steps()
  check_eager(function()
    return { steps = 0, call = function(self, x)
      self.steps = self.steps + 1
      return self.steps > 10 and x * 0.5 or x
    end }
  end, "it changes its own fields")
end

function TestNeverReplayedWrongly.test_a_layer_that_draws_from_math_random()
  check_eager(function()
    return function(x) return x * (1 + 0.1 * math.random()) end
  end, "random")
end

function TestNeverReplayedWrongly.test_a_layer_that_draws_behind_a_replaced_math_random()
  local original = math.random
  rawset(math, "random", function(...) return original(...) end)
  local succeeded, message = pcall(check_eager, function()
    return function(x) return x * (1 + 0.1 * original()) end
  end, "random")
  rawset(math, "random", original)
  if not succeeded then error(message, 0) end
end

function TestNeverReplayedWrongly.test_a_layer_that_draws_from_a_random_state()
  for _, draw in ipairs {
    function(rs, x) return rs:normal(0, 1, x.shape):cast(x.dtype) end,
    function(rs) return rs:uniform() end,
    function(rs) return rs:randint(5) end,
    function(rs) return rs:random_sample() end,
    function(rs) return rs:permutation(6):cast("float32") end,
  } do
    check_eager(function()
      local rs = RandomState(3)
      return function(x) return x * (1 + draw(rs, x) * 0.1) end
    end, "random")
  end
end

function TestNeverReplayedWrongly.test_a_layer_that_writes_into_a_tensor()
  check_eager(function()
    local count = zeros(1)
    return function(x)
      count:fill(count + 1)
      return x * (1 + 0.01 * count)
    end
  end, "wrote into a tensor")
  check_eager(function()
    local state = zeros(2)
    return function(x)
      state[1] = x:mean()
      return x * (1 + 0.01 * state:sum())
    end
  end, "")
end

function TestNeverReplayedWrongly.test_a_layer_that_counts_its_calls()
  local warning = check_eager(function()
    local calls = 0
    return function(x)
      calls = calls + 1
      return x * (1 + calls * 0.01)
    end
  end, "gave other numbers")
  lu.assertStrContains(warning, "epoch 1, step 2")
  lu.assertStrContains(warning, "depends on more than its tensors")
end

function TestNeverReplayedWrongly.test_a_loss_that_counts_its_calls()
  local calls
  check_eager(function()
    calls = 0
    return function(x) return x end
  end, "gave other numbers", { loss = function(y_true, y_pred)
    calls = calls + 1
    return mean_squared_error(y_true, y_pred) * (1 + calls * 0.01)
  end })
end

function TestNeverReplayedWrongly.test_a_layer_that_depends_on_the_epoch()
  local warning = check_eager(function()
    local slope = 1
    return function(x) return x * slope end,
      { { on_epoch_begin = function(_, epoch) slope = epoch > 2 and 0.5 or 1 end } }
  end, "gave other numbers")
  lu.assertStrContains(warning, "epoch 3, step 1")
end

function TestNeverReplayedWrongly.test_a_number_that_is_set_between_two_fits()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local slope = 1
    local model = build({ layers = function()
      return { Dense { 4, input_dim = FEATURES }, function(x) return x * slope end, Dense { 1 } }
    end }, run_eagerly)
    without_stderr(function()
      model:fit(X, y, { verbose = 0, batch_size = 30 })
      slope = 0.5
      model:fit(X, y, { verbose = 0, batch_size = 30 })
    end)
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "between two fits")
end

function TestNeverReplayedWrongly.test_a_layer_that_keeps_a_tensor_of_the_step_before()
  check_eager(function()
    local mean
    return function(x)
      local now = x:detach():mean(1)
      mean = mean and mean * 0.9 + now * 0.1 or now
      return x - mean
    end
  end, "gave other numbers", { dtype = "float64" })
end

function TestNeverReplayedWrongly.test_a_first_layer_that_keeps_the_batch_before()
  local X, y = data()
  local results = {}
  local function by_hand(model)
    for _ = 1, 3 do
      for xb, yb in batches(X, y, { batch_size = 30, model = model }) do
        mean_squared_error(yb, model(xb)):backward()
        model.optimizer:apply(model)
      end
    end
  end
  for i, train_it in ipairs {
    by_hand,
    function(model) model:fit(X, y, { epochs = 3, batch_size = 30, verbose = 0 }) end,
    function(model)
      model:compile { loss = "mse", optimizer = model.optimizer, run_eagerly = true }
      model:fit(X, y, { epochs = 3, batch_size = 30, verbose = 0 })
    end,
  } do
    local before
    local model = build { layers = function()
      return { function(x)
        local last = before or x
        before = x
        return #x == #last and x - last * 0.5 or x
      end, Dense { 1, input_dim = FEATURES } }
    end }
    model:predict(X:rows(1, 1))
    before = nil
    without_stderr(function() train_it(model) end)
    results[i] = model:get_weights()
  end
  assert_same_bits(results[1], results[2], "by hand and as fit chooses")
  assert_same_bits(results[1], results[3], "by hand and eager")
end

function TestNeverReplayedWrongly.test_a_layer_that_keeps_the_first_tensor_it_computed()
  check_eager(function()
    local first
    return function(x)
      first = first or x:detach():mean(1)
      return x - first
    end, { { on_train_begin = function() first = nil end } }
  end, "gave other numbers")
end

function TestNeverReplayedWrongly.test_a_layer_that_reads_its_gradient()
  check_eager(function()
    local layer = scaled_layer()
    layer.call = function(self, x)
      local gradient = self.scale.grad
      return x * (gradient and self.scale + gradient * 0.1 or self.scale) + self.shift
    end
    return layer
  end, "read a gradient")
end

function TestNeverReplayedWrongly.test_a_loss_that_reads_the_optimizer()
  local X, y = data()
  local weights, model = {}, nil
  for i, run_eagerly in ipairs { true, false } do
    local optimizer = SGD { lr = 0.01 }
    seed(1)
    model = Sequential { Dense { 1, input_dim = FEATURES } }
    model:compile { optimizer = optimizer, run_eagerly = run_eagerly, loss = function(y_true, y_pred)
      return mean_squared_error(y_true, y_pred) * (1 + optimizer.lr)
    end }
    model:fit(X, y, { epochs = 3, verbose = 0, callbacks = { {
      on_train_batch_end = function() optimizer.lr = optimizer.lr * 0.9 end } } })
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "a loss of the learning rate")
  lu.assertStrContains(tostring(model), "read a field of the optimizer")
end

function TestNeverReplayedWrongly.test_a_layer_that_trains_another_model()
  check_eager(function()
    local other = Sequential { Dense { 6, input_dim = 6 } }
    other:compile { loss = "mse", optimizer = SGD { lr = 0.001 } }
    return function(x)
      local fixed = x:detach()
      other:fit(fixed, fixed, { verbose = 0, shuffle = false, batch_size = 8 })
      return x + other:predict(fixed) * 0.01
    end
  end, "it trained a model", { epochs = 2 })
end

function TestNeverReplayedWrongly.test_a_layer_with_two_backwards()
  check_eager(function()
    return function(x)
      if #x == 1 then return x end  -- the model is being built
      local inner = tensor({ 1, 2, 3, 4, 5, 6 }, { requires_grad = true })
      ;(inner * x:detach():mean(1)):sum():backward()
      return x
    end
  end, "")
end

function TestNeverReplayedWrongly.test_a_dense_layer_whose_call_was_replaced()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local slope = 1
    local model = build({ layers = built_in_layers }, run_eagerly)
    local dense = model.layers[2]
    local call = dense.call
    dense.call = function(self, x) return call(self, x) * slope end
    without_stderr(function()
      model:fit(X, y, { epochs = 4, verbose = 0, callbacks = { {
        on_epoch_begin = function(_, epoch) slope = 1 / epoch end } } })
    end)
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "a replaced call")
end

-- What is replayed, and right

TestReplayed = {}

local function check_replayed(make, options)
  local model, warning = check_against_eager(make, options)
  lu.assertTrue(is_replayed(model), tostring(model))
  lu.assertEquals(warning, "")
end

function TestReplayed.test_a_tensor_of_rank_0_that_a_callback_fills_each_epoch()
  check_replayed(function()
    local slope = tensor(1)
    return function(x) return x * slope end,
      { { on_epoch_begin = function(_, epoch) slope:fill(1 / epoch) end } }
  end)
end

function TestReplayed.test_a_tensor_of_rank_0_that_a_callback_fills_each_step()
  for _, dtype in ipairs { "float32", "float64" } do
    check_replayed(function()
      local slope, count = tensor(1), 0
      return function(x) return x * slope end, { { on_train_batch_begin = function()
        count = count + 1
        slope:fill(1 + count * 0.01)
      end } }
    end, { dtype = dtype })
  end
end

function TestReplayed.test_views_constants_and_reductions()
  check_replayed(function()
    return function(x)
      local centred = x - x:mean(1, true)
      local part = centred[{ {}, { 1, 3 } }]:sum(2, true)
      local turned = centred.T:reshape(6, -1).T
      return turned * tensor { 1, 2, 3, 4, 5, 6 } * 0.3 + part + ones(6) * 0.1 - x:cols(6, 6)
    end
  end)
end

function TestReplayed.test_detached_parts_and_no_grad()
  check_replayed(function()
    return function(x)
      local norm = no_grad(function() return (x * x):sum(2, true):sqrt() + 1 end)
      return x / norm + x:detach() * 0.1
    end
  end)
end

function TestReplayed.test_a_layer_that_looks_at_shapes()
  check_replayed(function()
    return function(x) return x * (1 / #x) + x * (x.shape[2] * 0.1) end
  end)
end

function TestReplayed.test_a_weight_that_the_step_does_not_use()
  check_replayed(function()
    local layer = scaled_layer()
    layer.call = function(self, x) return x * self.shift + x end
    return layer
  end)
end

function TestReplayed.test_a_weight_that_is_used_twice()
  check_replayed(function()
    local layer = scaled_layer()
    layer.call = function(self, x) return (x * self.scale + self.shift):tanh() * self.scale end
    return layer
  end)
end

function TestReplayed.test_a_weight_that_is_not_trainable()
  check_replayed(function()
    local layer = scaled_layer()
    layer.build = function(self, shape)
      self.scale = self:add_weight { name = "scale", shape = { shape[2] }, initializer = "ones",
                                     trainable = false }
      self.shift = self:add_weight { name = "shift", shape = { shape[2] }, initializer = "zeros" }
    end
    return layer
  end)
end

function TestReplayed.test_an_activation_written_in_lua()
  local case = { layers = function()
    return { Dense { 6, input_dim = FEATURES, activation = function(z) return z:tanh() * 1.5 end },
             Dense { 1 } }
  end }
  local model, history = train(case)
  local eager, eager_history = train(case, true)
  lu.assertTrue(is_replayed(model))
  assert_same_bits(model:get_weights(), eager:get_weights(), "an activation in Lua")
  assert_same_losses(history, eager_history, "an activation in Lua")
end

function TestReplayed.test_no_lua_runs_in_a_replayed_step()
  local calls = 0
  local X, y = data()
  local model = build { layers = function()
    return { Dense { 6, input_dim = FEATURES }, function(x)
      calls = calls + 1
      return x:relu()
    end, Dense { 1 } }
  end }
  calls = 0
  model:fit(X, y, { epochs = 10, batch_size = 10, verbose = 0 })
  lu.assertEquals(calls, 1 + 1 + 9)  -- recorded, first replay, once an epoch
end

-- When a recording is dropped

TestDroppedRecordings = {}

-- Train, change, train again: eagerly and not.
local function check_change(change, layers)
  local X, y = data()
  local weights, models = {}, {}
  for i, run_eagerly in ipairs { true, false } do
    local model = build({ layers = layers or built_in_layers,
                          optimizer = { lr = 0.01, momentum = 0.9 } }, run_eagerly)
    model:fit(X, y, { epochs = 2, verbose = 0 })
    change(model, run_eagerly)
    model:fit(X, y, { epochs = 2, verbose = 0 })
    weights[i], models[i] = model:get_weights(), model
  end
  assert_same_bits(weights[1], weights[2], "after a change")
  return models[2]
end

function TestDroppedRecordings.test_when_the_model_is_compiled_again()
  check_change(function(model, run_eagerly)
    model:compile { loss = "mae", optimizer = SGD { lr = 0.1 }, run_eagerly = run_eagerly }
  end)
end

function TestDroppedRecordings.test_when_a_layer_is_added()
  check_change(function(model) model:add(Dense { 1 }) end)
  check_change(function(model) model:add(scaled_layer()) end)
end

function TestDroppedRecordings.test_when_the_batch_has_another_shape()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local model = build({ layers = lua_layers }, run_eagerly)
    for _, size in ipairs { 16, 90, 16, 7, 1 } do
      model:fit(X, y, { batch_size = size, verbose = 0 })
    end
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "batch sizes")
end

function TestDroppedRecordings.test_when_a_layer_is_frozen_and_thawed()
  local model = check_change(function(model) model.layers[1].trainable = false end)
  lu.assertStrContains(tostring(model), "Non-trainable parameters: 42")
  local frozen = model:get_weights()[1]
  local X, y = data()
  model:fit(X, y, { verbose = 0 })
  lu.assertTrue(frozen:identical(model:get_weights()[1]))
  model.layers[1].trainable = true
  model:fit(X, y, { verbose = 0 })
  lu.assertFalse(frozen:identical(model:get_weights()[1]))
end

function TestDroppedRecordings.test_when_a_callback_freezes_a_layer()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local model = build({ layers = built_in_layers }, run_eagerly)
    local kept
    model:fit(X, y, { epochs = 4, verbose = 0, callbacks = { { on_epoch_begin = function(_, epoch)
      model.layers[2].trainable = epoch < 3
      if epoch == 3 then kept = model:get_weights()[3] end
    end } } })
    lu.assertTrue(kept:identical(model:get_weights()[3]))
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "frozen by a callback")
end

function TestDroppedRecordings.test_when_a_weight_wants_no_gradient_any_more()
  check_change(function(model) model.layers[1].kernel.requires_grad = false end)
end

function TestDroppedRecordings.test_when_an_activation_is_replaced()
  check_change(function(model) model.layers[2].activation = "relu" end)
  check_change(function(model) model.layers[2].activation = function(z) return z * 0.5 end end)
end

function TestDroppedRecordings.test_when_a_callback_compiles_or_adds()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local model = build({ layers = built_in_layers }, run_eagerly)
    model:fit(X, y, { epochs = 4, verbose = 0, callbacks = { { on_epoch_begin = function(_, epoch)
      if epoch == 2 then
        model:compile { loss = "mae", optimizer = SGD { lr = 0.05 }, run_eagerly = run_eagerly }
      elseif epoch == 3 then
        model:add(Dense { 1 })
      end
    end } } })
    lu.assertEquals(#model:get_weights(), 9)
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "compiled and added to by a callback")
end

function TestDroppedRecordings.test_when_another_model_moves_the_weights_of_a_shared_layer()
  local X, y = data()
  local weights, model = {}, nil
  for i, run_eagerly in ipairs { true, false } do
    seed(1)
    local shared = Layer {
      build = function(self) self.w = self:add_weight { shape = { 4, 4 } } end,
      call = function(self, x) return x:matmul(self.w.T) + x:matmul(self.w:detach()) * 0.1 end,
    }
    model = Sequential { Dense { 4, input_dim = FEATURES }, shared, Dense { 1 } }
    model:compile { loss = "mse", optimizer = SGD { lr = 0.01 }, run_eagerly = run_eagerly }
    local other = Sequential { shared, Dense { 1 } }
    model:fit(X, y, { epochs = 2, batch_size = 9, verbose = 0, callbacks = { {
      on_train_batch_end = function(_, batch)
        if batch == 4 then
          other:compile { loss = "mse" }
          other:fit(X:cols(1, 4), y, { verbose = 0 })
        end
      end } } })
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "a shared layer")
  lu.assertTrue(is_replayed(model))
end

-- The optimizer's fields are read at each step

TestFieldsChangedByCallbacks = {}

local function check_fields(change)
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local X, y = data()
    local model = build({ layers = built_in_layers,
                          optimizer = { lr = 0.01, momentum = 0.5 } }, run_eagerly)
    local function call(name)
      return { [name] = function(_, count) change(model.optimizer, count) end }
    end
    model:fit(X, y, { epochs = 3, verbose = 0, batch_size = 16,
                      callbacks = { call "on_epoch_begin", call "on_train_batch_begin" } })
    weights[i] = model:get_weights()
  end
  assert_same_bits(weights[1], weights[2], "changed fields")
end

function TestFieldsChangedByCallbacks.test_each_acts_as_in_an_eager_step()
  check_fields(function(optimizer, count) optimizer.learning_rate = 0.01 / count end)
  check_fields(function(optimizer, count) optimizer.momentum = 0.9 / count end)
  check_fields(function(optimizer, count) optimizer.nesterov = count % 2 == 0 end)
  check_fields(function(optimizer, count) optimizer.clipnorm = count % 2 == 0 and 0.1 * count end)
  check_fields(function(optimizer, count) optimizer.clipvalue = { -0.1 * count, 0.2 } end)
  check_fields(function(optimizer, count) optimizer.global_clipnorm = 0.1 * count end)
  check_fields(function(optimizer, count) optimizer.weight_decay = 0.01 * count end)
end

function TestFieldsChangedByCallbacks.test_a_rate_of_0_stops_the_weights_at_the_next_step()
  local X, y = data()
  local model = build { layers = built_in_layers }
  local kept
  model:fit(X, y, { epochs = 2, verbose = 0, callbacks = { { on_train_batch_end = function(_, batch)
    if batch == 2 then
      model.optimizer.lr = 0
      kept = kept or model:get_weights()
    end
  end } } })
  assert_same_bits(kept, model:get_weights(), "a rate of 0")
end

-- Gradients and what a callback sees

TestGradientsInCallbacks = {}

function TestGradientsInCallbacks.test_grad_is_raw_before_clipping()
  local X, y = data()
  for _, run_eagerly in ipairs { true, false } do
    local model = build({ layers = built_in_layers, optimizer = { lr = 0.01, clipnorm = 1e-3,
                                                                  clipvalue = 1e-4 } }, run_eagerly)
    local norms = {}
    local history = model:fit(X, y, { epochs = 2, verbose = 0, callbacks = { {
      on_train_batch_end = function()
        local sum = 0
        for _, weight in ipairs(model.trainable_weights) do
          sum = sum + weight.grad:cast("float64"):norm():item() ^ 2
        end
        norms[#norms + 1] = math.sqrt(sum)
      end } } })
    for i, norm in ipairs(norms) do
      lu.assertAlmostEquals(norm, history.steps.grad_norm[i], 1e-12 * norm)
      lu.assertTrue(norm > 1e-2)
    end
  end
end

function TestGradientsInCallbacks.test_a_kept_gradient_is_not_overwritten_by_the_next_step()
  local X, y = data()
  for _, run_eagerly in ipairs { true, false } do
    local model = build({ layers = built_in_layers }, run_eagerly)
    local kept, copies = {}, {}
    model:fit(X, y, { epochs = 3, verbose = 0, callbacks = { { on_train_batch_end = function()
      kept[#kept + 1] = model.layers[1].kernel.grad
      copies[#copies + 1] = kept[#kept]:clone()
    end } } })
    for i = 1, #kept do lu.assertTrue(kept[i]:identical(copies[i]), "the gradient of step " .. i) end
    lu.assertFalse(kept[1]:identical(kept[2]))
    lu.assertFalse(kept[#kept - 1]:identical(kept[#kept]))
  end
end

function TestGradientsInCallbacks.test_writing_into_grad_acts_however_often_it_was_read()
  local w = tensor({ 1, 1 }, { requires_grad = true })
  ;(w * 2):sum():backward()
  local kept = w.grad
  w.grad:fill(0)
  lu.assertEquals(kept:totable(), { 0, 0 })
  SGD { lr = 1 }:apply { w }
  lu.assertEquals(w:totable(), { 1, 1 })
end

function TestGradientsInCallbacks.test_a_backward_through_a_kept_tensor_leaves_the_recording_whole()
  local X, y = data()
  local slope, kept, done = tensor(2, { requires_grad = true }), nil, 0
  seed(2)
  local model = Sequential { function(x)
    kept = x * slope
    return kept
  end, Dense { 1, input_dim = FEATURES } }
  model:compile { loss = "mse", optimizer = SGD { lr = 0.001 } }
  local warning = without_stderr(function()
    model:fit(X, y, { epochs = 3, batch_size = 30, verbose = 0, callbacks = { {
      on_train_batch_end = function()
        done = done + 1
        if done == 1 then kept:sum():backward() end
      end } } })
  end)
  lu.assertStrContains(warning, "fit: a tensor [] gets gradients, but is no weight of the model")
  lu.assertEquals(done, 9)
  lu.assertTrue(is_replayed(model))
end

-- Tensors that Lua code keeps for itself: they show the step that ran last, replayed or not

TestKeptTensors = {}

-- What monitors see at each step and epoch of a fit: sums of a layer's kept input and output and of
-- the predictions that the loss kept.
local function monitored(run_eagerly, options)
  seed(12)
  local watching, predicted = Layer { call = function(self, x)
    self.input, self.output = x, (x * 2):tanh()
    return self.output
  end }, nil
  local model = Sequential { Dense { 4, input_dim = FEATURES }, watching, Dense { 1 } }
  model:compile { optimizer = SGD { lr = 0.01 }, run_eagerly = run_eagerly, loss = function(y_true, y_pred)
    predicted = y_pred
    return (y_true - y_pred):square():mean()
  end }
  local X, y = data()
  local seen = {}
  local function note()
    seen[#seen + 1] = { #predicted, watching.input:sum():item(), watching.output:sum():item(),
                        predicted:sum():item() }
  end
  options.callbacks[1].note, options.callbacks[1].model = note, model
  options.batch_size, options.verbose = options.batch_size or 16, 0
  model:fit(X, y, options)
  note()
  return seen, model
end

local function check_monitors(make_options)
  local eager = monitored(true, make_options())
  local seen, model = monitored(false, make_options())
  lu.assertTrue(is_replayed(model))
  lu.assertTrue(#seen > 1)
  lu.assertEquals(seen, eager)
end

local function note(self) self.note() end

function TestKeptTensors.test_are_current_at_each_step()
  check_monitors(function() return { epochs = 3, callbacks = { { on_train_batch_end = note } } } end)
end

function TestKeptTensors.test_are_current_at_the_end_of_an_epoch()
  check_monitors(function() return { epochs = 4, callbacks = { { on_epoch_end = note } } } end)
  check_monitors(function()
    return { epochs = 4, batch_size = 30, callbacks = { { on_epoch_end = note } } }
  end)
end

function TestKeptTensors.test_show_validation_where_it_ran_last()
  check_monitors(function()
    local X, y = data()
    return { epochs = 3, validation_data = { X:rows(1, 7), y:rows(1, 7) },
             callbacks = { { on_epoch_end = note } } }
  end)
end

function TestKeptTensors.test_are_current_after_a_callback_that_runs_the_model()
  check_monitors(function()
    local X = data()
    return { epochs = 2, callbacks = { {
      on_train_batch_end = function(self, batch)
        self.note()
        if batch % 3 == 1 then self.model:predict(X:rows(1, 2)) end
      end } } }
  end)
end

function TestKeptTensors.test_of_an_earlier_fit_stay_as_they_are()
  local X, y = data()
  local kept
  local model = build { layers = function()
    return { Dense { 3, input_dim = FEATURES }, function(x) kept = x return x end, Dense { 1 } }
  end }
  model:fit(X, y, { epochs = 2, batch_size = 30, verbose = 0 })
  local copy, before = tensor(kept), kept
  model:predict(X:rows(1, 3))
  lu.assertTrue(before:identical(copy))
  lu.assertEquals(#kept, 3)
end

-- Errors in the middle

-- What a replay knows of its tensors' places

TestPlaces = {}

-- Training one of the models lays the shared layer's weights beside those of its own.
function TestPlaces.test_weights_that_another_model_moves()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { false, true } do
    seed(5)
    local shared = Dense { 4, input_dim = FEATURES, activation = "tanh" }
    local models = { Sequential { shared, Dense { 1 } }, Sequential { shared, Dense { 3, activation = "relu" }, Dense { 1 } } }
    for _, model in ipairs(models) do model:compile { loss = "mse", run_eagerly = run_eagerly } end
    for _ = 1, 3 do
      for _, model in ipairs(models) do model:fit(X, y, { epochs = 2, verbose = 0, validation_data = { X, y } }) end
    end
    weights[i] = models[2]:get_weights()
    table.move(models[1]:get_weights(), 1, 4, #weights[i] + 1, weights[i])
  end
  assert_same_bits(weights[1], weights[2], "two models with one layer")
end

-- The first step of a shape runs from Lua, all others are replayed.
function TestPlaces.test_a_profile_counts_what_is_replayed()
  local X, y = data()
  local model = build { layers = built_in_layers }
  local function count(epochs)
    core.start_profile()
    model:fit(X, y, { epochs = epochs, batch_size = 30, verbose = 0 })
    local calls = {}
    for _, row in ipairs(core.stop_profile()) do calls[row.name .. (row.backward and " backward" or "")] = row.calls end
    return calls
  end
  model:fit(X, y, { verbose = 0, batch_size = 30 })
  local calls = count(2)
  lu.assertEquals(calls["mean_squared_error"], 6)
  lu.assertEquals(calls["dense"], calls["dense backward"])
  lu.assertEquals(calls["dense"] % 6, 0)
  model:fit(X, y, { verbose = 0, batch_size = 30 })
  lu.assertEquals(count(2), calls)
end

TestErrorsMidway = {}

local function failing_layer()
  local layer = scaled_layer()
  local call = layer.call
  layer.call = function(self, x)
    if self.fails then error("on purpose", 0) end
    return call(self, x)
  end
  return Layer(layer)
end

function TestErrorsMidway.test_a_layer_that_fails_leaves_the_model_usable()
  local X, y = data()
  local weights = {}
  for i, fails in ipairs { true, false } do
    local layer = failing_layer()
    local model = build { layers = function()
      return { Dense { 4, input_dim = FEATURES }, layer, Dense { 1 } }
    end }
    if fails then
      layer.fails = true  -- while it is recorded
      lu.assertErrorMsgEquals("on purpose", model.fit, model, X, y, { verbose = 0, shuffle = false })
      layer.fails = false
    end
    lu.assertTrue((model:predict(X) * 0 == zeros(ROWS, 1)))
    model:fit(X, y, { epochs = 2, verbose = 0, shuffle = false })
    if fails then
      layer.fails = true  -- while a replay is checked
      lu.assertErrorMsgEquals("on purpose", model.fit, model, X, y, { verbose = 0, shuffle = false })
      layer.fails = false
    end
    lu.assertTrue(is_replayed(model))
    model:fit(X, y, { epochs = 2, verbose = 0, shuffle = false })
    weights[i] = model:get_weights()
    local w = tensor({ 1 }, { requires_grad = true })
    ;(w * w):sum():backward()  -- gradients are on again, and nothing listens any more
    lu.assertEquals(w.grad:totable(), { 2 })
  end
  assert_same_bits(weights[1], weights[2], "after errors")
end

function TestErrorsMidway.test_a_build_that_fails_leaves_no_weights_behind()
  local fails = true
  local layer = scaled_layer()
  local build_weights = layer.build
  layer.build = function(self, shape)
    build_weights(self, shape)
    if fails then error("on purpose", 0) end
  end
  local model = Sequential { layer, Dense { 1 } }
  model:compile { loss = "mse" }
  local X, y = data()
  lu.assertErrorMsgEquals("on purpose", model.fit, model, X, y, { verbose = 0 })
  fails = false
  model:fit(X, y, { verbose = 0 })
  lu.assertEquals(#model:get_weights(), 4)
end

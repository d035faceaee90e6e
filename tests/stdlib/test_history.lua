-- fit from the outside: its history, what it prints, callbacks, validation, Ctrl-C, its errors.

local lu = require "luaunit"

local program = arg and arg[-1] or "gradus"

local function data(rows)
  local rs = RandomState(9)
  local X = rs:normal(0, 1, { rows or 100, 3 })
  return X, X:sum(2) + 1
end

local function model_for(options)
  options = options or {}
  seed(2)
  local model = Sequential { Dense { 4, input_dim = 3, activation = "relu" }, Dense { 1 } }
  model:compile { loss = options.loss or "mse", run_eagerly = options.run_eagerly,
                  optimizer = SGD { lr = options.lr or 0.01, momentum = options.momentum,
                                    clipnorm = options.clipnorm } }
  return model
end

-- Run a script in a child; what it wrote on standard output and, after it, standard error.
local function run(script, redirect)
  local name = os.tmpname()
  local file <close> = assert(io.open(name, "w"))
  file:write(script)
  file:close()
  local child <close> = assert(io.popen(("%s %s %s"):format(program, name, redirect or "2>&1")))
  local output = child:read "a"
  os.remove(name)
  return output
end

local PRELUDE = [[
  seed(1)
  local X = RandomState(1):normal(0, 1, { 100, 3 })
  local y = X:sum(2)
  local model = Sequential { Dense { 4, input_dim = 3, activation = "relu" }, Dense { 1 } }
  model:compile { loss = "mse", optimizer = SGD { lr = 0.01 } }
]]

TestHistory = {}

function TestHistory.test_has_keras_s_fields()
  local X, y = data()
  local history = model_for():fit(X, y, { epochs = 3, batch_size = 30, verbose = 0,
                                          validation_data = { X, y } })
  lu.assertEquals(history.epoch, { 1, 2, 3 })
  lu.assertEquals(#history.loss, 3)
  lu.assertIs(history.loss, history.history.loss)
  lu.assertIs(history.val_loss, history.history.val_loss)
  lu.assertEquals(#history.val_loss, 3)
  lu.assertEquals(history.params, { epochs = 3, steps = 4, batch_size = 30, verbose = 0 })
  lu.assertFalse(history.interrupted)
  lu.assertNil(history.first_not_finite)
  local short = model_for():fit(X, y, { verbose = 0 })
  lu.assertNil(short.val_loss)
  lu.assertStrContains(tostring(short), "history of 1 epoch,")
  lu.assertStrContains(require("gradus.pretty").text(short, { width = 80 }), "history of 1 epoch\n")
  lu.assertStrMatches(tostring(history), "history of 3 epochs, loss [%d.]+ %-> [%d.]+, val_loss .*")
end

function TestHistory.test_an_epoch_s_loss_is_the_mean_over_its_samples()
  local X, y = data()
  local history = model_for():fit(X, y, { epochs = 2, batch_size = 30, verbose = 0 })
  for epoch = 1, 2 do
    local sum = 0.0
    for step, rows in ipairs { 30, 30, 30, 10 } do
      sum = sum + history.steps.loss[(epoch - 1) * 4 + step] * rows
    end
    lu.assertEquals(history.loss[epoch], sum / 100)
  end
end

function TestHistory.test_has_a_number_for_each_step()
  local X, y = data()
  local history = model_for { clipnorm = 0.5 }:fit(X, y, { epochs = 3, batch_size = 30, verbose = 0 })
  for _, name in ipairs { "loss", "grad_norm", "clip_scale", "cut" } do
    lu.assertEquals(history.steps[name].shape, { 12 })
    lu.assertEquals(history.steps[name].dtype, "float64")
  end
  lu.assertTrue(history.steps.grad_norm:min() > 0)
  lu.assertTrue(history.steps.clip_scale:max() <= 1)
  lu.assertTrue(history.steps.clip_scale:min() < 1)
  lu.assertEquals(history.steps.cut:max():item(), 0)
end

function TestHistory.test_the_first_step_is_that_of_a_loop_by_hand()
  local X, y = data()
  local history = model_for { lr = 0.5 }:fit(X, y, { verbose = 0, shuffle = false })
  local model = model_for()
  local loss = mean_squared_error(y:rows(1, 32), model(X:rows(1, 32)))
  loss:backward()
  model.optimizer:apply(model)
  lu.assertEquals(history.steps.loss[1], loss:item())
  lu.assertEquals(history.steps.grad_norm[1], model.optimizer.last_step.norm)
end

function TestHistory.test_epochs_sums_the_steps_up()
  local X, y = data()
  local history = model_for { clipnorm = 2 }:fit(X, y, { epochs = 4, batch_size = 20, verbose = 0 })
  local epochs, steps = history.by_epoch, history.steps
  for epoch = 1, 4 do
    local norms = steps.grad_norm:rows(epoch * 5 - 4, epoch * 5)
    lu.assertEquals(epochs.grad_norm_median[epoch], norms:quantile(0.5):item())
    lu.assertEquals(epochs.grad_norm_max[epoch], norms:max():item())
    lu.assertEquals(epochs.not_finite[epoch], 0)
    lu.assertEquals(epochs.clipped[epoch],
      steps.clip_scale:rows(epoch * 5 - 4, epoch * 5):lt(1):mean():item())
  end
  lu.assertIs(history.by_epoch, epochs)
end

function TestHistory.test_epochs_of_a_model_that_runs_away()
  local X, y = data()
  local history = model_for { lr = 1e6 }:fit(X, y, { epochs = 3, batch_size = 20, verbose = 0,
                                                     warn_nonfinite = false })
  lu.assertEquals(tostring(history.loss[3]), "nan")
  lu.assertEquals(history.by_epoch.not_finite[3], 5)
  lu.assertEquals(tostring(history.by_epoch.grad_norm_median[3]), "nan")
  lu.assertTrue(history.by_epoch.grad_norm_max[1] < math.huge)
  lu.assertEquals(history.first_not_finite.epoch, 1)
  lu.assertEquals(tostring(history.steps.loss[15]), "nan")
end

function TestHistory.test_counts_steps_clipped_by_value()
  local X, y = data()
  local model = model_for()
  model.optimizer.clipvalue = 1e-4
  local history = model:fit(X, y, { epochs = 1, batch_size = 50, verbose = 0 })
  lu.assertEquals(history.by_epoch.clipped, { 1 })
  lu.assertTrue(history.steps.cut:min() > 0.5)
  lu.assertEquals(history.steps.cut[2], model.optimizer.last_step.cut)
end

-- Longer than what is made room for at first.
function TestHistory.test_of_many_steps_is_kept_whole()
  local X, y = data(20)
  local history = model_for():fit(X, y, { epochs = 2000, batch_size = 5, verbose = 0, shuffle = false })
  lu.assertEquals(#history.steps.loss, 8000)
  for _, epoch in ipairs { 1, 512, 1024, 1025, 2000 } do
    lu.assertAlmostEquals(history.steps.loss:rows(4 * epoch - 3, 4 * epoch):mean():item(), history.loss[epoch], 1e-12)
  end
end

function TestHistory.test_many_epochs_that_end_early_take_little_memory()
  local X, y = data()
  local model = model_for()
  local history = model:fit(X, y, { epochs = 1e12, verbose = 0, callbacks = { {
    on_epoch_end = function(_, epoch) model.stop_training = epoch == 3000 end } } })
  lu.assertEquals(#history.loss, 3000)
  lu.assertEquals(#history.steps.loss, 12000)
  local short = model_for():fit(X, y, { epochs = 3000, verbose = 0 })
  lu.assertTrue(short.steps.loss:identical(history.steps.loss))
  lu.assertEquals(short.loss, history.loss)
end

TestFit = {}

function TestFit.test_called_twice_goes_on_with_momentum_and_shuffles()
  local X, y = data()
  local once, twice = model_for { momentum = 0.9 }, model_for { momentum = 0.9 }
  once:fit(X, y, { epochs = 4, verbose = 0 })
  twice:fit(X, y, { epochs = 1, verbose = 0 })
  twice:fit(X, y, { epochs = 3, verbose = 0 })
  for i, weight in ipairs(once:get_weights()) do
    lu.assertTrue(weight:identical(twice:get_weights()[i]))
  end
  lu.assertEquals(twice.optimizer.iterations, 16)
end

function TestFit.test_shuffles_anew_each_epoch_and_a_seed_fixes_it()
  local X, y = data()
  local seen = {}
  local function fit(shuffle)
    local orders = {}
    local model = model_for { run_eagerly = true, lr = 0, loss = function(y_true, y_pred)
      for _, value in ipairs(y_true:totable()) do orders[#orders + 1] = value[1] end
      return (y_true - y_pred):mean()
    end }
    model:fit(X, y, { epochs = 2, verbose = 0, shuffle = shuffle })
    return orders
  end
  local plain, a, b = fit(false), fit(true), fit()
  lu.assertEquals(a, b)
  for i = 1, 100 do
    lu.assertEquals(plain[i], plain[100 + i])
    seen[a[i]] = true
  end
  for i = 101, 200 do lu.assertTrue(seen[a[i]]) end
  lu.assertNotEquals({ table.unpack(a, 1, 100) }, { table.unpack(a, 101, 200) })
  lu.assertNotEquals({ table.unpack(a, 1, 100) }, { table.unpack(plain, 1, 100) })
end

function TestFit.test_takes_tables_and_tensors_of_any_type()
  local model = model_for()
  local X, y = { { 1, 2, 3 }, { 4, 5, 6 } }, { 1, 2 }
  local a = model:fit(X, y, { verbose = 0 }).loss[1]
  lu.assertEquals(model_for():fit(tensor(X, "float64"), tensor(y), { verbose = 0 }).loss[1], a)
  lu.assertEquals(model_for():fit(tensor(X), tensor(y):reshape(2, 1), { verbose = 0 }).loss[1], a)
end

-- As Keras 3, which gives such an input the axis that its model's shape has.
function TestFit.test_takes_rows_of_one_number_without_their_axis()
  local x = range(-1, 1, 0.02)
  local y = x * 3
  local function fit(first, rows)
    seed(1)
    local model = Sequential { first, Dense { 1 } }
    model:compile { loss = "mse", optimizer = SGD { momentum = 0.9 } }
    local history = model:fit(rows, y, { epochs = 3, verbose = 0, validation_data = { rows, y } })
    lu.assertEquals(history.val_loss[3], model:evaluate(rows, y))
    return model, history
  end
  local column = x:reshape(x.size, 1)
  for _, input_dim in ipairs { 1, false } do
    local first = { 4, activation = "tanh", input_dim = input_dim or nil }
    local model, history = fit(Dense(first), x)
    local other, expected = fit(Dense(first), column)
    lu.assertEquals(history.loss, expected.loss)
    lu.assertEquals(model:predict(x), other:predict(column))
    lu.assertEquals(model(x), other(column))
  end
  lu.assertErrorMsgContains("fit: expected x with 3 numbers in each row, [rows, 3], got a tensor [101]",
    fit, Dense { 4, input_dim = 3 }, x)
  lu.assertErrorMsgContains("batches: expected x with 3 numbers in each row, [rows, 3], got a tensor [101]",
    batches, x, y, { model = Sequential { Dense { 1, input_dim = 3 } } })
  for x_batch, y_batch in batches(x, y, { batch_size = 50, model = Sequential { Dense { 1 } } }) do
    lu.assertEquals(x_batch.rank, 2)
    lu.assertEquals(y_batch.shape, x_batch.shape)
  end
  local model = Sequential { Dense { 1 } }
  lu.assertEquals(model(tensor { 5 }).shape, { 1, 1 })
  lu.assertEquals(model:predict(x).shape, { 101, 1 })
  local _, viewed = fit(function(rows) return rows:reshape(rows.size, 1):tanh() end, x)
  lu.assertEquals(#viewed.loss, 3)
end

function TestFit.test_validation_split_takes_the_last_rows()
  local X, y = data()
  local split = model_for():fit(X, y, { epochs = 2, verbose = 0, validation_split = 0.3 })
  local given = model_for():fit(X:rows(1, 70), y:rows(1, 70), { epochs = 2, verbose = 0,
    validation_data = { X:rows(71, 100), y:rows(71, 100) } })
  lu.assertEquals(split.loss, given.loss)
  lu.assertEquals(split.val_loss, given.val_loss)
end

function TestFit.test_validation_data_win_over_validation_split()
  local X, y = data()
  local both = model_for():fit(X, y, { verbose = 0, validation_split = 0.3,
                                       validation_data = { X, y } })
  local one = model_for():fit(X, y, { verbose = 0, validation_data = { X, y } })
  lu.assertEquals(both.loss, one.loss)
  lu.assertEquals(both.val_loss, one.val_loss)
  lu.assertNil(model_for():fit(X, y, { verbose = 0, validation_split = 0 }).val_loss)
end

function TestFit.test_trains_inside_no_grad_too()
  local X, y = data()
  local history = no_grad(function() return model_for():fit(X, y, { verbose = 0 }) end)
  lu.assertEquals(history.loss, model_for():fit(X, y, { verbose = 0 }).loss)
end

function TestFit.test_wrong_arguments_are_errors()
  local X, y = data()
  local model = model_for()
  for _, case in ipairs {
    { "fit: x must be a tensor, got nothing" },
    { "fit: y must be a tensor, got nothing", X },
    { "fit: x must be a tensor, got the number 3", 3, y },
    { "same number of rows, x is [100, 3] and y is [99]", X, y:rows(1, 99) },
    { "same number of rows, x is [] and y is [100]", tensor(1), y },
    { "fit: expected at least one row, x is [0, 3]", zeros(0, 3), zeros(0) },
    { "dense: input has 2 features, kernel expects 3", zeros(100, 2), y, { verbose = 0 } },
    { "fit: options must be a table", X, y, 5 },
    { 'fit: unknown option "epoch", did you mean "epochs"?', X, y, { epoch = 3 } },
    { 'fit: unknown option "batchsize", did you mean "batch_size"?', X, y, { batchsize = 3 } },
    { "fit: batch_size must be a positive integer, got the number 0", X, y, { batch_size = 0 } },
    { "fit: batch_size must be a positive integer", X, y, { batch_size = -1 } },
    { "fit: batch_size must be a positive integer", X, y, { batch_size = 2.5 } },
    { "fit: batch_size must be a positive integer", X, y, { batch_size = 0 / 0 } },
    { "fit: batch_size must be a positive integer", X, y, { batch_size = math.huge } },
    { "fit: batch_size must be a positive integer", X, y, { batch_size = "32" } },
    { "fit: batch_size must be a positive integer", X, y, { batch_size = 1e300 } },
    { "fit: epochs must be a positive integer", X, y, { epochs = 0 } },
    { "fit: epochs must be a positive integer", X, y, { epochs = "many" } },
    { "fit: verbose must be 0, 1 or 2", X, y, { verbose = 3 } },
    { "fit: verbose must be 0, 1 or 2", X, y, { verbose = true } },
    { "fit: shuffle must be a boolean", X, y, { shuffle = 1 } },
    { "fit: warn_nonfinite must be a boolean", X, y, { warn_nonfinite = 0 } },
    { "fit: validation_split must be a number between 0 and 1", X, y, { validation_split = 1 } },
    { "fit: validation_split must be a number between 0 and 1", X, y, { validation_split = -0.1 } },
    { "fit: validation_split must be a number between 0 and 1", X, y, { validation_split = "a" } },
    { "leaves no rows on one side", X, y, { validation_split = 1e-20 } },
    { "leaves no rows on one side", X, y, { validation_split = 0.999 } },
    { "fit: validation_data must be a table { x, y }, got a table without y", X, y,
      { validation_data = { X } } },
    { "fit: validation_data must be a table { x, y }, got a table without x", X, y,
      { validation_data = { nil, y } } },
    { "fit: validation_data must be a table { x, y }, got a table without x and y", X, y,
      { validation_data = {} } },
    { "fit: validation_data must be a table { x, y }", X, y, { validation_data = X } },
    { "same number of rows", X, y, { validation_data = { X, y:rows(1, 9) } } },
    { "fit: callbacks must be a table", X, y, { callbacks = print } },
    { "fit: callbacks must be a list", X, y, { callbacks = { on_epoch_end = print } } },
    { "fit: callback 2 must be a table", X, y, { callbacks = { {}, print } } },
    { "fit: callback 1's on_epoch_end must be a function", X, y,
      { callbacks = { { on_epoch_end = 5 } } } },
    { 'unknown name "on_epoch_finish", did you mean "on_epoch_begin"?', X, y,
      { callbacks = { { on_epoch_finish = print } } } },
  } do
    local _, message = pcall(model.fit, model, case[2], case[3], case[4])
    lu.assertStrContains(tostring(message), case[1])
    lu.assertNotStrContains(message, "gradus.")
  end
  local y2 = zeros(100, 2)
  lu.assertErrorMsgContains("[32, 2]", model.fit, model, X, y2, { verbose = 0 })
  local raw = Sequential { Dense { 1, input_dim = 3 } }
  lu.assertErrorMsgContains("fit: the model is not compiled", raw.fit, raw, X, y)
  raw:compile { loss = function() return 3 end }
  lu.assertErrorMsgContains("fit: what the loss returns must be a tensor", raw.fit, raw, X, y)
  raw.layers[1].trainable = false
  raw:compile { loss = "mse" }
  lu.assertErrorMsgContains("fit: the model has no trainable weights", raw.fit, raw, X, y)
end

-- Callbacks

TestCallbacks = {}

function TestCallbacks.test_are_called_in_order_and_count_from_1()
  local X, y = data()
  local calls = {}
  local function note(name, ...) calls[#calls + 1] = table.concat({ name, ... }, " ") end
  local function recorder(prefix)
    return {
      on_train_begin = function(_, logs) note(prefix .. "train begin", type(logs)) end,
      on_train_end = function(_, logs) note(prefix .. "train end", type(logs)) end,
      on_epoch_begin = function(_, epoch, logs) note(prefix .. "epoch begin", epoch, type(logs)) end,
      on_epoch_end = function(_, epoch, logs)
        note(prefix .. "epoch end", epoch, type(logs.loss), type(logs.val_loss))
      end,
      on_train_batch_begin = function(_, batch, logs) note(prefix .. "begin", batch, type(logs)) end,
      on_train_batch_end = function(_, batch, logs) note(prefix .. "end", batch, type(logs.loss)) end,
    }
  end
  model_for():fit(X, y, { epochs = 2, batch_size = 50, verbose = 0, validation_data = { X, y },
                          callbacks = { recorder "", { on_epoch_end = function() note "second" end } } })
  lu.assertEquals(calls, {
    "train begin table", "epoch begin 1 table", "begin 1 table", "end 1 number", "begin 2 table",
    "end 2 number", "epoch end 1 number number", "second", "epoch begin 2 table", "begin 1 table",
    "end 1 number", "begin 2 table", "end 2 number", "epoch end 2 number number", "second",
    "train end table" })
end

function TestCallbacks.test_get_themselves_first()
  local X, y = data()
  local callback = { sum = 0 }
  function callback:on_epoch_end(epoch, logs) self.sum, self.loss = self.sum + epoch, logs.loss end
  local history = model_for():fit(X, y, { epochs = 3, verbose = 0, callbacks = { callback } })
  lu.assertEquals(callback.sum, 6)
  lu.assertEquals(callback.loss, history.loss[3])
end

function TestCallbacks.test_may_be_objects()
  local X, y = data()
  local class = { calls = 0 }
  class.__index = class
  function class:on_train_batch_end() self.calls = self.calls + 1 end
  local object = setmetatable({}, class)
  model_for():fit(X, y, { verbose = 0, callbacks = { object } })
  lu.assertEquals(object.calls, 4)
end

function TestCallbacks.test_know_the_model()
  local callback = { on_epoch_end = function(self) self.model.stop_training = true end }
  for _ = 1, 2 do
    local model = Sequential { Dense { 1, input_dim = 2 } }
    model:compile { loss = "mse" }
    lu.assertEquals(#model:fit(ones(4, 2), ones(4), { epochs = 3, verbose = 0, callbacks = { callback } }).loss, 1)
    lu.assertIs(callback.model, model)
  end
end

-- Two fits in turn, each in a coroutine that waits at the end of an epoch.
function TestCallbacks.test_may_yield()
  local x, y = RandomState(1):normal(0, 1, { 40, 3 }), RandomState(2):normal(0, 1, { 40 })
  local function train(settings, wait)
    seed(3)
    local model = Sequential { Dense { 4, input_dim = 3, activation = "tanh" }, Dense { 1 } }
    model:compile { loss = "mse", optimizer = SGD(settings) }
    return model:fit(x, y, { epochs = 4, verbose = 0, callbacks = { { on_epoch_end = wait } } })
  end
  local cases = { { lr = 0.1, momentum = 0.9 }, { lr = 0.1, clipnorm = 0.01 } }
  local threads, histories = {}, {}
  for i, settings in ipairs(cases) do
    threads[i] = coroutine.wrap(function() histories[i] = train(settings, function() coroutine.yield() end) end)
  end
  for _ = 1, 5 do threads[1]() threads[2]() end
  for i, settings in ipairs(cases) do lu.assertEquals(histories[i].loss, train(settings).loss) end
  lu.assertTrue((tensor({ 1 }, { requires_grad = true }) * 2).requires_grad)
end

function TestCallbacks.test_a_fit_that_fails_leaves_everything_as_it_was_in_a_coroutine_too()
  local X, y = data()
  local function fail() error("stopped", 0) end
  local cases = {
    function(model) model:fit(X, y, { verbose = 0, callbacks = { { on_epoch_end = fail } } }) end,
    function(model)
      model:compile { loss = fail }
      model:fit(X, y, { verbose = 0 })
    end,
    function(model)
      model:add { call = fail }
      model(X)
    end,
  }
  for _, case in ipairs(cases) do
    for _, call in ipairs { pcall, function(f, ...) return coroutine.resume(coroutine.create(f), ...) end } do
      local model = model_for()
      no_grad(function()
        local succeeded, message = call(case, model)
        lu.assertFalse(succeeded)
        lu.assertEquals(message, "stopped")
        lu.assertFalse((tensor({ 1 }, { requires_grad = true }) * 2).requires_grad)
      end)
      local again = model_for()
      again:fit(X, y, { verbose = 0 })
      lu.assertStrContains(tostring(again), "replayed")
    end
  end
end

function TestCallbacks.test_see_the_running_mean_of_the_loss()
  local X, y = data()
  local means = {}
  local history = model_for():fit(X, y, { verbose = 0, callbacks = { {
    on_train_batch_end = function(_, batch, logs) means[batch] = logs.loss end } } })
  lu.assertEquals(means[1], history.steps.loss[1])
  lu.assertEquals(means[4], history.loss[1])
end

function TestCallbacks.test_stop_the_training_after_the_epoch_or_the_batch()
  local X, y = data()
  local model = model_for()
  local history = model:fit(X, y, { epochs = 10, verbose = 0, callbacks = { {
    on_epoch_end = function(_, epoch) model.stop_training = epoch == 3 end } } })
  lu.assertEquals(history.epoch, { 1, 2, 3 })
  local ended
  history = model:fit(X, y, { epochs = 10, verbose = 0, validation_data = { X, y }, callbacks = { {
    on_train_batch_end = function(_, batch) model.stop_training = batch == 2 end,
    on_epoch_end = function(_, epoch) ended = epoch end } } })
  lu.assertEquals(#history.steps.loss, 2)
  lu.assertEquals(ended, 1)
  lu.assertEquals(history.loss[1], (history.steps.loss[1] + history.steps.loss[2]) / 2)
  lu.assertEquals(#history.val_loss, 1)
  lu.assertEquals(history.by_epoch.clipped, { 0 })
  lu.assertEquals(#model:fit(X, y, { epochs = 2, verbose = 0 }).loss, 2)  -- it is forgotten
end

function TestCallbacks.test_may_use_the_model()
  local X, y = data()
  local plain = model_for()
  plain:fit(X, y, { epochs = 3, verbose = 0 })
  local model = model_for()
  local losses = {}
  local function look()
    losses[#losses + 1] = model:evaluate(X, y)
    model:predict(X)
    model:get_weights()
    tostring(model)
  end
  model:fit(X, y, { epochs = 3, verbose = 0,
                    callbacks = { { on_epoch_end = look, on_train_batch_end = look } } })
  lu.assertEquals(#losses, 15)
  for i, weight in ipairs(plain:get_weights()) do
    lu.assertTrue(weight:identical(model:get_weights()[i]))
  end
end

function TestCallbacks.test_may_set_weights()
  local X, y = data()
  local model = model_for()
  local start = model:get_weights()
  local history = model:fit(X, y, { epochs = 3, batch_size = 100, verbose = 0, callbacks = { {
    on_epoch_end = function() model:set_weights(start) end } } })
  lu.assertAlmostEquals(history.loss[1], history.loss[3], 1e-5)
  lu.assertTrue(start[1]:identical(model:get_weights()[1]))
end

function TestCallbacks.test_may_train_another_model_even_with_the_same_optimizer()
  local X, y = data()
  local plain = model_for()
  plain:fit(X, y, { epochs = 3, verbose = 0 })
  for _, shares in ipairs { false, true } do
    local model = model_for()
    local other = Sequential { Dense { 1, input_dim = 3 } }
    other:compile { loss = "mse", optimizer = shares and model.optimizer or SGD { lr = 0.01 } }
    local before = other:get_weights()[1]
    local function train() other:fit(X, y, { verbose = 0 }) end
    model:fit(X, y, { epochs = 3, verbose = 0,
                      callbacks = { { on_epoch_end = train, on_train_batch_begin = train } } })
    for i, weight in ipairs(plain:get_weights()) do
      lu.assertTrue(weight:identical(model:get_weights()[i]))
    end
    lu.assertFalse(before:identical(other:get_weights()[1]))
  end
end

function TestCallbacks.test_may_train_the_same_model()
  local X, y = data()
  local weights = {}
  for i, run_eagerly in ipairs { true, false } do
    local model = model_for { run_eagerly = run_eagerly }
    local history = model:fit(X, y, { epochs = 3, verbose = 0, callbacks = { {
      on_epoch_end = function() model:fit(X, y, { verbose = 0, batch_size = 25 }) end } } })
    lu.assertEquals(#history.loss, 3)
    weights[i] = model:get_weights()
  end
  for i, weight in ipairs(weights[1]) do lu.assertTrue(weight:identical(weights[2][i])) end
end

function TestCallbacks.test_an_error_in_one_leaves_everything_intact()
  local X, y = data()
  for _, name in ipairs { "on_train_begin", "on_epoch_begin", "on_train_batch_begin",
                          "on_train_batch_end", "on_epoch_end", "on_train_end" } do
    local model = model_for { momentum = 0.9 }
    lu.assertErrorMsgEquals("on purpose", model.fit, model, X, y, { verbose = 0, callbacks = { {
      [name] = function() error("on purpose", 0) end } } })
    lu.assertTrue(model(X).requires_grad)
    model:fit(X, y, { verbose = 0 })
    lu.assertEquals(#model:fit(X, y, { epochs = 2, verbose = 0 }).loss, 2)
  end
end

-- What is printed

TestPrinting = {}

function TestPrinting.test_verbose_1_is_a_bar_an_epoch()
  local output = run(PRELUDE .. "model:fit(X, y, { epochs = 2 })")
  local lines = {}
  for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
  lu.assertEquals(#lines, 4)
  lu.assertEquals(lines[1], "Epoch 1/2")
  lu.assertEquals(lines[3], "Epoch 2/2")
  local bar = ("━"):rep(20)
  lu.assertStrMatches(lines[2], "4/4 " .. bar .. " %d+s %d+[mu]?s/step %- loss: %d+%.%d%d%d%d")
  lu.assertNotStrContains(output, "\27")
  lu.assertNotStrContains(output, "\r")
end

function TestPrinting.test_verbose_1_with_validation()
  local output = run(PRELUDE .. "model:fit(X, y, { verbose = 1, validation_split = 0.5 })")
  lu.assertStrMatches(output, "Epoch 1/1\n2/2 [━]+ %d+s %d+[mu]?s/step "
    .. "%- loss: [%d.]+ %- val_loss: [%d.]+\n")
end

function TestPrinting.test_verbose_2_is_a_line_an_epoch()
  local output = run(PRELUDE .. "model:fit(X, y, { verbose = 2, epochs = 2, validation_split = 0.5 })")
  local line = "2/2 %- %d+s %- %d+[mu]?s/step %- loss: [%d.]+ %- val_loss: [%d.]+\n"
  lu.assertStrMatches(output, "Epoch 1/2\n" .. line .. "Epoch 2/2\n" .. line)
end

function TestPrinting.test_a_heading_stands_above_its_first_batch_and_above_no_error()
  lu.assertEquals(run(PRELUDE .. "print(pcall(model.fit, model, X, X) or 'failed')"), "failed\n")
  local output = run(PRELUDE .. [[
    local say = { on_train_batch_begin = function(_, batch) print("batch", batch) end }
    model:fit(X, y, { callbacks = { say } })
  ]])
  lu.assertEquals(output:match "^.-\n.-\n", "Epoch 1/1\nbatch\t1\n")
end

function TestPrinting.test_verbose_0_prints_nothing()
  lu.assertEquals(run(PRELUDE .. "model:fit(X, y, { verbose = 0, epochs = 2 })"), "")
end

function TestPrinting.test_the_first_loss_that_is_not_finite_is_told_once_on_standard_error()
  local script = PRELUDE .. [[
    model:compile { loss = "mse", optimizer = SGD { lr = 1e6 } }
    local history = model:fit(X, y, { verbose = 0, epochs = 5%s })
    local first = history.first_not_finite
    print(first.epoch, first.step, first.what)
    print(history.loss[5])
  ]]
  local output = run(script:format "")
  local _, count = output:gsub("gradus: warning:", "")
  lu.assertEquals(count, 1)
  local epoch, step = output:match "epoch (%d+), step (%d+) of 4"
  lu.assertStrContains(output, ("\n%s\t%s\t"):format(epoch, step))
  lu.assertStrContains(output, "\nnan\n")
  lu.assertStrContains(output, "warn_nonfinite = false silences this")
  lu.assertNotStrContains(run(script:format "", "2>/dev/null"), "warning")
  lu.assertNotStrContains(run(script:format ", warn_nonfinite = false"), "warning")
  lu.assertStrContains(run(script:gsub("verbose = 0", "verbose = 2"):format ""), "warning")
  lu.assertStrContains(run(script:gsub("optimizer =", "run_eagerly = true, optimizer ="):format ""),
    ("epoch %s, step %s of 4"):format(epoch, step))
end

function TestPrinting.test_a_weight_that_is_not_finite_is_told_too()
  local output = run [[
    local model = Sequential { Dense { 1, input_dim = 1, kernel_initializer = "ones" } }
    model:compile { loss = "mse", optimizer = SGD { lr = 1e38 } }
    local history = model:fit(tensor { { 1e3 }, { 1e3 } }, tensor { 0, 0 },
                              { verbose = 0, batch_size = 1, shuffle = false })
    print(history.first_not_finite.what)
  ]]
  lu.assertStrContains(output, "a weight is no longer finite after epoch 1, step 1 of 2")
  lu.assertStrContains(output, "\nweight\n")
end

function TestPrinting.test_a_loss_that_is_not_finite_says_where_to_look()
  local script = PRELUDE .. [[
    model:compile { loss = %s, optimizer = SGD { lr = %s, clipnorm = %s } }
    %s
    model:fit(X, y, { verbose = 0, epochs = 5 })
  ]]
  local mse = "'mse'"
  local explodes = script:format(mse, "1e6", "nil", "")
  lu.assertStrContains(run(explodes), "Clipping bounds the step")
  lu.assertStrContains(run(explodes .. "model:fit(X, y, { verbose = 0 })"),
    "The weights were not finite before, perhaps after an earlier fit: make the model anew.")
  lu.assertStrContains(run(script:format(mse, "0.01", "1", "X[3][2] = 0/0")), "Look for nan and inf in x and y.")
  lu.assertStrContains(run(script:format(mse, "0.01", "nil", "y[3] = math.huge")), "Look for nan and inf in x and y.")
  lu.assertStrContains(run(script:format("function(t, p) return (t - p):mean() / 0 * 0 end", "0.01", "nil", "")),
    "x, y and the weights were finite: look at the layers and the loss.")
  lu.assertStrContains(run(script:format(mse, "1e30", "1e30", "")), "). warn_nonfinite")
end

-- Ctrl-C

TestInterrupt = {}

-- The output without the line that tells of the interrupt, once.
local function told(output)
  local rest, count = output:gsub("gradus: warning: fit: ended by Ctrl%-C in epoch %d+ of %d+; what called it goes on\n", "")
  lu.assertEquals(count, 1)
  return rest
end

local INTERRUPT = "io.popen('kill -INT $PPID'):close()\n"

function TestInterrupt.test_ends_a_long_run_of_replayed_steps_and_the_script_goes_on()
  local output = run(PRELUDE .. [[
    local soon = io.popen "sleep 0.1; kill -INT $PPID"
    local history = model:fit(X, y, { epochs = 1e9, verbose = 0, batch_size = 1 })
    print(history.interrupted, #history.loss >= 1, #history.steps.loss >= 100 * #history.loss)
    local again = model:fit(X, y, { epochs = 2, verbose = 0 })
    print(again.interrupted, #again.loss)
  ]])
  lu.assertEquals(told(output), "true\ttrue\ttrue\nfalse\t2\n")
end

function TestInterrupt.test_ends_eager_steps_too()
  local output = run(PRELUDE .. [[
    model:compile { loss = "mse", run_eagerly = true }
    local soon = io.popen "sleep 0.1; kill -INT $PPID"
    print(model:fit(X, y, { epochs = 1e9, verbose = 0 }).interrupted)
  ]])
  lu.assertEquals(told(output), "true\n")
end

function TestInterrupt.test_ends_after_the_running_step()
  local output = run(PRELUDE .. [[
    local ends = {}
    local history = model:fit(X, y, { epochs = 5, verbose = 0, callbacks = { {
      on_train_batch_begin = function(self, batch)
        self.done = (self.done or 0) + 1
        if self.done == 6 then ]] .. INTERRUPT .. [[ end
      end,
      on_epoch_end = function(_, epoch) ends[#ends + 1] = epoch end,
      on_train_end = function() ends[#ends + 1] = "train" end } } })
    print(history.interrupted, #history.loss, #history.steps.loss, table.concat(ends, " "))
    print(#history.by_epoch.clipped, history.steps.grad_norm:min():item() > 0)
  ]])
  lu.assertEquals(told(output), "true\t1\t6\t1 train\n2\ttrue\n")
end

-- The first step's loss is not finite, and the interrupt comes when that is told. The epoch's last step,
-- of fewer rows, was never done.
function TestInterrupt.test_in_the_first_epoch_begins_no_other_one()
  local output = run(PRELUDE .. [[
    local files = getmetatable(io.stderr).__index
    local write = files.write
    function files.write()
      files.write = write
      ]] .. INTERRUPT .. [[
    end
    local history = model:fit(X * math.huge, y, { epochs = 5, verbose = 0 })
    print(history.interrupted, #history.loss, #history.steps.loss)
  ]])
  lu.assertEquals(told(output), "true\t0\t1\n")
end

function TestInterrupt.test_in_an_epoch_s_end_keeps_that_epoch()
  local output = run(PRELUDE .. [[
    local history = model:fit(X, y, { epochs = 5, verbose = 0, callbacks = { {
      on_epoch_end = function(_, epoch) if epoch == 2 then ]] .. INTERRUPT .. [[ end end } } })
    print(history.interrupted, #history.loss)
  ]])
  lu.assertEquals(told(output), "true\t2\n")
end

function TestInterrupt.test_a_fit_inside_a_callback_ends_both()
  local output = run(PRELUDE .. [[
    local other = Sequential { Dense { 1, input_dim = 3 } }
    other:compile { loss = "mse", optimizer = "sgd" }
    local inner
    local history = model:fit(X, y, { epochs = 5, verbose = 0, callbacks = { {
      on_epoch_end = function(_, epoch)
        inner = other:fit(X, y, { epochs = 3, verbose = 0, callbacks = { {
          on_epoch_end = function(_, n) if epoch == 2 and n == 1 then ]] .. INTERRUPT .. [[ end end } } })
      end } } })
    print(inner.interrupted, #inner.loss, history.interrupted, #history.loss)
    print(model:fit(X, y, { verbose = 0 }).interrupted)
  ]])
  lu.assertEquals(told(output), "true\t1\ttrue\t2\nfalse\n")
end

function TestInterrupt.test_after_an_error_in_a_callback_ctrl_c_stops_the_script_again()
  local output = run(PRELUDE .. [[
    print(pcall(model.fit, model, X, y, { verbose = 0, callbacks = { {
      on_epoch_begin = function() error("on purpose", 0) end } } }))
    io.stdout:flush()
    ]] .. INTERRUPT .. [[
    for i = 1, 1e9 do end
    print "not reached"
  ]])
  lu.assertStrContains(output, "false\ton purpose\n")
  lu.assertStrContains(output, "interrupted")
  lu.assertNotStrContains(output, "not reached")
end

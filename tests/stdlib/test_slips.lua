-- Slips of the fingers: a dot for a colon, a second table of options, a misspelt name. Each must be an
-- error that says what was meant, and none of the things that people do on purpose.

local lu = require "luaunit"

local function fails(expected, f, ...)
  local succeeded, message = pcall(f, ...)
  lu.assertFalse(succeeded, "no error, expected: " .. expected)
  lu.assertStrContains(message, expected)
end

local function model_of(optimizer)
  local model = Sequential { Dense { 3, input_dim = 2, activation = "tanh" }, Dense { 1 } }
  model:compile { loss = "mse", optimizer = optimizer or "sgd" }
  return model
end

local function history_of() return model_of():fit(ones(4, 2), ones(4), { verbose = 0 }) end

TestColons = {}

function TestColons.test_methods_of_models()
  local model = model_of()
  for name, arguments in pairs {
    fit = { ones(4, 2), ones(4) }, evaluate = { ones(4, 2), ones(4) }, predict = { ones(4, 2) },
    compile = { { loss = "mse" } }, add = { Dense { 1 } }, build = { { 1, 2 } }, get_weights = {},
    set_weights = { {} }, summary = {}, refresh = { ones(1, 2) },
  } do
    fails(("%s: argument 1 must be a model, got %s; use a colon: model:%s("):format(name,
      core.describe(arguments[1]), name), model[name], table.unpack(arguments))
  end
end

function TestColons.test_methods_of_layers()
  local layer = Dense { 2 }
  fails("get_weights: argument 1 must be a layer, got nothing; use a colon: layer:get_weights(", layer.get_weights)
  fails("set_weights: argument 1 must be a layer, got a table; use a colon: layer:set_weights(",
    layer.set_weights, {})
  fails("add_weight: argument 1 must be a layer, got a table; use a colon: layer:add_weight(",
    layer.add_weight, { shape = { 2 } })
end

function TestColons.test_methods_of_tensors()
  local x = ones(2, 3)
  fails("sum: x must be a tensor, got nothing; use a colon: x:sum([axes [, keepdims]])", x.sum)
  fails("sum: x must be a tensor, got the number 2; use a colon: x:sum([axes [, keepdims]])", x.sum, 2)
  fails("matmul: b must be a tensor, got nothing; the call is a:matmul(b)", x.matmul, x.T)
  fails("add: b must be a tensor or a number, got nothing; the call is a:add(b)", x.add, x)
  for name, arguments in pairs { item = {}, totable = {}, rows = { 1, 2 }, cols = { 1, 2 }, mask = { { 1, 0 } },
                                 fill = { 3 }, backward = {}, detach = {} } do
    fails(("%s: argument 1 must be a tensor, got %s; use a colon: t:%s("):format(name,
      core.describe(arguments[1]), name), x[name], table.unpack(arguments))
  end
  local _, message = pcall(function() return x + {} end)
  lu.assertStrContains(message, "add: b must be a tensor or a number, got a table")
  lu.assertNotStrContains(message, "the call is")
  fails("mean_squared_error: y_true must be a tensor, got nothing", mean_squared_error)
  local _, text = pcall(mean_squared_error)
  lu.assertNotStrContains(text, "colon")
end

function TestColons.test_methods_of_optimizers_states_and_scalers()
  local optimizer, rs, scaler = SGD {}, RandomState(1), StandardScaler {}
  fails("apply: argument 1 must be an optimizer, got a model; use a colon: optimizer:apply(", optimizer.apply,
    model_of())
  fails("RandomState.normal: argument 1 must be a RandomState, got the number 0; use a colon: rs:normal(",
    rs.normal, 0, 1)
  fails("StandardScaler.fit: argument 1 must be a StandardScaler, got a tensor [2, 2]; use a colon: scaler:fit(",
    scaler.fit, ones(2, 2))
end

TestMoreArguments = {}

function TestMoreArguments.test_constructors_take_one_table()
  for name, arguments in pairs {
    SGD = { { lr = 1 }, { momentum = 0.9 } }, StandardScaler = { {}, { with_mean = false } },
    MinMaxScaler = { {}, { clip = true } }, make_regression = { {}, { noise = 1 } },
    Sequential = { { Dense { 1 } }, { dtype = "float64" } },
    Layer = { { call = function(_, x) return x end }, { name = "x" } }, Dense = { 3, { activation = "relu" } },
  } do
    fails(name .. ": everything goes into one table, " .. name .. " { ... }; got a table besides", _G[name],
      table.unpack(arguments))
  end
  fails("Sequential: argument 1 must be a table of layers, got a layer", Sequential, Dense { 1 }, Dense { 2 })
  lu.assertEquals(SGD({ lr = 0.5 }, nil).learning_rate, 0.5)
end

function TestMoreArguments.test_methods_of_models()
  local model, x, y = model_of(), ones(4, 2), ones(4)
  fails("fit: expected x, y and one table of options, got the number 100 besides", model.fit, model, x, y, {}, 100)
  fails("fit: options must be a table, got the number 100", model.fit, model, x, y, 100)
  fails("evaluate: expected x, y and one table of options, got a table besides", model.evaluate, model, x, y, {}, {})
  fails("predict: expected x, got a table besides", model.predict, model, x, { batch_size = 32 })
  fails("compile: expected one table of options, got a table besides", model.compile, model, { loss = "mse" },
    { optimizer = "sgd" })
  fails("add: expected one layer, got a layer besides", model.add, model, Dense { 1 }, Dense { 1 })
  fails("batches: expected x, y and one table of options, got a table besides", batches, x, y, {}, {})
  fails("gradcheck: expected a function, its inputs and one table of options, got a table besides", gradcheck,
    function(a) return a end, { x }, {}, {})
end

function TestMoreArguments.test_plots()
  local list, grid = { 1, 2, 3 }, { { 1, 2 }, { 3, 4 } }
  for name, arguments in pairs {
    figure = {}, plot = { list, list }, scatter = { list, list }, errorbar = { list, list, list },
    fill_between = { list, list, list }, axhline = { 1 }, axvline = { 1 }, hist = { list }, boxplot = { list },
    imshow = { grid }, pcolormesh = { { 1, 2, 3 }, { 1, 2, 3 }, grid }, colorbar = {}, text = { 1, 1, "here" },
    legend = {}, savefig = { "figure.svg" },
  } do
    table.insert(arguments, {})
    table.insert(arguments, { color = "red" })
    fails(("plot.%s: expected one table of options, got a table besides"):format(name), plot[name],
      table.unpack(arguments))
  end
end

function TestMoreArguments.test_operations()
  local x = ones(2, 3)
  fails("sum: expected at most 2 arguments, got 3", x.sum, x, 1, true, 5)
  fails("exp: expected no arguments, got 1", x.exp, x, 2)
  fails("matmul: expected at most 1 argument, got 2", x.matmul, x, x.T, x)
  fails("sum: options by name come alone, got the string \"x\" besides", x.sum, x, { axes = 1 }, "x")
  fails("mean_squared_error: expected at most 2 arguments, got 3", mean_squared_error, x, x, x)
  lu.assertEquals(x:reshape(3, 2).shape, { 3, 2 })
  lu.assertEquals(x:transpose(2, 1).shape, { 3, 2 })
  lu.assertEquals(x:sum(1, nil, nil).shape, { 3 })
  fails("item: expected no arguments, got 1", x.item, x, 1)
  fails("rows: expected at most 2 arguments, got 3", x.rows, x, 1, 1, 1)
  fails("backward: expected no arguments, got 1", x.backward, x, true)
  fails("tensor: expected at most 2 arguments, got 3", tensor, 1, "float32", 2)
  fails("range: expected at most 3 arguments, got 4", range, 1, 2, 3, 4)
  fails("apply: expected at most 1 argument, got 2", function() SGD {}:apply({ x }, 0.1) end)
end

TestMisspelt = {}

function TestMisspelt.test_methods_and_fields_of_models()
  local model = model_of()
  for wrong, right in pairs { evalute = "evaluate", predit = "predict", sumary = "summary", optimiser = "optimizer",
                              weigths = "weights", layer = "layers", get_weigths = "get_weights" } do
    fails(('model: there is no "%s", did you mean "%s"?'):format(wrong, right), function() return model[wrong] end)
  end
  fails('model: there is no "stop_trainig", did you mean "stop_training"?', function() model.stop_trainig = true end)
  lu.assertNil(model.my_own)
  lu.assertNil(model.best)
  model.best = 3
  lu.assertEquals(model.best, 3)
  lu.assertNil(model.trainable)
end

function TestMisspelt.test_fields_of_histories()
  local history = history_of()
  fails('history: there is no "los", did you mean "loss"?', function() return history.los end)
  fails('history: there is no "epochs", did you mean "epoch"?', function() return history.epochs end)
  fails('history: there is no "stepss", did you mean "steps"?', function() return history.stepss end)
  fails('history: there is no "step", did you mean "steps"?', function() return history.step end)
  fails('history.steps: there is no "gradnorm", did you mean "grad_norm"?',
    function() return history.steps.gradnorm end)
  fails('history.by_epoch: there is no "median" (there are: ', function() return history.by_epoch.median end)
  fails('history.history: there is no "los", did you mean "loss"?', function() return history.history.los end)
  lu.assertNil(history.history.val_loss)
  lu.assertNil(history.val_loss)
  lu.assertNil(history.first_not_finite)
  lu.assertNil(history.mine)
  lu.assertEquals(#history.steps.loss, 1)
end

function TestMisspelt.test_methods_and_fields_of_layers()
  local dense = Dense { 2, input_dim = 3 }
  dense(ones(1, 3))
  fails('Dense: there is no "kernal", did you mean "kernel"?', function() return dense.kernal end)
  fails('Dense: there is no "trainabel", did you mean "trainable"?', function() dense.trainabel = false end)
  fails('Dense: there is no "get_weight", did you mean "get_weights"?', function() dense:get_weight() end)
  lu.assertNil(dense.trainable)
  local own = Layer { build = function(self)
    self.w = self:add_weigth { shape = {} }
  end, call = function(self, x) return x * self.w end }
  fails('layer: there is no "add_weigth", did you mean "add_weight"?', own, ones(1))
  fails('layer: there is no "trainabel", did you mean "trainable"?', function() own.trainabel = false end)
end

-- Layers of one's own read fields that are not there yet, under any name.
function TestMisspelt.test_fields_of_ones_own_layers_are_free()
  local own = Layer { call = function(self, x)
    self.calls = (self.calls or 0) + 1
    if not self.weight then self.weight = 2 end
    self.kernels, self.built, self.unit, self.activations = self.kernels or {}, self.built or true, 1, {}
    return x * self.weight
  end }
  lu.assertEquals(own(ones(2)), ones(2) * 2)
  own(ones(2))
  lu.assertEquals(own.calls, 2)
end

function TestMisspelt.test_optimizers_and_states()
  fails('SGD: there is no "learningrate", did you mean "learning_rate"?', function() return SGD {}.learningrate end)
  fails('SGD: there is no "clip_norm", did you mean "clipnorm"?', function() SGD {}.clip_norm = 1 end)
  fails('RandomState: there is no method "unifrom", did you mean "uniform"?',
    function() RandomState(1):unifrom() end)
end

function TestMisspelt.test_what_others_look_for_is_nil()
  for _, value in ipairs { model_of(), history_of(), Dense { 1 }, Layer(function(x) return x end) } do
    lu.assertNil(value.__class__)
    lu.assertNil(value[1])
    lu.assertNil(value[true])
    lu.assertIsString(lu.prettystr(value))
    lu.assertIsString(require("gradus.pretty").text(value))
  end
end

TestOtherSlips = {}

function TestOtherSlips.test_a_compile_that_fails_leaves_the_model_as_it_was()
  local model = Sequential { Dense { 1, input_dim = 2 } }
  fails('compile: unknown optimizer "adam"', model.compile, model, { loss = "mse", optimizer = "adam" })
  fails("fit: the model is not compiled", model.fit, model, ones(4, 2), ones(4))
  model:compile { loss = "mae" }
  local loss, optimizer = model.loss, model.optimizer
  pcall(model.compile, model, { loss = "mse", optimizer = 3 })
  lu.assertEquals(model.loss, loss)
  lu.assertIs(model.optimizer, optimizer)
end

function TestOtherSlips.test_a_layer_that_was_not_made()
  fails("Sequential: a layer must be made first: Dense { ... }", Sequential, { Dense })
  fails("Sequential: a layer must be made first: Layer { ... }", Sequential, { Layer })
  local object = setmetatable({}, { __index = { call = function(_, x) return x end } })
  fails("Sequential: a table with a metatable is no layer", Sequential, { object })
end

function TestOtherSlips.test_a_loss_and_an_optimizer_that_are_set_later()
  local model, x, y = model_of(), ones(4, 2), ones(4)
  model.loss, model.optimizer = "mae", "sgd"
  lu.assertEquals(model:evaluate(x, y), mean_absolute_error(y:reshape(4, 1), model:predict(x)):item())
  model:fit(x, y, { verbose = 0 })
  model.optimizer = SGD { lr = 0 }
  local before = model:evaluate(x, y)
  model:fit(x, y, { verbose = 0 })
  lu.assertEquals(model:evaluate(x, y), before)
  model.loss = "maw"
  fails('evaluate: unknown loss "maw", did you mean "mae"?', model.evaluate, model, x, y)
  model.loss, model.optimizer = "mse", 3
  fails('fit: optimizer must be an optimizer or "sgd", got the number 3', model.fit, model, x, y)
  model.optimizer = SGD {}
  fails('fit: optimizer must be an optimizer or "sgd", got the number 4', model.fit, model, x, y,
    { epochs = 2, verbose = 0, callbacks = { { on_epoch_end = function() model.optimizer = 4 end } } })
end

function TestOtherSlips.test_a_layer_that_was_taken_away()
  local model, x, y = model_of(), ones(4, 2), ones { 4, 3 }
  model.layers[2] = nil
  model:fit(x, y, { verbose = 0 })
  lu.assertEquals(#model.trainable_weights, 2)
  lu.assertEquals(#model:get_weights(), 2)
end

function TestOtherSlips.test_x_and_y_in_one_table()
  local model = model_of()
  fails("fit: x must be a tensor, got a table of tensors; arguments stand in round brackets: (x, y, { ... })",
    model.fit, model, { ones(4, 2), ones(4), epochs = 3 })
  fails("predict: x must be a tensor, got a table of tensors; arguments stand in round brackets: (x)",
    model.predict, model, { ones(4, 2) })
  fails("fit: y must be a tensor, got a table", model.fit, model, ones(4, 2), { ones(4) })
end

function TestOtherSlips.test_what_a_layers_weights_were_made_for_cannot_change()
  local model, x = model_of(), ones(4, 2)
  model:fit(x, ones(4), { verbose = 0 })
  for name, value in pairs { units = 30, use_bias = false } do
    local layer = model.layers[1]
    local before = layer[name]
    layer[name] = value
    for _, method in ipairs { "fit", "predict" } do
      fails("Dense: units and use_bias cannot change once the weights are made (3 units, with bias): put a new layer",
        model[method], model, x, method == "fit" and ones(4) or nil)
    end
    layer[name] = before
  end
  model:fit(x, ones(4), { verbose = 0 })
  model.layers[1] = Dense { 30, input_dim = 2 }
  model.layers[2] = Dense { 1 }
  model:fit(x, ones(4), { verbose = 0 })
end

function TestOtherSlips.test_a_weight_in_the_place_of_a_layers_own()
  local model, x = model_of(), ones(4, 2)
  model:fit(x, ones(4), { verbose = 0 })
  model.layers[1].kernel = zeros(2, 3)
  for _, use in ipairs { "fit", "evaluate" } do
    fails("Dense: a weight was put in the place of the layer's own", model[use], model, x, ones(4), { verbose = 0 })
  end
  fails("Dense: a weight was put in the place of the layer's own", model.predict, model, x)
end

function TestOtherSlips.test_weights_of_a_model_that_has_none()
  local model = Sequential { Dense { 1 } }
  fails("set_weights: the model has no weights yet", model.set_weights, model, { ones(2, 1), ones(1) })
end

TestText = {}

function TestText.test_optimizers_show_their_settings()
  lu.assertEquals(tostring(SGD()), "SGD { learning_rate = 0.01 }")
  lu.assertEquals(tostring(SGD { lr = 0.1, momentum = 0.9, clipnorm = 1.0, nesterov = true }),
    "SGD { learning_rate = 0.1, momentum = 0.9, nesterov = true, clipnorm = 1.0 }")
  lu.assertEquals(tostring(SGD { clipvalue = { -1, 2 }, weight_decay = 0.5, global_clipnorm = 3 }),
    "SGD { learning_rate = 0.01, weight_decay = 0.5, global_clipnorm = 3.0, clipvalue = { -1.0, 2.0 } }")
end

-- What is shown can be written: it makes the same again.
function TestText.test_settings_can_be_read_back()
  local text = tostring(SGD { lr = 1 / 3, clipvalue = 0.1 + 0.2 })
  local again = load("return " .. text)()
  lu.assertEquals(again.learning_rate, 1 / 3)
  lu.assertEquals(again.clipvalue, 0.1 + 0.2)
end

function TestText.test_layers_show_their_settings()
  lu.assertEquals(tostring(Dense { 25 }), "Dense { 25 }")
  lu.assertEquals(tostring(Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" }),
    'Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" }')
  lu.assertEquals(tostring(Dense { 1, use_bias = false, name = "last" }), 'Dense { 1, use_bias = false, name = "last" }')
  lu.assertStrMatches(tostring(Dense { 1, activation = function(x) return x end }),
    "Dense { 1, activation = function at .*test_slips.lua:%d+ }")
  local model = Sequential { Dense { 2 }, Dense { 1 } }
  lu.assertEquals(tostring(model.layers[2]), "Dense { 1 }")
  lu.assertStrMatches(tostring(Layer { name = "double", call = function(_, x) return x end }),
    'Layer { name = "double", call = function at .*test_slips.lua:%d+ }')
end

function TestText.test_scalers_and_states()
  lu.assertEquals(tostring(StandardScaler {}), "StandardScaler {}")
  lu.assertEquals(tostring(StandardScaler { with_mean = false }), "StandardScaler { with_mean = false }")
  lu.assertEquals(tostring(MinMaxScaler { feature_range = { -1, 1 } }), "MinMaxScaler { feature_range = { -1, 1 } }")
  lu.assertEquals(tostring(StandardScaler {}:fit(ones(3, 2))), "StandardScaler {}  -- fitted on 2 features")
  lu.assertEquals(tostring(RandomState(7)), "RandomState(7)")
  lu.assertEquals(tostring(RandomState { 1, 2 }), "RandomState { ... }")
  lu.assertEquals(tostring(RandomState()), "RandomState()")
end

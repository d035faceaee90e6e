-- Layers and models: Dense, its initializers, layers written in Lua, Sequential, evaluate, predict.

local lu = require "luaunit"

local function assert_close(came, expected, tolerance, what)
  lu.assertTrue(math.abs(came - expected) <= tolerance,
    ("%s: got %.17g, expected %.17g"):format(what or "", came, expected))
end

local function shape_of(t) return table.concat(t.shape, ",") end

-- A dense layer with these weights, in float64.
local function dense_of(kernel, bias, activation)
  local layer = Dense { #kernel[1], activation = activation, use_bias = bias ~= nil }
  local model = Sequential { layer, dtype = "float64" }
  model:build { 1, #kernel }
  layer:set_weights { kernel, bias }
  return layer, model
end

TestDense = {}

local KERNEL, BIAS = { { 1, -2, 0.5 }, { 0.25, 3, -1 } }, { 0.1, -0.2, 0.3 }
local INPUT = { { 1, 2 }, { -3, 0.5 }, { 0, 0 } }

local functions = {
  linear = function(z) return z end,
  relu = function(z) return z <= 0 and 0 or z end,
  tanh = function(z) return (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)) end,
  sigmoid = function(z) return 1 / (1 + math.exp(-z)) end,
}

function TestDense.test_is_activation_of_x_times_kernel_plus_bias()
  for name, f in pairs(functions) do
    for _, bias in ipairs { BIAS, false } do
      local layer = dense_of(KERNEL, bias or nil, name)
      local y = layer(tensor(INPUT, "float64"))
      for i, row in ipairs(INPUT) do
        for j = 1, 3 do
          local z = row[1] * KERNEL[1][j] + row[2] * KERNEL[2][j] + (bias and bias[j] or 0)
          assert_close(y[{ i, j }], f(z), 1e-14, name)
        end
      end
    end
  end
end

function TestDense.test_an_activation_may_be_a_function()
  local layer = dense_of(KERNEL, BIAS, function(z) return z * 2 end)
  local plain = dense_of(KERNEL, BIAS)
  local x = tensor(INPUT, "float64")
  lu.assertTrue(layer(x):identical(plain(x) * 2))
  layer = dense_of(KERNEL, nil, function(z) return z * 2 end)
  lu.assertTrue(layer(x):identical(dense_of(KERNEL)(x) * 2))
end

function TestDense.test_inputs_of_higher_rank_contract_the_last_axis()
  for _, bias in ipairs { BIAS, false } do
    local layer = dense_of(KERNEL, bias or nil, "tanh")
    local x = RandomState(1):normal(0, 1, { 4, 5, 2 })
    local y = layer(x)
    lu.assertEquals(shape_of(y), "4,5,3")
    for i = 1, 4 do lu.assertTrue((y[i] - layer(x[i])):abs():max() < 1e-15) end
    lu.assertEquals(shape_of(layer(RandomState(1):normal(0, 1, { 2, 3, 4, 2 }))), "2,3,4,3")
    lu.assertEquals(shape_of(layer(tensor({ 1, 2 }, "float64"))), "3")
  end
end

function TestDense.test_a_model_on_sequences_trains()
  local x = RandomState(1):normal(0, 1, { 20, 4, 3 })
  local model = Sequential { Dense { 8, activation = "tanh" }, Dense { 2 } }
  model:compile { loss = "mse", optimizer = SGD { lr = 0.1 } }
  local history = model:fit(x, x:cols(1, 4)[{ {}, {}, { 1, 2 } }], { epochs = 20, verbose = 0 })
  lu.assertTrue(history.loss[20] < history.loss[1] / 2)
end

function TestDense.test_gradients_pass_the_check()
  for name in pairs(functions) do
    for _, bias in ipairs { true, false } do
      lu.assertTrue(gradcheck(function(x, kernel, b)
        local z = bias and x:dense(kernel, b, name) or x:matmul(kernel)
        return z
      end, { tensor(INPUT, "float64") + 0.05, tensor(KERNEL, "float64"), tensor(BIAS, "float64") }))
    end
  end
end

function TestDense.test_without_a_bias_there_is_one_weight()
  local model = Sequential { Dense { 3, input_dim = 2, use_bias = false } }
  lu.assertEquals(#model:get_weights(), 1)
  lu.assertNil(model.layers[1].bias)
end

function TestDense.test_whole_numbers_may_be_floats()
  local model = Sequential { Dense { 10 / 2, input_dim = 4 / 2 }, Dense { units = 1.0 } }
  lu.assertEquals(shape_of(model:get_weights()[1]), "2,5")
  lu.assertStrContains(tostring(model), "[batch, 5]")
end

function TestDense.test_units_may_come_in_three_ways()
  for _, layer in ipairs { Dense(3), Dense { 3 }, Dense { units = 3 } } do
    lu.assertEquals(layer.units, 3)
  end
end

function TestDense.test_input_shape_is_input_dim()
  lu.assertEquals(Dense { 3, input_shape = { 7 } }.input_dim, 7)
  lu.assertEquals(Dense { 3, input_shape = { 4, 7 }, input_dim = 7 }.input_dim, 7)
end

function TestDense.test_wrong_arguments_are_errors()
  for _, case in ipairs {
    { {}, "Dense: units must be a positive integer, got nothing" },
    { { 0 }, "Dense: units must be a positive integer, got the number 0" },
    { { 2.5 }, "Dense: units must be a positive integer" },
    { { -1 }, "Dense: units must be a positive integer" },
    { { "3" }, 'Dense: units must be a positive integer, got the string "3"' },
    { { 3, activation = "rleu" }, 'Dense: unknown activation "rleu", did you mean "relu"?' },
    { { 3, activation = 3 }, "Dense: activation must be a name or a function" },
    { { 3, kernel_initializer = "he_unifrom" },
      'Dense: unknown initializer "he_unifrom", did you mean "he_uniform"?' },
    { { 3, bias_initializer = 0 }, "Dense: bias_initializer must be a name or a function" },
    { { 3, input_dim = 0 }, "Dense: input_dim must be a positive integer" },
    { { 3, input_dim = "2" }, "Dense: input_dim must be a positive integer" },
    { { 3, input_shape = 2 }, "Dense: input_shape must be a table" },
    { { 3, input_dim = 20, input_shape = { 10 } },
      "Dense: input_dim must be what input_shape ends with, 10, got the number 20" },
    { { 3, input_dim = "20", input_shape = { 20 } }, "Dense: input_dim must be a positive integer" },
    { { 3, use_bias = "no" }, "Dense: use_bias must be a boolean" },
    { { 3, name = 1 }, "Dense: name must be a string" },
    { { 3, actvation = "relu" }, 'Dense: unknown option "actvation", did you mean "activation"?' },
    { "relu", "Dense: argument 1 must be a table" },
  } do
    lu.assertErrorMsgContains(case[2], Dense, case[1])
  end
end

function TestDense.test_wrong_inputs_are_errors()
  local model = Sequential { Dense { 3, input_dim = 2 } }
  lu.assertErrorMsgContains("dense: input has 5 features, kernel expects 2 (x is [4, 5])",
    model.predict, model, zeros(4, 5))
  local layer = Dense { 3, input_dim = 2 }
  lu.assertErrorMsgContains("Dense: input has 5 features, input_dim is 2", layer, zeros(4, 5))
  lu.assertErrorMsgContains("dense: the input must be a tensor, got the number 3", layer, 3)
  lu.assertErrorMsgContains("at least one axis", Dense(3), tensor(1))
end

-- Initializers

TestInitializers = {}

-- Many numbers of an initializer for a kernel [inputs, units].
local function draws(name, inputs, units, dtype)
  seed(1)
  local layer = Dense { units, kernel_initializer = name }
  Sequential { layer, dtype = dtype or "float64" }:build { 1, inputs }
  return layer.kernel
end

local function check_uniform(name, limit_of)
  for _, shape in ipairs { { 300, 200 }, { 20, 2000 } } do
    local kernel, limit = draws(name, shape[1], shape[2]), limit_of(shape[1], shape[2])
    lu.assertTrue(kernel:abs():max() <= limit)
    assert_close(kernel:max():item(), limit, limit * 1e-3, name)
    assert_close(kernel:min():item(), -limit, limit * 1e-3, name)
    assert_close(kernel:mean():item(), 0, limit * 0.02, name)
    assert_close(kernel:var():item(), limit * limit / 3, limit * limit * 0.01, name)
  end
end

function TestInitializers.test_glorot_uniform()
  check_uniform("glorot_uniform", function(inputs, units) return math.sqrt(6 / (inputs + units)) end)
end

function TestInitializers.test_he_uniform()
  check_uniform("he_uniform", function(inputs) return math.sqrt(6 / inputs) end)
end

function TestInitializers.test_random_uniform()
  check_uniform("random_uniform", function() return 0.05 end)
end

function TestInitializers.test_random_normal()
  local kernel = draws("random_normal", 300, 200)
  assert_close(kernel:mean():item(), 0, 1e-3)
  assert_close(kernel:std():item(), 0.05, 5e-4)
  assert_close((kernel / 0.05):abs():le(1):mean():item(), 0.6827, 0.01)
  assert_close((kernel / 0.05):abs():gt(2):mean():item(), 0.0455, 0.005)
end

function TestInitializers.test_zeros_and_ones()
  lu.assertTrue(draws("zeros", 3, 2) == zeros { 3, 2, dtype = "float64" })
  lu.assertTrue(draws("ones", 3, 2) == ones { 3, 2, dtype = "float64" })
end

function TestInitializers.test_defaults_are_glorot_uniform_and_zeros()
  seed(1)
  local model = Sequential { Dense { 200, input_dim = 300 } }
  local kernel, bias = table.unpack(model:get_weights())
  lu.assertTrue(kernel:identical(draws("glorot_uniform", 300, 200, "float32")))
  lu.assertTrue(bias == zeros(200))
end

function TestInitializers.test_float32_weights_are_the_float64_ones_rounded()
  lu.assertTrue(draws("he_uniform", 7, 5, "float32"):identical(
    draws("he_uniform", 7, 5, "float64"):cast("float32")))
end

function TestInitializers.test_a_seed_fixes_them_and_layers_differ()
  local function kernels()
    local model = Sequential { Dense { 4, input_dim = 4 }, Dense { 4 } }
    return model:get_weights()[1], model:get_weights()[3]
  end
  seed(5)
  local a, b = kernels()
  local c = kernels()
  seed(5)
  local d, e = kernels()
  lu.assertTrue(a:identical(d) and b:identical(e))
  lu.assertFalse(a:identical(b))
  lu.assertFalse(a:identical(c))
end

function TestInitializers.test_one_may_be_a_function_whose_tensor_stays_its_own()
  local kept = ones { 2, 3 }
  local function initializer(shape, dtype)
    lu.assertEquals(shape, { 2, 3 })
    lu.assertEquals(dtype, "float64")
    return kept
  end
  local model = Sequential { dtype = "float64",
                             Dense { 3, input_dim = 2, kernel_initializer = initializer } }
  model:compile { loss = "mse" }
  model:fit(ones(4, 2), zeros(4, 3), { verbose = 0 })
  lu.assertTrue(kept == ones { 2, 3 })
  lu.assertFalse(kept.requires_grad)
  lu.assertEquals(model:get_weights()[1].dtype, "float64")
end

function TestInitializers.test_one_may_give_a_view()
  local model = Sequential { Dense { 3, input_dim = 2, kernel_initializer = function()
    return tensor({ { 1, 2 }, { 3, 4 }, { 5, 6 } }).T
  end }, Dense { 1, use_bias = false, kernel_initializer = "ones" } }
  lu.assertEquals(model:predict { { 1, 0 }, { 0, 1 } }:totable(), { { 9 }, { 12 } })
end

function TestInitializers.test_a_wrong_result_is_an_error()
  lu.assertErrorMsgContains("add_weight: the initializer made a tensor [3] for a weight [2, 3]",
    Sequential, { Dense { 3, input_dim = 2, kernel_initializer = function() return zeros(3) end } })
  lu.assertErrorMsgContains("add_weight: the initializer's result must be a tensor", Sequential,
    { Dense { 3, input_dim = 2, kernel_initializer = function() return 3 end } })
end

-- Layers written in Lua

TestLayersInLua = {}

local function affine()
  return {
    build = function(self, shape)
      local weights = { shape[#shape] }
      self.scale = self:add_weight { name = "scale", shape = weights, initializer = "ones" }
      self.shift = self:add_weight { name = "shift", shape = weights, initializer = "zeros" }
    end,
    call = function(self, x) return x * self.scale + self.shift end,
  }
end

function TestLayersInLua.test_a_table_with_build_and_call_trains()
  local x = RandomState(2):normal(0, 1, { 200, 3 })
  local y = x * tensor({ 2, -1, 0.5 }, "float64") + tensor({ 1, 2, 3 }, "float64")
  for _, layer in ipairs { affine(), Layer(affine()) } do
    local model = Sequential { layer }
    model:compile { loss = "mse", optimizer = SGD { lr = 0.1 } }
    model:fit(x, y, { epochs = 60, verbose = 0 })
    local weights = model:get_weights()
    for i, expected in ipairs { 2, -1, 0.5 } do
      assert_close(weights[1][i], expected, 1e-3)
      assert_close(weights[2][i], i, 1e-3)
    end
  end
end

function TestLayersInLua.test_a_function_is_a_layer()
  local function f(x) return x:relu() end
  for _, layer in ipairs { f, Layer(f) } do
    local model = Sequential { layer }
    lu.assertEquals(model:predict { { -1, 2 } }:totable(), { { 0, 2 } })
    lu.assertEquals(model:get_weights(), {})
  end
end

function TestLayersInLua.test_a_layer_builds_at_its_first_call()
  local layer = Layer(affine())
  lu.assertEquals(layer(ones(2, 3)):totable(), { { 1, 1, 1 }, { 1, 1, 1 } })
  lu.assertEquals(#layer:get_weights(), 2)
  layer:set_weights { { 1, 2, 3 }, { 1, 1, 1 } }
  lu.assertEquals(layer(ones(1, 3)):totable(), { { 2, 3, 4 } })
  local optimizer = SGD { lr = 1 }
  layer(ones(1, 3)):sum():backward()
  optimizer:apply(layer)
  lu.assertEquals(layer.scale:totable(), { 0, 1, 2 })
end

function TestLayersInLua.test_a_weight_may_be_kept_from_training()
  local layer = affine()
  local build = layer.build
  layer.build = function(self, shape)
    build(self, shape)
    self.count = self:add_weight { name = "count", shape = {}, initializer = "zeros",
                                   trainable = false }
  end
  local model = Sequential { layer }
  model:compile { loss = "mse" }
  model:fit(ones(4, 2), ones(4, 2) * 3, { verbose = 0 })
  lu.assertEquals(model:get_weights()[3]:item(), 0)
  lu.assertStrContains(tostring(model), "Non-trainable parameters: 1 (4 B)")
end

function TestLayersInLua.test_wrong_ones_are_errors()
  lu.assertErrorMsgContains("Layer: call must be a function, got nothing", Layer, {})
  lu.assertErrorMsgContains("Layer: build must be a function", Layer,
    { call = function(_, x) return x end, build = 3 })
  lu.assertErrorMsgContains("Sequential: a layer must be Dense { ... }, a table with `call` or a function",
    Sequential, { 3 })
  lu.assertErrorMsgContains("Sequential: a layer must be", Sequential, { {} })
  local model = Sequential { { name = "mine", call = function() return 3 end } }
  lu.assertErrorMsgContains("mine: what call returns must be a tensor, got the number 3",
    model.predict, model, ones(1, 2))
  model = Sequential { { call = function(_, x) return x end, build = function(self)
    self:add_weight { shpe = { 1 } } end } }
  lu.assertErrorMsgContains('add_weight: unknown option "shpe", did you mean "shape"?',
    model.predict, model, ones(1, 2))
  model = Sequential { { call = function(_, x) return x end, dtype = "float64",
                         build = function(self) self:add_weight { name = "w", shape = { 1 } } end } }
  lu.assertErrorMsgContains("the weight w of the layer layer is float64, the model is float32",
    model.predict, model, ones(1, 2))
end

-- Sequential

TestSequential = {}

function TestSequential.test_layers_are_numbered_in_order()
  local model = Sequential { Dense { 2, input_dim = 2 }, Dense { 2 }, function(x) return x end,
                             Dense { 2, name = "head" }, Dense { 1 }, function(x) return x end }
  local names = {}
  for i, layer in ipairs(model.layers) do names[i] = layer.name end
  lu.assertEquals(names, { "dense", "dense_1", "layer", "head", "dense_3", "layer_1" })
  lu.assertEquals(model.weights[1].name, "kernel")
  lu.assertEquals(model.weights[2].name, "bias")
end

function TestSequential.test_add_is_the_same_as_a_table()
  seed(3)
  local a = Sequential { Dense { 4, input_dim = 3, activation = "relu" }, affine(), Dense { 1 } }
  seed(3)
  local b = Sequential()
  b:add(Dense { 4, input_dim = 3, activation = "relu" })
  b:add(affine())
  b:add(Dense { 1 })
  local weights = b:get_weights()
  for i, weight in ipairs(a:get_weights()) do lu.assertTrue(weight:identical(weights[i])) end
end

function TestSequential.test_one_without_input_dim_is_built_when_it_sees_data()
  local model = Sequential { Dense { 4 }, Dense { 1 } }
  lu.assertEquals(#model:get_weights(), 0)
  model:predict(ones(2, 3))
  lu.assertEquals(shape_of(model:get_weights()[1]), "3,4")
end

function TestSequential.test_dtype()
  for _, dtype in ipairs { "float32", "float64" } do
    local model = Sequential { Dense { 2, input_dim = 3 }, affine(), dtype = dtype }
    for _, weight in ipairs(model:get_weights()) do lu.assertEquals(weight.dtype, dtype) end
    for _, given in ipairs { "float32", "float64" } do
      lu.assertEquals(model:predict(ones { 1, 3, dtype = given }).dtype, dtype)
      lu.assertEquals(model(ones { 1, 3, dtype = given }).dtype, dtype)
    end
  end
  set_floatx "float64"
  local model = Sequential { Dense { 2, input_dim = 3 } }
  set_floatx "float32"
  lu.assertEquals(model:get_weights()[1].dtype, "float64")
end

function TestSequential.test_weights_are_copied_in_and_out()
  local model = Sequential { Dense { 2, input_dim = 2 } }
  local kernel = model.layers[1].kernel
  local out = model:get_weights()
  out[1]:fill(7)
  lu.assertFalse(kernel:eq(7):max():item() == 1)
  model:set_weights { { { 1, 2 }, { 3, 4 } }, { 5, 6 } }
  lu.assertEquals(kernel:totable(), { { 1, 2 }, { 3, 4 } })
  lu.assertEquals(model.layers[1]:get_weights()[2]:totable(), { 5, 6 })
  local given = tensor { 8, 9 }
  model.layers[1]:set_weights { kernel.T, given }
  lu.assertEquals(kernel:totable(), { { 1, 3 }, { 2, 4 } })
  given:fill(0)
  lu.assertEquals(model:get_weights()[2]:totable(), { 8, 9 })
end

function TestSequential.test_set_weights_changes_all_or_nothing()
  local model = Sequential { Dense { 2, input_dim = 2, kernel_initializer = "ones" } }
  lu.assertErrorMsgContains("set_weights: expected 2 weights, got 1", model.set_weights, model,
    { zeros(2, 2) })
  lu.assertErrorMsgContains("set_weights: weight 2 (bias) is [2], got [3]", model.set_weights, model,
    { zeros(2, 2), zeros(3) })
  lu.assertErrorMsgContains("set_weights: the weights must be a list", model.set_weights, model, 3)
  lu.assertTrue(model:get_weights()[1] == ones(2, 2))
end

function TestSequential.test_weights_are_not_written_into_outside_no_grad()
  local model = Sequential { Dense { 2, input_dim = 2 } }
  local kernel = model.layers[1].kernel
  lu.assertErrorMsgContains("outside no_grad", function() kernel[1] = 0 end)
  no_grad(function() kernel[1] = 0 end)
  lu.assertEquals(kernel[1]:totable(), { 0, 0 })
end

function TestSequential.test_the_summary_counts_parameters()
  local model = Sequential { Dense { 25, input_dim = 20, activation = "relu" }, Dense { 1 } }
  lu.assertEquals(tostring(model), table.concat({
    'Model "sequential", float32',
    " Layer (type)     Output shape  Param #",
    " --------------------------------------",
    " dense (Dense)    [batch, 25]   525",
    " dense_1 (Dense)  [batch, 1]    26",
    " Total parameters: 551 (2.15 KB)",
    " Trainable parameters: 551 (2.15 KB)",
    " Non-trainable parameters: 0 (0 B)",
    " Steps: not compiled" }, "\n"))
  model.layers[1].trainable = false
  model:compile { loss = "mse", run_eagerly = true }
  lu.assertStrContains(tostring(model), "Non-trainable parameters: 525")
  lu.assertStrContains(tostring(model), "Steps: eager, as compile asked")
end

function TestSequential.test_wrong_arguments_are_errors()
  lu.assertErrorMsgContains("Sequential: argument 1 must be a table", Sequential, 3)
  lu.assertErrorMsgContains('Sequential: unknown option "dtpe", did you mean "dtype"?', Sequential,
    { dtpe = "float32" })
  lu.assertErrorMsgContains('Sequential: dtype must be "float32" or "float64"', Sequential,
    { dtype = "int8" })
  local layer = Dense { 2, input_dim = 2 }
  local model = Sequential { layer }
  lu.assertErrorMsgContains("the layer dense is in this model already", model.add, model, layer)
  local empty = Sequential {}
  lu.assertErrorMsgContains("the model has no layers", empty.predict, empty, ones(1, 1))
  for _, case in ipairs {
    { {}, "compile: loss must be a name or a function, got nothing" },
    { { loss = "msee" }, 'compile: unknown loss "msee", did you mean "mse"?' },
    { { loss = 3 }, "compile: loss must be a name or a function, got the number 3" },
    { { loss = "mse", optimizer = "sdg" }, 'compile: unknown optimizer "sdg", did you mean "sgd"?' },
    { { loss = "mse", optimizer = {} }, 'compile: optimizer must be an optimizer or "sgd"' },
    { { loss = "mse", run_eagerly = 1 }, "compile: run_eagerly must be a boolean" },
    { { loss = "mse", optimiser = "sgd" }, 'unknown option "optimiser", did you mean "optimizer"?' },
  } do
    lu.assertErrorMsgContains(case[2], model.compile, model, case[1])
  end
  lu.assertErrorMsgContains("predict: x must be a tensor, got nothing", model.predict, model)
  lu.assertErrorMsgContains("model: x must be a tensor, got the number 3", model, 3)
end

function TestSequential.test_predict_keeps_no_graph()
  local model = Sequential { Dense { 2, input_dim = 2 } }
  local x = ones(3, 2)
  lu.assertFalse(model:predict(x).requires_grad)
  lu.assertTrue(model(x).requires_grad)
  lu.assertTrue(model(x):identical(model:predict(x)))
  lu.assertEquals(model:predict { { 1, 1 } }.shape, { 1, 2 })
end

-- evaluate

function TestSequential.test_a_layer_may_be_put_into_the_list()
  local X, y = ones(8, 3), ones(8)
  local function model_of(...)
    seed(1)
    local model = Sequential { Dense { 4, input_dim = 3 }, ... }
    model:compile { loss = "mse" }
    return model
  end
  local whole, put = model_of(Dense { 1 }), model_of(Dense { 2 })
  put:fit(X, ones(8, 2), { verbose = 0 })
  put.layers[1]:set_weights(whole.layers[1]:get_weights())
  put.layers[2] = Dense { 1 }
  lu.assertEquals(put:fit(X, y, { verbose = 0 }).loss, whole:fit(X, y, { verbose = 0 }).loss)
  lu.assertStrContains(tostring(put), "Total parameters: 21")
  put.layers[3] = function(x) return x:relu() end
  put.layers[4] = function(x) return x + 1 end
  lu.assertEquals(put:predict(X), whole:predict(X):relu() + 1)
  put.layers[3] = "relu"
  lu.assertErrorMsgContains("Sequential: a layer must be Dense { ... }", put.evaluate, put, X, y)
  put.layers = {}
  lu.assertErrorMsgContains("the model has no layers; add one first", put.fit, put, X, y)
end

-- Those that were built somewhere need no input to be looked at; new ones are built when there is one.
function TestSequential.test_a_summary_shows_what_is_in_the_list_now()
  local function change(f)
    local model = Sequential { Dense { 4, input_dim = 3 }, Dense { 4 }, Dense { 1 } }
    f(model.layers, model)
    return model
  end
  local x = ones(2, 3)
  for expected, f in pairs {
    ["Total parameters: 36"] = function(list) list[3] = nil end,
    ["dense (Dense)  [batch, 4]"] = function(list) list[2] = nil end,  -- what is behind a gap is not there
    ["dense_1 (Dense)  [batch, 4]    20"] = function(list) list[1], list[2] = list[2], list[1] end,
    ["dense_2 (Dense)  ?"] = function(list) list[3] = Dense { 2 } end,
    ["layer (Layer)    ?"] = function(list) list[2] = function(rows) return rows:relu() end end,
    ["dense_3 (Dense)  [batch, 1]"] = function(list, model)
      local other = Sequential { Dense { 1, input_dim = 4 } }
      other.layers[1].name = "dense_3"
      list[3] = other.layers[1]
      model:refresh()
    end,
  } do
    local model = change(f)
    lu.assertStrContains(tostring(model), expected)
    if not expected:find "20$" then lu.assertEquals(model:predict(x).rank, 2) end
  end
  local model = change(function(list) list[1] = Dense { 4 } end)
  lu.assertErrorMsgContains("refresh: expected x, a tensor of rows", model.refresh, model)
  model = change(function(list) list[1] = Dense { 4, input_dim = 3 } end)
  model:refresh()
  lu.assertEquals(#model.weights, 6)
  model.layers = {}
  for _ = 1, 2 do lu.assertErrorMsgContains("the model has no layers", model.predict, model, x) end
  lu.assertErrorMsgContains('there is no "built"', function() return model.built end)
end

TestEvaluate = {}

local function data(rows)
  local rs = RandomState(6)
  local X = rs:normal(0, 1, { rows, 4 })
  return X, X:sum(2) + rs:normal(0, 0.1, { rows })
end

local function model_for(dtype, loss)
  seed(4)
  local model = Sequential { Dense { 5, input_dim = 4, activation = "tanh" }, Dense { 1 },
                             dtype = dtype }
  model:compile { loss = loss or "mse", optimizer = SGD { lr = 0.05 } }
  return model
end

function TestEvaluate.test_is_the_mean_over_all_rows_in_blocks_of_1024()
  for _, rows in ipairs { 1, 1000, 1024, 1025, 3000 } do
    local X, y = data(rows)
    local model = model_for "float64"
    local expected = no_grad(function()
      local sum = 0
      for first = 1, rows, 1024 do
        local last = math.min(first + 1023, rows)
        local loss = mean_squared_error(y:rows(first, last), model(X:rows(first, last)))
        sum = sum + loss:item() * (last - first + 1)
      end
      return sum / rows
    end)
    lu.assertEquals(model:evaluate(X, y), rows <= 1024 and
      no_grad(function() return mean_squared_error(y, model(X)):item() end) or expected)
    assert_close(model:evaluate(X, y), mean_squared_error(y, model(X)):item(), 1e-13)
  end
end

function TestEvaluate.test_does_not_depend_on_how_the_data_lie_in_memory()
  local X, y = data(1500)
  local wide = zeros { 8, 1500, dtype = "float64" }
  wide[{ { 1, 8, 2 }, {} }] = X.T
  local view = wide.T[{ {}, { 1, 8, 2 } }]
  for _, dtype in ipairs { "float32", "float64" } do
    local model = model_for(dtype)
    local expected = model:evaluate(X, y)
    lu.assertEquals(model:evaluate(view, y), expected)
    lu.assertEquals(model:evaluate(X, y:reshape(-1, 1)), expected)
    if dtype == "float32" then
      lu.assertEquals(model:evaluate(X:cast("float32"), y:cast("float32")), expected)
      lu.assertEquals(model:evaluate(view, y:cast("float32")), expected)
    end
  end
end

function TestEvaluate.test_the_last_val_loss_is_what_it_returns()
  local function own(y_true, y_pred) return ((y_true - y_pred) ^ 2):mean() end
  for _, rows in ipairs { 50, 1024, 2100 } do
    local X, y = data(rows)
    for _, dtype in ipairs { "float32", "float64" } do
      for _, loss in ipairs { "mse", "mae", own } do
        local model = model_for(dtype, loss)
        local history = model:fit(X, y, { epochs = 2, verbose = 0, validation_data = { X, y } })
        lu.assertEquals(model:evaluate(X, y), history.val_loss[2])
        history = model:fit(X, y, { verbose = 0, validation_data = { X, y }, batch_size = 7 })
        lu.assertEquals(model:evaluate(X, y, { batch_size = 7 }), history.val_loss[1])
      end
    end
  end
end

function TestEvaluate.test_a_loss_written_in_lua_sees_batches()
  local sizes = {}
  local model = model_for("float64", function(y_true, y_pred)
    sizes[#sizes + 1] = #y_true
    return (y_true - y_pred):abs():max()
  end)
  local X, y = data(70)
  model:evaluate(X, y)
  lu.assertEquals(sizes, { 32, 32, 6 })
end

function TestEvaluate.test_a_loss_may_give_one_number_a_row()
  local X, y = data(64)
  local model = model_for("float64", function(y_true, y_pred) return (y_true - y_pred) ^ 2 end)
  assert_close(model:evaluate(X, y), model_for("float64"):evaluate(X, y), 1e-14)
end

function TestEvaluate.test_leaves_gradients_on()
  local X, y = data(10)
  local model = model_for()
  model:evaluate(X, y)
  lu.assertErrorMsgContains("y", model.evaluate, model, X)
  local failing = model_for("float32", function() error("on purpose", 0) end)
  lu.assertErrorMsgEquals("on purpose", failing.evaluate, failing, X, y)
  lu.assertTrue(model(X).requires_grad)
end

function TestEvaluate.test_wrong_arguments_are_errors()
  local X, y = data(10)
  local model = model_for()
  for _, case in ipairs {
    { "evaluate: x and y must have the same number of rows, x is [10, 4] and y is [9]", X,
      y:rows(1, 9) },
    { "evaluate: y must be a tensor, got nothing", X },
    { "evaluate: x must be a tensor, got nothing" },
    { "evaluate: expected at least one row, x is [0, 4]", zeros(0, 4), zeros(0) },
    { "evaluate: batch_size must be a positive integer", X, y, { batch_size = 0 } },
    { 'evaluate: unknown option "batchsize", did you mean "batch_size"?', X, y, { batchsize = 1 } },
    { "dense: input has 3 features, kernel expects 4", zeros(10, 3), y },
  } do
    lu.assertErrorMsgContains(case[1], model.evaluate, model, case[2], case[3], case[4])
  end
  local raw = Sequential { Dense { 1, input_dim = 4 } }
  lu.assertErrorMsgContains("evaluate: the model is not compiled", raw.evaluate, raw, X, y)
end

-- Layers inside a layer written in Lua

TestInnerLayers = {}

local function gated()
  return Layer { gate = Dense { 3, activation = "sigmoid" }, parts = { Dense { 3 }, Dense { 3 } },
                 call = function(self, x) return self.gate(x) * self.parts[1](x) + self.parts[2](x) end }
end

function TestInnerLayers.test_they_are_built_trained_and_counted()
  seed(1)
  local model = Sequential { gated(), Dense { 1 }, dtype = "float64" }
  model:compile { loss = "mse", optimizer = SGD { lr = 0.05 } }
  local x = RandomState(1):normal(0, 1, { 40, 2 })
  local y = x:sum(2)
  local before = model:fit(x, y, { verbose = 0 }).loss[1]
  lu.assertEquals(#model.trainable_weights, 8)
  local weights = model:get_weights()
  local after = model:fit(x, y, { epochs = 20, verbose = 0 }).loss[20]
  lu.assertTrue(after < before / 2)
  for i, weight in ipairs(model:get_weights()) do lu.assertFalse(weight == weights[i]) end
end

function TestInnerLayers.test_they_freeze_with_the_layer_around_them()
  local outer = gated()
  local model = Sequential { outer, Dense { 1 } }
  model:build { 1, 2 }
  outer.trainable = false
  model:refresh(zeros(1, 2))
  lu.assertEquals(#model.trainable_weights, 2)
end

function TestInnerLayers.test_each_draws_weights_of_its_own()
  seed(3)
  local outer = gated()
  Sequential { outer }:build { 1, 2 }
  lu.assertFalse(outer.parts[1].kernel == outer.parts[2].kernel)
end

function TestInnerLayers.test_the_summary_counts_them_with_the_layer_around_them()
  local model = Sequential { gated(), Dense { 1 } }
  model:build { 1, 2 }
  lu.assertStrMatches(tostring(model), ".*layer %(Layer%) +%[batch, 3%] +27\n.*")
  lu.assertStrContains(tostring(model), "Total parameters: 31")
end

function TestInnerLayers.test_one_that_two_hold_is_trained_and_counted_once()
  local shared = Dense { 2 }
  local function around() return Layer { inner = shared, call = function(self, x) return self.inner(x) end } end
  local model = Sequential { around(), around(), dtype = "float64" }
  model:build { 1, 2 }
  lu.assertEquals(#model.trainable_weights, 2)
  lu.assertStrContains(tostring(model), "Total parameters: 6")
  model:compile { loss = "mse", optimizer = SGD { lr = 0.5 } }
  local x, y = ones { 1, 2, dtype = "float64" }, zeros { 1, 2, dtype = "float64" }
  local before = core.tensor(shared.kernel)
  mean_squared_error(y, model(x)):backward()
  local gradient = shared.kernel.grad
  model.optimizer:apply(model)
  lu.assertTrue(shared.kernel:identical(before - gradient * 0.5))
end

-- Layers that a layer calls but does not hold in a field

TestCalledLayers = {}

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

local function train_and_compare(model)
  model:compile { loss = "mse", optimizer = SGD { lr = 0.05 } }
  local x = RandomState(1):normal(0, 1, { 40, 2 })
  local y = x:sum(2)
  local before = model:fit(x, y, { verbose = 0 }).loss[1]
  local weights = model:get_weights()
  local after = model:fit(x, y, { epochs = 20, verbose = 0 }).loss[20]
  lu.assertTrue(after < before / 2)
  for i, weight in ipairs(model:get_weights()) do lu.assertFalse(weight == weights[i]) end
  return weights
end

function TestCalledLayers.test_one_in_a_plain_function_is_trained()
  seed(1)
  local hidden = Dense { 3, activation = "tanh" }
  local model = Sequential { function(x) return hidden(x) end, Dense { 1 }, dtype = "float64" }
  lu.assertEquals(#train_and_compare(model), 4)
  lu.assertEquals(hidden.kernel.dtype, "float64")
  lu.assertStrMatches(tostring(model), ".*layer %(Layer%) +%[batch, 3%] +9\n.*")
end

function TestCalledLayers.test_one_in_the_call_of_a_layer_is_trained()
  seed(2)
  local left, right = Dense { 3 }, Dense { 3, activation = "sigmoid" }
  local gate = { call = function(_, x) return left(x) * right(x) end }
  lu.assertEquals(#train_and_compare(Sequential { gate, Dense { 1 } }), 6)
end

function TestCalledLayers.test_they_are_found_through_several_functions()
  seed(3)
  local inner = Dense { 2 }
  local middle = Layer { call = function(_, x) return inner(x):tanh() end }
  lu.assertEquals(#train_and_compare(Sequential { function(x) return middle(x) + x end, Dense { 1 } }), 4)
end

function TestCalledLayers.test_they_draw_what_the_seed_says()
  local function weights(other)
    seed(4)
    if other then Dense { 2 }(ones(1, 2)) end
    local hidden = Dense { 3 }
    local model = Sequential { function(x) return hidden(x) end, Dense { 1 } }
    model:build { 1, 2 }
    return model:get_weights()
  end
  local first, second = weights(), weights()
  for i = 1, 4 do lu.assertTrue(first[i]:identical(second[i])) end
end

function TestCalledLayers.test_one_that_was_built_before_is_trained()
  seed(5)
  local hidden = Dense { 3 }
  hidden(ones(1, 2))
  lu.assertEquals(#train_and_compare(Sequential { function(x) return hidden(x) end, Dense { 1 } }), 4)
end

function TestCalledLayers.test_a_model_within_a_model_is_trained()
  seed(6)
  local body = Sequential { Dense { 3, activation = "tanh" }, Dense { 2 } }
  local model = Sequential { function(x) return body(x) end, Dense { 1 } }
  lu.assertEquals(#train_and_compare(model), 6)
end

function TestCalledLayers.test_one_called_without_gradients_is_left_alone()
  local teacher = Dense { 2 }
  local model = Sequential { function(x) return x + no_grad(teacher, x):abs() end, Dense { 1 } }
  model:build { 1, 2 }
  lu.assertEquals(#model.trainable_weights, 2)
end

function TestCalledLayers.test_one_that_is_made_at_each_call_is_told_of()
  local lost = { call = function(_, x) return Dense { 3 }(x) end }
  local own = tensor({ 1, 1 }, { requires_grad = true })
  local free = { call = function(_, x) return x * own end }
  for i, layer in ipairs { lost, free } do
    for _, run_eagerly in ipairs { false, true } do
      local model = Sequential { layer, Dense { 1 } }
      model:compile { loss = "mse", run_eagerly = run_eagerly }
      local text = without_stderr(function() model:fit(ones(64, 2), ones(64), { epochs = 2, verbose = 0 }) end)
      local shape = i == 1 and "[3]" or "[2]"
      if i == 1 then text = text:gsub("%[2, 3%]", "[3]") end
      lu.assertStrContains(text, "fit: a tensor " .. shape .. " gets gradients, but is no weight of the model")
      lu.assertEquals(select(2, text:gsub("gets gradients", "")), 1)
    end
  end
  local model = Sequential { Dense { 1 } }
  model:compile { loss = "mse" }
  lu.assertEquals(without_stderr(function() model:fit(ones(8, 2), ones(8), { verbose = 0 }) end), "")
end

-- What is changed between steps and epochs is taken in.
function TestInnerLayers.test_what_callbacks_change()
  seed(4)
  local outer = Layer { a = Dense { 2 }, call = function(self, x) return self.b and self.b(self.a(x)) or self.a(x) end }
  local model = Sequential { outer, Dense { 1 } }
  model:compile { loss = "mse" }
  local counts = {}
  model:fit(ones(32, 2), ones(32), { epochs = 3, batch_size = 8, verbose = 0, callbacks = { {
    on_train_batch_end = function(_, batch)
      counts[#counts + 1] = #model.trainable_weights
      if #counts == 2 then outer.a.trainable = false end
      if #counts == 5 then outer.a.trainable = nil outer.b = Dense { 2 } outer.b(ones(1, 2)) end
      if #counts == 9 then model.layers[2].trainable = false end
      lu.assertTrue(batch <= 4)
    end } } })
  lu.assertEquals(counts, { 4, 4, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4 })
end

-- Models in models

TestModelsInModels = {}

local function body()
  return Sequential { Dense { 3, activation = "tanh", input_dim = 2 }, Dense { 2 } }
end

function TestModelsInModels.test_a_model_is_a_layer()
  seed(7)
  local inner = body()
  local model = Sequential { inner, Dense { 1 } }
  lu.assertEquals(#train_and_compare(model), 6)
  lu.assertEquals(inner:get_weights(), { table.unpack(model:get_weights(), 1, 4) })
  lu.assertStrMatches(tostring(model), ".*sequential %(Sequential%) +%[batch, 2%] +17\n.*")
  lu.assertStrContains(tostring(model), "Steps: recorded once, then replayed")
  lu.assertErrorMsgContains("Sequential: a model cannot be a layer of itself", model.add, model, model)
end

function TestModelsInModels.test_a_model_in_a_field_is_trained()
  seed(8)
  local residual = Layer { body = body(), call = function(self, x) return self.body(x) + x end }
  lu.assertEquals(#train_and_compare(Sequential { residual, Dense { 1 } }), 6)
end

function TestModelsInModels.test_a_frozen_model_is_not_trained()
  seed(9)
  local inner = body()
  local model = Sequential { inner, Dense { 1 } }
  inner.trainable = false
  model:compile { loss = "mse" }
  local before = model:get_weights()
  model:fit(ones(8, 2), ones(8), { verbose = 0 })
  local after = model:get_weights()
  for i = 1, 6 do lu.assertEquals(before[i] == after[i], i <= 4, "weight " .. i) end
end

function TestModelsInModels.test_what_a_layer_trains_by_hand()
  seed(10)
  local outer = Layer { inner = Dense { 2 }, frozen = Dense { 2 },
                        call = function(self, x) return self.inner(x) + self.frozen(x) end }
  outer.frozen.trainable = false
  outer(ones(1, 3)):sum():backward()
  lu.assertEquals(#outer.trainable_weights, 2)
  local before = core.tensor(outer.inner.kernel)
  SGD():apply(outer)
  lu.assertFalse(outer.inner.kernel == before)
end

-- Slips that would train something else

TestSlips = {}

function TestSlips.test_a_missing_layer_is_an_error()
  local settings = {}
  lu.assertErrorMsgContains("Sequential: layer 2 is nothing", Sequential,
    { Dense { 2 }, settings.middle, Dense { 1 } })
end

function TestSlips.test_a_second_argument_of_dense_is_an_error()
  lu.assertErrorMsgContains("Dense: everything goes into one table", Dense, 25, { activation = "relu" })
  lu.assertErrorMsgContains("Dense: units is given twice", Dense, { 3, units = 4 })
end

function TestSlips.test_compiling_again_leaves_the_weights_where_they_are()
  local layer = Dense { 2, input_dim = 3 }
  local model = Sequential { layer, Dense { 1 } }
  model:compile { loss = "mse", optimizer = "sgd" }
  local view = layer.kernel:detach()
  model:compile { loss = "mse", optimizer = "sgd" }
  model:set_weights { ones(3, 2), zeros(2), ones(2, 1), zeros(1) }
  lu.assertTrue(view == ones(3, 2))
end

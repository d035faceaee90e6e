-- layers: what a model is made of.
--
-- A layer is a table with `call(self, x) -> tensor` and, if it has weights, `build(self,
-- input_shape)`, which makes them with self:add_weight. A layer that a user writes from tensor
-- operations is a table with these two, or just a function of x; it trains as the built-in ones do.
-- After Keras's Layer.

local core = require "gradus.core"
local errors = require "gradus.errors"
local gradients = require "gradus.gradients"
local initializers = require "gradus.initializers"

local layers = {
  lua_calls = 0,  -- how often layers and losses written in Lua were called
}

local Layer = { __name = "layer", is_built = false, is_built_in = false }
Layer.__index = Layer
layers.Base = Layer

-- Whether a value is a layer (made by Layer, Dense and the like).
function layers.is_layer(value)
  local metatable = type(value) == "table" and getmetatable(value)
  while type(metatable) == "table" do
    if metatable == Layer then return true end
    metatable = getmetatable(metatable)
  end
  return false
end

local function check_self(self, method, arguments)
  errors.check_self(method, "a layer", layers.is_layer(self), self, ("layer:%s(%s)"):format(method, arguments))
end

-- Layer { call = ..., build = nil, name = "layer" }, Layer(f) -> layer
-- A layer of one's own, from tensor operations; it trains as the built-in ones do.
--
--   call    call(self, x) gets the layer and the input, a tensor, and returns a tensor
--   build   build(self, input_shape) gets the shape of the first input and makes weights with
--           self:add_weight (nil)
--   name    what summary calls it ("layer")
--
-- Layer(f) makes one from a function f(x) from tensor to tensor. A tensor that call keeps
-- (self.last = x) shows the step of fit that ran last, so that a callback may look at it. fit
-- records what call does and replays it: a number, a string or a function that a callback changes
-- in a field (layer.alpha = 0.5) counts from the next step on, one in a local variable of yours
-- from the next epoch on at best (compile's run_eagerly = true is for that). As keras.layers.Layer.
-- Example:
--   local double = Layer { call = function(self, x) return x * 2 end }
--   print(double(ones(2, 2)))
function layers.Layer(fields, ...)
  errors.refuse_second("Layer", ...)
  if type(fields) == "function" then
    local f = fields
    fields = { call = function(_, x) return f(x) end }
  end
  if type(fields) ~= "table" then errors.argument("Layer", "argument 1", "a table", fields) end
  if type(fields.call) ~= "function" then errors.argument("Layer", "call", "a function", fields.call) end
  if fields.build ~= nil and type(fields.build) ~= "function" then
    errors.argument("Layer", "build", "a function", fields.build)
  end
  fields.kind = fields.kind or fields.name or "layer"
  return setmetatable(fields, Layer)
end

local function is_model(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__name") == "model"
end

-- A model as a layer of another one. Its weights stay its own, too.
local function layer_of_model(model)
  return layers.Layer {
    kind = "sequential", type_name = "Sequential", model = model,
    input_dim = model.layers[1] and model.layers[1].input_dim,
    name = model.name ~= "sequential" and model.name or nil,
    call = function(_, x) return model:call(x) end,
  }
end

-- A layer from what a model is given: a layer, another model, a plain table with `call`, or a
-- function.
function layers.adopt(where, value)
  if layers.is_layer(value) then return value end
  if value ~= nil and (value == layers.Dense or value == layers.Layer) then
    errors.fail("%s: a layer must be made first: %s { ... }", where, value == layers.Dense and "Dense" or "Layer")
  end
  if is_model(value) then return layer_of_model(value) end
  if type(value) == "function" or (type(value) == "table" and getmetatable(value) == nil
      and value.call ~= nil) then
    return layers.Layer(value)
  end
  if type(value) == "table" and type(value.call) == "function" then
    errors.fail("%s: a table with a metatable is no layer, since a layer has one of its own: "
      .. "Layer { call = ..., build = ... } makes one", where)
  end
  errors.argument(where, "a layer", "Dense { ... }, a table with `call` or a function", value)
end

-- Put in `found` the layers that a value stands for: itself, those of a model, or those of a list.
local function find_layers(value, path, trains, found)
  if layers.is_layer(value) then
    found[#found + 1] = { layer = value, path = path, trains = trains }
    return
  end
  if is_model(value) then
    found.models[#found.models + 1] = value
    value, trains = value.layers, trains and value.trainable ~= false
  end
  for i, part in ipairs(value) do
    if layers.is_layer(part) or is_model(part) then find_layers(part, path .. "." .. i, trains, found) end
  end
end

-- The layers that a layer holds in its fields, alone, in models or in lists, by the names of the
-- fields; those that it was seen to call are in the list `called`. A built-in layer that runs as it
-- is calls none.
local function inner_layers(layer)
  local names, found = {}, { models = {} }
  if layer.is_built_in and rawget(layer, "call") == nil then return found end
  for name, value in pairs(layer) do
    if type(name) == "string" and type(value) == "table" and (layers.is_layer(value) or is_model(value)
        or layers.is_layer(rawget(value, 1)) or is_model(rawget(value, 1))) then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = layer[name]
    find_layers(layers.is_layer(value) and { value } or value, name, true, found)
  end
  return found
end

-- Call visit(layer, trains, path, models) for a layer and every layer inside it, each once; `trains`
-- is false where the layer or what is around it is frozen, `models` are those in the layer's fields.
function layers.walk(layer, visit, trains, path, seen)
  seen = seen or {}
  if seen[layer] then return end
  seen[layer] = true
  trains = trains ~= false and layer.trainable ~= false
  local inside = inner_layers(layer)
  visit(layer, trains, path or "", inside.models)
  for _, inner in ipairs(inside) do
    layers.walk(inner.layer, visit, trains and inner.trains, (path or "") .. "/" .. inner.path, seen)
  end
end

-- While a model is built: hears of each layer that is called. See layers.call_and_watch.
local listener

local function find_entries(layer)
  local tensors = {}
  layers.walk(layer, function(part)
    for _, entry in ipairs(part.weights or {}) do tensors[#tensors + 1] = entry.tensor end
  end)
  return tensors
end

-- Whether y depends on the layer's weights, as far as they are trained at all.
local function matters(layer, y)
  local wanted = {}
  for _, tensor in ipairs(find_entries(layer)) do
    if tensor.requires_grad then wanted[#wanted + 1] = tensor end
  end
  if #wanted == 0 then return true end
  for _, leads in ipairs((core.find_leaves(y, wanted))) do
    if leads then return true end
  end
  return false
end

-- layer(x), with gradients. The layers that it calls and that were not inside it so far are put in
-- layer.called when the result depends on them; begin(called, path) is told of each before it is built.
function layers.call_and_watch(layer, x, begin)
  local is_known, heard, outer = {}, {}, listener
  local leaving = errors.closing(function() listener = outer end)
  local function enter(part) is_known[part] = true end
  local before = layer.called and #layer.called or 0
  layers.walk(layer, enter)
  listener = function(called)
    if is_known[called] or not core.is_grad_enabled() then return end
    heard[#heard + 1] = called
    layers.walk(called, enter)
    begin(called, "/called." .. before + #heard)
  end
  local y = errors.guarded(leaving, layer, x)
  for _, called in ipairs(heard) do
    if matters(called, y) then
      layer.called = layer.called or {}
      layer.called[#layer.called + 1] = called
    end
  end
  return y
end

-- What of a field decides about a layer that is written in Lua: a number or the like, and a table, among
-- which its inner layers are, with its length; not a tensor, which a layer may keep anew in each call.
local function decides(value) return type(value) ~= "userdata" end

local function length(value) return type(value) == "table" and rawlen(value) end

-- What decides about a layer or a model: whether it is frozen, what it computes with, and, unless it is
-- built in, its fields. write_outline writes it into `list` from place n + 1 on and returns the last
-- place; is_outlined compares, and returns that place or nil.
function layers.write_outline(object, list, n)
  local trainable = rawget(object, "trainable")
  list[n + 1] = trainable == nil or trainable
  list[n + 2] = rawget(object, "activation") or false
  list[n + 3] = rawget(object, "call") or false
  n = n + 3
  if object.is_built_in then return n end
  for _, value in next, object do
    if decides(value) then
      list[n + 1], list[n + 2] = value, length(value)
      n = n + 2
    end
  end
  return n
end

function layers.is_outlined(object, list, n)
  local trainable = rawget(object, "trainable")
  if list[n + 1] ~= (trainable == nil or trainable) or list[n + 2] ~= (rawget(object, "activation") or false)
      or list[n + 3] ~= (rawget(object, "call") or false) then return nil end
  n = n + 3
  if object.is_built_in then return n end
  for _, value in next, object do
    if decides(value) then
      if not rawequal(list[n + 1], value) or list[n + 2] ~= length(value) then return nil end
      n = n + 2
    end
  end
  return n
end

-- Whether two lists have the same entries.
function layers.are_same(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if not rawequal(a[i], b[i]) then return false end
  end
  return true
end

-- layer:add_weight { name = nil, shape = {}, initializer = "glorot_uniform", trainable = true }
--   -> tensor
-- Make a weight of this layer, a tensor in the model's dtype, and return it. Called from build.
--
--   name          what errors and summary call it ("weight1", "weight2" and so on)
--   shape         a list of dimensions ({}: a tensor of rank 0)
--   initializer   a name or a function, as for Dense ("glorot_uniform")
--   trainable     whether training changes it (true)
--
-- As add_weight of keras.layers.Layer.
-- Example:
--   local scale = Layer {
--     build = function(self, shape) self.w = self:add_weight { shape = { shape[#shape] }, initializer = "ones" } end,
--     call = function(self, x) return x * self.w end,
--   }
--   print(scale(ones(2, 3)))
local weight_options = { "name", "shape", "initializer", "trainable" }

function Layer:add_weight(options, ...)
  check_self(self, "add_weight", "{ shape = ... }")
  errors.refuse_more("add_weight", "expected one table of options,", ...)
  options = errors.check_options("add_weight", options, weight_options)
  local shape = errors.option("add_weight", options, "shape", "table", {})
  local make = initializers.get("add_weight", "initializer",
    options.initializer or "glorot_uniform")
  self.weights = self.weights or {}
  self.stream = self.stream or core.stream(core.next_model_number(), 1, "weights")
  local dtype = self.dtype or core.floatx()
  local weight = make(shape, dtype, self.stream, #self.weights + 1)
  if not core.is_tensor(weight) then
    errors.argument("add_weight", "the initializer's result", "a tensor", weight)
  end
  if not layers.are_same(weight.shape, shape) then
    errors.fail("add_weight: the initializer made a tensor [%s] for a weight [%s]",
      table.concat(weight.shape, ", "), table.concat(shape, ", "))
  end
  weight = core.tensor(weight, dtype)  -- its own memory, whatever the initializer keeps
  local entry = { tensor = weight, name = options.name or "weight" .. #self.weights + 1,
                  trainable = options.trainable ~= false }
  weight.requires_grad = entry.trainable
  self.weights[#self.weights + 1] = entry
  return weight
end

-- Build once, for inputs of this shape.
function Layer:ensure_built(input_shape)
  if self.is_built then return end
  self.weights = self.weights or {}
  self.weights_before_build = self.weights_before_build or #self.weights
  for i = #self.weights, self.weights_before_build + 1, -1 do  -- of a build that failed
    self.weights[i] = nil
  end
  if self.build then gradients.with(false, self.build, self, input_shape) end
  self.is_built = true
end

-- The weights that train, those of the layers inside included, for who trains a layer by hand.
local function collect_trainable(layer)
  layer.trainable_weights = {}
  layers.walk(layer, function(part, trains)
    for _, entry in ipairs(part.weights or {}) do
      if entry.trainable and trains then
        layer.trainable_weights[#layer.trainable_weights + 1] = entry.tensor
      end
    end
  end)
end

-- layer(x) -> tensor
-- The layer's output for the tensor x, with gradients. The first call makes the weights, for inputs
-- of x's shape. As calling a keras.layers.Layer.
-- Example: Dense { 2 }(ones(4, 3))

-- layer.trainable -> boolean or nil
-- false freezes the layer's weights, and those of the layers inside it, from the next step on; nil
-- (as at first) and true let them train. As keras.layers.Layer.trainable.
-- Example:
--   local layer = Dense { 2 }
--   layer.trainable = false

-- layer.kernel, layer.bias -> tensor
-- The weights of a Dense layer, [inputs, units] and [units]. Both are nil until they are made; bias is
-- nil with use_bias = false. Write into them within no_grad. As keras.layers.Dense.
-- Example:
--   local layer = Dense { 2 }
--   layer(ones(4, 3))
--   print(layer.kernel.shape[1], layer.bias)

function Layer:__call(x)
  if not core.is_tensor(x) then errors.argument(self.kind, "the input", "a tensor", x) end
  if not self.is_built_in or type(self.activation) == "function" then
    layers.lua_calls = layers.lua_calls + 1
  end
  if listener then listener(self) end
  if not self.is_built then self:ensure_built(x.shape) end
  local y = self:call(x)
  if not self.trainable_weights then collect_trainable(self) end
  if not core.is_tensor(y) then errors.argument(self.kind, "what call returns", "a tensor", y) end
  return y
end

-- layer:get_weights() -> list of tensors; layer:set_weights(list)
-- get_weights returns copies of the weights, for Dense kernel and bias; set_weights copies a list of
-- tensors, or nested tables, into the layer's own. Number and shapes must agree. As get_weights and
-- set_weights of keras.layers.Layer.
-- Example:
--   local layer = Dense { 2 }
--   layer(ones(4, 3))
--   layer:set_weights(layer:get_weights())
function Layer:get_weights()
  check_self(self, "get_weights", "")
  local copies = {}
  for i, entry in ipairs(self.weights or {}) do copies[i] = core.tensor(entry.tensor) end
  return copies
end

function Layer:set_weights(values)
  check_self(self, "set_weights", "list")
  layers.assign_weights(self.kind .. ".set_weights", self.weights or {}, values)
end

-- Copy a list of values into the tensors of a list of weights, after checking them all.
function layers.assign_weights(where, weights, values)
  if type(values) ~= "table" then errors.argument(where, "the weights", "a list of tensors", values) end
  if #values ~= #weights then
    errors.fail("%s: expected %d weights, got %d", where, #weights, #values)
  end
  local tensors = {}
  for i, entry in ipairs(weights) do
    local value = values[i]
    local given = core.is_tensor(value) and value or core.tensor(value, entry.tensor.dtype)
    local expected, came = table.concat(entry.tensor.shape, ", "), table.concat(given.shape, ", ")
    if expected ~= came then
      errors.fail("%s: weight %d (%s) is [%s], got [%s]", where, i, entry.name, expected, came)
    end
    tensors[i] = given
  end
  gradients.with(false, function()
    for i, entry in ipairs(weights) do entry.tensor:fill(tensors[i]) end
  end)
end

-- Dense

local Dense = setmetatable({ __name = "layer", kind = "dense", type_name = "Dense",
                             is_built_in = true, __call = Layer.__call }, Layer)
Dense.__index = Dense

local dense_options = { 1, "units", "activation", "use_bias", "kernel_initializer",
                        "bias_initializer", "input_dim", "input_shape", "name" }
local activations = { "linear", "relu", "tanh", "sigmoid" }

-- The number of features of one input row, from input_dim or input_shape, or nil.
local function input_features(options)
  local shape = errors.option("Dense", options, "input_shape", "table")
  local given = errors.option("Dense", options, "input_dim", "positive integer")
  if not shape or #shape == 0 then return given end
  local last = errors.option("Dense", { input_dim = shape[#shape] }, "input_dim", "positive integer")
  if given and given ~= last then
    errors.argument("Dense", "input_dim", ("what input_shape ends with, %d"):format(last), given)
  end
  return last
end

local function check_activation(activation)
  if type(activation) == "function" then return activation end
  if type(activation) ~= "string" then
    errors.argument("Dense", "activation", "a name or a function", activation)
  end
  for _, name in ipairs(activations) do
    if name == activation then return name end
  end
  errors.fail('Dense: unknown activation "%s"%s', activation,
    errors.suggestion(activation, activations))
end

-- Dense { units, activation = "linear", use_bias = true, kernel_initializer = "glorot_uniform",
--         bias_initializer = "zeros", input_dim = nil, name = "dense" } -> layer
-- A fully connected layer: y = activation(x . kernel + bias), with x [..., inputs], kernel
-- [inputs, units], bias [units], y [..., units].
--
--   units                how many outputs; also the first entry of the table, without a name
--   activation           "linear", "relu", "tanh", "sigmoid", or a function from tensor to tensor
--                        ("linear")
--   use_bias             whether there is a bias (true)
--   kernel_initializer   what the kernel begins with: "glorot_uniform", "he_uniform",
--                        "random_uniform" (-0.05 to 0.05), "random_normal" (mean 0, deviation
--                        0.05), "zeros", "ones", or a function of shape and dtype that returns a
--                        tensor ("glorot_uniform")
--   bias_initializer     the same for the bias ("zeros")
--   input_dim            the number of inputs; with it in a model's first layer the weights are made
--                        at once, without it when the model first sees data (nil)
--   input_shape          the same as a list: { 20 } (nil)
--   name                 what summary and errors call it ("dense", "dense_1" and so on)
--
-- As keras.layers.Dense.
-- Example: Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" }
function layers.Dense(options, ...)
  errors.refuse_second("Dense", ...)
  if type(options) == "number" then options = { options } end
  if type(options) ~= "table" then
    errors.argument("Dense", "argument 1", "a table such as { 25, activation = \"relu\" }", options)
  end
  errors.check_options("Dense", options, dense_options)
  local units = options[1] or options.units
  if options[1] and options.units then errors.fail("Dense: units is given twice") end
  local self = setmetatable({}, Dense)
  if units == nil then errors.argument("Dense", "units", "a positive integer", units) end
  self.units = errors.option("Dense", { units = units }, "units", "positive integer")
  self.activation = check_activation(options.activation or "linear")
  self.use_bias = errors.option("Dense", options, "use_bias", "boolean", true)
  self.kernel_initializer = initializers.get("Dense", "kernel_initializer",
    options.kernel_initializer or "glorot_uniform")
  self.bias_initializer = initializers.get("Dense", "bias_initializer",
    options.bias_initializer or "zeros")
  self.input_dim = input_features(options)
  self.name = errors.option("Dense", options, "name", "string")
  return self
end

-- How many numbers a row of a Dense's input has, 0 while nothing says it; nil for other layers.
function layers.features_of(layer)
  if getmetatable(layer) ~= Dense then return nil end
  return core.is_tensor(layer.kernel) and layer.kernel.shape[1] or layer.input_dim or 0
end

function Dense:build(input_shape)
  local inputs = input_shape[#input_shape]
  if self.input_dim and inputs ~= self.input_dim then
    errors.fail("Dense: input has %s features, input_dim is %d", inputs, self.input_dim)
  end
  if not inputs then errors.fail("Dense: the input must have at least one axis") end
  self.built_units = self.units
  self.kernel = self:add_weight { name = "kernel", shape = { inputs, self.units },
                                  initializer = self.kernel_initializer }
  if self.use_bias then
    self.bias = self:add_weight { name = "bias", shape = { self.units },
                                  initializer = self.bias_initializer }
  end
end

-- A weight that is not the one which is trained would be used in its place.
local function check_weights(self)
  if self.units ~= self.built_units or self.use_bias ~= (self.bias ~= nil) then
    errors.fail("Dense: units and use_bias cannot change once the weights are made (%d units, %s bias): put a "
      .. "new layer in the place of this one", self.built_units, self.bias and "with" or "without")
  end
  if rawequal(self.kernel, self.weights[1].tensor)
      and (not self.bias or rawequal(self.bias, self.weights[2].tensor)) then return end
  errors.fail("Dense: a weight was put in the place of the layer's own: layer:set_weights { kernel, bias } "
    .. "copies into it, and so does layer.kernel:fill(value) within no_grad")
end

function Dense:call(x)
  check_weights(self)
  local named = type(self.activation) == "string"
  if self.bias then
    local y = x:dense(self.kernel, self.bias, named and self.activation or "linear")
    return named and y or self.activation(y)
  end
  local features = x.shape[x.rank]
  if features ~= self.kernel.shape[1] then
    errors.fail("dense: input has %s features, kernel expects %d (x is [%s])", features or 0,
      self.kernel.shape[1], table.concat(x.shape, ", "))
  end
  if x.dtype ~= self.kernel.dtype then x = x:cast(self.kernel.dtype) end
  local z = x:matmul(self.kernel)
  if not named then return self.activation(z) end
  return self.activation == "linear" and z or z[self.activation](z)
end

-- tostring(layer)
local dense_settings = { 1, "input_dim", "activation", "use_bias", "kernel_initializer", "bias_initializer", "name" }
local dense_defaults = { activation = "linear", use_bias = true, kernel_initializer = "glorot_uniform",
                         bias_initializer = "zeros" }

function Dense:__tostring()
  local has_own_name = self.name and not self.name:find "^dense_?%d*$"
  return require("gradus.printing").constructor("Dense", {
    self.units, input_dim = self.input_dim, activation = self.activation, use_bias = self.use_bias,
    kernel_initializer = initializers.name_of(self.kernel_initializer),
    bias_initializer = initializers.name_of(self.bias_initializer), name = has_own_name and self.name or nil,
  }, dense_settings, dense_defaults)
end

function Layer:__tostring()
  if self.type_name == "Sequential" then return tostring(self.model) end
  return require("gradus.printing").constructor("Layer", self, { "name", "build", "call" }, {})
end

-- Fields that Tab does not show.
Layer.__hidden = {}
for _, name in ipairs { "built_units", "called", "is_built", "is_built_in", "kind", "stream", "type_name", "weights",
                        "weights_before_build" } do
  Layer.__hidden[name] = true
end
Dense.__hidden = Layer.__hidden

-- Fields that nearly have the name of a field: of Dense all count, of a layer of one's own only what
-- nobody would take for a field of their own.
setmetatable(Layer, { __index = errors.catch_slips("layer", Layer, {
  "add_weight", "get_weights", "set_weights", "trainable" }) })

local find_in_dense = errors.catch_slips("Dense", Dense, {
  "add_weight", "get_weights", "set_weights", "trainable", "units", "activation", "use_bias", "kernel", "bias",
  "kernel_initializer", "bias_initializer", "input_dim", "name", "dtype", "weights", "trainable_weights",
  "output_shape", "call", "called", "build", "stream", "is_built" })

setmetatable(Dense, setmetatable({ __index = function(_, name)
  local value = rawget(Layer, name)
  return value == nil and find_in_dense(nil, name) or value
end }, Layer))

-- A built-in layer with an activation or a call written in Lua is written in Lua, too.
function layers.is_written_in_lua(layer)
  if layer.type_name == "Sequential" then return layer.model:has_layers_in_lua() end
  return not layer.is_built_in or type(layer.activation) == "function"
    or rawget(layer, "call") ~= nil
end

return layers

-- sequential: a model as a list of layers, one after the other. After Keras's Sequential.

local core = require "gradus.core"
local errors = require "gradus.errors"
local gradients = require "gradus.gradients"
local layers = require "gradus.layers"
local losses = require "gradus.losses"
local optimizers = require "gradus.optimizers"

local Sequential = { __name = "model" }
Sequential.__index = Sequential

local function check_self(self, method, arguments)
  errors.check_self(method, "a model", getmetatable(self) == Sequential, self,
    ("model:%s(%s)"):format(method, arguments))
end

-- "dense", "dense_1", ... in order, as Keras numbers them.
local function name_layer(self, layer)
  if layer.name then return end
  local same = 0
  for _, other in ipairs(self.layers) do
    if other ~= layer and layers.is_layer(other) and other.kind == layer.kind then same = same + 1 end
  end
  layer.name = same == 0 and layer.kind or layer.kind .. "_" .. same
end

-- The type and the random numbers of a layer, and of those inside it, that stands at `place`.
local function settle(self, layer, place, path)
  layers.walk(layer, function(part, _, part_path)
    part.dtype = part.dtype or self.dtype
    part.stream = part.stream or core.stream(self.number, place, "weights" .. part_path)
  end, true, path)
end

local function is_settled(layer) return layers.is_layer(layer) and layer.stream ~= nil end

-- What is given as the layer of a place becomes it. Returns the layer.
local function take_layer(self, layer, place)
  if layer == self then errors.fail("Sequential: a model cannot be a layer of itself") end
  layer = layers.adopt("Sequential", layer)
  self.layers[place] = layer
  name_layer(self, layer)
  settle(self, layer, place)
  return layer
end

-- Put a layer at the end.
local function append(self, layer)
  for _, other in ipairs(self.layers) do
    if other == layer then errors.fail("Sequential: the layer %s is in this model already", layer.name) end
  end
  take_layer(self, layer, #self.layers + 1)
  self.is_built, self.recordings = false, {}
end

-- Make the weights, where the first layer tells of how many inputs.
local function build_early(self)
  local first = self.layers[1]
  if first and first.input_dim then self:build { 1, first.input_dim } end
end

-- Sequential { layer, layer, ..., dtype = "float32", name = "sequential" } -> model
-- A model that hands its input from layer to layer. A layer is Dense { ... }, Layer { ... }, a table
-- with `call` (and `build`), a function from tensor to tensor, or another model. Layers inside a
-- layer, held in its fields or called by it, are trained as well; trainable = false freezes a layer or
-- a whole model. The dtype is that of set_floatx unless given. As keras.Sequential.
-- Example:
--   local model = Sequential {
--     Dense { 25, input_dim = 20, activation = "relu" },
--     Dense { 1 },
--   }
local function new(fields, ...)
  if fields == nil then fields = {} end
  if type(fields) ~= "table" or getmetatable(fields) ~= nil then
    errors.argument("Sequential", "argument 1", "a table of layers", fields)
  end
  errors.refuse_second("Sequential", ...)
  for key in pairs(fields) do
    if math.type(key) ~= "integer" and key ~= "dtype" and key ~= "name" then
      errors.fail('Sequential: unknown option "%s"%s', key,
        errors.suggestion(tostring(key), { "dtype", "name" }))
    end
  end
  local self = setmetatable({
    layers = {}, is_built = false, number = core.next_model_number(), shuffles = 0, recordings = {},
    dtype = fields.dtype or core.floatx(), name = fields.name or "sequential",
    trainable_weights = {}, weights = {}, trains = {}, known = {}, watched = false, run_eagerly = false,
    eager_reason = false,
  }, Sequential)
  if self.dtype ~= "float32" and self.dtype ~= "float64" then
    errors.argument("Sequential", "dtype", '"float32" or "float64"', self.dtype)
  end
  for key in pairs(fields) do
    if math.type(key) == "integer" and (key < 1 or key > 1 and fields[key - 1] == nil) then
      errors.fail("Sequential: layer %d is nothing", key - 1)
    end
  end
  for _, layer in ipairs(fields) do append(self, layer) end
  build_early(self)
  return self
end

-- model.layers -> list of layers
-- The layers in order, from 1; one that is put into the list is built when the model runs next. As keras.Model.layers.
-- Example: Sequential({ Dense { 3 }, Dense { 1 } }).layers[2].units

-- model.trainable_weights -> list of tensors
-- The tensors that training changes, layer by layer (kernel, bias), themselves and no copies. As
-- keras.Model.trainable_weights.
-- Example: Sequential({ Dense { 1, input_dim = 2 } }).trainable_weights

-- model.optimizer -> optimizer
-- What compile was given; nil before. Its fields act from the next step, so that a callback may set
-- model.optimizer.learning_rate. As keras.Model.optimizer.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse", optimizer = SGD { learning_rate = 0.1 } }
--   model.optimizer.learning_rate = 0.01

-- model.stop_training -> boolean or nil
-- A callback that sets it to true ends the training after the running batch or epoch. As
-- keras.Model.stop_training.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   local stop = { on_epoch_end = function(_, epoch) model.stop_training = epoch == 2 end }
--   local history = model:fit(ones(8, 2), ones(8), { epochs = 9, verbose = 0, callbacks = { stop } })
--   print(#history.loss)

-- model:add(layer)
-- Put a layer at the end. As keras.Sequential.add.
-- Example:
--   local model = Sequential {}
--   model:add(Dense { 1, input_dim = 2 })
function Sequential:add(layer, ...)
  check_self(self, "add", "layer")
  errors.refuse_more("add", "expected one layer,", ...)
  append(self, layer)
  build_early(self)
end

-- How often weights were moved: a view of one, in a recording, then lies where it was before; and two
-- models may share a layer.
local moves = 0

-- Call visit(layer, trains) for every layer, and for those inside a layer written in Lua; each once,
-- however many hold it.
local function each_layer(self, visit)
  local seen, trains = {}, self.trainable ~= false
  for _, layer in ipairs(self.layers) do layers.walk(layer, visit, trains, nil, seen) end
end

local function take_weight(self, layer, entry, trains)
  if entry.tensor.dtype ~= self.dtype then
    errors.fail("Sequential: the weight %s of the layer %s is %s, the model is %s", entry.name,
      layer.name or layer.kind, entry.tensor.dtype, self.dtype)
  end
  self.weights[#self.weights + 1] = entry
  entry.tensor.requires_grad = entry.trainable and trains
  if entry.tensor.requires_grad then
    self.trainable_weights[#self.trainable_weights + 1] = entry.tensor
  end
end

-- Put the trainable weights side by side, so that an update is one pass over them.
local function collect_weights(self)
  self.weights, self.trainable_weights, self.trains, self.count = {}, {}, {}, 0
  each_layer(self, function(layer, trains)
    self.trains[layer], self.count = trains, self.count + 1
    for _, entry in ipairs(layer.weights or {}) do take_weight(self, layer, entry, trains) end
  end)
  core.lay_side_by_side(self.trainable_weights)
  moves = moves + 1
  self.recordings = {}
end

-- The layers as they are now, up to the first gap, to notice when a script puts in or takes out some; a
-- look at the model then goes through all of them.
local function note_layers(self)
  local list = {}
  for i, layer in ipairs(self.layers) do list[i] = layer end
  self.built_layers, self.watched = list, false
end

-- model:build(input_shape)
-- Make the weights, for inputs of this shape (rows first). It happens by itself when the first
-- layer has input_dim, else when the model first sees data. As keras.Model.build.
-- Example:
--   local model = Sequential { Dense { 1 } }
--   model:build { 1, 20 }
function Sequential:build(input_shape)
  check_self(self, "build", "input_shape")
  if #self.layers == 0 then errors.fail("Sequential: the model has no layers; add one first") end
  gradients.with(true, function()
    local x = core.zeros(input_shape, self.dtype)
    for place, layer in ipairs(self.layers) do
      if not is_settled(layer) then layer = take_layer(self, layer, place) end
      layer:ensure_built(x.shape)
      x = layers.call_and_watch(layer, x, function(called, path)
        settle(self, called, place, path)
      end):detach()
      layer.output_shape = x.shape
    end
  end)
  collect_weights(self)
  note_layers(self)
  self.is_built = true
end

-- Whether the layers are those that were built, or others that were built elsewhere.
local function are_built(self)
  if not self.is_built or not self.layers[1] then return false end
  if layers.are_same(self.layers, self.built_layers) then return true end
  for _, layer in ipairs(self.layers) do
    if not (is_settled(layer) and layer.output_shape) then return false end
  end
  note_layers(self)
  return true
end

-- The shape of one row, of x or, without it, of what the first layer takes.
local function row_shape(self, x)
  local first = self.layers[1]
  local features = layers.features_of(first)
  if not x and first and not (features and features > 0) then
    errors.fail("refresh: expected x, a tensor of rows, as the model's first layer is not built yet")
  end
  local shape = x and x.shape or { 1, features }
  if #shape > 0 then shape[1] = 1 end
  return shape
end

local function ensure_built(self, x)
  if not are_built(self) then self:build(row_shape(self, x)) end
end

-- Drop the recordings when what they were made of has changed.
local function check_recordings(self)
  local known, n, has_changed = self.known, 0, false
  local function note(value)
    n = n + 1
    if not rawequal(known[n], value) then known[n], has_changed = value, true end
  end
  note(self.loss)
  note(self.dtype)
  note(moves)
  each_layer(self, function(layer)
    note(layer)
    note(layer.activation)
    note(layer.call)
    note(layer.kernel)
    note(layer.bias)
    note(layer.units)
    note(layer.use_bias)
    local fields = {}
    for i = 1, layers.write_outline(layer, fields, 0) do note(fields[i]) end
  end)
  for _, entry in ipairs(self.weights) do note(entry.tensor.requires_grad) end
  if has_changed then self.recordings = {} end
end

-- What decides about the layers that were found last, written into `list`, and whether it still is
-- what was written there; both return the last place in the list.
function Sequential:write_outlines(list)
  local n = 0
  for _, object in ipairs(self.watched) do n = layers.write_outline(object, list, n) end
  return n
end

function Sequential:are_outlined(list)
  local n = 0
  for _, object in ipairs(self.watched) do
    n = layers.is_outlined(object, list, n)
    if not n then return nil end
  end
  return n
end

-- Whether nothing was changed since take_outline, found out without a walk through the layers. (Other
-- layers would have been noted.)
local function is_as_before(self)
  local outline = self.outline
  if not self.watched or outline.loss ~= self.loss or outline.dtype ~= self.dtype or outline.moves ~= moves
      or outline.trainable ~= self.trainable then return false end
  local n = self:are_outlined(outline)
  if not n then return false end
  for i, entry in ipairs(self.weights) do
    if outline[n + i] ~= entry.tensor.requires_grad then return false end
  end
  return true
end

-- Write down what the model is made of, for is_as_before.
local function take_outline(self)
  local outline, watched = {}, {}
  each_layer(self, function(layer, _, _, models)
    watched[#watched + 1] = layer
    table.move(models, 1, #models, #watched + 1, watched)
  end)
  self.outline, self.watched = outline, watched
  local n = self:write_outlines(outline)
  for i, entry in ipairs(self.weights) do outline[n + i] = entry.tensor.requires_grad end
  outline.loss, outline.dtype, outline.moves, outline.trainable = self.loss, self.dtype, moves, self.trainable
end

-- Take in what was changed since the last time; returns whether there was something.
function Sequential:take_in(x)
  ensure_built(self, x)
  if is_as_before(self) then return false end
  local has_changed, count = false, 0
  each_layer(self, function(layer, trains)
    count = count + 1
    if self.trains[layer] ~= trains then has_changed = true end
  end)
  if has_changed or count ~= self.count then collect_weights(self) end
  check_recordings(self)
  take_outline(self)
  return true
end

-- model:refresh(x)
-- Take in what was changed since the last step, such as layers that were added or frozen (by
-- layer.trainable). fit and model(x) do so by themselves; it is for a loop that reads
-- model.trainable_weights before it calls the model. Gradus's own.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model.layers[1].trainable = false
--   model:refresh(ones(1, 2))
function Sequential:refresh(x)
  check_self(self, "refresh", "x")
  self.watched = false
  self:take_in(x)
end

local takes_rows = { fit = true, evaluate = true, batches = true }

-- x [n] are n rows of one number, where the first layer takes one or shall learn from x what it takes.
-- One row of more may be handed to the model, but is nothing to train on.
local function as_rows(self, where, x)
  local features = layers.features_of(self.layers[1])
  if features == 1 or features == 0 then return x:reshape(x.size, 1) end
  if not takes_rows[where] or not features then return x end
  errors.fail("%s: expected x with %d numbers in each row, [rows, %d], got a tensor [%d]", where, features, features,
    x.size)
end

-- x as a tensor of rows.
function Sequential:as_input(where, x)
  if type(x) == "table" then
    if core.is_tensor(x[1]) then
      local takes_y = where == "fit" or where == "evaluate"
      errors.fail("%s: x must be a tensor, got a table of tensors; arguments stand in round brackets: %s", where,
        takes_y and "(x, y, { ... })" or "(x)")
    end
    x = core.tensor(x, self.dtype)
  end
  if not core.is_tensor(x) then errors.argument(where, "x", "a tensor", x) end
  return x.rank == 1 and as_rows(self, where, x) or x
end

-- Hand x through the layers, which are built.
local function pass_through(self, x)
  local list, i = self.layers, 1
  if x.dtype ~= self.dtype then x = x:cast(self.dtype) end
  while list[i] do x, i = list[i](x), i + 1 end
  return x
end

function Sequential:call(x)
  ensure_built(self, x)
  return pass_through(self, x)
end

-- model(x) -> tensor
-- The model's output for the rows x, with gradients. As calling a keras.Model.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   print(model(ones(3, 2)))
function Sequential:__call(x)
  x = self:as_input("model", x)
  self:take_in(x)
  return pass_through(self, x)
end

local compile_options = { "loss", "optimizer", "run_eagerly" }

-- model:compile { loss = ..., optimizer = "sgd", run_eagerly = false }
-- Say how the model is to be trained.
--
--   loss          what training makes small: "mean_squared_error" or "mse", "mean_absolute_error" or
--                 "mae", or a function of y_true and y_pred that returns a tensor; it must be given
--   optimizer     SGD { ... }, or "sgd" with its defaults ("sgd")
--   run_eagerly   true: each step runs from Lua and none is recorded and replayed; slower, with the
--                 same digits, unless a layer or a loss of your own reads a local variable that
--                 changes within an epoch, which only this sees at once (false)
--
-- As keras.Model.compile.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse", optimizer = SGD { clipnorm = 1.0 } }
function Sequential:compile(options, ...)
  check_self(self, "compile", "{ loss = ... }")
  errors.refuse_more("compile", "expected one table of options,", ...)
  options = errors.check_options("compile", options, compile_options)
  if options.loss == nil then errors.argument("compile", "loss", "a name or a function", nil) end
  local loss = losses.get("compile", options.loss)
  local optimizer = optimizers.get("compile", options.optimizer or "sgd")
  self.run_eagerly = errors.option("compile", options, "run_eagerly", "boolean", false)
  self.loss, self.optimizer = loss, optimizer
  self.recordings, self.eager_reason = {}, false
  if self.is_built then collect_weights(self) end
end

function Sequential:ensure_compiled(where)
  local loss, optimizer = self.loss, self.optimizer
  if type(loss) == "function" and core.is_optimizer(optimizer) then return end
  if loss == nil or optimizer == nil then
    errors.fail("%s: the model is not compiled: model:compile { loss = ..., optimizer = ... } first",
      where)
  end
  self.loss, self.optimizer = losses.get(where, loss), optimizers.get(where, optimizer)
end

-- The loss of a batch as one number with its gradient.
function Sequential:batch_loss(x, y)
  local loss = self.loss(y, self:call(x))
  if not losses.is_built_in(self.loss) then layers.lua_calls = layers.lua_calls + 1 end
  if not core.is_tensor(loss) then
    errors.argument("fit", "what the loss returns", "a tensor", loss)
  end
  return loss.rank == 0 and loss or loss:mean()
end

-- Whether a step runs Lua code that is not the library's.
function Sequential:is_written_in_lua()
  return not losses.is_built_in(self.loss) or self:has_layers_in_lua()
end

function Sequential:has_layers_in_lua()
  for _, layer in ipairs(self.layers) do
    if layers.is_written_in_lua(layer) then return true end
  end
  return false
end

-- y [n] beside outputs [n, 1] is taken as [n, 1].
function Sequential:as_target(where, x, y)
  if type(y) == "table" and not core.is_tensor(y[1]) then y = core.tensor(y, self.dtype) end
  if not core.is_tensor(y) then errors.argument(where, "y", "a tensor", y) end
  if x.rank == 0 or y.rank == 0 or x.shape[1] ~= y.shape[1] then
    errors.fail("%s: x and y must have the same number of rows, x is [%s] and y is [%s]", where,
      table.concat(x.shape, ", "), table.concat(y.shape, ", "))
  end
  if #x == 0 then
    errors.fail("%s: expected at least one row, x is [%s]", where, table.concat(x.shape, ", "))
  end
  ensure_built(self, x)
  local output = self.layers[#self.layers].output_shape
  if y.rank == 1 and #output == 2 and output[2] == 1 then y = y:reshape(y.size, 1) end
  return y
end

-- model:fit(x, y [, options]) -> history
-- Train the model; see gradus.training for what options there are.
function Sequential:fit(x, y, options, ...)
  check_self(self, "fit", "x, y, { ... }")
  errors.refuse_more("fit", "expected x, y and one table of options,", ...)
  return require("gradus.training").fit(self, x, y, options)
end

local evaluate_options = { "batch_size", "verbose" }

-- Means over rows can be taken in blocks of any size; a loss of one's own sees batches as in fit.
local BLOCK = 1024

-- The loss of some rows, in the model's type as in fit.
local function block_loss(self, x, y)
  if y.dtype ~= self.dtype then y = y:cast(self.dtype) end
  return self:batch_loss(x, y):item()
end

-- The mean loss over all rows, without gradients.
local function mean_loss(self, x, y, batch_size)
  local rows, block, sum = #x, losses.is_built_in(self.loss) and BLOCK or batch_size, 0
  if rows <= block then return block_loss(self, x, y) end
  for first = 1, rows, block do
    local last = math.min(first + block - 1, rows)
    sum = sum + block_loss(self, x:rows(first, last), y:rows(first, last)) * (last - first + 1)
  end
  return sum / rows
end

-- The loss on data that were checked before.
function Sequential:evaluate_checked(x, y, batch_size)
  return gradients.with(false, mean_loss, self, x, y, batch_size)
end

-- The recording of evaluate_again, or nil.
function Sequential:recorded_evaluation(data)
  local kept = self.recordings.evaluation
  return kept and kept.data == data and kept.recording or nil
end

-- The loss on data, a pair { x, y }, that fit evaluates again and again. One block of a model without
-- parts written in Lua is recorded and replayed, as fit's steps are.
function Sequential:evaluate_again(data, batch_size)
  local kept = self:recorded_evaluation(data)
  if kept then return kept:evaluate() end
  local x, y = data[1], data[2]
  if self.run_eagerly or #x > BLOCK or self:is_written_in_lua() then
    return self:evaluate_checked(x, y, batch_size)
  end
  local recording = core.recording({ x, y }, true)
  local loss = gradients.with(false, recording.evaluate, recording, self.batch_loss, self, x, y)
  if not recording:broken() then self.recordings.evaluation = { data = data, recording = recording } end
  return loss
end

-- model:evaluate(x, y [, { batch_size = 32, verbose = 0 }]) -> number
-- The loss on the rows x and y, its mean over all of them, with the weights as they are. batch_size
-- matters only to a loss written in Lua, which sees batches as in fit; verbose, which Keras has, does
-- nothing. As keras.Model.evaluate.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   print(model:evaluate(ones(8, 2), ones(8)))
function Sequential:evaluate(x, y, options, ...)
  check_self(self, "evaluate", "x, y")
  errors.refuse_more("evaluate", "expected x, y and one table of options,", ...)
  self:ensure_compiled("evaluate")
  options = errors.check_options("evaluate", options, evaluate_options)
  local batch_size = errors.option("evaluate", options, "batch_size", "positive integer", 32)
  x = self:as_input("evaluate", x)
  return self:evaluate_checked(x, self:as_target("evaluate", x, y), batch_size)
end

-- model:predict(x) -> tensor
-- The model's output for all rows of x, without gradients. As keras.Model.predict.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   print(model:predict(ones(3, 2)))
function Sequential:predict(x, ...)
  check_self(self, "predict", "x")
  errors.refuse_more("predict", "expected x,", ...)
  return gradients.with(false, self.call, self, self:as_input("predict", x))
end

-- model:get_weights() -> list of tensors; model:set_weights(list)
-- get_weights returns copies of all weights, layer by layer (kernel, bias); set_weights copies such a
-- list into the model's own tensors. As get_weights and set_weights of keras.Model.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:set_weights(model:get_weights())
function Sequential:get_weights()
  check_self(self, "get_weights", "")
  local copies = {}
  for i, entry in ipairs(self.weights) do copies[i] = core.tensor(entry.tensor) end
  return copies
end

function Sequential:set_weights(values)
  check_self(self, "set_weights", "list")
  if not self.is_built then
    errors.fail("set_weights: the model has no weights yet: give the first layer input_dim, or call "
      .. "model:build { 1, features }")
  end
  layers.assign_weights("set_weights", self.weights, values)
end

-- model:summary()
-- Print the layers with their output shapes and numbers of parameters, and how steps are run. As
-- keras.Model.summary.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:summary()
function Sequential:summary()
  check_self(self, "summary", "")
  print(tostring(self))
end

function Sequential:__tostring()
  if are_built(self) then self:refresh() end
  for place, layer in ipairs(self.layers) do
    if not is_settled(layer) then take_layer(self, layer, place) end
  end
  return require("gradus.printing").model(self)
end

-- Fields that Tab does not show.
Sequential.__hidden = {}
for _, name in ipairs { "built_layers", "count", "eager_reason", "is_built", "known", "number", "outline", "recordings",
                        "run_eagerly", "shuffles", "trains", "watched", "weights" } do
  Sequential.__hidden[name] = true
end

-- Every field and method, so that a name that is nearly one of them is an error.
local names = { "loss", "optimizer", "stop_training", "trainable", "layers", "weights", "trainable_weights", "name",
                "dtype", "run_eagerly", "is_built" }
for name in pairs(Sequential) do
  if not name:find "^__" then names[#names + 1] = name end
end
table.sort(names)
setmetatable(Sequential, { __index = errors.catch_slips("model", Sequential, names) })

return { Sequential = new, is_model = function(value) return getmetatable(value) == Sequential end }

-- training: fit.
--
-- The epoch loop is here, for whoever wants to read or change it; the steps run in the core. For
-- each shape of batch the first step is run once from Lua and recorded; the following ones are
-- replayed in C, from the gather of rows to the update, and so are whole epochs, of which nobody
-- wants to be told before all are done. A step whose Lua did something that cannot be replayed stays
-- eager: it runs from Lua each time, with the same bits. Where a model has parts written in Lua, a
-- recording is held against running the Lua again, to the bit, at its first replay, at the first
-- batch of each epoch and after callbacks that ran the Lua themselves. What a callback changes in
-- the fields of a layer makes the model record anew; a layer whose own call changes them is not
-- replayed.
--
-- A tensor that Lua code keeps for itself (self.last = x) shows the step that ran last, as if every
-- step had run from Lua: each run is recorded, the newest recording is the one that is replayed, and
-- replay writes into its tensors. Who wants a step's numbers for longer copies them in a callback.

local core = require "gradus.core"
local errors = require "gradus.errors"
local warn = errors.warn
local with_gradients = require("gradus.gradients").with
local history = require "gradus.history"
local layers = require "gradus.layers"
local progress = require "gradus.progress"

local training = {}

local NAN = -(0 / 0)

-- The rows of a trainer's log, a tensor [4, steps].
local LOSS, NORM, SCALE, CUT = 1, 2, 3, 4

-- Ctrl-C belongs to fit while one runs; of a fit inside a callback of another one, to both.
local fits_running = 0
local hold_interrupts = core.hold_interrupts or core.interrupted

local function hold(more)
  fits_running = fits_running + more
  if more > 0 or fits_running == 0 then hold_interrupts(more > 0) end
end

local function is_finite(number) return number - number == 0 end

-- The trainer: one run of fit

local Trainer = {}
Trainer.__index = Trainer

local function new_batch(trainer, rows)
  local x_shape, y_shape = trainer.x.shape, trainer.y.shape
  x_shape[1], y_shape[1] = rows, rows
  return { rows = rows, x = core.zeros(x_shape, trainer.model.dtype),
           y = core.zeros(y_shape, trainer.model.dtype) }
end

-- What the model keeps for one shape of batch: the batch's tensors and, maybe, their recorded step.
local function kept_batch(trainer, rows)
  local key = rows .. ":" .. table.concat(trainer.x.shape, ",", 2)
    .. ":" .. table.concat(trainer.y.shape, ",", 2)
  local batch = trainer.model.recordings[key]
  if not batch then
    batch = new_batch(trainer, rows)
    trainer.model.recordings[key] = batch
  end
  return batch
end

-- The same, found by the number of rows alone as long as the model keeps its recordings.
local function batch_of(trainer, rows)
  local recordings = trainer.model.recordings
  if trainer.recordings ~= recordings then trainer.recordings, trainer.batches = recordings, {} end
  local batch = trainer.batches[rows]
  if not batch then
    batch = kept_batch(trainer, rows)
    trainer.batches[rows] = batch
  end
  return batch
end

-- Fill the batch with the next rows.
function Trainer:gather(batch)
  core.gather_rows(self.x, self.order, self.row, batch.rows, batch.x)
  core.gather_rows(self.y, self.order, self.row, batch.rows, batch.y)
end

-- Steps stay eager from here on.
function Trainer:give_up_replay(reason)
  local model = self.model
  model.eager_reason = reason
  for _, batch in pairs(model.recordings) do batch.recording = nil end
end

-- A warning, on a line below the running bar.
function Trainer:warn(...)
  self.progress:leave()
  warn(...)
end

-- A tensor that gets gradients but is no weight of the model would never be updated.
function Trainer:check_leaves(loss)
  if self.leaves_are_checked then return end
  self.leaves_are_checked = true
  local _, other = core.find_leaves(loss, self.model.trainable_weights)
  if not other then return end
  self:warn("fit: a tensor [%s] gets gradients, but is no weight of the model and is not trained: make it "
    .. "with self:add_weight in a layer's build, or keep its layer in a field of the layer that calls it",
    table.concat(other.shape, ", "))
end

-- One step from Lua: forward, loss, backward, as in a loop of one's own.
function Trainer:forward_and_backward(x, y)
  local loss = self.model:batch_loss(x, y)
  self:check_leaves(loss)
  loss:backward()
  return loss
end

-- Update with the gradients that backward has left, and write the step down. Returns its number if
-- something is not finite any more.
function Trainer:finish_step(loss, rows)
  local optimizer, log, step = self.model.optimizer, self.log, self.step
  optimizer:apply(self.model)
  local norm, scale, cut, finite = core.step_report(optimizer)
  log[LOSS][step], log[NORM][step], log[SCALE][step], log[CUT][step] = loss, norm, scale, cut
  self.step, self.row, self.sum = step + 1, self.row + rows, self.sum + loss * rows
  return not (is_finite(loss) and finite) and step or nil
end

-- Forward and backward from Lua, on a batch of its own: a layer may keep what it was given.
function Trainer:run_lua(rows)
  local batch = new_batch(self, rows)
  self:gather(batch)
  return self:forward_and_backward(batch.x, batch.y):item()
end

function Trainer:eager_step(batch)
  return self:finish_step(self:run_lua(batch.rows), batch.rows)
end

-- Run a step from Lua, up to its gradients, and record it meanwhile. Returns its loss; the batch has
-- its recording, unless it cannot be replayed.
function Trainer:record(batch)
  self:gather(batch)
  local recording = core.recording { batch.x, batch.y }
  local loss = recording:capture(self.forward_and_backward, self, batch.x, batch.y)
  local reason = recording:broken()
  if reason then
    self:give_up_replay(reason)
  else
    recording:arrange(self.model.trainable_weights)
    batch.recording = recording
  end
  self.lua_calls = layers.lua_calls
  return loss:item()
end

-- The first step of its shape.
function Trainer:recorded_step(batch)
  batch.is_fresh = true
  return self:finish_step(self:record(batch), batch.rows)
end

-- The gradient of each trainable weight, false where the step gave none.
local function gradients_of(model)
  local gradients = {}
  for i, weight in ipairs(model.trainable_weights) do gradients[i] = weight.grad or false end
  return gradients
end

local function set_gradients(model, gradients)
  for i, weight in ipairs(model.trainable_weights) do weight.grad = gradients[i] or nil end
end

local function are_identical(a, b)
  for i = 1, #a do
    local same = a[i] and b[i] and a[i]:identical(b[i])
    if not (same or a[i] == b[i]) then return false end
  end
  return true
end

-- Whether replaying a step gives a loss and gradients, to the bit. Nothing of the replay is left when
-- it does not.
function Trainer:replays_to(batch, loss, gradients)
  local model, recording = self.model, batch.recording
  set_gradients(model, {})
  recording:keep()
  self:gather(batch)
  local replayed_loss = core.tensor(recording:replay(), "float64")
  if replayed_loss:identical(core.tensor(loss, "float64"))
      and are_identical(gradients, gradients_of(model)) then return true end
  recording:put_back()
  set_gradients(model, gradients)
  return false
end

-- The epoch of a step, and its number within that.
function Trainer:place_of(step)
  return (step - 1) // self.steps + 1, (step - 1) % self.steps + 1
end

-- Steps stay eager, since a recording is not all that they depend on.
function Trainer:distrust_replay(reason, what)
  self:give_up_replay(reason)
  local epoch, step = self:place_of(self.step)
  self:warn("fit: at epoch %d, step %d %s, so it depends on more than its tensors; training goes on without replay",
    epoch, step, what)
end

-- A step that is run from Lua, on a batch of its own since a layer may have kept the last one, and
-- replayed, both on the same weights. Where they differ the Lua is right; else its recording takes
-- the place of the old one, whose tensors the Lua code may not know any more. The first time, the
-- layers must be left as the step before of this shape has left them, too.
function Trainer:checked_step(batch)
  local model, fresh, outlines = self.model, new_batch(self, batch.rows), {}
  if batch.is_fresh then model:write_outlines(outlines) end
  set_gradients(model, {})
  local loss = self:record(fresh)
  if not fresh.recording then return self:finish_step(loss, batch.rows) end
  if batch.is_fresh and not model:are_outlined(outlines) then
    self:distrust_replay("it changes its own fields", "a layer's call changes a number or the like in its fields")
  elseif self:replays_to(batch, loss, gradients_of(model)) then
    batch.x, batch.y, batch.recording, batch.is_fresh = fresh.x, fresh.y, fresh.recording, false
  else
    self:distrust_replay("running its Lua again gave other numbers",
      "the recorded step and its Lua code give different numbers")
  end
  return self:finish_step(loss, batch.rows)
end

-- Whether all elements of a tensor are finite. If their sum is, they are; if not, it may only have overflowed.
local function all_finite(tensor)
  local t = tensor:detach()
  if is_finite(t:sum():item()) then return true end
  return is_finite(t:max():item()) and is_finite(t:min():item())
end

-- Where to look when the loss of a step or a weight after it is not finite: a sentence, or "".
function Trainer:advice(step, loss)
  local optimizer = self.model.optimizer
  if not self.began_finite then
    return " The weights were not finite before, perhaps after an earlier fit: make the model anew."
  end
  if not (all_finite(self.x) and all_finite(self.y)) then return " Look for nan and inf in x and y." end
  if step == 1 and loss ~= loss then
    return " x, y and the weights were finite: look at the layers and the loss."
  end
  if optimizer.clipnorm or optimizer.global_clipnorm or optimizer.clipvalue then return "" end
  return " Clipping bounds the step: SGD { clipnorm = 1 }."
end

-- The loss or a weight stopped being finite at a step.
function Trainer:note_not_finite(step)
  local loss = self.log[LOSS][step]
  local epoch, in_epoch = self:place_of(step)
  self.watch = false
  self.history.first_not_finite = { epoch = epoch, step = in_epoch,
                                    what = is_finite(loss) and "weight" or "loss" }
  if not self.warns then return end
  local what = is_finite(loss) and "a weight is no longer finite after"
    or ("the loss is %s at"):format(loss ~= loss and "nan" or tostring(loss))
  self:warn("fit: %s epoch %d, step %d of %d (gradient norm %.3g; at the first step %.3g).%s "
    .. "warn_nonfinite = false silences this", what, epoch, in_epoch, self.steps,
    self.log[NORM][step], self.log[NORM][1], self:advice(step, loss))
end

-- Replay the next steps of the batch's shape and, where nothing comes in between, that of the rows
-- which are left at the end. Returns the first step after which something was not finite.
function Trainer:replay(batch)
  local left = self.rows - self.row + 1
  local steps, rest = left // batch.rows, nil
  if self.calls_each_step then
    steps = 1
  elseif not self.checks and left % batch.rows > 0 then
    rest = batch_of(self, left % batch.rows).recording
  end
  local done, rows, sum, not_finite = core.run_steps {
    recording = batch.recording, steps = steps, rest = rest, optimizer = self.model.optimizer,
    sources = self.sources, order = self.order, row = self.row, log = self.log, step = self.step,
    seconds = self.interval, sum = self.sum }
  self.step, self.row, self.sum = self.step + done, self.row + rows, sum
  return not_finite
end

-- Run the next step, or some of this shape. Returns the first after which something was not finite.
function Trainer:advance(batch)
  local model = self.model
  if model.run_eagerly or model.eager_reason then return self:eager_step(batch) end
  if not batch.recording then return self:recorded_step(batch) end
  if self.checks and (batch.is_fresh or batch.checked_epoch ~= self.epoch
      or self.lua_calls ~= layers.lua_calls) then
    batch.checked_epoch = self.epoch
    return self:checked_step(batch)
  end
  return self:replay(batch)
end

-- At first, and after callbacks, which may have changed the model.
function Trainer:prepare()
  local model = self.model
  model:ensure_compiled("fit")
  if model:take_in(self.x) or self.checks == nil then
    if #model.trainable_weights == 0 then errors.fail("fit: the model has no trainable weights") end
    self.checks = model:is_written_in_lua()
  end
  model.optimizer:bind(model)
end

function Trainer:callback(name, ...)
  local callbacks = self.callbacks
  for i = 1, #callbacks do
    local callback = callbacks[i]
    if callback[name] then callback[name](callback, ...) end
  end
end

-- Over the rows of the epoch so far.
function Trainer:mean_loss()
  local mean = self.sum / (self.row - 1)
  return mean == mean and mean or NAN
end

-- Hand what is known after so many steps of the epoch to whoever wants it.
function Trainer:tell_steps()
  local done, logs = self.step - self.first_step, { loss = self:mean_loss() }
  if self.calls_each_step then self:callback("on_train_batch_end", done, logs) end
  if done < self.steps then self.progress:show(done, logs) end
end

-- All steps of an epoch: the full batches, then what is left. Returns the mean loss, or nil when it
-- was interrupted before the end.
function Trainer:run_batches()
  local rows, size, model = self.rows, self.batch_size, self.model
  self.row, self.sum = 1, 0.0
  while self.row <= rows do
    local left = rows - self.row + 1
    if self.calls_each_step then
      self.progress:announce()
      self:callback("on_train_batch_begin", self.step - self.first_step + 1, {})
      self:prepare()
    end
    local not_finite = self:advance(batch_of(self, left < size and left or size))
    if self.tells_epochs then self.progress:announce() end
    if self.watch and not_finite then self:note_not_finite(not_finite) end
    if self.tells_steps then self:tell_steps() end
    if core.interrupted() then return nil end
    if model.stop_training then break end
  end
  return self:mean_loss()
end

function Trainer:shuffle_rows()
  if not self.shuffles then return end
  local model = self.model
  model.shuffles = model.shuffles + 1
  self.shuffle_stream:permutation(model.shuffles, self.order)
end

-- Write an epoch's numbers down.
function Trainer:note_epoch(epoch, loss, val_loss)
  local record = self.history
  local lists = record.history
  local i = #record.epoch + 1
  record.epoch[i], lists.loss[i] = epoch, loss
  if val_loss then lists.val_loss[i] = val_loss end
end

-- One epoch.
function Trainer:run_epoch(epoch)
  self.epoch, self.first_step = epoch, self.step
  if self.step - 1 + self.steps > self.room then self:make_room() end
  if self.tells_epochs then
    self:callback("on_epoch_begin", epoch, {})
    self.progress:begin_epoch(epoch)
  end
  if epoch == 1 or self.callbacks[1] then self:prepare() end
  self:shuffle_rows()
  local loss = self:run_batches()
  if not loss then return end
  local val_loss = self.validation and self.model:evaluate_again(self.validation, self.batch_size)
  self:note_epoch(epoch, loss, val_loss)
  if self.tells_epochs then
    local logs = { loss = loss, val_loss = val_loss }
    self.progress:end_epoch(self.step - self.first_step, logs)
    self:callback("on_epoch_end", epoch, logs)
  end
end

-- Whether whole epochs, of batches of `size` rows and one of those that are left, may run in the core:
-- nothing comes in between, and all of them is recorded, which an interrupt in the first one prevents.
function Trainer:is_quiet(size, left)
  local model = self.model
  return not (self.tells_epochs or self.checks or model.run_eagerly or model.eager_reason)
    and batch_of(self, size).recording and (left == 0 or batch_of(self, left).recording)
    and (not self.validation or model:recorded_evaluation(self.validation))
end

-- Run epochs from this one on, if they may and as many as the log has room for, until something
-- is not finite for the first time. Returns the number of the next one.
function Trainer:run_ahead(epoch)
  local model, size = self.model, math.min(self.batch_size, self.rows)
  local left = self.rows % size
  if epoch > self.epochs or not self:is_quiet(size, left) then return epoch end
  if self.step - 1 + self.steps > self.room then self:make_room() end
  local count = math.min(self.epochs - epoch + 1, (self.room - self.step + 1) // self.steps)
  local losses = core.zeros({ 2, count }, "float64")
  local done, steps, shuffles, not_finite = core.run_epochs {
    recording = batch_of(self, size).recording, steps = self.rows // size,
    rest = left > 0 and batch_of(self, left).recording or nil, optimizer = model.optimizer,
    sources = self.sources, order = self.order, row = 1, log = self.log, step = self.step,
    epochs = count, stream = self.shuffles and self.shuffle_stream or nil, shuffles = model.shuffles,
    evaluation = self.validation and model:recorded_evaluation(self.validation), losses = losses,
    watches = self.watch }
  self.step, model.shuffles = self.step + steps, shuffles
  self.epoch = self:place_of(self.step - 1)
  local loss, val_loss = table.unpack(losses:totable())
  for i = 1, done do self:note_epoch(epoch + i - 1, loss[i], self.validation and val_loss[i]) end
  if self.watch and not_finite then self:note_not_finite(not_finite) end
  return epoch + done
end

-- Room in the log for the steps of one more epoch.
function Trainer:make_room()
  local log, done = self.log, self.step - 1
  self.room = math.tointeger(math.max(done + self.steps,
    math.min(self.steps * (self.epochs + 0.0), math.max(self.room * 2, 4096))))
  self.log = core.zeros({ 4, self.room }, "float64")
  if done > 0 then self.log:cols(1, done):fill(log:cols(1, done)) end
end

-- The steps that were done, as tensors.
function Trainer:close_log()
  local function numbers(row) return self.log[row]:rows(1, self.step - 1) end
  self.history.steps = errors.closed("history.steps", {
    loss = numbers(LOSS), grad_norm = numbers(NORM), clip_scale = numbers(SCALE), cut = numbers(CUT) })
end

function Trainer:run()
  core.break_recording "it trained a model"  -- that of a step whose layer calls fit
  self.began_finite = true
  for _, weight in ipairs(self.model.weights) do
    self.began_finite = self.began_finite and all_finite(weight.tensor)
  end
  for _, callback in ipairs(self.callbacks) do rawset(callback, "model", self.model) end
  self:callback("on_train_begin", {})
  local epoch = 1
  repeat
    self:run_epoch(epoch)
    epoch = self:run_ahead(epoch + 1)
  until epoch > self.epochs or self.model.stop_training or core.interrupted()
  self:close_log()
  self:callback("on_train_end", {})
  self.history.interrupted = core.interrupted()
  if self.history.interrupted and fits_running == 1 then
    self:warn("fit: ended by Ctrl-C in epoch %d of %d; what called it goes on", self.epoch, self.epochs)
  end
  return self.history
end

-- Arguments

local known_options = { "batch_size", "epochs", "verbose", "shuffle", "validation_data",
                        "validation_split", "callbacks", "warn_nonfinite" }

-- The last fraction of the rows is for validation.
local function split_rows(x, y, fraction)
  if type(fraction) ~= "number" or not (fraction > 0 and fraction < 1) then
    errors.argument("fit", "validation_split", "a number between 0 and 1", fraction)
  end
  local kept = math.floor(#x * (1 - fraction))
  if kept < 1 or kept >= #x then
    errors.fail("fit: validation_split %g of %d rows leaves no rows on one side", fraction, #x)
  end
  return x:rows(1, kept), y:rows(1, kept), x:rows(kept + 1, #x), y:rows(kept + 1, #x)
end

local function check_validation(model, data)
  if type(data) ~= "table" then
    errors.argument("fit", "validation_data", "a table { x, y }", data)
  elseif data[1] == nil or data[2] == nil then
    local lacks = data[1] ~= nil and "y" or data[2] ~= nil and "x" or "x and y"
    errors.fail("fit: validation_data must be a table { x, y }, got a table without %s", lacks)
  end
  local x = model:as_input("fit", data[1])
  return x, model:as_target("fit", x, data[2])
end

local function check_verbose(options)
  local verbose = options.verbose
  if verbose == nil then return 1 end
  if verbose ~= 0 and verbose ~= 1 and verbose ~= 2 then
    errors.argument("fit", "verbose", "0, 1 or 2", verbose)
  end
  return verbose
end

-- callback:on_train_begin(logs), callback:on_train_end(logs), callback:on_epoch_begin(epoch, logs),
-- callback:on_epoch_end(epoch, logs), callback:on_train_batch_begin(batch, logs),
-- callback:on_train_batch_end(batch, logs)
-- What fit calls, where the option callbacks has a table with functions of these names. epoch and
-- batch count from 1, batch within its epoch. logs is a table: at the end of a batch it has loss,
-- the mean of the epoch so far; at the end of an epoch loss, the epoch's mean, and val_loss where
-- there is validation; else it is empty. One that sets model.stop_training = true ends the training
-- after the running batch or epoch. callback.model is the model, set when fit begins. As
-- keras.callbacks.Callback.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   local watch = { on_epoch_end = function(self, epoch, logs) print(epoch, logs.loss) end }
--   model:fit(ones(8, 2), ones(8), { epochs = 3, verbose = 0, callbacks = { watch } })

local callback_names = { "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end",
                         "on_train_batch_begin", "on_train_batch_end" }

-- A name that begins with on_ and is none of these would never be called.
local function check_callback_names(i, callback)
  local is_known, unknown = {}, {}
  for _, name in ipairs(callback_names) do
    local f = callback[name]
    if f ~= nil and type(f) ~= "function" then
      errors.argument("fit", ("callback %d's %s"):format(i, name), "a function", f)
    end
    is_known[name] = true
  end
  for name in next, callback do
    if type(name) == "string" and name:find "^on_" and not is_known[name] then
      unknown[#unknown + 1] = name
    end
  end
  table.sort(unknown)
  if unknown[1] then
    errors.fail('fit: callback %d: unknown name "%s"%s', i, unknown[1],
      errors.suggestion(unknown[1], callback_names))
  end
end

-- Whether one of the callbacks wants to be called at each step, after checking them all.
local function check_callbacks(callbacks)
  local wants_each_step = false
  if next(callbacks) ~= nil and callbacks[1] == nil then
    errors.fail("fit: callbacks must be a list, such as "
      .. "{ { on_epoch_end = function(self, epoch, logs) ... end } }")
  end
  for i, callback in ipairs(callbacks) do
    if type(callback) ~= "table" then errors.argument("fit", "callback " .. i, "a table", callback) end
    check_callback_names(i, callback)
    if callback.on_train_batch_begin or callback.on_train_batch_end then wants_each_step = true end
  end
  return wants_each_step
end

-- Small data are cast once; of large ones there is no second copy: a batch, or a block of rows, is
-- cast when its turn comes.
local SMALL = 65536

local function cast_small(model, x)
  if x.dtype == model.dtype or x.size > SMALL then return x end
  return x:cast(model.dtype)
end

local function new_trainer(model, x, y, options)
  local self = setmetatable({ model = model, step = 1, watch = true }, Trainer)
  self.batch_size = errors.option("fit", options, "batch_size", "positive integer", 32)
  self.epochs = errors.option("fit", options, "epochs", "positive integer", 1)
  self.shuffles = errors.option("fit", options, "shuffle", "boolean", true)
  self.warns = errors.option("fit", options, "warn_nonfinite", "boolean", true)
  self.callbacks = errors.option("fit", options, "callbacks", "table", {})
  self.calls_each_step = check_callbacks(self.callbacks)
  local val_x, val_y
  if options.validation_data then
    val_x, val_y = check_validation(model, options.validation_data)
  elseif options.validation_split and options.validation_split ~= 0 then
    x, y, val_x, val_y = split_rows(x, y, options.validation_split)
  end
  self.validation = val_x and { cast_small(model, val_x), cast_small(model, val_y) }
  self.x, self.y = cast_small(model, x), cast_small(model, y)
  self.sources = { self.x, self.y }
  self.rows, self.order = #x, core.range(#x)
  self.shuffle_stream = core.stream(model.number, 0, "shuffle")
  self.steps = (#x + self.batch_size - 1) // self.batch_size
  self.progress = progress.new(check_verbose(options), self.epochs, self.steps)
  self.interval = self.progress:interval()
  self.tells_steps = self.calls_each_step or self.progress.redraws
  self.tells_epochs = self.callbacks[1] or self.progress.verbose > 0
  self.room = 0  -- in the log
  self.history = history.new { epochs = self.epochs, steps = self.steps,
                               batch_size = self.batch_size, verbose = check_verbose(options) }
  if self.validation then self.history.history.val_loss = {} end
  return self
end

-- model:fit(x, y [, { batch_size = 32, epochs = 1, verbose = 1, shuffle = true,
--   validation_data = nil, validation_split = 0, callbacks = {}, warn_nonfinite = true }])
--   -> history
-- Train on the rows of x [n, ...] and y [n, ...]; y [n] beside outputs [n, 1] is taken as [n, 1], and
-- so is x [n] where a Dense that takes one number comes first.
--
--   batch_size         rows in a batch; the last batch of an epoch may be smaller (32)
--   epochs             how many times to go over all rows (1)
--   verbose            0: print nothing; 1: a progress bar for each epoch; 2: a line for each (1)
--   shuffle            whether the rows come in a fresh random order in each epoch (true)
--   validation_data    { x, y }, on which the loss is found after each epoch: history.val_loss (nil)
--   validation_split   the share of the rows, the last ones, to keep for validation; without effect
--                      beside validation_data (0)
--   callbacks          a list of tables with functions to call as training goes on; see
--                      help "callback" ({})
--   warn_nonfinite     whether the first loss or weight that is not finite is told on standard
--                      error (true)
--
-- Ctrl-C ends the training after the running step (or, of large layers, after one more), with a word
-- on standard error; the history so far is returned with interrupted = true. Another Ctrl-C ends what
-- called fit. As keras.Model.fit.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   local history = model:fit(ones(8, 2), ones(8), { epochs = 3, verbose = 0 })
function training.fit(model, x, y, options)
  model:ensure_compiled("fit")
  options = errors.check_options("fit", options, known_options)
  x = model:as_input("fit", x)
  y = model:as_target("fit", x, y)
  local trainer = new_trainer(model, x, y, options)
  model.stop_training = false
  model:refresh(x)
  for _, batch in pairs(model.recordings) do batch.checked_epoch = nil end
  local leaving = errors.closing(function()
    hold(-1)
    trainer.progress:leave()
  end)
  hold(1)
  return errors.guarded(leaving, with_gradients, true, trainer.run, trainer)
end

return training

-- history: what a fit has to tell: the losses, as Keras's History has them, and what each step did,
-- since an unclipped model can be beyond float32 before its first epoch ends.

-- history.loss -> list of numbers
-- The loss of each epoch: the mean over its rows, while the weights changed. As history["loss"] of
-- keras.callbacks.History.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   print(model:fit(ones(8, 2), ones(8), { epochs = 3, verbose = 0 }).loss[3])

-- history.val_loss -> list of numbers
-- The loss on the validation data after each epoch; nil where fit had none. As history["val_loss"] of
-- keras.callbacks.History.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   local history = model:fit(ones(8, 2), ones(8), { epochs = 3, verbose = 0, validation_split = 0.5 })
--   print(history.val_loss[3])

-- history.history -> table of lists
-- The lists by their names, loss and val_loss. As keras.callbacks.History.history.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   for name, list in pairs(model:fit(ones(8, 2), ones(8), { verbose = 0 }).history) do
--     print(name, #list)
--   end

-- history.epoch -> list of integers
-- The numbers of the epochs that were done, from 1. As keras.callbacks.History.epoch, which counts
-- from 0.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   print(#model:fit(ones(8, 2), ones(8), { epochs = 3, verbose = 0 }).epoch)

-- history.params -> table
-- How fit ran: epochs, steps (in an epoch), batch_size, verbose. As keras.callbacks.History.params.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   print(model:fit(ones(8, 2), ones(8), { batch_size = 2, verbose = 0 }).params.steps)

-- history.steps -> table of tensors
-- One number for each step, in float64 tensors [steps]:
--
--   loss         the batch's loss
--   grad_norm    the norm of the gradient over all variables, before clipping
--   clip_scale   by how much clipping by norm scaled, the smallest over the variables; 1: not at all
--   cut          the share of elements that clipping by value changed
--
-- Gradus's own.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse", optimizer = SGD { clipnorm = 0.1 } }
--   print(model:fit(ones(8, 2), ones(8), { verbose = 0 }).steps.clip_scale)

-- history.by_epoch -> table of lists
-- What the steps of each epoch had in common, a number for each epoch:
--
--   grad_norm_median   the median norm of the gradient over its finite steps; nan if it had none
--   grad_norm_max      the largest of them
--   not_finite         how many of its steps were not finite
--   clipped            the share of its steps that were clipped
--
-- Gradus's own.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse", optimizer = SGD { clipnorm = 0.1 } }
--   print(model:fit(ones(8, 2), ones(8), { epochs = 2, verbose = 0 }).by_epoch.clipped[2])

-- history.first_not_finite -> table or nil
-- Where the loss or a weight was first nan or infinite, as a table of epoch, step (within the epoch)
-- and what, "loss" or "weight"; nil: nowhere. Gradus's own.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse", optimizer = SGD { learning_rate = 1e30 } }
--   local history = model:fit(ones(8, 2), ones(8), { epochs = 9, verbose = 0, warn_nonfinite = false })
--   print(history.first_not_finite.epoch)

-- history.interrupted -> boolean
-- Whether Ctrl-C ended the training. Gradus's own.
-- Example:
--   local model = Sequential { Dense { 1, input_dim = 2 } }
--   model:compile { loss = "mse" }
--   print(model:fit(ones(8, 2), ones(8), { verbose = 0 }).interrupted)

local errors = require "gradus.errors"

local History = { __name = "history" }

local history = {}

local NAN = -(0 / 0)

local function is_finite(number) return number - number == 0 end

local function median(sorted)
  local n = #sorted
  if n == 0 then return NAN end
  if n % 2 == 1 then return sorted[n // 2 + 1] end
  return (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

-- The summary of the steps from first to last.
local function summarize(steps, first, last)
  local norms, clipped = {}, 0
  for i = first, last do
    if is_finite(steps.loss[i]) and is_finite(steps.grad_norm[i]) then
      norms[#norms + 1] = steps.grad_norm[i]
    end
    if steps.clip_scale[i] < 1 or steps.cut[i] > 0 then clipped = clipped + 1 end
  end
  table.sort(norms)
  local count = last - first + 1
  return median(norms), norms[#norms] or NAN, count - #norms, clipped / count
end

local function epochs_table(self)
  local epochs = { grad_norm_median = {}, grad_norm_max = {}, not_finite = {}, clipped = {} }
  local steps = {}
  for name, values in pairs(self.steps) do steps[name] = values:totable() end
  local per_epoch = self.params.steps
  for first = 1, #steps.loss, per_epoch do
    local last = math.min(first + per_epoch - 1, #steps.loss)
    local i = #epochs.clipped + 1
    epochs.grad_norm_median[i], epochs.grad_norm_max[i], epochs.not_finite[i], epochs.clipped[i] =
      summarize(steps, first, last)
  end
  return epochs
end

local names = { "history", "epoch", "params", "steps", "by_epoch", "first_not_finite", "interrupted",
                "loss", "val_loss" }
local is_known = {}
for _, name in ipairs(names) do is_known[name] = true end

-- A name of history.history is a field, too; by_epoch is computed when first asked for.
function History:__index(name)
  if name == "by_epoch" then
    local epochs = errors.closed("history.by_epoch", epochs_table(self))
    rawset(self, "by_epoch", epochs)
    return epochs
  end
  local value = rawget(rawget(self, "history"), name)
  if value ~= nil or is_known[name] or type(name) ~= "string" then return value end
  local near = errors.nearest(name, names)
  if near then errors.fail('history: there is no "%s", did you mean "%s"?', name, near) end
  return nil
end

function History:__tostring()
  local parts = { ("history of %d epoch%s"):format(#self.epoch, #self.epoch == 1 and "" or "s") }
  for _, name in ipairs { "loss", "val_loss" } do
    local values = self.history[name]
    if values and #values > 0 then
      parts[#parts + 1] = ("%s %.4g -> %.4g"):format(name, values[1], values[#values])
    end
  end
  return table.concat(parts, ", ")
end

-- history.history, of which a misspelt name is an error, too.
local Series = {}

function Series.__index(_, name)
  if is_known[name] or type(name) ~= "string" then return nil end
  local near = errors.nearest(name, names)
  if near then errors.fail('history.history: there is no "%s", did you mean "%s"?', name, near) end
  return nil
end

function history.new(params)
  return setmetatable({ history = setmetatable({ loss = {} }, Series), epoch = {}, params = params,
                        interrupted = false },
    History)
end

return history

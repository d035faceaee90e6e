-- history: what a fit has to tell.
--
-- As Keras's History: history.history maps a name (loss, val_loss) to a list with one number an
-- epoch; history.loss is the same list; epoch numbers the epochs from 1; params says how fit ran.
-- And, since an unclipped model can be beyond float32 before its first epoch ends:
--
--   history.steps       float64 tensors with one number a step: loss, grad_norm (over all variables,
--                       before clipping), clip_scale (the smallest of the variables' scales; 1 means
--                       not scaled) and cut (the share of values that clipping by value changed)
--   history.by_epoch      lists with one entry an epoch: grad_norm_median and grad_norm_max over its
--                       finite steps (nan if it had none), not_finite (how many steps were not) and
--                       clipped (the share of steps that were clipped)
--   history.first_not_finite   { epoch, step, what } or nil
--   history.interrupted        true when Ctrl-C ended the training

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

-- A name of history.history is a field, too; epochs is computed when first asked for.
function History:__index(name)
  if name == "by_epoch" then
    local epochs = epochs_table(self)
    rawset(self, "by_epoch", epochs)
    return epochs
  end
  return rawget(self, "history")[name]
end

function History:__tostring()
  local parts = { ("history of %d epochs"):format(#self.epoch) }
  for _, name in ipairs { "loss", "val_loss" } do
    local values = self.history[name]
    if values and #values > 0 then
      parts[#parts + 1] = ("%s %.4g -> %.4g"):format(name, values[1], values[#values])
    end
  end
  return table.concat(parts, ", ")
end

function history.new(params)
  return setmetatable({ history = { loss = {} }, epoch = {}, params = params, interrupted = false },
    History)
end

return history

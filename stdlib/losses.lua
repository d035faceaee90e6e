-- losses: what a model is trained to make small. A loss is a function of what is true and what was
-- predicted; the built-in ones are operations of the core.

local core = require "gradus.core"
local errors = require "gradus.errors"

local losses = {
  mean_squared_error = core.methods.mean_squared_error,
  mean_absolute_error = core.methods.mean_absolute_error,
}

local names = { "mean_squared_error", "mean_absolute_error", "mse", "mae" }
local short = { mse = "mean_squared_error", mae = "mean_absolute_error" }

-- Whether a loss is built in, so that its value is a mean over rows.
function losses.is_built_in(loss)
  return loss == losses.mean_squared_error or loss == losses.mean_absolute_error
end

-- The function for a name (also mse, mae), or the function itself.
function losses.get(where, loss)
  if type(loss) == "function" then return loss end
  if type(loss) ~= "string" then errors.argument(where, "loss", "a name or a function", loss) end
  local name = short[loss] or loss
  if not core.methods[name] or not losses[name] then
    errors.fail('%s: unknown loss "%s"%s', where, loss, errors.suggestion(loss, names))
  end
  return losses[name]
end

return losses

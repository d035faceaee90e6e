-- optimizers: constructors of the core's optimizers, with Keras's names and defaults.

local core = require "gradus.core"
local errors = require "gradus.errors"

local optimizers = {}

local sgd_options = { "learning_rate", "lr", "momentum", "nesterov", "weight_decay", "clipnorm",
                      "global_clipnorm", "clipvalue" }

-- SGD { learning_rate = 0.01, momentum = 0, nesterov = false, weight_decay = nil,
--       clipnorm = nil, global_clipnorm = nil, clipvalue = nil } -> optimizer
-- Gradient descent with momentum: v = momentum v - learning_rate g, w = w + v; with nesterov
-- w = w + momentum v - learning_rate g. A v below the smallest normal number (1.2e-38) becomes 0.
--
-- Order: loss with regularizers, gradient, norm, value, momentum, update; decay apart.
--
--   learning_rate    how far a step goes (0.01)
--   lr               another name for learning_rate, as in older Keras
--   momentum         the share of the last step's velocity v that is kept (0)
--   nesterov         whether the step looks ahead along v (false)
--   weight_decay     d takes d learning_rate w off each weight w, before the update (nil)
--   clipnorm         scales the gradient of each variable (a kernel, a bias) down to this Euclidean
--                    norm where it is longer, its direction kept (nil); what Keras 3 calls clipnorm
--   global_clipnorm  scales the gradients of all variables together down to this norm (nil); not
--                    with clipnorm; Pascanu et al. 2013, and what clipnorm meant in Keras 2
--   clipvalue        c moves each element of the gradient into [-c, c], { low, high } into that
--                    range (nil); Graves 2013; after the norm
--
-- nil or false turns one off. Each is a field of the optimizer, too, which can be set at any time
-- and acts from the next step: optimizer.learning_rate = 0.001. optimizer.last_step tells what the
-- last step did. As keras.optimizers.SGD.
-- Example: SGD { learning_rate = 0.01, momentum = 0.9, clipnorm = 1.0 }
function optimizers.SGD(options, ...)
  errors.refuse_second("SGD", ...)
  options = errors.check_options("SGD", options, sgd_options)
  if options.lr ~= nil and options.learning_rate ~= nil then
    errors.fail("SGD: lr is another name for learning_rate; only one can be given")
  end
  local optimizer = core.sgd()
  for _, name in ipairs(sgd_options) do
    if options[name] ~= nil then optimizer[name] = options[name] end
  end
  return optimizer
end

-- The optimizer for a name with its defaults, or the optimizer itself.
function optimizers.get(where, optimizer)
  if type(optimizer) == "string" then
    if optimizer:lower() == "sgd" then return optimizers.SGD() end
    errors.fail('%s: unknown optimizer "%s"%s', where, optimizer,
      errors.suggestion(optimizer, { "sgd" }))
  end
  if not core.is_optimizer(optimizer) then
    errors.argument(where, "optimizer", 'an optimizer or "sgd"', optimizer)
  end
  return optimizer
end

return optimizers

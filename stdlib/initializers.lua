-- initializers: the numbers that a weight begins with, by Keras's names and formulas.
--
-- An initializer is a function of shape, dtype and a stream of random numbers; `step` tells the
-- weights of one layer apart. For a kernel [inputs, units], fan_in is inputs and fan_out is units.

local core = require "gradus.core"
local errors = require "gradus.errors"

local initializers = {}

-- fan_in, fan_out of a shape, as Keras computes them.
local function fans(shape)
  local rank = #shape
  if rank == 0 then return 1, 1 end
  if rank == 1 then return shape[1], shape[1] end
  local receptive = 1
  for i = 1, rank - 2 do receptive = receptive * shape[i] end
  return receptive * shape[rank - 1], receptive * shape[rank]
end

local function uniform(limit_of)
  return function(shape, dtype, stream, step)
    local limit = limit_of(fans(shape))
    return stream:uniform(step, shape, -limit, limit, dtype)
  end
end

-- Glorot and Bengio 2010: U(-l, l), l = sqrt(6 / (fan_in + fan_out))
initializers.glorot_uniform = uniform(function(fan_in, fan_out)
  return math.sqrt(6 / math.max(1, fan_in + fan_out))
end)

-- He et al. 2015: U(-l, l), l = sqrt(6 / fan_in)
initializers.he_uniform = uniform(function(fan_in) return math.sqrt(6 / math.max(1, fan_in)) end)

-- U(-0.05, 0.05)
initializers.random_uniform = uniform(function() return 0.05 end)

-- N(0, 0.05)
function initializers.random_normal(shape, dtype, stream, step)
  return stream:normal(step, shape, 0, 0.05, dtype)
end

function initializers.zeros(shape, dtype)
  return core.full(shape, 0, dtype)
end

function initializers.ones(shape, dtype)
  return core.full(shape, 1, dtype)
end

local names = { "glorot_uniform", "he_uniform", "zeros", "ones", "random_uniform", "random_normal" }

-- The function for a name, or the function itself.
function initializers.get(where, argument, initializer)
  if type(initializer) == "function" then return initializer end
  if type(initializer) ~= "string" then
    errors.argument(where, argument, "a name or a function", initializer)
  end
  for _, name in ipairs(names) do
    if name == initializer then return initializers[name] end
  end
  errors.fail('%s: unknown initializer "%s"%s', where, initializer,
    errors.suggestion(initializer, names))
end

-- The name of one that has a name, else the function itself.
function initializers.name_of(initializer)
  for _, name in ipairs(names) do
    if initializers[name] == initializer then return name end
  end
  return initializer
end

return initializers

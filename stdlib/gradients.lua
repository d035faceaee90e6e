-- gradients: words about derivatives: computing without them, and checking them.

local core = require "gradus.core"
local errors = require "gradus.errors"

local create, isyieldable, resume, status, yield = coroutine.create, coroutine.isyieldable,
  coroutine.resume, coroutine.status, coroutine.yield

local gradients = {}

local function restore(was_enabled, succeeded, ...)
  core.set_grad_enabled(was_enabled)
  if not succeeded then error((...), 0) end
  return ...
end

-- Run `thread` up to its next yield, hand on what it yields, and so on to its end: the state of
-- gradients is its own while it runs, and everybody else's while it waits.
local function run_apart(thread, enabled, ...)
  local function finish(...)
    if status(thread) == "dead" then return ... end
    return run_apart(thread, enabled, yield(...))
  end
  return finish(restore(core.set_grad_enabled(enabled), resume(thread, ...)))
end

-- What gives gradients back to those who had them, or takes them away.
local guards = {}
for _, enabled in ipairs { true, false } do
  guards[enabled] = errors.closing(function() core.set_grad_enabled(enabled) end)
end

-- Call f(...) with gradients enabled or not, and leave them as they were, whether it returns, fails
-- or yields. Returns what f returns.
function gradients.with(enabled, f, ...)
  if not isyieldable() then return errors.guarded(guards[core.set_grad_enabled(enabled)], f, ...) end
  return run_apart(create(function(...) return f(...) end), enabled, ...)
end

-- no_grad(f, ...) -> what f returns
-- Call f(...) without recording anything for gradients, so that tensors which want a gradient may
-- be written to. Where f yields, those who run meanwhile have their gradients. As torch.no_grad.
-- Example: no_grad(function() return ones(3) * 2 end)
function gradients.no_grad(f, ...)
  local metatable = getmetatable(f)
  if type(f) ~= "function" and not (type(metatable) == "table" and metatable.__call) then
    errors.argument("no_grad", "argument 1", "a function", f)
  end
  return gradients.with(false, f, ...)
end

-- Different weights for the elements of a result, so that no error in a gradient cancels.
local function weights_like(result)
  local weights = core.range(result.size):reshape(result.shape)
  return weights * 0.37 - (weights * 0.37):floor() + 0.5
end

local function weighted_sum(f, inputs)
  local result = f(table.unpack(inputs))
  if not core.is_tensor(result) then
    errors.argument("gradcheck", "the function's result", "a tensor", result)
  end
  if result.rank == 0 then return result end
  return (result * weights_like(result)):sum()
end

-- (f(x + h) - f(x - h)) / 2h for one element; x is flat and shares the input's memory.
local function central_difference(f, inputs, flat, place, step)
  local value = flat[place]
  flat[place] = value + step
  local above = weighted_sum(f, inputs):item()
  flat[place] = value - step
  local below = weighted_sum(f, inputs):item()
  flat[place] = value
  return (above - below) / (2 * step)
end

local known_options = { "step", "rtol", "atol" }

-- gradcheck(f, inputs [, { step = 1e-6, rtol = 1e-5, atol = 1e-7 }]) -> true
-- Compare the gradients that backward finds for f(inputs...) with central finite differences, in
-- float64, element by element. inputs is a list of tensors; a result that is no single number is
-- summed with weights. An error says where and by how much they differ. As
-- torch.autograd.gradcheck.
-- Example: gradcheck(function(x) return x:exp():sum() end, { tensor { 0.1, 0.2 } })
function gradients.gradcheck(f, inputs, options, ...)
  errors.refuse_more("gradcheck", "expected a function, its inputs and one table of options,", ...)
  if type(f) ~= "function" then errors.argument("gradcheck", "argument 1", "a function", f) end
  if type(inputs) ~= "table" then
    errors.argument("gradcheck", "inputs", "a list of tensors", inputs)
  end
  options = errors.check_options("gradcheck", options, known_options)
  local step = errors.option("gradcheck", options, "step", "positive number", 1e-6)
  local rtol = errors.option("gradcheck", options, "rtol", "number", 1e-5)
  local atol = errors.option("gradcheck", options, "atol", "number", 1e-7)
  local leaves = {}
  for i, input in ipairs(inputs) do
    if not core.is_tensor(input) then errors.argument("gradcheck", "input " .. i, "a tensor", input) end
    leaves[i] = core.tensor(input, { dtype = "float64", requires_grad = true })
  end
  local loss = weighted_sum(f, leaves)
  if not loss.requires_grad then
    errors.fail("gradcheck: no gradient leads from the function's result to its inputs")
  end
  loss:backward()
  for i, leaf in ipairs(leaves) do
    local found = leaf.grad and leaf.grad:reshape(-1)
    local flat = leaf:detach():reshape(-1)
    for place = 1, leaf.size do
      local expected = gradients.no_grad(central_difference, f, leaves, flat, place, step)
      local came = found and found[place] or 0
      local is_near = math.abs(came - expected) <= atol + rtol * math.abs(expected)  -- a nan is not
      if not is_near then
        errors.fail("gradcheck: input %d, element %d: backward gives %.10g, finite differences "
          .. "give %.10g", i, place, came, expected)
      end
    end
  end
  return true
end

return gradients

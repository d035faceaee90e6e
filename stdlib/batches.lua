-- batches: the rows of a data set in batches, for a training loop of one's own.

local core = require "gradus.core"
local errors = require "gradus.errors"
local random = require "gradus.random"
local sequential = require "gradus.sequential"

local batches = {}

local known_options = { "batch_size", "shuffle", "model" }

-- Whether what stands in y's place is the options instead: no list, no model.
local function is_options(value)
  return type(value) == "table" and getmetatable(value) == nil and value[1] == nil
end

-- The row numbers of one pass: in order, or as the next shuffle of the model or the script.
local function row_order(rows, shuffle, model)
  local order = core.range(rows)
  if not shuffle then return order end
  local shuffled = model or random
  shuffled.shuffles = shuffled.shuffles + 1
  core.stream(model and model.number or 0, 0, "shuffle"):permutation(shuffled.shuffles, order)
  return order
end

local function as_in_fit(model, x, y)
  local function cast(rows) return rows.dtype == model.dtype and rows or rows:cast(model.dtype) end
  x = model:as_input("batches", x)
  return cast(x), y and cast(model:as_target("batches", x, y))
end

-- batches(x [, y] [, { batch_size = 32, shuffle = true, model = nil }]) -> iterator
-- One pass over the rows for Lua's `for`: each turn gives a batch of x and one of y (y may be nil);
-- the last may be smaller. With `model` the batches are those of that model's fit: shuffled as it
-- would shuffle them, in the model's dtype, and x [n] and y [n] as [n, 1] where fit takes them so. As
-- torch.utils.data.DataLoader.
-- Example:
--   local x, y = make_regression { n_samples = 100, n_features = 3 }
--   for x_batch, y_batch in batches(x, y, { batch_size = 32 }) do print(#x_batch) end
function batches.batches(x, y, options, ...)
  errors.refuse_more("batches", "expected x, y and one table of options,", ...)
  if options == nil and is_options(y) then y, options = nil, y end
  options = errors.check_options("batches", options, known_options)
  local size = errors.option("batches", options, "batch_size", "positive integer", 32)
  local shuffle = errors.option("batches", options, "shuffle", "boolean", true)
  local model = options.model
  if model ~= nil and not sequential.is_model(model) then
    errors.argument("batches", "model", "a model", model)
  end
  if not core.is_tensor(x) or x.rank == 0 then errors.argument("batches", "x", "a tensor of rows", x) end
  if y ~= nil and not core.is_tensor(y) then errors.argument("batches", "y", "a tensor or nil", y) end
  if y and (y.rank == 0 or #y ~= #x) then
    errors.fail("batches: x and y must have the same number of rows, x is [%s] and y is [%s]",
      table.concat(x.shape, ", "), table.concat(y.shape, ", "))
  end
  if model then x, y = as_in_fit(model, x, y) end
  local rows, first = #x, 1
  local order = row_order(rows, shuffle, model)
  return function()
    if first > rows then return nil end
    local numbers = order:rows(first, math.min(first + size - 1, rows))
    first = first + size
    return x:take(numbers), y and y:take(numbers)
  end
end

return batches

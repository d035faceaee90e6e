-- preprocessing: scaling features and targets, and dividing rows into a train and a test part.
--
-- A scaler learns its numbers in fit and then maps rows there (transform) and back
-- (inverse_transform). X is [n, k], k features; [n] counts as one feature, so that a scaler fitted on
-- targets [n] takes predictions [n, 1] back. Everything is computed in float64, and a result has the
-- type of what came. In fit a nan is passed over, as if that sample had no such feature, and an
-- infinity is an error; transform and inverse_transform hand both on.
-- Semantics: scikit-learn 1.2.1.

local core = require "gradus.core"
local errors = require "gradus.errors"

local preprocessing = {}

local epsilon = 2.0 ^ -52

local function cast(x, dtype)
  if x.dtype == dtype then return x end
  return x:cast(dtype)
end

local function shape_text(x) return "[" .. table.concat(x.shape, ", ") .. "]" end

-- Rows and features ------------------------------------------------------------------------------

local function check_rows(where, x)
  if not core.is_tensor(x) then errors.argument(where, "X", "a tensor", x) end
  if x.rank ~= 1 and x.rank ~= 2 then
    errors.argument(where, "X", "a tensor of shape [n] or [n, k]", x)
  end
  if x.size == 0 then errors.argument(where, "X", "a tensor with at least one element", x) end
end

-- X without its history, as float64 [n, k].
local function check_data(where, x)
  check_rows(where, x)
  local data = cast(x:detach(), "float64")
  if data.rank == 1 then data = data:reshape { data.size, 1 } end
  if data:abs():eq(math.huge):sum():item() > 0 then
    errors.fail("%s: X must not hold infinity, X is %s", where, shape_text(x))
  end
  return data
end

-- reduce(column) for each column of data [n, k] without its nans, as a tensor [k]; nan for a column
-- of nothing else. reduce takes [m, 1] or, where no nan is in the way, all columns at once.
local function by_column(data, reduce)
  local is_number = data:eq(data)
  if is_number:sum():item() == data.size then return reduce(data) end
  local values = {}
  for j = 1, data.shape[2] do
    local rows = data:cols(j, j):mask(is_number[{ {}, j }])
    values[j] = #rows == 0 and 0 / 0 or reduce(rows):item()
  end
  return core.tensor(values, "float64")
end

-- How many rows each feature was seen in: one number where that is the same for all.
local function count_samples(data)
  local counts = data:eq(data):sum(1)
  local least, most = counts:min():item(), counts:max():item()
  return least == most and math.tointeger(least) or counts
end

-- value where the mask is 0, 1 where it is 1.
local function one_where(mask, value) return value:mask(mask:eq(0)).size == value.size and value or nil end

-- Scalers ----------------------------------------------------------------------------------------

-- Fail unless self is a scaler of the class, fitted if that is asked.
local function check_self(class, self, method, is_fitted)
  local where = class.__name .. "." .. method
  if getmetatable(self) ~= class then
    errors.argument(where, "argument 1", "a " .. class.__name, self)
  end
  if is_fitted and not self.n_features_in_ then
    errors.fail("%s: the scaler is not fitted yet, call fit first", where)
  end
  return where
end

-- Fail unless X has as many features as the scaler was fitted on.
local function check_features(where, self, x)
  check_rows(where, x)
  local features = x.rank == 2 and x.shape[2] or 1
  if features ~= self.n_features_in_ then
    errors.fail("%s: X has %d feature%s, the scaler was fitted on %d (X is %s)", where, features,
                features == 1 and "" or "s", self.n_features_in_, shape_text(x))
  end
end

-- A class of scalers. `attributes` names what fit finds out. The class gives
--   learn(self, data)       set the attributes from float64 [n, k]
--   forth(self, x), back(self, x)   map float64 rows
local function new_class(name, attributes)
  local class, methods = { __name = name }, {}
  local names = { "fit", "transform", "fit_transform", "inverse_transform" }
  local is_attribute = { n_features_in_ = true }
  for _, attribute in ipairs(attributes) do
    is_attribute[attribute] = true
    names[#names + 1] = attribute
  end

  local function apply(self, x, method, map)
    local where = check_self(class, self, method, true)
    check_features(where, self, x)
    return cast(map(self, cast(x, "float64")), x.dtype)
  end

  function methods.fit(self, x)
    local data = check_data(check_self(class, self, "fit"), x)
    for attribute in pairs(is_attribute) do rawset(self, attribute, nil) end
    class.learn(self, data)
    self.n_features_in_ = data.shape[2]
    return self
  end

  function methods.transform(self, x) return apply(self, x, "transform", class.forth) end

  function methods.inverse_transform(self, x)
    return apply(self, x, "inverse_transform", class.back)
  end

  function methods.fit_transform(self, x)
    check_self(class, self, "fit_transform")
    return methods.transform(methods.fit(self, x), x)
  end

  function class.__index(_, key)
    local method = methods[key]
    if method ~= nil or is_attribute[key] then return method end
    errors.fail('%s: there is no method or attribute "%s"%s', name, tostring(key),
                errors.suggestion(key, names))
  end

  return class
end

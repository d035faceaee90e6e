-- preprocessing: scaling features and targets, and dividing rows into a train and a test part.
--
-- A scaler learns its numbers in fit; then it maps rows there (transform) and back
-- (inverse_transform). X is [n, k], k features; [n] is one feature, so that a scaler fitted on
-- targets [n] takes predictions [n, 1] back. Everything is computed in float64; a result has the
-- type of what came. In fit a nan is passed over, as if its sample did not have that feature, and
-- an infinity is an error; transform and inverse_transform hand both on.
-- Semantics: scikit-learn 1.2.1, whose names these are; what fit finds out ends in _.

local core = require "gradus.core"
local errors = require "gradus.errors"

local preprocessing = {}

local epsilon = 2.0 ^ -52
local nan = 0.0 / 0.0

local function cast(x, dtype) return x.dtype == dtype and x or x:cast(dtype) end

local function shape_text(x) return "[" .. table.concat(x.shape, ", ") .. "]" end

-- Rows and features ------------------------------------------------------------------------------

local function check_rows(where, x)
  if not core.is_tensor(x) or (x.rank ~= 1 and x.rank ~= 2) then
    errors.argument(where, "X", "a tensor of shape [n] or [n, k]", x)
  end
  if x.size == 0 then errors.argument(where, "X", "a tensor with at least one element", x) end
end

-- What a scaler is fitted on: float64 [n, k], without X's history.
local function check_data(where, x)
  check_rows(where, x)
  local data = cast(x:detach(), "float64")
  if data.rank == 1 then data = data:reshape { data.size, 1 } end
  if data:abs():eq(math.huge):sum():item() > 0 then
    errors.fail("%s: X must not hold infinity (X is %s)", where, shape_text(x))
  end
  return data
end

-- statistic(rows) of rows [n, k] is a tensor [k]. Where there are nans it is asked for each column
-- without its own, and is nan for a column of nothing else.
local function by_column(data, statistic)
  local is_number = data:eq(data)
  if is_number:sum():item() == data.size then return statistic(data) end
  local values = {}
  for j = 1, data.shape[2] do
    local rows = data:cols(j, j):mask(is_number[{ {}, j }])
    values[j] = #rows == 0 and nan or statistic(rows)[1]
  end
  return core.tensor(values, "float64")
end

-- In how many rows each feature is a number: a whole number where that is the same for all.
local function count_samples(data)
  local counts = data:eq(data):sum(1)
  local least, most = counts:min():item(), counts:max():item()
  return least == most and math.tointeger(least) or counts
end

-- f(a[j], b[j], ...) for each feature, as a tensor [k].
local function by_feature(f, a, ...)
  local lists, values = { a:totable() }, {}
  for i, tensor in ipairs { ... } do lists[i + 1] = tensor:totable() end
  for j = 1, #a do
    local arguments = {}
    for i, list in ipairs(lists) do arguments[i] = list[j] end
    values[j] = f(table.unpack(arguments))
  end
  return core.tensor(values, "float64")
end

-- Classes of scalers -----------------------------------------------------------------------------

local method_names = { "fit", "transform", "fit_transform", "inverse_transform" }

local function check_self(class, self, method)
  local where = class.__name .. "." .. method
  errors.check_self(where, "a " .. class.__name, getmetatable(self) == class, self, ("scaler:%s(X)"):format(method))
  return where
end

-- The map of a fitted scaler, forth or back, on X.
local function apply(class, self, x, method, map)
  local where = check_self(class, self, method)
  if not self.n_features_in_ then
    errors.fail("%s: the scaler is not fitted yet, call fit first", where)
  end
  check_rows(where, x)
  local features = x.rank == 2 and x.shape[2] or 1
  if features ~= self.n_features_in_ then
    errors.fail("%s: X has %d feature%s, the scaler was fitted on %d (X is %s)", where, features,
                features == 1 and "" or "s", self.n_features_in_, shape_text(x))
  end
  return cast(map(self, cast(x, "float64")), x.dtype)
end

-- A class, that is a scaler's metatable. `attributes` are the names of what fit finds out; `learn`
-- finds it in float64 [n, k]; `forth` and `back` map float64 rows.
local function new_class(name, options, defaults, attributes, learn, forth, back)
  local class, methods, is_field, fields = { __name = name }, {}, {}, {}
  for _, names in ipairs { method_names, options, attributes } do
    for _, field in ipairs(names) do
      is_field[field] = true
      fields[#fields + 1] = field
    end
  end

  -- scaler:fit(X) -> scaler
  -- Find out the scaler's numbers from X [n, k], k features, or [n], one feature; a nan is passed
  -- over. They are the fields that the scaler's own help lists. As fit of scikit-learn's scalers.
  -- Example:
  --   local scaler = StandardScaler {}
  --   print(scaler:fit(tensor { {1, 20}, {3, 40} }).mean_)
  function methods.fit(self, x)
    local data = check_data(check_self(class, self, "fit"), x)
    self.n_samples_seen_ = count_samples(data)
    self.n_features_in_ = data.shape[2]
    learn(self, data)
    return self
  end

  -- scaler:transform(X) -> tensor; scaler:inverse_transform(Z) -> tensor
  -- Scale X [n, k], or [n] for one feature, by what fit found; and take what was scaled back to where
  -- it came from. The result has the shape and dtype of what came. As transform and inverse_transform
  -- of scikit-learn's scalers.
  -- Example:
  --   local X = tensor { {1, 20}, {3, 40} }
  --   local scaler = StandardScaler({}):fit(X)
  --   print(scaler:inverse_transform(scaler:transform(X)))
  function methods.transform(self, x) return apply(class, self, x, "transform", forth) end

  function methods.inverse_transform(self, x)
    return apply(class, self, x, "inverse_transform", back)
  end

  -- scaler:fit_transform(X) -> tensor
  -- fit and transform on the same X. As fit_transform of scikit-learn's scalers.
  -- Example: StandardScaler({}):fit_transform(tensor { {1, 20}, {3, 40} })
  function methods.fit_transform(self, x)
    check_self(class, self, "fit_transform")
    return methods.transform(methods.fit(self, x), x)
  end

  function class.__tostring(self)
    local fitted = rawget(self, "n_features_in_")
    local note = fitted and ("  -- fitted on %d feature%s"):format(fitted, fitted == 1 and "" or "s") or ""
    return require("gradus.printing").constructor(name, self, options, defaults) .. note
  end

  function class.__index(_, key)
    if is_field[key] then return methods[key] end
    errors.fail('%s: there is no "%s"%s', name, tostring(key), errors.suggestion(key, fields))
  end

  return class
end

-- StandardScaler ---------------------------------------------------------------------------------

-- Whether a variance is no more than the rounding of n numbers near the mean (scikit-learn's bound,
-- after Chan, Golub and LeVeque 1983).
local function is_constant(variance, mean, n)
  return variance <= n * epsilon * variance + (n * mean * epsilon) ^ 2
end

local standard_options = { "with_mean", "with_std" }
local standard_defaults = { with_mean = true, with_std = true }
local standard_attributes = { "mean_", "var_", "scale_", "n_samples_seen_", "n_features_in_" }

local standard = new_class("StandardScaler", standard_options, standard_defaults, standard_attributes,
  function(self, data)
    local seen = data:eq(data):sum(1)
    local mean = by_column(data, function(rows) return rows:mean(1) end)
    -- The corrected two-pass algorithm: the second sum takes back the rounding of the mean.
    local variance = by_column(data, function(rows)
      local rest = rows - rows:mean(1)
      return (rest:square():sum(1) - rest:sum(1):square() / #rows) / #rows
    end)
    self.mean_ = (self.with_mean or self.with_std) and mean or nil
    self.var_ = self.with_std and variance or nil
    self.scale_ = self.with_std and by_feature(function(v, m, n)
      return is_constant(v, m, n) and v < math.huge and 1 or math.sqrt(v)
    end, variance, mean, seen) or nil
  end,
  function(self, x)
    if self.with_mean then x = x - self.mean_ end
    if self.with_std then x = x / self.scale_ end
    return x
  end,
  function(self, x)
    if self.with_std then x = x * self.scale_ end
    if self.with_mean then x = x + self.mean_ end
    return x
  end)

-- StandardScaler { with_mean = true, with_std = true } -> scaler
-- Take each feature (column) to mean 0 and variance 1: z = (x - mean_) / scale_.
--
--   with_mean   whether the mean is taken off (true)
--   with_std    whether the result is divided by scale_ (true)
--
-- scaler:fit(X) finds, for X [n, k], float64 tensors [k]: mean_, var_ (of the population) and scale_,
-- its square root, or 1 where a feature is constant; and n_samples_seen_, the number of rows (a
-- tensor [k] where nans make it differ), and n_features_in_, which is k. scaler:transform(X) scales,
-- scaler:inverse_transform(Z) goes back, scaler:fit_transform(X) does the first two. As
-- sklearn.preprocessing.StandardScaler.
-- Example:
--   local scaler = StandardScaler {}
--   local Z = scaler:fit_transform(tensor { {1, 20}, {3, 40} })
function preprocessing.StandardScaler(options, ...)
  errors.refuse_second("StandardScaler", ...)
  options = errors.check_options("StandardScaler", options, standard_options)
  return setmetatable({
    with_mean = errors.option("StandardScaler", options, "with_mean", "boolean", true),
    with_std = errors.option("StandardScaler", options, "with_std", "boolean", true),
  }, standard)
end

-- MinMaxScaler -----------------------------------------------------------------------------------

local min_max_options = { "feature_range", "clip" }
local min_max_defaults = { feature_range = { 0, 1 }, clip = false }
local min_max_attributes = {
  "data_min_", "data_max_", "data_range_", "scale_", "min_", "n_samples_seen_", "n_features_in_",
}

local min_max = new_class("MinMaxScaler", min_max_options, min_max_defaults, min_max_attributes,
  function(self, data)
    local low, high = self.feature_range[1], self.feature_range[2]
    self.data_min_ = by_column(data, function(rows) return rows:min(1) end)
    self.data_max_ = by_column(data, function(rows) return rows:max(1) end)
    self.data_range_ = self.data_max_ - self.data_min_
    self.scale_ = by_feature(function(range)
      return (high - low) / (range < 10 * epsilon and 1 or range)
    end, self.data_range_)
    self.min_ = low - self.data_min_ * self.scale_
  end,
  function(self, x)
    x = x * self.scale_ + self.min_
    return self.clip and x:clip(self.feature_range[1], self.feature_range[2]) or x
  end,
  function(self, x) return (x - self.min_) / self.scale_ end)

local function check_range(range)
  local where = "MinMaxScaler"
  if #range ~= 2 then
    errors.fail("%s: feature_range must be {low, high}, got a table of %d entr%s", where, #range,
                #range == 1 and "y" or "ies")
  end
  for i = 1, 2 do
    if type(range[i]) ~= "number" then
      errors.argument(where, "an end of feature_range", "a number", range[i])
    end
  end
  if not (range[1] < range[2] and range[2] - range[1] < math.huge) then
    errors.fail("%s: feature_range must go from a lower to a higher finite number, got {%s, %s}",
                where, range[1], range[2])
  end
  return { range[1], range[2] }
end

-- MinMaxScaler { feature_range = {0, 1}, clip = false } -> scaler
-- Take the range of each feature (column) to feature_range: z = x scale_ + min_.
--
--   feature_range   { low, high }, where fit's smallest and largest value go ({0, 1})
--   clip            whether transform clips what lies outside to feature_range (false)
--
-- scaler:fit(X) finds, for X [n, k], float64 tensors [k]: data_min_, data_max_, data_range_, and from
-- them scale_ and min_; a range of 0 counts as 1. n_samples_seen_, n_features_in_ and the methods are
-- those of StandardScaler. As sklearn.preprocessing.MinMaxScaler.
-- Example:
--   local scaler = MinMaxScaler { feature_range = { -1, 1 } }
--   local Z = scaler:fit_transform(tensor { {1, 20}, {3, 40} })
function preprocessing.MinMaxScaler(options, ...)
  errors.refuse_second("MinMaxScaler", ...)
  options = errors.check_options("MinMaxScaler", options, min_max_options)
  return setmetatable({
    feature_range = check_range(errors.option("MinMaxScaler", options, "feature_range", "table",
                                              { 0, 1 })),
    clip = errors.option("MinMaxScaler", options, "clip", "boolean", false),
  }, min_max)
end

-- train_test_split -------------------------------------------------------------------------------

local split_options = { "test_size", "train_size", "random_state", "shuffle" }
local split = "train_test_split"

-- A size as given, or nil, and whether it is a share (above 0, below 1); else it is a number of
-- rows, 1 to n - 1.
local function check_size(options, name, n)
  local size = options[name]
  if size == nil then return nil end
  local is_share = type(size) == "number" and size > 0 and size < 1
  local is_count = type(size) == "number" and size >= 1 and size < n and size % 1 == 0
  if not is_share and not is_count then
    errors.argument(split, name, ("a share between 0 and 1 or a number of rows from 1 to %d")
                    :format(n - 1), size)
  end
  return size, is_share
end

-- The numbers of rows in the train and in the test part: a test share is rounded up, a train share
-- down; where one is missing it is the rest.
local function split_sizes(options, n)
  local test, test_is_share = check_size(options, "test_size", n)
  local train, train_is_share = check_size(options, "train_size", n)
  if not test and not train then test, test_is_share = 0.25, true end
  if test_is_share and train_is_share and test + train > 1 then
    errors.fail("%s: test_size and train_size must not sum to more than 1, got %s and %s", split,
                test, train)
  end
  local n_test = test and (test_is_share and math.ceil(test * n) or test)
  local n_train = train and (train_is_share and math.floor(train * n) or train) or n - n_test
  n_test = n_test or n - n_train
  if n_train + n_test > n then
    errors.fail("%s: %d train rows and %d test rows are more than the %d that there are", split,
                n_train, n_test, n)
  end
  if n_train < 1 then
    errors.fail("%s: no row is left for the train part (there are %d, %d in the test part)", split,
                n, n_test)
  end
  return math.tointeger(n_train), math.tointeger(n_test)
end

-- The tensors and the options among the arguments.
local function read_arguments(...)
  local tensors, options = table.pack(...), nil
  local last = tensors[tensors.n]
  if type(last) == "table" then
    options, tensors[tensors.n], tensors.n = last, nil, tensors.n - 1
  end
  if tensors.n == 0 then errors.argument(split, "argument 1", "a tensor", nil) end
  for i = 1, tensors.n do
    local x = tensors[i]
    if not core.is_tensor(x) or x.rank == 0 then
      errors.argument(split, "argument " .. i, "a tensor with rows", x)
    end
    if #x ~= #tensors[1] then
      errors.fail("%s: all tensors must have the same number of rows, argument 1 is %s, "
                  .. "argument %d is %s", split, shape_text(tensors[1]), i, shape_text(x))
    end
  end
  return tensors, errors.check_options(split, options, split_options)
end

-- train_test_split(X, y, ... [, { test_size = 0.25, ... }]) -> X_train, X_test, y_train, y_test, ...
-- Divide the rows of each tensor into a train and a test part, all in the same way; copies.
--
--   test_size      a share between 0 and 1, rounded up to rows, or a number of rows; the rest that
--                  train_size leaves, or 0.25 when neither is given
--   train_size     likewise, rounded down; nil: what test_size leaves
--   shuffle        true: the rows in random order, the first of them into the test part; false: in
--                  their order, the first into the train part
--   random_state   a seed or a RandomState; nil: see RandomState
--
-- The same random_state gives the rows that scikit-learn gives. As
-- sklearn.model_selection.train_test_split.
-- Example:
--   local X, y = make_regression { n_samples = 100, n_features = 3 }
--   local X_train, X_test, y_train, y_test = train_test_split(X, y, { test_size = 0.5, random_state = 1 })
function preprocessing.train_test_split(...)
  local tensors, options = read_arguments(...)
  local n = #tensors[1]
  local n_train, n_test = split_sizes(options, n)
  local shuffle = errors.option(split, options, "shuffle", "boolean", true)
  local state = core.check_random_state(options.random_state, split, "random_state")
  local order = shuffle and state:permutation(n) or core.range(n)
  local before_train, before_test = shuffle and n_test or 0, shuffle and 0 or n_train
  local train = order:rows(before_train + 1, before_train + n_train)
  local test = order:rows(before_test + 1, before_test + n_test)
  local parts = {}
  for i = 1, tensors.n do
    parts[2 * i - 1] = tensors[i]:take(train)
    parts[2 * i] = tensors[i]:take(test)
  end
  return table.unpack(parts, 1, 2 * tensors.n)
end

return preprocessing

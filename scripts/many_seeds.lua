-- Is one run an accident? The tutorial's training over many seeds, for each way of clipping:
-- quartiles of the errors beside those of 2,000 runs of a reference written in C by hand.
--   gradus scripts/many_seeds.lua [runs]

local runs = tonumber(arg[1]) or 100
local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local modes = {
  { "none",            nil, reference = "every run nan" },
  { "global_clipnorm", 1.0, reference = "2.0 / 2.7 / 3.8      16 / 19 / 24" },
  { "clipnorm",        1.0, reference = "0.61 / 0.84 / 1.19   13.6 / 15.5 / 17.6" },
  { "clipvalue",       5.0, reference = "28 / 44 / 70         33 / 52 / 85" },
}

local function train(name, threshold, run)
  seed(run)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  local optimizer = SGD { learning_rate = 0.01, momentum = 0.9 }
  if threshold then optimizer[name] = threshold end
  model:compile { loss = "mean_squared_error", optimizer = optimizer }
  local history = model:fit(trainX, trainy, { epochs = 100, verbose = 0, warn_nonfinite = false })
  return model:evaluate(trainX, trainy), model:evaluate(testX, testy), history.first_not_finite
end

local function quartiles(errors)
  local t = tensor(errors, "float64")
  return ("%.3g / %.3g / %.3g"):format(t:quantile(0.25):item(), t:quantile(0.5):item(), t:quantile(0.75):item())
end

local variance = trainy:var():item()
print(("%d seeds, 100 epochs; train and test MSE at 25 / 50 / 75 %%; the train target's variance is %.3g"):format(runs, variance))
for _, mode in ipairs(modes) do
  local train_errors, test_errors, nan, learned, first, last = {}, {}, 0, 0, math.huge, 0
  for run = 1, runs do
    local stop
    train_errors[run], test_errors[run], stop = train(mode[1], mode[2], run)
    if train_errors[run] ~= train_errors[run] then nan = nan + 1 end
    if train_errors[run] < variance / 10 then learned = learned + 1 end
    if stop and stop.epoch == 1 then first, last = math.min(first, stop.step), math.max(last, stop.step) end
  end
  print(("%-16s nan %3d, learned %3d of %d   train %-22s test %-22s reference %s"):format(mode[1], nan,
    learned, runs, quartiles(train_errors), quartiles(test_errors), mode.reference))
  if nan > 0 then print(("%16s the first step that was not finite: %d to %d of epoch 1"):format("", first, last)) end
end

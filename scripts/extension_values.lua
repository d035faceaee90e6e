-- The tutorial's second extension: which threshold for the values? Each from 0.01 to 10,000, 20 seeds.

local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local thresholds, runs = { 0.01, 0.1, 1, 10, 100, 1000, 10000 }, 20

local function train(threshold, run)
  seed(run)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  model:compile { loss = "mse", optimizer = SGD { learning_rate = 0.01, momentum = 0.9, clipvalue = threshold } }
  model:fit(trainX, trainy, { epochs = 100, verbose = 0, warn_nonfinite = false })
  return model:evaluate(trainX, trainy), model:evaluate(testX, testy)
end

local function quartiles(errors)  -- infinity where that share of the runs was not finite
  table.sort(errors)
  return errors[(#errors + 3) // 4], errors[(#errors + 1) // 2], errors[(3 * #errors + 3) // 4]
end

print "value       train MSE: 25 %   50 %     75 %   test MSE: 25 %   50 %     75 %   not finite"
local low, middle, high, best = {}, {}, {}, 1
for i, threshold in ipairs(thresholds) do
  local train_errors, test_errors, not_finite = {}, {}, 0
  for run = 1, runs do
    local train_mse, test_mse = train(threshold, run)
    local finite = train_mse < math.huge and test_mse < math.huge  -- false for nan, too
    if not finite then not_finite = not_finite + 1 end
    train_errors[run] = finite and train_mse or math.huge
    test_errors[run] = finite and test_mse or math.huge
  end
  local a, b, c = quartiles(train_errors)
  low[i], middle[i], high[i] = quartiles(test_errors)
  print(("%9g %14.5g %9.5g %9.5g %14.5g %9.5g %9.5g %11.0f %%"):format(threshold, a, b, c, low[i],
    middle[i], high[i], 100 * not_finite / runs))
  if middle[i] < middle[best] then best = i end
end
print(("The median test error over %d seeds is smallest, %.3g, with clipvalue = %g; at %g it is %.3g and at %g %.3g.")
  :format(runs, middle[best], thresholds[best], thresholds[1], middle[1], thresholds[#thresholds],
    middle[#middle]))

plot.title "Test error after 100 epochs: median and quartiles of 20 seeds"
plot.fill_between(thresholds, low, high, { label = "quartiles" })
plot.plot(thresholds, middle, { label = "median", marker = "o" })
plot.axhline(testy:var():item(), { label = "variance of y: nothing learned" })
plot.xscale "log"
plot.yscale "log"
plot.xlabel "clipvalue"
plot.ylabel "mean squared error"
plot.legend()
plot.show()

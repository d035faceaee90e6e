-- The tutorial's third extension: both at once, the norm first and then the values, over a grid of
-- thresholds with ten seeds each.

local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local thresholds, runs = { 0.01, 0.1, 1, 10, 100, 1000, 10000 }, 10

local function train(norm, value, run)
  seed(run)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  model:compile { loss = "mse", optimizer = SGD { learning_rate = 0.01, momentum = 0.9,
                                                  global_clipnorm = norm, clipvalue = value } }
  model:fit(trainX, trainy, { epochs = 100, verbose = 0, warn_nonfinite = false })
  return model:evaluate(trainX, trainy), model:evaluate(testX, testy)
end

local function quartiles(errors)  -- infinity where that share of the runs was not finite
  table.sort(errors)
  return errors[(#errors + 3) // 4], errors[(#errors + 1) // 2], errors[(3 * #errors + 3) // 4]
end

print "norm   value     train MSE: 25 %   50 %     75 %   test MSE: 25 %   50 %     75 %   not finite"
local grid, best = {}, nil
for i, norm in ipairs(thresholds) do
  grid[i] = {}
  for j, value in ipairs(thresholds) do
    local train_errors, test_errors, not_finite = {}, {}, 0
    for run = 1, runs do
      local train_mse, test_mse = train(norm, value, run)
      local finite = train_mse < math.huge and test_mse < math.huge
      if not finite then not_finite = not_finite + 1 end
      train_errors[run] = finite and train_mse or math.huge
      test_errors[run] = finite and test_mse or math.huge
    end
    local a, b, c = quartiles(train_errors)
    local low, middle, high = quartiles(test_errors)
    print(("%-6g %-6g %17.5g %9.5g %9.5g %14.5g %9.5g %9.5g %11.0f %%"):format(norm, value, a, b, c, low,
      middle, high, 100 * not_finite / runs))
    grid[i][j] = middle
    if not best or middle < best.error then best = { norm = norm, value = value, error = middle } end
  end
end
print(("The median test error over %d seeds is smallest, %.3g, with norm %g and value %g; with both at %g it is %.3g.")
  :format(runs, best.error, best.norm, best.value, thresholds[#thresholds], grid[#thresholds][#thresholds]))

plot.title "Median test error after 100 epochs, norm then value"
plot.imshow(grid, { norm = "log", origin = "lower" })
plot.colorbar { label = "mean squared error" }
plot.xticks(range(#thresholds), thresholds)
plot.yticks(range(#thresholds), thresholds)
plot.xlabel "clipvalue"
plot.ylabel "global_clipnorm"
plot.show()

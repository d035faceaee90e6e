-- The traditional cure: scale the target, here to mean 0 and deviation 1, and to the range 0 to 1.
-- Nothing explodes and nothing is clipped. The errors printed are in the target's own units again.

seed(1)
local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local function train(scaler)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  model:compile { loss = "mean_squared_error", optimizer = SGD { learning_rate = 0.01, momentum = 0.9 } }
  local train_target, test_target = scaler:fit_transform(trainy), scaler:transform(testy)
  local history = model:fit(trainX, train_target, { validation_data = { testX, test_target }, epochs = 100, verbose = 0 })
  local function mse(x, y)
    return mean_squared_error(y, scaler:inverse_transform(model:predict(x))):item()
  end
  return history, mse(trainX, trainy), mse(testX, testy)
end

local standardized, train_mse, test_mse = train(StandardScaler())
print(("Train: %.3f, Test: %.3f (standardized)"):format(train_mse, test_mse))
local normalized, train_mse2, test_mse2 = train(MinMaxScaler())
print(("Train: %.3f, Test: %.3f (normalized)"):format(train_mse2, test_mse2))

plot.figure { figsize = { 9, 4 } }
for i, panel in ipairs { { "Standardized target", standardized }, { "Normalized target", normalized } } do
  plot.subplot(1, 2, i)
  plot.title(panel[1])
  plot.plot(panel[2].loss,     { label = "train" })
  plot.plot(panel[2].val_loss, { label = "test" })
  plot.yscale "log"
  plot.xlabel "epoch"
  plot.legend()
end
plot.show()

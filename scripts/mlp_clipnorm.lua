-- Gradient norm scaling. clipnorm = 1.0 is the tutorial's line, which today means the norm of each
-- variable's gradient; global_clipnorm = 1.0 is what the tutorial's Keras meant by it: one norm over
-- all gradients together (Pascanu et al. 2013).

seed(1)
local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local function train(optimizer)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  model:compile { loss = "mean_squared_error", optimizer = optimizer }
  local history = model:fit(trainX, trainy, { validation_data = { testX, testy }, epochs = 100, verbose = 0 })
  return history, model:evaluate(trainX, trainy), model:evaluate(testX, testy)
end

local history, train_mse, test_mse = train(SGD { learning_rate = 0.01, momentum = 0.9, clipnorm = 1.0 })
print(("Train: %.3f, Test: %.3f"):format(train_mse, test_mse))
local overall, train_mse2, test_mse2 = train(SGD { learning_rate = 0.01, momentum = 0.9, global_clipnorm = 1.0 })
print(("Train: %.3f, Test: %.3f (global_clipnorm)"):format(train_mse2, test_mse2))

plot.title "Mean Squared Error"
plot.plot(history.loss,     { label = "train, clipnorm" })
plot.plot(history.val_loss, { label = "test, clipnorm" })
plot.plot(overall.loss,     { label = "train, global_clipnorm", linestyle = "--" })
plot.plot(overall.val_loss, { label = "test, global_clipnorm", linestyle = "--" })
plot.yscale "log"
plot.xlabel "epoch"
plot.legend()
plot.show()

-- Gradient value clipping: each element of the gradient is held within [-5, 5] (after Graves 2013).

seed(1)
local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local model = Sequential {
  Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
  Dense { 1, activation = "linear" },
}
model:compile { loss = "mean_squared_error",
                optimizer = SGD { learning_rate = 0.01, momentum = 0.9, clipvalue = 5.0 } }
local history = model:fit(trainX, trainy, { validation_data = { testX, testy }, epochs = 100, verbose = 0 })

local train_mse, test_mse = model:evaluate(trainX, trainy), model:evaluate(testX, testy)
print(("Train: %.3f, Test: %.3f"):format(train_mse, test_mse))

plot.title "Mean Squared Error"
plot.plot(history.loss,     { label = "train" })
plot.plot(history.val_loss, { label = "test" })
plot.yscale "log"
plot.xlabel "epoch"
plot.legend()
plot.show()

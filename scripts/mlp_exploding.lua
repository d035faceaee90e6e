-- An MLP on the unscaled target: the loss grows beyond float32 within the first epoch. A curve of
-- epochs is empty, so the loss of each step is shown beside it, as far as it is finite.

seed(1)
local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local model = Sequential {
  Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
  Dense { 1, activation = "linear" },
}
model:compile { loss = "mean_squared_error",
                optimizer = SGD { learning_rate = 0.01, momentum = 0.9 } }
local history = model:fit(trainX, trainy, { validation_data = { testX, testy }, epochs = 100, verbose = 0 })

local train_mse, test_mse = model:evaluate(trainX, trainy), model:evaluate(testX, testy)
print(("Train: %.3f, Test: %.3f"):format(train_mse, test_mse))
print(("The %s was no longer finite at epoch %d, step %d."):format(history.first_not_finite.what,
  history.first_not_finite.epoch, history.first_not_finite.step))

plot.figure { figsize = { 9, 4 } }
plot.subplot(1, 2, 1)
plot.title "Mean Squared Error"
plot.plot(history.loss,     { label = "train" })
plot.plot(history.val_loss, { label = "test" })
plot.xlabel "epoch"
plot.legend()
plot.subplot(1, 2, 2)
plot.title "Loss of each step"
plot.plot(history.steps.loss:rows(1, 16), { label = "train", marker = "o" })
plot.axvline(history.first_not_finite.step, { label = "no longer finite" })
plot.yscale "log"
plot.xlabel "step of the first epoch"
plot.legend()
plot.show()

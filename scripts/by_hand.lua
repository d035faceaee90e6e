-- The training of mlp_clipnorm.lua in a loop of one's own: the same words, the same digits.

seed(1)
local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local model = Sequential {
  Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
  Dense { 1, activation = "linear" },
}
local optimizer = SGD { learning_rate = 0.01, momentum = 0.9, clipnorm = 1.0 }
local function mse(x, y)
  return no_grad(function() return mean_squared_error(y, model(x)):item() end)
end

local train_curve, test_curve = {}, {}
for epoch = 1, 100 do
  for x, y in batches(trainX, trainy, { batch_size = 32, shuffle = true, model = model }) do
    local loss = mean_squared_error(y, model(x))
    loss:backward()
    optimizer:apply(model)
  end
  train_curve[epoch], test_curve[epoch] = mse(trainX, trainy), mse(testX, testy)
end

print(("Train: %.3f, Test: %.3f"):format(mse(trainX, trainy), mse(testX, testy)))

plot.title "Mean Squared Error"
plot.plot(train_curve, { label = "train" })
plot.plot(test_curve,  { label = "test" })
plot.yscale "log"
plot.xlabel "epoch"
plot.legend()
plot.show()

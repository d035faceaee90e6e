-- profile: many steps of the tutorial's training, for `make profile` to look at.

local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local model = Sequential {
  Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
  Dense { 1, activation = "linear" },
}
model:compile { loss = "mean_squared_error",
                optimizer = SGD { learning_rate = 0.01, momentum = 0.9, clipnorm = 1.0 } }
model:fit(X:rows(1, 500), y:rows(1, 500), { validation_data = { X:rows(501, 1000), y:rows(501, 1000) },
                                            epochs = 20000, verbose = 0 })

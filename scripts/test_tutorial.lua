-- A scripted regression test: the tutorial's numbers, to the bit, on every machine.
--   gradus --test scripts             compares with test_tutorial.golden
--   gradus --test --update scripts    writes it anew, when a change of the numbers is meant

local t = require "gradus.testing"

local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local trainX, testX = X:rows(1, 500), X:rows(501, 1000)
local trainy, testy = y:rows(1, 500), y:rows(501, 1000)

local function train(clipping)
  seed(1)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  model:compile { loss = "mean_squared_error",
                  optimizer = SGD { lr = 0.01, momentum = 0.9, clipnorm = clipping.clipnorm,
                                    clipvalue = clipping.clipvalue } }
  local history = model:fit(trainX, trainy, { validation_data = { testX, testy }, epochs = 20, verbose = 0,
                                              warn_nonfinite = false })
  return history, model
end

TestTutorial = {}

function TestTutorial.test_the_data_have_the_size_of_the_tutorials()
  t.assertShape(X, { 1000, 20 })
  t.assertShape(y, { 1000 })
  t.assertFinite(X)
  t.assertGolden("the first rows", X:rows(1, 3))
end

function TestTutorial.test_without_clipping_the_loss_overflows()
  local history = train {}
  t.assertNotEquals(history.loss[20], history.loss[20])
end

function TestTutorial.test_clipping_by_norm_learns()
  local history, model = train { clipnorm = 1.0 }
  t.assertGolden("clipnorm: loss", history.loss)
  t.assertGolden("clipnorm: val_loss", history.val_loss)
  t.assertTrue(model:evaluate(trainX, trainy) < 500)
end

function TestTutorial.test_clipping_by_value_learns()
  local history, model = train { clipvalue = 5.0 }
  t.assertGolden("clipvalue: loss", history.loss)
  t.assertFinite(model:predict(testX))
end

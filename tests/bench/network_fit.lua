-- network_fit: prints how many milliseconds a training step of 784-512-512-10 takes, in batches of 128.

local core = require "gradus.core"

seed(1)
local random = RandomState(1)
local steps = 12
local x = random:uniform(-1, 1, { 128 * steps, 784 }):cast "float32"
local y = random:uniform(-1, 1, { 128 * steps, 10 }):cast "float32"
local model = Sequential {
  Dense { 512, input_dim = 784, activation = "relu" },
  Dense { 512, activation = "relu" },
  Dense { 10 },
}
model:compile { loss = "mean_squared_error", optimizer = SGD { learning_rate = 0.01, momentum = 0.9 } }

local times = {}
model:fit(x, y, { batch_size = 128, epochs = 2, verbose = 0 })
for i = 1, 7 do
  local began = core.now()
  model:fit(x, y, { batch_size = 128, epochs = 1, verbose = 0 })
  times[i] = (core.now() - began) * 1e3 / steps
end
table.sort(times)
print(times[4])

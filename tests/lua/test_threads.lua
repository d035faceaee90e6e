-- Threads change the speed and never a bit.

local lu = require "luaunit"

TestThreads = {}

function TestThreads:setUp() self.before = num_threads() end
function TestThreads:tearDown() set_num_threads(self.before) end

-- What large work gives with n threads: products of every transposition and shape, cut by rows or by
-- columns, and elementwise work.
local function large_work(n, dtype)
  set_num_threads(n)
  local function draw(seed, ...) return RandomState(seed):randn(...):cast(dtype) end
  local a, b, thin = draw(1, 201, 303), draw(2, 303, 257), draw(3, 7, 303)
  local wide, bias = draw(4, 303, 1001), draw(5, 1001)
  local x = draw(6, 300001)
  local results = { a:matmul(b), b.T:matmul(a.T), a.T:matmul(a), thin:matmul(wide),
                    thin:dense(wide, bias, "relu"), x:exp(), x:tanh(), x:sigmoid(), x.T:square() }
  results[#results + 1] = x:take(RandomState(7):permutation(300001))
  results[#results + 1] = a:take(RandomState(8):randint(1, 202, 3000))
  results[#results + 1] = a:matmul(draw(9, 303, 10))
  results[#results + 1] = draw(10, 600, 256):matmul(draw(11, 256, 100))
  local w = tensor(wide, { requires_grad = true })
  a:dense(w, bias, "tanh"):sum():backward()
  results[#results + 1] = w.grad
  return results
end

local function check(dtype)
  local expected = large_work(1, dtype)
  for n = 2, 5 do
    for i, result in ipairs(large_work(n, dtype)) do
      lu.assertTrue(result:identical(expected[i]), ("result %d with %d threads"):format(i, n))
    end
  end
end

function TestThreads.test_float32_has_the_same_bits() check "float32" end
function TestThreads.test_float64_has_the_same_bits() check "float64" end

-- Batches so large that their rows are gathered on several threads.
function TestThreads.test_fit_has_the_same_bits()
  local x, y = RandomState(1):randn(400, 1000), RandomState(2):randn(400, 1)
  local function losses(threads)
    set_num_threads(threads)
    seed(1)
    local model = Sequential { Dense { 8, input_dim = 1000, activation = "tanh" }, Dense { 1 } }
    model:compile { loss = "mean_squared_error", optimizer = "sgd" }
    return model:fit(x:cast "float32", y:cast "float32", { batch_size = 150, epochs = 3, verbose = 0 }).loss
  end
  local expected = losses(1)
  for n = 2, 4 do lu.assertEquals(losses(n), expected) end
end

-- Two steps of SGD on parameters that are gone over in chunks, beside the formulas of a step on whole
-- tensors, with the norms as tensors have them.
local function check_steps(dtype, options, threads)
  set_num_threads(threads)
  local optimizer = SGD(options)
  local weights, gradients, expected, velocities = {}, {}, {}, {}
  for i, n in ipairs { 70001, 5, 300000, 8193 } do
    gradients[i] = RandomState(i):randn(n):cast(dtype)
    weights[i] = zeros(n, { dtype = dtype, requires_grad = true })
    expected[i], velocities[i] = zeros(n, dtype), zeros(n, dtype)
  end
  for _ = 1, 2 do
    local loss, norms = 0, {}
    for i, w in ipairs(weights) do
      loss = loss + (w * gradients[i]):sum()
      norms[i] = gradients[i]:cast("float64"):norm():item()
    end
    loss:backward()
    optimizer:apply(weights)
    local whole = tensor(norms, "float64"):norm():item()
    for i in ipairs(weights) do
      local norm = options.clipnorm and norms[i] or whole
      local threshold = options.clipnorm or options.global_clipnorm or math.huge
      local g = gradients[i] * (norm > threshold and threshold / norm or 1)
      if options.clipvalue then g = g:clip(-options.clipvalue, options.clipvalue) end
      velocities[i] = velocities[i] * 0.9 - g * 0.01
      expected[i] = expected[i] + velocities[i]
      lu.assertTrue(weights[i]:identical(expected[i]), "parameter " .. i)
      lu.assertEquals(optimizer.last_step.norms[i], norms[i])
    end
    lu.assertEquals(optimizer.last_step.norm, whole)
  end
end

function TestThreads.test_steps_on_large_parameters_follow_the_formulas()
  for _, clipping in ipairs { {}, { clipnorm = 2 }, { global_clipnorm = 2 }, { clipvalue = 0.5 } } do
    local options = { learning_rate = 0.01, momentum = 0.9 }
    for name, value in pairs(clipping) do options[name] = value end
    for threads = 1, 3 do check_steps("float32", options, threads) end
    check_steps("float64", options, 2)
  end
end

function TestThreads.test_the_number_can_be_read_back()
  set_num_threads(3)
  lu.assertEquals(num_threads(), 3)
end

function TestThreads.test_other_numbers_are_errors()
  for _, wrong in ipairs { 0, -1, 257, 1.5, "2" } do
    lu.assertErrorMsgContains("set_num_threads: n must be a whole number", set_num_threads, wrong)
  end
end

local gradus = arg and arg[-1] or "build/gradus"

local function output_of(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1"))
  return (pipe:read "a"):gsub("%s+$", "")
end

function TestThreads.test_the_environment_and_the_command_line_say_how_many()
  lu.assertEquals(output_of("GRADUS_THREADS=3 " .. gradus .. " -e 'print(num_threads())'"), "3")
  lu.assertEquals(output_of("GRADUS_THREADS=3 " .. gradus .. " --threads 2 -e 'print(num_threads())'"), "2")
  lu.assertStrContains(output_of("GRADUS_THREADS=x " .. gradus .. " -e 'print(num_threads())'"),
    "GRADUS_THREADS: expected a number from 1 to 256, got x")
end

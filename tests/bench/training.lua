-- training: the tutorial's fit of 100 epochs with validation, in each mode of clipping, against C
-- written by hand for exactly its sizes (fused.c, as the better of gcc and clang builds it) and
-- against PyTorch.

local measuring = ...

local clippings = { none = {}, clipnorm = { clipnorm = 1.0 }, global_clipnorm = { global_clipnorm = 1.0 },
                    clipvalue = { clipvalue = 5.0 } }
local modes = { "none", "clipnorm", "global_clipnorm", "clipvalue" }
local ROUNDS = 21

local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
local train_x, train_y, test_x, test_y = X:rows(1, 500), y:rows(1, 500), X:rows(501, 1000), y:rows(501, 1000)

-- Milliseconds of one fit of a new model.
local function fit(mode)
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear" },
  }
  local optimizer = { learning_rate = 0.01, momentum = 0.9 }
  for name, value in pairs(clippings[mode]) do optimizer[name] = value end
  model:compile { loss = "mean_squared_error", optimizer = SGD(optimizer) }
  local began = measuring.now()
  model:fit(train_x, train_y, { validation_data = { test_x, test_y }, epochs = 100, verbose = 0,
                                warn_nonfinite = false })
  return (measuring.now() - began) * 1e3
end

-- The median of a few fits, as the rival's program gives one.
local function fits(mode)
  local times = {}
  for i = 1, 5 do times[i] = fit(mode) end
  return measuring.median(times)
end

local rivals = {}
for _, compiler in ipairs { "gcc", "clang" } do
  if measuring.is_installed(compiler) then
    local program = measuring.compile("fused", compiler, "-O3 -march=native -ffast-math")
    rivals[#rivals + 1] = { compiler = compiler, program = program }
  end
end

local function against_hand_written_c(mode)
  local functions = {}
  for i, rival in ipairs(rivals) do
    functions[i] = function() return measuring.number_from(rival.program .. " 5 " .. mode) end
  end
  local ours, theirs, ratio, best = measuring.against(ROUNDS, function() return fits(mode) end, functions)
  measuring.row { what = "tutorial fit, " .. mode, rival = "hand-fused C (" .. rivals[best].compiler .. ")",
                  ours = ours, theirs = theirs, unit = "ms", ratio = ratio, bar = 2.0, aim = 1.5 }
end

local function against_pytorch(mode)
  local ours, theirs, ratio = measuring.against(3, function() return fits(mode) end, { function()
    return measuring.number_from("/usr/bin/python3 tests/bench/training.py " .. mode)
  end })
  measuring.row { what = "tutorial fit, " .. mode, rival = "PyTorch, eager", ours = ours, theirs = theirs, unit = "ms",
                  ratio = 1 / ratio, bar = 60, aim = 100, more = true }
end

fit "none"
if #rivals == 0 then measuring.skip("tutorial fit", "neither gcc nor clang") end
for _, mode in ipairs(#rivals > 0 and modes or {}) do against_hand_written_c(mode) end
if measuring.can_import "torch" then
  for _, mode in ipairs(modes) do against_pytorch(mode) end
else
  measuring.skip("tutorial fit against PyTorch", "python3-torch is not installed")
end

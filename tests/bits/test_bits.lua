-- The bits of this build, at each level that this processor runs, are the golden ones; and fit in Lua
-- trains to the same weights as the C program that has no Lua. `make bits` compares many builds.

local lu = require "luaunit"
local digests = dofile "tests/bits/digests.lua"

local program = (os.getenv "BUILD" or "build") .. "/tests/bits"
local golden = digests.read(digests.golden)

local function check_level(level, threads)
  local text, succeeded = digests.capture(("%s GRADUS_THREADS=%d %s 2>/dev/null"):format(
    level and "GRADUS_SIMD=" .. level or "", threads or 1, program))
  if text == "" and level and level ~= "portable" then lu.skip("this processor does not run " .. level) end
  lu.assertTrue(succeeded, program .. " failed")
  lu.assertEquals(digests.differences(text, golden), {})
end

TestBits = {}

function TestBits.test_avx512() check_level "avx512" end
function TestBits.test_avx2() check_level "avx2" end
function TestBits.test_portable() check_level "portable" end
function TestBits.test_three_threads() check_level(nil, 3) end

-- The weights as bytes, a NaN as the canonical one; their SHA-256 by the system's own program.
local function digest_of_weights(model)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  for _, weight in ipairs(model:get_weights()) do
    for _, number in ipairs(weight:reshape(weight.size):totable()) do
      file:write(number == number and string.pack("<f", number) or string.pack("<I4", 0x7fc00000))
    end
  end
  file:close()
  local digest = digests.capture("sha256sum " .. path):match "^%x+"
  os.remove(path)
  return digest
end

local function check_tutorial(mode, clipping)
  seed(1)
  local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }
  local model = Sequential {
    Dense { 25, input_dim = 20, activation = "relu", kernel_initializer = "he_uniform" },
    Dense { 1, activation = "linear", kernel_initializer = "glorot_uniform" },
  }
  local optimizer = { learning_rate = 0.01, momentum = 0.9 }
  for name, value in pairs(clipping) do optimizer[name] = value end
  model:compile { loss = "mean_squared_error", optimizer = SGD(optimizer) }
  model:fit(X:rows(1, 500), y:rows(1, 500), { validation_data = { X:rows(501, 1000), y:rows(501, 1000) },
                                              epochs = 100, verbose = 0, warn_nonfinite = false })
  lu.assertEquals(digest_of_weights(model), digests.parse(golden)["tutorial " .. mode .. " weights"])
end

TestTutorial = {}

function TestTutorial.test_none() check_tutorial("none", {}) end
function TestTutorial.test_clipnorm() check_tutorial("clipnorm", { clipnorm = 1.0 }) end
function TestTutorial.test_global_clipnorm() check_tutorial("global_clipnorm", { global_clipnorm = 1.0 }) end
function TestTutorial.test_clipvalue() check_tutorial("clipvalue", { clipvalue = 5.0 }) end

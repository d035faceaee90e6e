-- data: make_regression of 1,000,000 samples with 50 features against scikit-learn's.

local measuring = ...

local SAMPLES, FEATURES = 1000000, 50

local function ours()
  local began = measuring.now()
  make_regression { n_samples = SAMPLES, n_features = FEATURES, noise = 0.1, random_state = 1 }
  local seconds = measuring.now() - began
  collectgarbage()
  return seconds
end

local function theirs()
  return measuring.number_from(("/usr/bin/python3 tests/bench/data.py %d %d"):format(SAMPLES, FEATURES))
end

if measuring.can_import "sklearn" then
  local seconds, rival, ratio = measuring.against(3, ours, { theirs })
  measuring.row { what = "make_regression 1,000,000 × 50", rival = "scikit-learn", ours = seconds, theirs = rival,
                  unit = "s", ratio = 1 / ratio, bar = 2, aim = 3, more = true }
else
  measuring.skip("make_regression against scikit-learn", "python3-sklearn is not installed")
end

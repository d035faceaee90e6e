-- Every experiment runs, says the same in every process, and says what the tutorial's reader expects.
-- REPEATS (2) says how many processes; with more than 2 the long experiments are run, too.

local lu = require "luaunit"

local repeats = tonumber(os.getenv "REPEATS") or 2
local gradus = (os.getenv "BUILD" or "build") .. "/gradus"

local function output_of(script)
  local pipe <close> = assert(io.popen(("GRADUS_PLOT=none %s scripts/%s.lua 2>&1"):format(gradus, script)))
  return pipe:read "a"
end

-- What the script says; every process must say the same.
local function same_output(script)
  local first = output_of(script)
  for run = 2, repeats do lu.assertEquals(output_of(script), first, script .. ", run " .. run) end
  return first
end

-- The pairs of `Train: a, Test: b` in an output.
local function errors_in(output)
  local found = {}
  for train, test in output:gmatch "Train: (%S+), Test: (%S+)" do
    found[#found + 1] = { tonumber(train) or 0 / 0, tonumber(test) or 0 / 0 }
  end
  return found
end

local function assert_learned(output, count)
  local found = errors_in(output)
  lu.assertEquals(#found, count)
  for _, pair in ipairs(found) do
    lu.assertTrue(pair[1] < 300 and pair[2] < 600, ("Train: %g, Test: %g"):format(pair[1], pair[2]))
  end
end

TestScripts = {}

function TestScripts.test_regression_problem_tells_the_target()
  lu.assertStrContains(same_output "regression_problem", "1000 x 20, y lies between -436.2 and 575.3")
end

function TestScripts.test_mlp_exploding_ends_in_nan_and_warns()
  local output = same_output "mlp_exploding"
  lu.assertStrContains(output, "Train: nan, Test: nan")
  lu.assertStrContains(output, "gradus: warning: fit:")
end

function TestScripts.test_mlp_clipnorm_learns_both_ways() assert_learned(same_output "mlp_clipnorm", 2) end
function TestScripts.test_mlp_clipvalue_learns() assert_learned(same_output "mlp_clipvalue", 1) end

function TestScripts.test_mlp_scaled_target_learns_without_clipping()
  local found = errors_in(same_output "mlp_scaled_target")
  lu.assertEquals(#found, 2)
  for _, pair in ipairs(found) do lu.assertTrue(pair[1] < 2.0e4 / 2 and pair[2] < 2.6e4 / 2) end
end

function TestScripts.test_by_hand_has_the_digits_of_mlp_clipnorm()
  lu.assertEquals(errors_in(same_output "by_hand")[1], errors_in(output_of "mlp_clipnorm")[1])
end

function TestScripts.test_the_long_experiments_say_the_same_each_time()
  lu.skipIf(repeats <= 2, "for make check")
  for _, script in ipairs { "extension_norms", "extension_values", "extension_norm_and_value", "many_seeds" } do
    lu.assertStrContains(same_output(script), "seeds")
  end
end

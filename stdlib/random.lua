-- random: the random numbers of a script.
--
-- RandomState is NumPy's generator, for data and for whatever a script draws itself. seed(n) sets
-- the one root of everything else that is random: initial weights, the order of batches, and
-- RandomStates that were given no seed. Rests on src/lua/random.c.

local core = require "gradus.core"

local randomseed = math.randomseed
local random = {
  shuffles = 0,  -- passes over shuffled rows that belong to no model; see batches
}

-- RandomState([seed]) -> RandomState
-- NumPy's legacy generator: see src/lua/random.c, where its methods stand.
-- Example: RandomState(1):normal(0, 1, { 2, 3 })
random.RandomState = core.random_state

-- seed(n)
-- Fix everything random in the script from here on: n, a whole number not below 0, becomes the
-- root from which models draw and from which RandomStates without a seed follow, both counted anew
-- from here; math.random is seeded with it, too. Without it, each run differs. A RandomState that
-- exists already goes on undisturbed. As keras.utils.set_random_seed.
-- Example: seed(1)
function random.seed(n)
  core.seed(n)
  randomseed(math.tointeger(n))
  random.shuffles = 0
end

return random

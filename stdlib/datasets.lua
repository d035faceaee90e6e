-- datasets: data made to order. Rests on src/lua/data.c, which checks the values of the options.

local core = require "gradus.core"
local errors = require "gradus.errors"

local datasets = {}

local regression_options = {
  "n_samples", "n_features", "n_informative", "n_targets", "bias", "effective_rank",
  "tail_strength", "noise", "shuffle", "coef", "random_state",
}

-- make_regression { n_samples = 100, n_features = 100, ... } -> X, y [, coef]
-- A random linear regression problem. X [n_samples, n_features] holds standard normal numbers,
-- y = X·coef + bias + noise; both float64. y is [n_samples], or [n_samples, n_targets] when there
-- are several targets. Every option has its name:
--
--   n_samples       rows (100)
--   n_features      columns of X (100)
--   n_informative   how many features y depends on (10); more than n_features means all of them
--   n_targets       columns of y (1)
--   bias            what is added to every y (0)
--   effective_rank  make X of about this rank, by singular values that fall off (nil: full rank)
--   tail_strength   the weight of the singular values' fat tail, from 0 to 1 (0.5)
--   noise           the standard deviation of the normal numbers added to y (0)
--   shuffle         whether samples and features are put in random order (true)
--   coef            whether the coefficients are returned as well (false): [n_features], or
--                   [n_features, n_targets]
--   random_state    a seed or a RandomState; nil: see RandomState
--
-- The same random_state gives scikit-learn's X and coef to the last bit (with effective_rank to
-- 1e-12), and its y to the rounding of the sums. As sklearn.datasets.make_regression of
-- scikit-learn 1.2.1.
-- Example:
--   local X, y = make_regression { n_samples = 100, n_features = 20, noise = 0.1, random_state = 1 }
function datasets.make_regression(options, ...)
  errors.refuse_second("make_regression", ...)
  return core.make_regression(errors.check_options("make_regression", options, regression_options))
end

return datasets

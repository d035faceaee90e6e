/* data.c: data sets in Lua. stdlib/datasets.lua checks the names of the options. */
#include <math.h>

#include "random.h"
#include "core/regression.h"

/* Options by name, in the table at index 1. Each function leaves the stack as it was. */

/* A whole number from `least` on. */
static int64_t count_option(lua_State *L, const char *where, const char *name, int64_t least,
                            int64_t otherwise) {
  int64_t value = otherwise;
  if (lua_getfield(L, 1, name) != LUA_TNIL) {
    value = gr_lua_check_integer(L, -1, where, name);
    if (value < least)
      gr_lua_argument_error(L, where, name, least == 0 ? "0 or more" : "1 or more", -1);
  }
  lua_pop(L, 1);
  return value;
}

/* A number from low to high, both included. */
static double number_option(lua_State *L, const char *where, const char *name, double low,
                            double high, const char *expected, double otherwise) {
  double value = otherwise;
  if (lua_getfield(L, 1, name) != LUA_TNIL) {
    value = gr_lua_check_number(L, -1, where, name);
    if (!(value >= low && value <= high)) gr_lua_argument_error(L, where, name, expected, -1);
  }
  lua_pop(L, 1);
  return value;
}

static bool boolean_option(lua_State *L, const char *where, const char *name, bool otherwise) {
  bool value = otherwise;
  if (lua_getfield(L, 1, name) != LUA_TNIL) {
    if (!lua_isboolean(L, -1)) gr_lua_argument_error(L, where, name, "a boolean", -1);
    value = lua_toboolean(L, -1);
  }
  lua_pop(L, 1);
  return value;
}

static const double largest = 1.7976931348623157e308;

static gr_RegressionOptions regression_options(lua_State *L, const char *where) {
  gr_RegressionOptions options = gr_regression_defaults();
  options.n_samples = (size_t)count_option(L, where, "n_samples", 1, (int64_t)options.n_samples);
  options.n_features =
      (size_t)count_option(L, where, "n_features", 1, (int64_t)options.n_features);
  options.n_informative =
      (size_t)count_option(L, where, "n_informative", 0, (int64_t)options.n_informative);
  options.n_targets = (size_t)count_option(L, where, "n_targets", 1, (int64_t)options.n_targets);
  options.bias = number_option(L, where, "bias", -largest, largest, "a finite number",
                               options.bias);
  options.effective_rank = (size_t)count_option(L, where, "effective_rank", 1, 0);
  options.tail_strength = number_option(L, where, "tail_strength", 0, 1, "a number from 0 to 1",
                                        options.tail_strength);
  options.noise = number_option(L, where, "noise", 0, largest, "a finite number not below 0",
                                options.noise);
  options.shuffle = boolean_option(L, where, "shuffle", options.shuffle);
  return options;
}

/* core.make_regression(options) -> X, y [, coef]
** See stdlib/datasets.lua. */
static int make_regression(lua_State *L) {
  static const char where[] = "make_regression";
  if (!lua_istable(L, 1)) gr_lua_argument_error(L, where, "options", "a table", 1);
  lua_settop(L, 1);
  gr_RegressionOptions options = regression_options(L, where);
  bool coef_is_wanted = boolean_option(L, where, "coef", false);
  lua_getfield(L, 1, "random_state");
  gr_RandomState *state = gr_lua_check_random_state(L, 2, where, "random_state");
  gr_lua_context(L)->random_draws++;
  int64_t samples = (int64_t)options.n_samples, features = (int64_t)options.n_features;
  int64_t targets = (int64_t)options.n_targets;
  int rank = targets == 1 ? 1 : 2;
  gr_Tensor *coef = NULL;
  gr_Tensor *X = gr_lua_new_tensor(L, GR_FLOAT64, 2, (int64_t[]){samples, features}, where);
  gr_Tensor *y = gr_lua_new_tensor(L, GR_FLOAT64, rank, (int64_t[]){samples, targets}, where);
  if (coef_is_wanted)
    coef = gr_lua_new_tensor(L, GR_FLOAT64, rank, (int64_t[]){features, targets}, where);
  gr_lua_check(L, gr_make_regression(gr_lua_context(L), state, &options, gr_tensor_data(X),
                                     gr_tensor_data(y), gr_tensor_data_or_null(coef)), where);
  return coef == NULL ? 2 : 3;
}

void gr_lua_open_data(lua_State *L) {
  lua_pushcfunction(L, make_regression);
  lua_setfield(L, -2, "make_regression");
}

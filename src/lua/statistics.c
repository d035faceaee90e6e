/*
** statistics.c: histograms and box plots for the plots. gradus.plot checks what the user passed;
** here come plain lists of numbers.
*/
#include "library.h"

#include "core/statistics.h"

/* The list of numbers at index 1 as an array, whose block is left on the stack. */
static double *check_values(lua_State *L, size_t *n) {
  luaL_checktype(L, 1, LUA_TTABLE);
  *n = (size_t)lua_rawlen(L, 1);
  double *values = lua_newuserdatauv(L, *n * sizeof *values, 0);
  for (size_t i = 0, done = 0; i < *n; i++) {
    if (gr_must_stop_after(gr_lua_context(L), 16, &done)) gr_lua_check_stop(L, "statistics");
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    values[i] = luaL_checknumber(L, -1);
    lua_pop(L, 1);
  }
  return values;
}

static void check_status(lua_State *L, gr_Status status) {
  if (status != GR_OK) gr_lua_error(L, "%s", gr_lua_context(L)->message);
}

static void push_numbers(lua_State *L, const double *numbers, size_t n) {
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    gr_lua_push_number(L, numbers[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* statistics.histogram(values, bins, low, high) -> counts, edges; low nil: the data's own range */
static int statistics_histogram(lua_State *L) {
  lua_Integer bins = luaL_checkinteger(L, 2);
  luaL_argcheck(L, bins >= 1 && bins <= 1000000, 2, "1 to 1000000 expected");
  double range[2] = {0, 0};
  bool has_range = !lua_isnoneornil(L, 3);
  if (has_range) {
    range[0] = luaL_checknumber(L, 3);
    range[1] = luaL_checknumber(L, 4);
  }
  size_t n;
  const double *values = check_values(L, &n);
  int64_t *counts = lua_newuserdatauv(L, (size_t)bins * sizeof *counts, 0);
  double *edges = lua_newuserdatauv(L, ((size_t)bins + 1) * sizeof *edges, 0);
  check_status(L, gr_histogram(gr_lua_context(L), values, n, (size_t)bins,
                               has_range ? range : NULL, counts, edges));
  lua_createtable(L, (int)bins, 0);
  for (lua_Integer i = 0; i < bins; i++) {
    lua_pushinteger(L, counts[i]);
    lua_rawseti(L, -2, i + 1);
  }
  push_numbers(L, edges, (size_t)bins + 1);
  return 2;
}

/* statistics.box(values) -> { mean, med, q1, q3, iqr, whislo, whishi, cilo, cihi, fliers } */
static int statistics_box(lua_State *L) {
  size_t n;
  const double *values = check_values(L, &n);
  double *fliers = lua_newuserdatauv(L, n * sizeof *fliers, 0);
  gr_BoxStatistics box;
  check_status(L, gr_box_statistics(gr_lua_context(L), values, n, 1.5, &box, fliers));
  const struct { const char *name; double value; } fields[] = {
    {"mean", box.mean},           {"med", box.median},           {"q1", box.q1},
    {"q3", box.q3},               {"iqr", box.iqr},              {"whislo", box.whisker_low},
    {"whishi", box.whisker_high}, {"cilo", box.notch_low},       {"cihi", box.notch_high},
  };
  lua_createtable(L, 0, 10);
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    gr_lua_push_number(L, fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  push_numbers(L, fliers, box.n_fliers);
  lua_setfield(L, -2, "fliers");
  return 1;
}

static const luaL_Reg statistics_functions[] = {
  {"histogram", statistics_histogram},
  {"box", statistics_box},
  {NULL, NULL},
};

int luaopen_gradus_statistics(lua_State *L) {
  luaL_newlib(L, statistics_functions);
  return 1;
}

/* opening.c: making a state ready. See opening.h. */
#include "opening.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "core/threads.h"
#include "globals.h"
#include "interrupt.h"
#include "lua/library.h"
#include "running.h"
#include "states.h"

static const char options_key[] = "gradus.options";

const gr_Options *gr_options_of(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, options_key);
  const gr_Options *options = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return options;
}

void gr_push_from_module(lua_State *L, const char *module, const char *field) {
  const char *name = lua_pushfstring(L, "gradus.%s", module);
  gr_lua_require(L, name);
  lua_getfield(L, -1, field);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* core.program_path() -> where this program is, or nil */
static int program_path(lua_State *L) {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || length == sizeof path) return 0;
  lua_pushlstring(L, path, (size_t)length);
  return 1;
}

/* What package.preload.gradus does: open the library, with what only the program has. */
static int open_library(lua_State *L) {
  luaopen_gradus(L);
  gr_lua_require(L, "gradus.core");
  lua_pushcfunction(L, program_path);
  lua_setfield(L, -2, "program_path");
  lua_pop(L, 1);
  gr_interrupt_open_library(L);
  gr_states_open(L);
  return 1;
}

/* (package.preload, name) -> the loader of one of the library's modules, which opens the library
** first, since only that knows its modules. */
static int find_module(lua_State *L) {
  const char *name = lua_tostring(L, 2);
  if (name == NULL || strncmp(name, "gradus.", 7) != 0) return 0;
  gr_lua_require(L, "gradus");
  lua_settop(L, 2);
  lua_rawget(L, 1);
  return 1;
}

/* Opening the library takes as long as starting Lua: it waits until a script asks for it. */
static void prepare_library(lua_State *L) {
  gr_lua_keep_globals(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open_library);
  lua_setfield(L, -2, "gradus");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, find_module);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

static void open_words(lua_State *L, const gr_Options *options) {
  gr_Undefined undefined = options->given[GR_OPTION_STRICT]        ? GR_UNDEFINED_FAILS
                           : options->given[GR_OPTION_NO_WARNINGS] ? GR_UNDEFINED_PASSES
                                                                   : GR_UNDEFINED_WARNS;
  gr_globals_open(L, undefined);
  gr_globals_watch(L, "=(command line)", true);
  gr_globals_watch(L, "=stdin", true);
  if (!options->given[GR_OPTION_TEST] && options->script < options->argc) {
    gr_globals_watch(L, lua_pushfstring(L, "@%s", options->argv[options->script]), true);
    lua_pop(L, 1);
  }
}

static void set_seed(lua_State *L, const char *text) {
  if (lua_stringtonumber(L, text) == 0 || !lua_isinteger(L, -1) || lua_tointeger(L, -1) < 0)
    luaL_error(L, "--seed: expected a whole number not below 0, got '%s'", text);
  gr_push_from_module(L, "random", "seed");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
}

static void set_threads(lua_State *L, const char *text) {
  bool is_whole = lua_stringtonumber(L, text) != 0 && lua_isinteger(L, -1);
  if (!is_whole || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > GR_MAX_THREADS)
    luaL_error(L, "--threads: expected a whole number from 1 to %d, got '%s'", GR_MAX_THREADS,
               text);
  gr_push_from_module(L, "core", "set_num_threads");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
}

static void define(lua_State *L, const char *text) {
  gr_push_from_module(L, "parameters", "define");
  lua_pushstring(L, text);
  lua_call(L, 1, 0);
}

static void apply_options(lua_State *L, const gr_Options *options) {
  gr_Option option;
  int i = 1;
  do {
    option = gr_options_next(options, &i);
    if (option.kind == GR_OPTION_SEED) set_seed(L, option.value);
    if (option.kind == GR_OPTION_THREADS) set_threads(L, option.value);
    if (option.kind == GR_OPTION_DEFINE) define(L, option.value);
  } while (option.kind != GR_OPTION_END && option.kind != GR_OPTION_TEST);
}

void gr_open(lua_State *L, const gr_Options *options) {
  lua_pushlightuserdata(L, (void *)options);
  lua_setfield(L, LUA_REGISTRYINDEX, options_key);
  if (options->given[GR_OPTION_NO_ENVIRONMENT]) {
    lua_pushboolean(L, true);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  gr_set_program(L, options->program);
  luaL_openlibs(L);
  prepare_library(L);
  open_words(L, options);
  gr_interrupt_open(L);
  apply_options(L, options);
}

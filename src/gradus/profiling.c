/* profiling.c: --profile. See profiling.h. */
#include "profiling.h"

#include <stdlib.h>

#include "lua/library.h"
#include "opening.h"

/* The state whose profile is still to be told. A process exits once: what is called then takes no
** argument, so that this must be a variable of the file. */
static lua_State *profiled;

static int report(lua_State *L) {
  gr_push_from_module(L, "profiling", "report");
  lua_call(L, 0, 0);
  return 0;
}

static void tell(void) {
  lua_State *L = profiled;
  profiled = NULL;
  if (L == NULL || !lua_checkstack(L, 2)) return;
  lua_pushcfunction(L, report);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static int close_state(lua_State *L) {
  (void)L;
  tell();
  return 0;
}

void gr_profiling_open(lua_State *L) {
  gr_push_from_module(L, "profiling", "start");
  lua_call(L, 0, 0);
  lua_newtable(L);  /* finalized before the library, which is older */
  lua_newtable(L);
  lua_pushcfunction(L, close_state);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "gradus.profile");
  profiled = L;
  atexit(tell);
}

/* globals.c: the words of the library as globals, and names that are not defined. See globals.h.
**
** _G's metatable has as __index a table of the words read so far, so that reading one again costs
** no call; that table's own __index is read_global. */
#include "globals.h"

#include "lua/library.h"

static const char watched_key[] = "gradus.watched";

/* Whether the function that reads the global was loaded from a chunk that is watched. */
static bool is_watched(lua_State *L) {
  lua_Debug frame;
  if (!lua_getstack(L, 1, &frame) || !lua_getinfo(L, "S", &frame)) return false;
  bool watched = false;
  if (lua_getfield(L, LUA_REGISTRYINDEX, watched_key) == LUA_TTABLE) {
    lua_getfield(L, -1, frame.source);
    watched = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return watched;
}

/* (words read, name) -> the word, or nil. Upvalue 1: whether undefined ones fail. */
static int read_global(lua_State *L) {
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  gr_lua_require(L, "gradus");
  lua_pushvalue(L, 2);
  if (lua_gettable(L, 3) != LUA_TNIL) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
  }
  if (!is_watched(L)) return 0;
  gr_lua_require(L, "gradus.undefined");
  lua_pushvalue(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 2, 1);
  return lua_isnil(L, -1) ? 0 : lua_error(L);
}

void gr_globals_open(lua_State *L, gr_Undefined undefined) {
  int top = lua_gettop(L);
  lua_newtable(L);
  if (undefined != GR_UNDEFINED_PASSES) {
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, watched_key);
  }
  lua_pushglobaltable(L);
  lua_createtable(L, 0, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushboolean(L, undefined == GR_UNDEFINED_FAILS);
  lua_pushcclosure(L, read_global, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_settop(L, top);
}

void gr_globals_watch(lua_State *L, const char *chunkname, bool watches) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, watched_key) == LUA_TTABLE) {
    lua_pushboolean(L, watches);
    lua_setfield(L, -2, chunkname);
  }
  lua_pop(L, 1);
}

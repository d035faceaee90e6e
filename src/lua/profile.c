/* profile.c: what can be measured: time by operation, the clock, the memory of tensors. */
#include "library.h"
#include "core/profile.h"

/* core.now() -> seconds on a clock that only goes forward */
static int now(lua_State *L) {
  lua_pushnumber(L, gr_now());
  return 1;
}

/* core.start_profile(): time every operation from here on, beginning at zero. */
static int start_profile(lua_State *L) {
  gr_lua_check(L, gr_profile_start(gr_lua_context(L)), "start_profile");
  return 0;
}

static void push_row(lua_State *L, const gr_ProfileRow *row) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, row->name);
  lua_setfield(L, -2, "name");
  lua_pushinteger(L, (lua_Integer)row->calls);
  lua_setfield(L, -2, "calls");
  lua_pushnumber(L, row->seconds);
  lua_setfield(L, -2, "seconds");
  lua_pushboolean(L, row->is_backward);
  lua_setfield(L, -2, "backward");
}

/* core.stop_profile() -> a list of { name, calls, seconds, backward }, and the seconds since the
** start; nil when none was started */
static int stop_profile(lua_State *L) {
  gr_Context *context = gr_lua_context(L);
  if (context->profile == NULL) return 0;
  double seconds = gr_now() - context->profile->began;
  lua_newtable(L);
  /* Making tables may run finalizers, which may add rows and even stop the profile. */
  for (size_t i = 0; context->profile != NULL && i < context->profile->count; i++) {
    gr_ProfileRow row = context->profile->rows[i];
    push_row(L, &row);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushnumber(L, seconds);
  gr_profile_stop(context);
  return 2;
}

/* core.bytes_alive() -> the bytes that all tensors of this state take */
static int bytes_alive(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)gr_lua_context(L)->bytes_alive);
  return 1;
}

/* core.storage(tensor) -> a value that stands for the memory of its numbers, equal for tensors that
** share it; how many bytes it has */
static int storage(lua_State *L) {
  const gr_Tensor *tensor = gr_lua_check_tensor(L, 1, "storage", "argument 1");
  lua_pushlightuserdata(L, tensor->storage);
  lua_pushinteger(L, (lua_Integer)tensor->storage->bytes);
  return 2;
}

static const luaL_Reg functions[] = {
  {"bytes_alive", bytes_alive},
  {"storage", storage},
  {"now", now},
  {"start_profile", start_profile},
  {"stop_profile", stop_profile},
  {NULL, NULL}
};

void gr_lua_open_profile(lua_State *L) { luaL_setfuncs(L, functions, 0); }

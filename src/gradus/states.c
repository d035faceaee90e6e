/* states.c: fresh Lua states for Lua code. See states.h. */
#include "states.h"

#include <stdbool.h>

#include "interrupt.h"
#include "lua/blocks.h"
#include "lua/library.h"
#include "opening.h"

enum { STATE_TAG = 0x67725361 };

typedef struct StateBlock {
  uint64_t tag;
  lua_State *state;  /* NULL: closed, or called just now */
  bool interrupted;  /* whether the last call ended by Ctrl-C */
  gr_Blocks blocks;
} StateBlock;

static StateBlock *check_state(lua_State *L) {
  StateBlock *block = gr_lua_test_block(L, 1, STATE_TAG, sizeof *block);
  if (block == NULL) gr_lua_argument_error(L, "state", "argument 1", "a state", 1);
  return block;
}

/* Copy a value from one state to the other. */
static void copy_value(lua_State *from, int index, lua_State *to) {
  size_t length;
  const char *text;
  switch (lua_type(from, index)) {
    case LUA_TNIL: case LUA_TNONE: lua_pushnil(to); return;
    case LUA_TBOOLEAN: lua_pushboolean(to, lua_toboolean(from, index)); return;
    case LUA_TNUMBER:
      if (lua_isinteger(from, index)) lua_pushinteger(to, lua_tointeger(from, index));
      else lua_pushnumber(to, lua_tonumber(from, index));
      return;
    case LUA_TSTRING: break;
    default: lua_pushstring(to, luaL_typename(from, index)); return;
  }
  text = lua_tolstring(from, index, &length);
  lua_pushlstring(to, text, length);
}

/* The message of an error in the state. */
static int describe_error(lua_State *L) {
  StateBlock *block = lua_touserdata(L, lua_upvalueindex(1));
  block->interrupted = gr_interrupt_is_pending();
  gr_interrupt_take();
  if (block->interrupted) lua_pushliteral(L, "interrupted");
  else luaL_tolstring(L, 1, NULL);
  return 1;
}

/* In the state: (options) open everything. */
static int open_state(lua_State *L) {
  gr_open(L, lua_touserdata(L, 1));
  return 0;
}

/* In the state: (module, name, ...) call it. */
static int call_by_name(lua_State *L) {
  gr_push_from_module(L, luaL_checkstring(L, 1), luaL_checkstring(L, 2));
  lua_replace(L, 2);
  lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
  return lua_gettop(L) - 1;
}

/* Call the function below `arguments` arguments on the state's stack, which then holds its results
** or a message only. */
static bool call_in_state(StateBlock *block, lua_State *state, int arguments) {
  lua_pushlightuserdata(state, block);
  lua_pushcclosure(state, describe_error, 1);
  lua_insert(state, 1);
  bool succeeded = gr_call(state, arguments, LUA_MULTRET, 1) == LUA_OK;
  lua_remove(state, 1);
  return succeeded;
}

static int state_call(lua_State *L) {
  StateBlock *block = check_state(L);
  lua_State *state = block->state;
  int arguments = lua_gettop(L) - 1;
  if (state == NULL) return gr_lua_error(L, "state: it is closed, or is called already");
  block->state = NULL;  /* a finalizer that runs meanwhile does not close it */
  luaL_checkstack(state, arguments + 3, "too many arguments");
  lua_pushcfunction(state, call_by_name);
  for (int i = 2; i <= arguments + 1; i++) copy_value(L, i, state);
  bool succeeded = call_in_state(block, state, arguments);
  int results = lua_gettop(state);
  luaL_checkstack(L, results + 1, "too many results");
  if (!succeeded) lua_pushnil(L);
  for (int i = 1; i <= results; i++) copy_value(state, i, L);
  lua_settop(state, 0);
  block->state = state;
  return results + (succeeded ? 0 : 1);
}

static int state_close(lua_State *L) {
  StateBlock *block = gr_lua_test_block(L, 1, STATE_TAG, sizeof *block);
  if (block == NULL || block->state == NULL) return 0;
  lua_State *state = block->state;
  block->state = NULL;
  gr_state_close(state, &block->blocks);
  return 0;
}

static const luaL_Reg state_methods[] = {
  {"call", state_call},
  {"close", state_close},
  {"__gc", state_close},
  {NULL, NULL}
};

static int new_state(lua_State *L) {
  StateBlock *block = gr_lua_new_block(L, "gradus.state", STATE_TAG, sizeof *block);
  block->state = gr_state_new(&block->blocks);
  if (block->state == NULL) return gr_lua_error(L, "new_state: not enough memory");
  lua_pushcfunction(block->state, open_state);
  lua_pushlightuserdata(block->state, (void *)gr_options_of(L));
  if (!call_in_state(block, block->state, 1)) {
    copy_value(block->state, 1, L);
    return lua_error(L);
  }
  return 1;
}

void gr_states_open(lua_State *L) {
  int top = lua_gettop(L);
  gr_lua_new_metatable(L, "gradus.state", state_methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "gradus.core");
  lua_pushcfunction(L, new_state);
  lua_setfield(L, -2, "new_state");
  lua_settop(L, top);
}

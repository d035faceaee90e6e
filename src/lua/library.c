/* library.c: the library's entry, its context, and what all bindings share. See library.h. */
#include "library.h"

#include <stdarg.h>
#include <string.h>

#include "blocks.h"
#include "stdlib.h"
#include "core/kernels.h"

/* The context */

static const char context_key = 'c';

enum { CONTEXT_TAG = 0x6772436e };

typedef struct ContextBlock {
  uint64_t tag;
  gr_Context context;
} ContextBlock;

static int context_gc(lua_State *L) {
  ContextBlock *block = gr_lua_test_block(L, 1, CONTEXT_TAG, sizeof *block);
  if (block != NULL) gr_context_free(&block->context);
  return 0;
}

static const luaL_Reg context_functions[] = {{"__gc", context_gc}, {NULL, NULL}};

/* As a module in a stock interpreter there is no signal handler of ours; the hook that lua.c sets
** at Ctrl-C, for whatever comes next, is the sign to stop. */
static bool hook_is_set(void *data) {
  const int mask = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  return lua_gethookmask((lua_State *)data) == mask && lua_gethookcount((lua_State *)data) == 1;
}

/* In a state of gr_state_new the context ends with it, after all tensors. */
static gr_Context *context_memory(lua_State *L) {
  gr_Blocks *blocks = gr_blocks_of(L);
  if (blocks != NULL) return &blocks->context;
  gr_lua_new_metatable(L, "gradus.context", context_functions);
  lua_pop(L, 1);
  ContextBlock *block = gr_lua_new_block(L, "gradus.context", CONTEXT_TAG, sizeof *block);
  lua_rawsetp(L, LUA_REGISTRYINDEX, block);
  return &block->context;
}

/* A state has one: tensors and functions of a first opening point at it still when a script has the
** library opened again. */
static void make_context(lua_State *L) {
  if (gr_lua_context(L) != NULL) return;
  gr_Context *context = context_memory(L);
  gr_Status status = gr_context_init(context);
  context->interrupted = hook_is_set;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  context->interrupted_data = lua_tothread(L, -1);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, context);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &context_key);
  if (status != GR_OK) gr_lua_error(L, "%s", context->message);
}

gr_Context *gr_lua_context(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &context_key);
  gr_Context *context = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return context;
}

void gr_lua_set_interrupt(lua_State *L, bool (*interrupted)(void *data), void *data) {
  gr_Context *context = gr_lua_context(L);
  context->interrupted = interrupted;
  context->interrupted_data = data;
}

const char *gr_lua_kernels_level(lua_State *L) { return gr_lua_context(L)->kernels->level; }

/* Errors */

/* Push "script.lua:12: " of the innermost frame that is the user's, or "". */
static void push_user_position(lua_State *L) {
  lua_Debug frame;
  for (int level = 0; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline > 0 && strncmp(frame.source, "=gradus.", 8) != 0) {
      lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
      return;
    }
  }
  lua_pushliteral(L, "");
}

int gr_lua_error(lua_State *L, const char *format, ...) {
  va_list arguments;
  push_user_position(L);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, 2);
  return lua_error(L);
}

static void push_shape(lua_State *L, const gr_Tensor *tensor) {
  char text[GR_SHAPE_TEXT];
  lua_pushfstring(L, "a tensor %s", gr_tensor_shape_text(text, tensor));
}

static void push_string_shown(lua_State *L, int index) {
  size_t length;
  const char *text = lua_tolstring(L, index, &length);
  if (length <= 40) {
    lua_pushfstring(L, "the string \"%s\"", text);
  } else {
    lua_pushlstring(L, text, 37);
    lua_pushfstring(L, "the string \"%s...\"", lua_tostring(L, -1));
    lua_remove(L, -2);
  }
}

void gr_lua_check_stop(lua_State *L, const char *where) {
  gr_Context *context = gr_lua_context(L);
  if (gr_must_stop(context)) gr_lua_check(L, gr_stop(context), where);
}

const char *gr_lua_describe(lua_State *L, int index) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, index);
  index = lua_absindex(L, index);
  if (tensor != NULL) push_shape(L, tensor);
  else switch (lua_type(L, index)) {
    case LUA_TNONE: case LUA_TNIL: lua_pushliteral(L, "nothing"); break;
    case LUA_TSTRING: push_string_shown(L, index); break;
    case LUA_TNUMBER:
      lua_pushvalue(L, index);
      lua_pushfstring(L, "the number %s",
                      lua_rawequal(L, -1, -1) ? lua_tostring(L, -1) : "nan");  /* never -nan */
      lua_remove(L, -2);
      break;
    case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false"); break;
    default: {
      bool named = luaL_getmetafield(L, index, "__name") == LUA_TSTRING;
      lua_pushfstring(L, "a %s", named ? lua_tostring(L, -1) : luaL_typename(L, index));
    }
  }
  return lua_tostring(L, -1);
}

int gr_lua_argument_error(lua_State *L, const char *where, const char *argument,
                          const char *expected, int index) {
  return gr_lua_error(L, "%s: %s must be %s, got %s", where, argument, expected,
                      gr_lua_describe(L, index));
}

int gr_lua_self_error(lua_State *L, const char *where, const char *expected, const char *call) {
  return gr_lua_error(L, "%s: argument 1 must be %s, got %s; use a colon: %s", where, expected,
                      gr_lua_describe(L, 1), call);
}

void gr_lua_check_count(lua_State *L, const char *where, int receivers, int most) {
  int given = lua_gettop(L) - receivers;
  while (given > most && lua_isnil(L, given + receivers)) given--;
  if (given <= most) return;
  if (most == 0) gr_lua_error(L, "%s: expected no arguments, got %d", where, given);
  gr_lua_error(L, "%s: expected at most %d argument%s, got %d", where, most, most == 1 ? "" : "s",
               given);
}

void gr_lua_raise(lua_State *L, const char *where) {
  gr_lua_error(L, "%s: %s", where, gr_lua_context(L)->message);
}

const char *gr_lua_suggestion(lua_State *L, const char *name, int names) {
  names = lua_absindex(L, names);
  gr_lua_require(L, "gradus.errors");
  lua_getfield(L, -1, "suggestion");
  lua_pushstring(L, name);
  lua_pushvalue(L, names);
  lua_call(L, 2, 1);
  return lua_tostring(L, -1);
}

void gr_lua_push_names(lua_State *L, const char *const *names) {
  lua_newtable(L);
  for (int i = 0; names[i] != NULL; i++) {
    lua_pushstring(L, names[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* Userdata */

void *gr_lua_new_block(lua_State *L, const char *name, uint64_t tag, size_t size) {
  void *block = lua_newuserdatauv(L, size, 0);
  memset(block, 0, size);
  memcpy(block, &tag, sizeof tag);
  luaL_setmetatable(L, name);
  return block;
}

void gr_lua_new_metatable(lua_State *L, const char *name, const luaL_Reg *functions) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, functions, 0);
  const char *dot = strrchr(name, '.');
  lua_pushstring(L, dot == NULL ? name : dot + 1);
  lua_setfield(L, -2, "__name");
}

/* Arguments */

gr_DType gr_lua_check_dtype(lua_State *L, int index, const char *where) {
  const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
  if (strcmp(name, "float32") == 0) return GR_FLOAT32;
  if (strcmp(name, "float64") == 0) return GR_FLOAT64;
  gr_lua_argument_error(L, where, "dtype", "\"float32\" or \"float64\"", index);
  return GR_FLOAT32;
}

double gr_lua_check_number(lua_State *L, int index, const char *where, const char *argument) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, index);
  if (tensor != NULL && gr_tensor_size(tensor) == 1 && tensor->rank == 0) {
    gr_lua_note_read(tensor->context, "it read a number out of a tensor");
    return gr_tensor_get(tensor, 0);
  }
  if (lua_type(L, index) != LUA_TNUMBER)
    gr_lua_argument_error(L, where, argument, "a number", index);
  return lua_tonumber(L, index);
}

int64_t gr_lua_check_integer(lua_State *L, int index, const char *where, const char *argument) {
  int is_integer;
  lua_Integer value = lua_tointegerx(L, index, &is_integer);
  if (!is_integer || lua_type(L, index) != LUA_TNUMBER)
    gr_lua_argument_error(L, where, argument, "a whole number", index);
  return value;
}

void gr_lua_push_number(lua_State *L, double number) {
  lua_pushnumber(L, number != number ? (double)__builtin_nan("") : number);
}

static int64_t check_dimension(lua_State *L, int index, const char *where) {
  int64_t n = gr_lua_check_integer(L, index, where, "a dimension");
  if (n < -1) gr_lua_argument_error(L, where, "a dimension", "0 or more", index);
  return n;
}

static void check_rank(lua_State *L, const char *where, lua_Integer rank) {
  if (rank > GR_MAX_RANK)
    gr_lua_error(L, "%s: a tensor has at most %d axes, got %d", where, GR_MAX_RANK, (int)rank);
}

int gr_lua_check_shape(lua_State *L, int index, const char *where, int64_t *shape, int *next) {
  int rank = 0;
  if (lua_istable(L, index)) {
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);
    check_rank(L, where, n);
    for (; rank < n; rank++) {
      lua_rawgeti(L, index, rank + 1);
      shape[rank] = check_dimension(L, -1, where);
      lua_pop(L, 1);
    }
    *next = index + 1;
    return rank;
  }
  if (lua_type(L, index) != LUA_TNUMBER)
    gr_lua_argument_error(L, where, "shape", "dimensions or a table of them", index);
  while (lua_type(L, index + rank) == LUA_TNUMBER) {
    check_rank(L, where, rank + 1);
    shape[rank] = check_dimension(L, index + rank, where);
    rank++;
  }
  *next = index + rank;
  return rank;
}

void gr_lua_check_writable(lua_State *L, const gr_Tensor *tensor, const char *where) {
  if (tensor->requires_grad && tensor->context->grad_enabled)
    gr_lua_error(L, "%s: writing into a tensor that wants a gradient is an error outside no_grad",
                 where);
  gr_lua_note_read(tensor->context, "it wrote into a tensor");
}

/* Modules */

/* The library's own copy of the globals, as they were when it was opened: a script that puts
** something of its own in `table` or `require` changes nothing in here. */
static const char globals_key = 'g';

/* Copy what is in the table on top into the one below it. */
static void copy_fields(lua_State *L) {
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -6);
  }
}

static void copy_globals(lua_State *L) {
  lua_newtable(L);
  lua_pushglobaltable(L);
  copy_fields(L);
  lua_pop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
}

void gr_lua_keep_globals(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key) == LUA_TNIL) copy_globals(L);
  lua_pop(L, 1);
}

void gr_lua_require(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
  lua_getfield(L, -1, "require");
  lua_remove(L, -2);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

static int load_module(lua_State *L) {
  const gr_Module *module = lua_touserdata(L, lua_upvalueindex(1));
  const char *name = lua_pushfstring(L, "=gradus.%s", module->name);
  if (luaL_loadbufferx(L, module->code, module->code_size, name, "b") != LUA_OK &&
      luaL_loadbufferx(L, module->source, module->size, name, "t") != LUA_OK)
    return lua_error(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
  lua_setupvalue(L, -2, 1);  /* a chunk's first upvalue is its table of globals */
  lua_call(L, 0, 1);
  return 1;
}

/* package.preload["gradus.<module>"] for each embedded module, loaded when first required. */
static void preload_stdlib(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (const gr_Module *module = gr_stdlib; module->name != NULL; module++) {
    lua_pushlightuserdata(L, (void *)module);
    lua_pushcclosure(L, load_module, 1);
    lua_pushfstring(L, "gradus.%s", module->name);
    lua_insert(L, -2);
    lua_rawset(L, -3);
  }
  lua_pushcfunction(L, luaopen_gradus_pipe);
  lua_setfield(L, -2, "gradus.pipe");
  lua_pushcfunction(L, luaopen_gradus_statistics);
  lua_setfield(L, -2, "gradus.statistics");
  lua_pop(L, 1);
}

int gr_lua_open_module(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "gradus");
  lua_call(L, 1, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushfstring(L, "gradus.%s", name);
  lua_gettable(L, -2);
  lua_call(L, 0, 1);
  return 1;
}

static int core_fail(lua_State *L) {
  return gr_lua_error(L, "%s", luaL_checkstring(L, 1));
}

static int core_describe(lua_State *L) {
  luaL_checkany(L, 1);
  gr_lua_describe(L, 1);
  return 1;
}

/* core.embedded() -> a table: the source of each module of the library by its name */
static int core_embedded(lua_State *L) {
  lua_newtable(L);
  for (const gr_Module *module = gr_stdlib; module->name != NULL; module++) {
    lua_pushlstring(L, module->source, module->size);
    lua_setfield(L, -2, module->name);
  }
  return 1;
}

static const luaL_Reg core_functions[] = {
  {"fail", core_fail},
  {"describe", core_describe},
  {"embedded", core_embedded},
  {NULL, NULL}
};

/* gradus.core: the C part, as stdlib sees it. */
static void open_core(lua_State *L) {
  luaL_newlib(L, core_functions);
  gr_lua_open_tensor(L);
  gr_lua_open_operations(L);
  gr_lua_open_optimizer(L);
  gr_lua_open_recording(L);
  gr_lua_open_run(L);
  gr_lua_open_random(L);
  gr_lua_open_data(L);
  gr_lua_open_profile(L);
}

static int push_upvalue(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

/* Let getmetatable show copies of these metatables, without their finalizers: a script that called
** one of those from a finalizer of its own could free what a function at work holds. */
static void hide_finalizers(lua_State *L) {
  static const char *const classes[] = {"gradus.tensor", "gradus.optimizer", "gradus.recording"};
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
    lua_newtable(L);
    luaL_getmetatable(L, classes[i]);
    copy_fields(L);
    lua_insert(L, -2);
    lua_pushnil(L);
    lua_setfield(L, -2, "__gc");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
  }
}

int luaopen_gradus(lua_State *L) {
  make_context(L);
  gr_lua_keep_globals(L);
  preload_stdlib(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  open_core(L);
  hide_finalizers(L);
  lua_pushcclosure(L, push_upvalue, 1);
  lua_setfield(L, -2, "gradus.core");
  lua_pop(L, 1);
  gr_lua_require(L, "gradus.words");
  return 1;
}

GR_ENTRY(core)

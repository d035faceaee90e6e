/* recording.c: see recording.h. */
#include <string.h>

#include "library.h"
#include "lua/recording.h"

enum { RECORDING_TAG = 0x67725265 };

typedef struct RecordingBlock {
  uint64_t tag;
  gr_Recording *recording;
} RecordingBlock;

static gr_Recording *check_named(lua_State *L, int index, const char *where,
                                 const char *argument) {
  RecordingBlock *block = gr_lua_test_block(L, index, RECORDING_TAG, sizeof *block);
  if (block == NULL || block->recording == NULL)
    gr_lua_argument_error(L, where, argument, "a recording", index);
  return block->recording;
}

static gr_Recording *check_recording(lua_State *L, int index, const char *where) {
  return check_named(L, index, where, "argument 1");
}

static void check_whole(lua_State *L, const gr_Recording *recording, const char *where) {
  if (recording->broken[0] != '\0')
    gr_lua_error(L, "%s: the recording is broken: %s", where, recording->broken);
}

gr_Recording *gr_lua_check_step(lua_State *L, int index, const char *where,
                                const char *argument) {
  gr_Recording *recording = check_named(L, index, where, argument);
  if (recording->listens) gr_lua_error(L, "%s: the recording still listens", where);
  check_whole(L, recording, where);
  if (recording->plan == NULL) gr_lua_error(L, "%s: the recording holds no step", where);
  return recording;
}

gr_Recording *gr_lua_check_evaluation(lua_State *L, int index, const char *where,
                                      const char *argument) {
  gr_Recording *recording = check_named(L, index, where, argument);
  check_whole(L, recording, where);
  if (!recording->forward_only || recording->loss == NULL)
    gr_lua_error(L, "%s: the recording holds no evaluation", where);
  return recording;
}

/* The step whose method runs. */
static gr_Recording *check_step(lua_State *L, const char *where) {
  return gr_lua_check_step(L, 1, where, "argument 1");
}

static int recording_gc(lua_State *L) {
  RecordingBlock *block = gr_lua_test_block(L, 1, RECORDING_TAG, sizeof *block);
  if (block == NULL) return 0;
  gr_recording_free(block->recording);
  block->recording = NULL;
  return 0;
}

/* core.recording({ tensors of the batch } [, forward_only]) -> recording
** Those of a step have rows, which are filled anew, as many in each, and no gaps. */
static int make_recording(lua_State *L) {
  gr_Tensor *inputs[GR_RECORDING_INPUTS];
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)lua_rawlen(L, 1);
  bool forward_only = lua_toboolean(L, 2);
  luaL_argcheck(L, count >= 1 && count <= GR_RECORDING_INPUTS, 1, "1 to 4 inputs");
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 1, i + 1);
    inputs[i] = gr_lua_check_tensor(L, -1, "recording", "an input");
    if (!forward_only && (inputs[i]->rank == 0 || !gr_tensor_is_contiguous(inputs[i])))
      gr_lua_argument_error(L, "recording", "an input", "a batch of rows without gaps", -1);
    if (!forward_only && inputs[i]->shape[0] != inputs[0]->shape[0])
      gr_lua_argument_error(L, "recording", "an input", "a batch of as many rows as the first", -1);
    lua_pop(L, 1);
  }
  RecordingBlock *block = gr_lua_new_block(L, "gradus.recording", RECORDING_TAG, sizeof *block);
  gr_lua_check(L, gr_recording_new(gr_lua_context(L), inputs, count, forward_only,
                                   &block->recording),
               "recording");
  return 1;
}

/* The state of Lua's own generator is an upvalue of math.random: a step that changes it draws. It
** is looked up once, since a script may put a function of its own in the place of math.random. */
typedef struct MathRandom {
  unsigned char bytes[64];
  size_t size;
} MathRandom;

static const char math_random_key[] = "gradus.math.random";

static void find_math_random(lua_State *L) {
  int top = lua_gettop(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "math") == LUA_TTABLE && lua_getfield(L, -1, "random") == LUA_TFUNCTION &&
      lua_iscfunction(L, -1) && lua_getupvalue(L, -1, 1) != NULL)
    lua_setfield(L, LUA_REGISTRYINDEX, math_random_key);
  lua_settop(L, top);
}

static MathRandom math_random(lua_State *L) {
  MathRandom state = {{0}, 0};
  if (lua_getfield(L, LUA_REGISTRYINDEX, math_random_key) == LUA_TUSERDATA) {
    state.size = lua_rawlen(L, -1) < sizeof state.bytes ? lua_rawlen(L, -1) : sizeof state.bytes;
    memcpy(state.bytes, lua_touserdata(L, -1), state.size);
  }
  lua_pop(L, 1);
  return state;
}

/* recording:__close(): it stops listening. */
static int recording_close(lua_State *L) {
  gr_Recording *recording = check_recording(L, 1, "close");
  gr_Context *context = gr_lua_context(L);
  if (context->recording == recording) gr_recording_end(context);
  return 0;
}

/* Call what lies on the stack above the recording, at 1. An error is not caught, so that a
** traceback has the frames of the function, but in a coroutine it is: one that fails closes
** nothing. */
static int call_listening(lua_State *L) {
  int arguments = lua_gettop(L) - 2;
  bool is_main = lua_pushthread(L);
  lua_pop(L, 1);
  if (!is_main) return lua_pcall(L, arguments, LUA_MULTRET, 0);
  lua_toclose(L, 1);
  lua_call(L, arguments, LUA_MULTRET);
  return LUA_OK;
}

/* recording:capture(f, ...) -> what f returned
** Call f(...) while the recording listens. */
static int recording_capture(lua_State *L) {
  gr_Recording *recording = check_recording(L, 1, "capture");
  gr_Context *context = gr_lua_context(L);
  luaL_checkany(L, 2);
  if (recording->has_begun) return gr_lua_error(L, "capture: a recording listens once");
  MathRandom before = math_random(L);
  gr_recording_begin(context, recording);
  int status = call_listening(L);
  MathRandom after = math_random(L);
  if (memcmp(before.bytes, after.bytes, before.size) != 0)
    gr_recording_break(context, "it drew random numbers");
  gr_recording_end(context);
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - 1;
}

/* recording:broken() -> why it cannot be replayed, or nil */
static int recording_broken(lua_State *L) {
  const gr_Recording *recording = check_recording(L, 1, "broken");
  if (recording->broken[0] == '\0') lua_pushnil(L);
  else lua_pushstring(L, recording->broken);
  return 1;
}

/* recording:arrange(parameters): their gradients lie side by side from now on. */
static int recording_arrange(lua_State *L) {
  size_t count;
  check_recording(L, 1, "arrange");
  gr_Tensor **parameters = gr_lua_check_tensors(L, 2, "arrange", "a parameter", &count);
  gr_lua_check(L, gr_recording_arrange(gr_lua_context(L), parameters, count), "arrange");
  return 0;
}

/* recording:keep(), recording:put_back(): copy aside what the step's tensors hold; undo replays. */
static int recording_keep(lua_State *L) {
  gr_Recording *recording = check_step(L, "keep");
  gr_lua_check(L, gr_recording_keep(gr_lua_context(L), recording), "keep");
  return 0;
}

static int recording_put_back(lua_State *L) {
  gr_recording_put_back(check_step(L, "put_back"));
  return 0;
}

/* recording:evaluate(f, ...) -> number
** The loss that f(...) computes: the first time by calling it while the recording listens, from
** then on by replay, unless the recording is broken. */
static int recording_evaluate(lua_State *L) {
  gr_Recording *recording = check_recording(L, 1, "evaluate");
  if (!recording->forward_only) return gr_lua_error(L, "evaluate: the recording is of a step");
  gr_Tensor *loss = recording->loss;
  if (loss != NULL) {
    gr_lua_check(L, gr_recording_replay(gr_lua_context(L), recording), "evaluate");
  } else {
    recording_capture(L);
    loss = gr_lua_check_tensor(L, -1, "evaluate", "the loss");
    if (gr_tensor_size(loss) != 1)
      gr_lua_argument_error(L, "evaluate", "the loss", "a tensor of one element", -1);
    if (recording->broken[0] == '\0') recording->loss = gr_tensor_retain(loss);
  }
  gr_lua_push_number(L, gr_tensor_get(loss, 0));
  return 1;
}

/* recording:replay() -> the loss; gradients are set, nothing is updated. */
static int recording_replay(lua_State *L) {
  gr_Recording *recording = check_step(L, "replay");
  gr_lua_check(L, gr_recording_replay(gr_lua_context(L), recording), "replay");
  gr_lua_push_number(L, gr_tensor_get(recording->loss, 0));
  return 1;
}

/* core.break_recording(reason): the step that is being recorded cannot be replayed. */
static int break_recording(lua_State *L) {
  gr_recording_break(gr_lua_context(L), luaL_checkstring(L, 1));
  return 0;
}

/* core.find_leaves(loss, tensors) -> list of booleans, a tensor or nil
** For each tensor of the list whether it would get a gradient; and one that would and is not in the
** list. */
static int find_leaves(lua_State *L) {
  size_t count;
  lua_settop(L, 2);
  lua_newtable(L);
  gr_Tensor **slot = gr_lua_push_slot(L), *other;
  gr_Tensor *loss = gr_lua_check_tensor(L, 1, "find_leaves", "the loss");
  bool *leads = lua_newuserdatauv(L, lua_rawlen(L, 2) + 1, 0);
  gr_Tensor **tensors = gr_lua_check_tensors(L, 2, "find_leaves", "an entry", &count);
  if (count > lua_rawlen(L, -2)) return gr_lua_error(L, "find_leaves: the list has changed");
  gr_lua_check(L, gr_find_leaves(gr_lua_context(L), loss, tensors, count, leads, &other),
               "find_leaves");
  if (other != NULL) *slot = gr_tensor_retain(other);
  for (size_t i = 0; i < count; i++) {
    lua_pushboolean(L, leads[i]);
    lua_rawseti(L, 3, (lua_Integer)i + 1);
  }
  lua_settop(L, other == NULL ? 3 : 4);
  return lua_gettop(L) - 2;
}

/* core.interrupted() -> whether somebody asked the running loop to stop */
static int interrupted(lua_State *L) {
  lua_pushboolean(L, gr_interrupted(gr_lua_context(L)));
  return 1;
}

static const luaL_Reg methods[] = {
  {"capture", recording_capture},
  {"broken", recording_broken},
  {"arrange", recording_arrange},
  {"keep", recording_keep},
  {"put_back", recording_put_back},
  {"replay", recording_replay},
  {"evaluate", recording_evaluate},
  {NULL, NULL}
};

static const luaL_Reg functions[] = {
  {"recording", make_recording},
  {"break_recording", break_recording},
  {"interrupted", interrupted},
  {"find_leaves", find_leaves},
  {NULL, NULL}
};

void gr_lua_open_recording(lua_State *L) {
  find_math_random(L);
  luaL_setfuncs(L, functions, 0);
  gr_lua_new_metatable(L, "gradus.recording", (const luaL_Reg[]){{"__gc", recording_gc},
                                                                 {"__close", recording_close},
                                                                 {NULL, NULL}});
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

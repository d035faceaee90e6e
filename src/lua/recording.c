/* recording.c: recordings of a training step, for the loop in stdlib/training.lua. */
#include <string.h>

#include "library.h"
#include "lua/optimizer.h"
#include "core/recording.h"

enum { RECORDING_TAG = 0x67725265 };

typedef struct RecordingBlock {
  uint64_t tag;
  gr_Recording *recording;
} RecordingBlock;

static gr_Recording *check_recording(lua_State *L, int index, const char *where) {
  RecordingBlock *block = gr_lua_test_block(L, index, RECORDING_TAG, sizeof *block);
  if (block == NULL || block->recording == NULL)
    gr_lua_argument_error(L, where, index == 1 ? "argument 1" : "the rest", "a recording", index);
  return block->recording;
}

static void check_whole(lua_State *L, const gr_Recording *recording, const char *where) {
  if (recording->broken[0] != '\0')
    gr_lua_error(L, "%s: the recording is broken: %s", where, recording->broken);
}

/* A recording of a step, which can be replayed. */
static gr_Recording *check_step(lua_State *L, int index, const char *where) {
  gr_Recording *recording = check_recording(L, index, where);
  check_whole(L, recording, where);
  if (recording->plan == NULL) gr_lua_error(L, "%s: the recording holds no step", where);
  return recording;
}

static int recording_gc(lua_State *L) {
  RecordingBlock *block = gr_lua_test_block(L, 1, RECORDING_TAG, sizeof *block);
  if (block == NULL) return 0;
  gr_recording_free(block->recording);
  block->recording = NULL;
  return 0;
}

/* core.recording({ tensors of the batch } [, forward_only]) -> recording
** Those of a step have rows, which are filled anew, and no gaps. */
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
  gr_Recording *recording = check_step(L, 1, "keep");
  gr_lua_check(L, gr_recording_keep(gr_lua_context(L), recording), "keep");
  return 0;
}

static int recording_put_back(lua_State *L) {
  gr_recording_put_back(check_step(L, 1, "put_back"));
  return 0;
}

/* recording:evaluate(f, ...) -> number
** The loss that f(...) computes: the first time by calling it while the recording listens, from
** then on by replay. */
static int recording_evaluate(lua_State *L) {
  gr_Recording *recording = check_recording(L, 1, "evaluate");
  if (!recording->forward_only) return gr_lua_error(L, "evaluate: the recording is of a step");
  if (recording->loss == NULL) {
    recording_capture(L);
    check_whole(L, recording, "evaluate");
    gr_Tensor *loss = gr_lua_check_tensor(L, -1, "evaluate", "the loss");
    if (gr_tensor_size(loss) != 1)
      gr_lua_argument_error(L, "evaluate", "the loss", "a tensor of one element", -1);
    recording->loss = gr_tensor_retain(loss);
  } else {
    gr_lua_check(L, gr_recording_replay(gr_lua_context(L), recording), "evaluate");
  }
  gr_lua_push_number(L, gr_tensor_get(recording->loss, 0));
  return 1;
}

/* recording:replay() -> the loss; gradients are set, nothing is updated. */
static int recording_replay(lua_State *L) {
  gr_Recording *recording = check_step(L, 1, "replay");
  gr_lua_check(L, gr_recording_replay(gr_lua_context(L), recording), "replay");
  gr_lua_push_number(L, gr_tensor_get(recording->loss, 0));
  return 1;
}

/* Runs */

/* Whether rows of the source are rows of the batch. */
static bool rows_fit(const gr_Tensor *source, const gr_Tensor *batch) {
  bool fits = source->rank == batch->rank && source->rank > 0;
  for (int axis = 1; fits && axis < batch->rank; axis++)
    fits = source->shape[axis] == batch->shape[axis];
  return fits;
}

/* The sources of the recording in the table at `index`; they are left on the stack, which keeps
** them. */
static void read_sources(lua_State *L, int index, gr_Run *run) {
  luaL_checktype(L, index, LUA_TTABLE);
  for (int i = 0; i < run->recording->inputs_count; i++) {
    lua_rawgeti(L, index, i + 1);
    gr_Tensor *source = gr_lua_check_tensor(L, -1, "run", "a source");
    if (!rows_fit(source, run->recording->inputs[i]))
      gr_lua_error(L, "run: source %d does not have the rows of the recorded batch", i + 1);
    run->sources[i] = source;
  }
}

/* The recording of what is left after the batches, or nil. */
static gr_Recording *read_rest(lua_State *L, int index, const gr_Run *run) {
  if (lua_isnil(L, index)) return NULL;
  gr_Recording *rest = check_step(L, index, "run");
  bool fits = rest->inputs_count == run->recording->inputs_count;
  for (int i = 0; fits && i < rest->inputs_count; i++)
    fits = rows_fit(run->sources[i], rest->inputs[i]);
  if (!fits) gr_lua_error(L, "run: the rest does not have the rows of the recorded batch");
  return rest;
}

/* The row numbers from first_row on. */
static const double *read_order(lua_State *L, int index, const gr_Run *run) {
  const gr_Tensor *order = gr_lua_check_tensor(L, index, "run", "the order");
  size_t rows = (size_t)run->recording->inputs[0]->shape[0], size = gr_tensor_size(order);
  size_t last = run->rest == NULL ? 0 : (size_t)run->rest->inputs[0]->shape[0];
  if (order->dtype != GR_FLOAT64 || !gr_tensor_is_contiguous(order) || run->first_row > size ||
      last > size - run->first_row || run->steps > size ||
      (rows > 0 && run->steps > (size - run->first_row - last) / rows))
    gr_lua_error(L, "run: the order has too few rows");
  return gr_tensor_data(order);
}

/* Where the steps from number `first` (from 0) on are written down: the rows of a float64 tensor
** [4, room] without gaps, or nil. */
static void read_log(lua_State *L, int index, size_t first, gr_Run *run) {
  if (lua_isnil(L, index)) return;
  gr_Tensor *log = gr_lua_check_tensor(L, index, "run", "the log");
  bool fits = log->dtype == GR_FLOAT64 && log->rank == 2 && log->shape[0] == 4 &&
              gr_tensor_is_contiguous(log);
  size_t room = fits ? (size_t)log->shape[1] : 0, steps = run->steps + (run->rest != NULL);
  if (!fits || first > room || steps > room - first)
    gr_lua_error(L, "run: the log must be float64 [4, steps], without gaps and long enough");
  run->losses = (double *)gr_tensor_data(log) + first;
  run->norms = run->losses + room;
  run->scales = run->norms + room;
  run->cuts = run->scales + room;
}

/* recording:run(optimizer, sources, order, first_row, steps, rest, log, first_step, watch, seconds,
**   sum) -> steps done, rows done, sum, "complete" | "not finite" | "interrupted" | "progress"
** Take `steps` batches of rows, from number first_row of `order` on, and train on each; then, with
** `rest`, another recording of the same step, on one batch of its size. `log` is a float64 tensor
** [4, room]: each step's loss, gradient norm, clip scale and cut share are written there from number
** first_step on. Each step's loss times its rows is added to the sum. With `watch` the run ends at
** the first loss or weight that is not finite; with `seconds` above 0 after that long. Rows and steps
** count from 1. */
static int recording_run(lua_State *L) {
  static const char *const ends[] = {
    [GR_RUN_COMPLETE] = "complete", [GR_RUN_NOT_FINITE] = "not finite",
    [GR_RUN_INTERRUPTED] = "interrupted", [GR_RUN_PROGRESS_DUE] = "progress"
  };
  gr_Run run = {.recording = check_step(L, 1, "run")};
  lua_settop(L, 12);
  run.optimizer = gr_lua_check_optimizer(L, 2, "run");
  run.first_row = (size_t)gr_lua_check_integer(L, 5, "run", "the first row") - 1;
  run.steps = (size_t)gr_lua_check_integer(L, 6, "run", "the number of steps");
  read_sources(L, 3, &run);
  run.rest = read_rest(L, 7, &run);
  run.order = read_order(L, 4, &run);
  read_log(L, 8, (size_t)gr_lua_check_integer(L, 9, "run", "the first step") - 1, &run);
  run.stop_at_not_finite = lua_toboolean(L, 10);
  run.seconds = luaL_optnumber(L, 11, 0);
  run.loss_sum = luaL_optnumber(L, 12, 0);
  gr_lua_check(L, gr_recording_run(gr_lua_context(L), &run), "fit");
  lua_pushinteger(L, (lua_Integer)run.steps_done);
  lua_pushinteger(L, (lua_Integer)run.rows_done);
  gr_lua_push_number(L, run.loss_sum);
  lua_pushstring(L, ends[run.end]);
  return 4;
}

/* core.gather_rows(source, order, first, count, batch): fill the batch with rows number
** order[first] .. order[first + count - 1] of the source, cast. */
static int gather_rows(lua_State *L) {
  const gr_Tensor *source = gr_lua_check_tensor(L, 1, "gather_rows", "the source");
  const gr_Tensor *order = gr_lua_check_tensor(L, 2, "gather_rows", "the order");
  size_t first = (size_t)gr_lua_check_integer(L, 3, "gather_rows", "first") - 1;
  size_t count = (size_t)gr_lua_check_integer(L, 4, "gather_rows", "count");
  gr_Tensor *batch = gr_lua_check_tensor(L, 5, "gather_rows", "the batch");
  size_t rows = gr_tensor_size(order);
  if (order->dtype != GR_FLOAT64 || !gr_tensor_is_contiguous(order) || first > rows ||
      count > rows - first || !rows_fit(source, batch) ||
      (size_t)batch->shape[0] != count || !gr_tensor_is_contiguous(batch))
    return gr_lua_error(L, "gather_rows: source, order and batch do not fit together");
  gr_lua_check(L, gr_gather_rows(gr_lua_context(L), source,
                                 (const double *)gr_tensor_data(order) + first, count, batch),
               "gather_rows");
  gr_lua_check_stop(L, "gather_rows");
  return 0;
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
  {"run", recording_run},
  {NULL, NULL}
};

static const luaL_Reg functions[] = {
  {"recording", make_recording},
  {"gather_rows", gather_rows},
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

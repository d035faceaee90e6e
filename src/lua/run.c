/* run.c: runs of training steps and of whole epochs, for the loop in stdlib/training.lua. */
#include "library.h"
#include "lua/optimizer.h"
#include "lua/random.h"
#include "lua/recording.h"
#include "core/run.h"

/* Whether rows of the source are rows of the batch. */
static bool rows_fit(const gr_Tensor *source, const gr_Tensor *batch) {
  bool fits = source->rank == batch->rank && source->rank > 0;
  for (int axis = 1; fits && axis < batch->rank; axis++)
    fits = source->shape[axis] == batch->shape[axis];
  return fits;
}

/* Whether a tensor may hold row numbers: once they are checked, nothing else may write them. */
static bool is_order(const gr_Tensor *tensor) {
  return tensor->dtype == GR_FLOAT64 && tensor->rank == 1 && gr_tensor_is_contiguous(tensor) &&
         tensor->references == 1 && tensor->storage->references == 1;
}

/* What a run is told are the fields of a table, at index 1; each is left on the stack, at its top.
** No Lua code runs between the first look and the last. */

static void check_told(lua_State *L, const char *where) {
  if (!lua_istable(L, 1) || lua_getmetatable(L, 1))
    gr_lua_argument_error(L, where, "argument 1", "a table without a metatable", 1);
  luaL_checkstack(L, 32, where);
}

static bool get(lua_State *L, const char *name) { return lua_getfield(L, 1, name) != LUA_TNIL; }

static size_t get_count(lua_State *L, const char *name, const char *where) {
  get(L, name);
  lua_Integer value = gr_lua_check_integer(L, -1, where, name);
  if (value < 0) gr_lua_argument_error(L, where, name, "0 or more", -1);
  return (size_t)value;
}

/* A number that counts from 1, from 0. */
static size_t get_place(lua_State *L, const char *name, const char *where) {
  size_t value = get_count(L, name, where);
  if (value == 0) gr_lua_argument_error(L, where, name, "1 or more", -1);
  return value - 1;
}

static double get_number(lua_State *L, const char *name, const char *where) {
  return get(L, name) ? gr_lua_check_number(L, -1, where, name) : 0;
}

/* A float64 tensor [rows, room] without gaps that has room for `count` numbers in each row from
** number `first` on; or NULL, for nil. Where the first row's number stands. */
static double *get_rows(lua_State *L, const char *name, const char *where, int64_t rows,
                        size_t first, size_t count, size_t *room) {
  if (!get(L, name)) return NULL;
  const gr_Tensor *log = gr_lua_check_tensor(L, -1, where, name);
  bool fits = log->dtype == GR_FLOAT64 && log->rank == 2 && log->shape[0] == rows &&
              gr_tensor_is_contiguous(log);
  *room = fits ? (size_t)log->shape[1] : 0;
  if (!fits || first > *room || count > *room - first)
    gr_lua_error(L, "%s: %s must be float64 [%d, steps], without gaps and long enough", where,
                 name, (int)rows);
  return (double *)gr_tensor_data(log) + first;
}

static void get_sources(lua_State *L, const char *where, gr_Run *run) {
  get(L, "sources");
  int table = lua_gettop(L);
  if (!lua_istable(L, table)) gr_lua_argument_error(L, where, "sources", "a table", table);
  for (int i = 0; i < run->recording->inputs_count; i++) {
    lua_rawgeti(L, table, i + 1);
    gr_Tensor *source = gr_lua_check_tensor(L, -1, where, "a source");
    if (!rows_fit(source, run->recording->inputs[i]))
      gr_lua_error(L, "%s: source %d does not have the rows of the recorded batch", where, i + 1);
    run->sources[i] = source;
  }
}

/* The recording of what is left after the batches, or NULL. */
static gr_Recording *get_rest(lua_State *L, const char *where, const gr_Run *run) {
  if (!get(L, "rest")) return NULL;
  gr_Recording *rest = gr_lua_check_step(L, -1, where, "rest");
  bool fits = rest->inputs_count == run->recording->inputs_count;
  for (int i = 0; fits && i < rest->inputs_count; i++)
    fits = rows_fit(run->sources[i], rest->inputs[i]);
  if (!fits) gr_lua_error(L, "%s: the rest does not have the rows of the recorded batch", where);
  return rest;
}

/* The row numbers, which are enough for the run. */
static gr_Tensor *get_order(lua_State *L, const char *where, const gr_Run *run) {
  get(L, "order");
  gr_Tensor *order = gr_lua_check_tensor(L, -1, where, "order");
  if (!is_order(order))
    gr_lua_error(L, "%s: order must be float64 [rows], without gaps, and share its memory with "
                 "nothing", where);
  size_t rows = (size_t)run->recording->inputs[0]->shape[0], size = gr_tensor_size(order);
  size_t last = run->rest == NULL ? 0 : (size_t)run->rest->inputs[0]->shape[0];
  if (run->first_row > size || last > size - run->first_row || run->steps > size ||
      (rows > 0 && run->steps > (size - run->first_row - last) / rows))
    gr_lua_error(L, "%s: the order has too few rows", where);
  return order;
}

/* Read what a run of steps is told, for `epochs` of them; returns the order. */
static gr_Tensor *read_run(lua_State *L, const char *where, size_t epochs, gr_Run *run) {
  get(L, "recording");
  run->recording = gr_lua_check_step(L, -1, where, "recording");
  get(L, "optimizer");
  run->optimizer = gr_lua_check_optimizer(L, -1, where);
  run->first_row = get_place(L, "row", where);
  run->steps = get_count(L, "steps", where);
  get_sources(L, where, run);
  run->rest = get_rest(L, where, run);
  gr_Tensor *order = get_order(L, where, run);
  run->order = gr_tensor_data(order);
  size_t steps = run->steps + (run->rest != NULL);
  run->log = get_rows(L, "log", where, GR_LOG_ROWS, get_place(L, "step", where), steps * epochs,
                      &run->room);
  return order;
}

/* Step number `place` of those from `first` on, or nil where `place` is 0. */
static void push_step(lua_State *L, size_t first, size_t place) {
  if (place == 0) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)(first + place - 1));
}

/* core.run_steps(run) -> steps done, rows done, sum, the first step that was not finite or nil
** Take batches of rows and train on each. The table says how:
**
**   recording, steps   of the step, and on how many batches
**   rest               another recording of the step, for one more batch of its size, or nil
**   optimizer
**   sources, order     tensors with all rows, and which row comes when: a float64 tensor
**   row                the first one's number in the order
**   log, step          nil, or a float64 tensor [4, room] in which each step's loss, gradient norm,
**                      clip scale and cut share are written down from number `step` on
**   seconds            return after that long, nil or 0: never
**   sum                to which each step's loss times its rows is added, nil: 0
**
** An interrupt ends the run after a step, too. Rows and steps count from 1. */
static int run_steps(lua_State *L) {
  static const char where[] = "run_steps";
  gr_Run run = {0};
  check_told(L, where);
  read_run(L, where, 1, &run);
  run.seconds = get_number(L, "seconds", where);
  run.loss_sum = get_number(L, "sum", where);
  size_t first = get_count(L, "step", where);
  gr_lua_check(L, gr_run_steps(gr_lua_context(L), &run), "fit");
  lua_pushinteger(L, (lua_Integer)run.steps_done);
  lua_pushinteger(L, (lua_Integer)run.rows_done);
  gr_lua_push_number(L, run.loss_sum);
  push_step(L, first, run.not_finite);
  return 4;
}

/* core.run_epochs(run) -> epochs done, steps done, number of shuffles, the first step that was not
**   finite or nil
** Run whole epochs as run_steps runs steps. The table says, besides `recording` to `step` there:
**
**   epochs             how many
**   stream, shuffles   from which the order is shuffled before each epoch, and how many shuffles it
**                      has made; without a stream the order stays
**   evaluation         a recording of one, for the end of each epoch, or nil
**   losses             a float64 tensor [2, epochs] for each epoch's mean loss, and for what its
**                      evaluation gives
**   watches            whether to return after an epoch in which something was not finite */
static int run_epochs(lua_State *L) {
  static const char where[] = "run_epochs";
  size_t room;
  check_told(L, where);
  gr_Epochs epochs = {.count = get_count(L, "epochs", where)};
  gr_Tensor *order = read_run(L, where, epochs.count, &epochs.run);
  if (epochs.run.first_row != 0) gr_lua_error(L, "%s: row must be 1 in an epoch", where);
  if (gr_tensor_size(order) != gr_run_rows(&epochs.run))
    gr_lua_error(L, "%s: order must have as many rows as an epoch", where);
  gr_lua_check_writable(L, order, where);
  if (get(L, "stream")) epochs.stream = gr_lua_check_stream(L, -1, where, "stream");
  epochs.shuffle = get_count(L, "shuffles", where);
  if (get(L, "evaluation")) epochs.evaluation = gr_lua_check_evaluation(L, -1, where, "evaluation");
  epochs.losses = get_rows(L, "losses", where, 2, 0, epochs.count, &room);
  if (epochs.losses == NULL) return gr_lua_argument_error(L, where, "losses", "a tensor", -1);
  epochs.val_losses = epochs.losses + room;
  get(L, "watches");
  epochs.watches = lua_toboolean(L, -1);
  size_t first = get_count(L, "step", where);
  gr_lua_check(L, gr_run_epochs(gr_lua_context(L), &epochs), "fit");
  order->storage->version++;
  lua_pushinteger(L, (lua_Integer)epochs.done);
  lua_pushinteger(L, (lua_Integer)epochs.steps_done);
  lua_pushinteger(L, (lua_Integer)epochs.shuffle);
  push_step(L, first, epochs.not_finite);
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
  if (!is_order(order) || first > rows || count > rows - first || !rows_fit(source, batch) ||
      (size_t)batch->shape[0] != count || !gr_tensor_is_contiguous(batch))
    return gr_lua_error(L, "gather_rows: source, order and batch do not fit together");
  gr_lua_check(L, gr_gather_rows(gr_lua_context(L), source,
                                 (const double *)gr_tensor_data(order) + first, count, batch),
               "gather_rows");
  gr_lua_check_stop(L, "gather_rows");
  return 0;
}

void gr_lua_open_run(lua_State *L) {
  luaL_setfuncs(L, (const luaL_Reg[]){{"run_steps", run_steps},
                                      {"run_epochs", run_epochs},
                                      {"gather_rows", gather_rows},
                                      {NULL, NULL}}, 0);
}

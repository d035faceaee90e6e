/* test_memory.c: memory that runs out, at every moment of a short training. As SQLite is tested:
** each allocation is made to fail in turn, and whatever runs must end in an error that says so or,
** where it can do without, in the right numbers; nothing is lost, and the next training works.
**
** The core's allocations come here by the linker's --wrap (see the Makefile), Lua's by its
** allocator. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/threads.h"
#include "lua/library.h"
#include "testing.h"

/* Allocations: __wrap_f is called for f, which is __real_f. */

void *__real_malloc(size_t size), *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size), *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size), *__wrap_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t unit, size_t size);
void *__wrap_aligned_alloc(size_t unit, size_t size);
void __real_free(void *block), __wrap_free(void *block);

static size_t place;     /* the number, from 1, of the next allocation that fails; 0: this one */
static size_t refusals;  /* how many fail from there on */
static bool has_failed;
static long blocks;      /* of the core, not given back */
static long kept;        /* so many are there between two trainings */

static bool is_refused(void) {
  if (refusals == 0 || (place > 0 && --place > 0)) return false;
  has_failed = true;
  refusals--;
  return true;
}

static void *counted(void *block) {
  if (block != NULL) blocks++;
  return block;
}

void *__wrap_malloc(size_t size) { return is_refused() ? NULL : counted(__real_malloc(size)); }

void *__wrap_calloc(size_t count, size_t size) {
  return is_refused() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size) {
  if (is_refused()) return NULL;
  return block == NULL ? counted(__real_realloc(NULL, size)) : __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t unit, size_t size) {
  return is_refused() ? NULL : counted(__real_aligned_alloc(unit, size));
}

void __wrap_free(void *block) {
  if (block != NULL) blocks--;
  __real_free(block);
}

static bool lua_is_refused;  /* whether Lua's allocations are among those that may fail */

/* Lua takes for granted that a block can become smaller. */
static void *allocate_for_lua(void *data, void *block, size_t old_size, size_t size) {
  (void)data;
  if (size == 0) {
    __real_free(block);
    return NULL;
  }
  if (lua_is_refused && (block == NULL || size > old_size) && is_refused()) return NULL;
  return __real_realloc(block, size);
}

/* The training */

static const char script[] =
  "local X, y = make_regression { n_samples = 24, n_features = 3, random_state = 1, coef = true }\n"
  "seed(1)\n"
  "local model = Sequential { Dense { 4, input_dim = 3, activation = 'tanh' },\n"
  "  function(x) return x:relu() * 0.5 + x:mean(2, true) end, Dense { 1 } }\n"
  "local optimizer = SGD { momentum = 0.9, clipnorm = 1 }\n"
  "model:compile { loss = 'mse', optimizer = optimizer }\n"
  "local history = model:fit(X:rows(1, 18), y:rows(1, 18), { epochs = 3, batch_size = 7,\n"
  "  verbose = 0, validation_data = { X:rows(19, 24), y:rows(19, 24) } })\n"
  "local plain = Sequential { Dense { 2, input_dim = 3 }, Dense { 1 } }\n"
  "plain:compile { loss = 'mae', optimizer = SGD { clipvalue = 0.5 } }\n"
  "plain:fit(X, y, { epochs = 2, verbose = 0, validation_split = 0.25 })\n"
  "for x, t in batches(X, y, { batch_size = 12, shuffle = true }) do\n"
  "  mean_squared_error(t, model(x)):backward()\n"
  "  optimizer:apply(model)\n"
  "end\n"
  "local state = RandomState(3)\n"
  "local some = state:choice(range(10), 4, false, ones(10, 'float64') / 10)\n"
  "local order = state:permutation(X)\n"
  "state:shuffle(order.T)\n"
  "set_num_threads(2)\n"
  "local product = ones(70, 90):matmul(ones(90, 100)):sum()\n"
  "set_num_threads(1)\n"
  "return model:evaluate(X, y) + plain:evaluate(X, y) + history.loss[3] + history.val_loss[3]\n"
  "  + optimizer.last_step.norm + some:sum() + order:quantile(0.3) + product\n"
  "  + X:take({ 3, 1 }).T:max() + X:mask(y:gt(0)):std()\n";

static int open_library(lua_State *L) {
  luaL_openlibs(L);
  luaL_requiref(L, "gradus", luaopen_gradus, 0);
  lua_setglobal(L, "gradus");
  return luaL_dostring(L, "setmetatable(_G, { __index = gradus })");
}

/* Let each block be new, so that it may fail. Nothing is in use yet. */
static void give_singly(gr_Spares *spares) {
  gr_spares_close(spares);
  spares->singly = true;
}

static lua_State *new_state(void) {
  lua_State *L = lua_newstate(allocate_for_lua, NULL);
  lua_pushcfunction(L, open_library);
  check(lua_pcall(L, 0, 0, 0) == LUA_OK, "the library opens");
  give_singly(&gr_lua_context(L)->tensors);
  for (int i = 0; i < GR_SMALL_LINES; i++) give_singly(&gr_lua_context(L)->storages[i]);
  check(luaL_loadstring(L, script) == LUA_OK, "the script: %s", lua_tostring(L, -1));
  return L;
}

/* Run the script at index 1. What it returns, or its error, is then at index 2. */
static bool train(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  return lua_pcall(L, 0, 1, 0) == LUA_OK;
}

/* The number that the training has returned; NaN: none. */
static double result_of(lua_State *L) {
  const gr_Tensor *result = gr_lua_test_tensor(L, 2);
  return result == NULL ? (double)NAN : gr_tensor_get(result, 0);
}

static void expect_number(lua_State *L, double number, size_t first) {
  check(result_of(L) == number, "allocation %zu: %g, expected %g", first, result_of(L), number);
}

static void expect_error(lua_State *L, size_t first) {
  const char *message = lua_tostring(L, 2);
  check(message != NULL && strstr(message, "not enough memory") != NULL, "allocation %zu: %s",
        first, message == NULL ? "no message" : message);
}

/* Nothing of the training is left: its memory was given back once its tensors are collected (which
** Lua does not do when its own memory runs out: it calls no finalizers then), and the second thread
** that the script may have left is ended. */
static void expect_order(lua_State *L, size_t first) {
  gr_Context *context = gr_lua_context(L);
  gr_set_threads(context, 1);
  check(context->recording == NULL && context->grad_enabled && !context->unbroken,
        "allocation %zu: the context is as before", first);
  lua_settop(L, 1);
  lua_gc(L, LUA_GCCOLLECT);
  check(blocks == kept, "allocation %zu: %ld blocks are kept, before %ld", first, blocks, kept);
}

static size_t succeeded;  /* trainings to their end though an allocation failed */

/* Let allocation number `first` fail, and the next ones, `count` in all. False when there were not
** so many. */
static bool fail_at(lua_State *L, size_t first, size_t count, double number) {
  place = first;
  refusals = count;
  has_failed = false;
  bool ended = train(L);
  refusals = 0;
  succeeded += ended;
  if (ended) expect_number(L, number, first);
  else expect_error(L, first);
  expect_order(L, first);
  return has_failed;
}

/* Fail at every `step`th allocation, and now and then train once more after it. Returns in how many
** of a hundred cases the training came to its end all the same. */
static size_t sweep(lua_State *L, size_t step, size_t count, double number) {
  size_t first = 1, times = 0;
  succeeded = 0;
  for (; fail_at(L, first, count, number); first += step, times++)
    if (first % 8 == 1) {
      check(train(L), "training after allocation %zu: %s", first, lua_tostring(L, 2));
      expect_number(L, number, first);
    }
  check(first > 500, "there were only %zu allocations", first);
  return 100 * succeeded / times;
}

int main(void) {
  lua_State *L = new_state();
  if (!train(L)) {
    check(false, "the script fails: %s", lua_tostring(L, 2));
    return finish();
  }
  double number = result_of(L);
  lua_settop(L, 1);
  lua_gc(L, LUA_GCCOLLECT);
  kept = blocks;
  check(train(L), "the script runs again");
  expect_number(L, number, 0);
  size_t share = sweep(L, 11, 1, number);  /* one of the core's allocations */
  check(share > 50, "there is a second try in %zu %% of the cases", share);
  sweep(L, 1, 2, number);  /* where that fails, too */
  lua_is_refused = true;
  sweep(L, 7, 2, number);  /* of Lua, too, which itself tries again after a collection */
  sweep(L, 97, SIZE_MAX, number);  /* all from one on */
  lua_close(L);
  check(blocks == 0, "%ld blocks are lost", blocks);
  return finish();
}

/*
** random.c: the sources of random numbers in Lua.
**
** RandomState is NumPy's legacy generator, for data and for a script's own use: it is seeded, and
** goes from number to number. A stream is what models use: its numbers have addresses (a step, an
** element), so that nobody's drawing moves anybody else's (philox.h). The streams and the
** RandomStates that were given no seed follow from the script's one root, which seed(n) sets.
**
** Each draw counts in context->random_draws: a recorded step that drew a number is not replayed.
*/
#include "random.h"

#include <math.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/philox.h"
#include "core/tape.h"

static const double exact = 9007199254740992.0;  /* 2^53: whole numbers up to it are exact */

/* The root seed */

static const char models_key = 'm';

static void set_models_made(lua_State *L, lua_Integer n) {
  lua_pushinteger(L, n);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &models_key);
}

/* Begin anew: the next model and the next RandomState without a seed are the first again. */
static void set_root_seed(lua_State *L, uint64_t seed) {
  gr_Context *context = gr_lua_context(L);
  context->seed = seed;
  context->random_states_made = 0;
  set_models_made(L, 0);
}

/* 32 bits that differ from run to run: few enough to be typed again as seed(n). */
static uint32_t system_seed(const gr_Context *context) {
  uint32_t seed;
  struct timespec now = {0, 0};
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) return seed;
  timespec_get(&now, TIME_UTC);
  return (uint32_t)now.tv_sec * 1000003u ^ (uint32_t)now.tv_nsec ^ (uint32_t)(uintptr_t)context;
}

/* core.seed(n)
** Make n, a whole number from 0 to 2^63 - 1, the script's root seed, and begin anew the numbers of
** models and of RandomStates without a seed. stdlib's seed(n) seeds math.random as well. */
static int core_seed(lua_State *L) {
  int64_t seed = lua_type(L, 1) == LUA_TNUMBER ? gr_lua_check_integer(L, 1, "seed", "n") : -1;
  if (seed < 0)
    return gr_lua_argument_error(L, "seed", "n", "a whole number not below 0", 1);
  set_root_seed(L, (uint64_t)seed);
  return 0;
}

/* core.root_seed() -> integer
** The script's root seed; where seed(n) was not called, one that the system made, from 0 to
** 2^32 - 1. seed(core.root_seed()) repeats a run. */
static int core_root_seed(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)gr_lua_context(L)->seed);
  return 1;
}

/* core.next_model_number() -> integer
** 1 for the first model since the root seed was set, 2 for the second, ... */
static int core_next_model_number(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &models_key);
  lua_Integer n = lua_tointeger(L, -1) + 1;
  set_models_made(L, n);
  lua_pushinteger(L, n);
  return 1;
}

/* What a stream is for, as a number: words and small integers never meet. FNV-1a (Fowler, Noll and
** Vo) over the letters, with the highest bit set. */
static uint32_t purpose_of_word(const char *word) {
  uint32_t hash = UINT32_C(2166136261);
  for (; *word != '\0'; word++) hash = (hash ^ (unsigned char)*word) * UINT32_C(16777619);
  return hash | UINT32_C(0x80000000);
}

/* RandomState: making one */

enum { RANDOM_STATE_TAG = 0x67725253 };

typedef struct RandomStateBlock {
  uint64_t tag;
  gr_RandomState state;
  enum { FROM_ROOT, FROM_NUMBER, FROM_LIST } origin;  /* of its numbers, for __tostring */
  uint32_t seed;
} RandomStateBlock;

static const char random_state_name[] = "gradus.RandomState";

static RandomStateBlock *test_block(lua_State *L, int index) {
  return gr_lua_test_block(L, index, RANDOM_STATE_TAG, sizeof(RandomStateBlock));
}

/* Argument 1 of the method RandomState.<name>. Counts a draw. */
static RandomStateBlock *check_block(lua_State *L, const char *where) {
  RandomStateBlock *block = test_block(L, 1);
  if (block == NULL)
    gr_lua_self_error(L, where, "a RandomState",
                      lua_pushfstring(L, "rs:%s(...)", strchr(where, '.') + 1));
  gr_lua_context(L)->random_draws++;
  return block;
}

static gr_RandomState *check_state(lua_State *L, const char *where) {
  return &check_block(L, where)->state;
}

static RandomStateBlock *push_block(lua_State *L) {
  return gr_lua_new_block(L, random_state_name, RANDOM_STATE_TAG, sizeof(RandomStateBlock));
}

static const char seed_expected[] = "a whole number from 0 to 4294967295, or a list of them";

static bool is_seed(lua_State *L, int index) {
  int is_integer;
  lua_Integer value = lua_tointegerx(L, index, &is_integer);
  return lua_type(L, index) == LUA_TNUMBER && is_integer && value >= 0 && value <= UINT32_MAX;
}

/* The list of seeds at `index`, as a block that is left on the stack. */
static const uint32_t *check_seeds(lua_State *L, int index, const char *where,
                                   const char *argument, size_t *n) {
  *n = lua_rawlen(L, index);
  if (*n == 0)
    gr_lua_error(L, "%s: %s must be %s, got an empty table", where, argument, seed_expected);
  uint32_t *seeds = lua_newuserdatauv(L, *n * sizeof *seeds, 0);
  for (size_t i = 0; i < *n; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    if (!is_seed(L, -1))
      gr_lua_argument_error(L, where, lua_pushfstring(L, "entry %d of %s", (int)i + 1, argument),
                            "a whole number from 0 to 4294967295", -2);
    seeds[i] = (uint32_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  return seeds;
}

static void seed_from_root(lua_State *L, gr_RandomState *state) {
  gr_Context *context = gr_lua_context(L);
  gr_Stream stream = gr_stream(context->seed, ++context->random_states_made, 0,
                               purpose_of_word("RandomState"));
  gr_random_seed_list(state, stream.key, 2);
}

/* Seed from the argument at `index`. Nothing has changed when it raises. */
static void seed_block(lua_State *L, RandomStateBlock *block, int index, const char *where,
                       const char *argument) {
  if (lua_isnoneornil(L, index)) {
    seed_from_root(L, &block->state);
    block->origin = FROM_ROOT;
  } else if (lua_istable(L, index)) {
    size_t n;
    const uint32_t *seeds = check_seeds(L, index, where, argument, &n);
    gr_random_seed_list(&block->state, seeds, n);
    block->origin = FROM_LIST;
    lua_pop(L, 1);
  } else if (is_seed(L, index)) {
    block->seed = (uint32_t)lua_tointeger(L, index);
    gr_random_seed(&block->state, block->seed);
    block->origin = FROM_NUMBER;
  } else {
    gr_lua_argument_error(L, where, argument, seed_expected, index);
  }
}

gr_RandomState *gr_lua_check_random_state(lua_State *L, int index, const char *where,
                                          const char *argument) {
  RandomStateBlock *block = test_block(L, index);
  index = lua_absindex(L, index);
  if (block != NULL) {
    lua_pushvalue(L, index);
    return &block->state;
  }
  if (!lua_isnoneornil(L, index) && !lua_istable(L, index) && !is_seed(L, index))
    gr_lua_argument_error(L, where, argument, "a RandomState, a whole number from 0 to 4294967295, "
                          "or a list of them", index);
  block = push_block(L);
  seed_block(L, block, index, where, argument);
  return &block->state;
}

/* RandomState([seed]) -> RandomState
** NumPy's legacy generator of random numbers, the Mersenne Twister MT19937: the same seed and the
** same calls give NumPy's numbers to the last bit. The seed is a whole number from 0 to 2^32 - 1 or
** a list of them. Without one, the numbers follow from the script's root seed and from how many
** RandomStates without a seed came before: each differs, and seed(n) fixes them all.
** As numpy.random.RandomState of NumPy 1.24.
** Example: RandomState(1):normal(0, 1, { 2, 3 }) */
static int make_random_state(lua_State *L) {
  gr_lua_check_count(L, "RandomState", 0, 1);
  lua_settop(L, 1);
  seed_block(L, push_block(L), 1, "RandomState", "seed");
  return 1;
}

/* core.check_random_state(value, where, argument) -> RandomState
** For stdlib: the RandomState itself, or a new one with the value as its seed. */
static int check_random_state(lua_State *L) {
  gr_lua_check_random_state(L, 1, luaL_checkstring(L, 2), luaL_checkstring(L, 3));
  return 1;
}

/* rs:seed([seed])
** Begin anew with this seed, as RandomState(seed) does.
** As numpy.random.RandomState.seed.
** Example:
**   local rs = RandomState(1)
**   rs:seed(2) */
static int random_seed(lua_State *L) {
  RandomStateBlock *block = check_block(L, "RandomState.seed");
  gr_lua_check_count(L, "RandomState.seed", 1, 1);
  seed_block(L, block, 2, "RandomState.seed", "seed");
  return 0;
}

/* As it was made; how many numbers were drawn since is not told. */
static int random_tostring(lua_State *L) {
  const RandomStateBlock *block = test_block(L, 1);
  if (block == NULL) return gr_lua_argument_error(L, "tostring", "argument 1", "a RandomState", 1);
  if (block->origin == FROM_NUMBER)
    lua_pushfstring(L, "RandomState(%I)", (lua_Integer)block->seed);
  else lua_pushstring(L, block->origin == FROM_LIST ? "RandomState { ... }" : "RandomState()");
  return 1;
}

/* Shapes and arguments of the draws */

typedef struct Shape {
  bool is_given;  /* otherwise one number is wanted */
  int rank;
  int64_t dimensions[GR_MAX_RANK];
} Shape;

static void check_dimensions(lua_State *L, const char *where, const Shape *shape) {
  for (int i = 0; i < shape->rank; i++)
    if (shape->dimensions[i] < 0)
      gr_lua_error(L, "%s: a dimension must be 0 or more, got %d", where,
                   (int)shape->dimensions[i]);
}

static const char shape_expected[] = "a table of dimensions or a whole number";

/* NumPy's size: a table of dimensions, a whole number for one dimension, or nothing. */
static Shape check_shape(lua_State *L, int index, const char *where) {
  Shape shape = {!lua_isnoneornil(L, index), 0, {0}};
  int next;
  if (lua_istable(L, index)) {
    shape.rank = gr_lua_check_shape(L, index, where, shape.dimensions, &next);
  } else if (shape.is_given) {
    if (lua_type(L, index) != LUA_TNUMBER)
      gr_lua_argument_error(L, where, "shape", shape_expected, index);
    shape.rank = 1;
    shape.dimensions[0] = gr_lua_check_integer(L, index, where, "shape");
    if (shape.dimensions[0] < 0) gr_lua_argument_error(L, where, "shape", "0 or more", index);
  }
  check_dimensions(L, where, &shape);
  return shape;
}

static double check_number_or(lua_State *L, int index, const char *where, const char *argument,
                              double otherwise) {
  return lua_isnoneornil(L, index) ? otherwise : gr_lua_check_number(L, index, where, argument);
}

/* Push a float64 tensor of the shape. */
static gr_Tensor *push_tensor(lua_State *L, const Shape *shape, const char *where) {
  return gr_lua_new_tensor(L, GR_FLOAT64, shape->rank, shape->dimensions, where);
}

/* Real numbers */

typedef void Fill(gr_RandomState *state, double a, double b, double *out, size_t n);

enum { DRAWN_AT_ONCE = 32768 };  /* numbers between two looks at the interrupt */

static void fill_tensor(lua_State *L, gr_RandomState *state, const char *where, Fill *fill,
                        double a, double b, gr_Tensor *tensor) {
  double *out = gr_tensor_data(tensor);
  size_t n = gr_tensor_size(tensor);
  for (size_t i = 0; i < n; i += DRAWN_AT_ONCE) {
    fill(state, a, b, out + i, n - i < DRAWN_AT_ONCE ? n - i : DRAWN_AT_ONCE);
    gr_lua_check_stop(L, where);
  }
}

/* Push one number, or a tensor of the shape. */
static int push_drawn(lua_State *L, gr_RandomState *state, const char *where, Fill *fill, double a,
                      double b, const Shape *shape) {
  if (shape->is_given) {
    fill_tensor(L, state, where, fill, a, b, push_tensor(L, shape, where));
  } else {
    double number;
    fill(state, a, b, &number, 1);
    gr_lua_push_number(L, number);
  }
  return 1;
}

static void fill_gauss(gr_RandomState *state, double a, double b, double *out, size_t n) {
  (void)a;
  (void)b;
  gr_random_fill_gauss(state, out, n);
}

/* rs:random_sample([shape]) -> number or tensor
** Uniform numbers in [0, 1) with 53 bits. Without a shape a number; with one, a table of dimensions
** or a whole number for one dimension, a float64 tensor.
** As numpy.random.RandomState.random_sample.
** Example: RandomState(1):random_sample { 2, 3 } */
static int random_sample(lua_State *L) {
  static const char where[] = "RandomState.random_sample";
  gr_RandomState *state = check_state(L, where);
  gr_lua_check_count(L, where, 1, 1);
  lua_settop(L, 2);
  Shape shape = check_shape(L, 2, where);
  return push_drawn(L, state, where, gr_random_fill_uniform, 0, 1, &shape);
}

/* rs:uniform([low, high [, shape]]) -> number or tensor
** Uniform numbers in [low, high): low + (high - low) * random_sample; from 0 to 1 where nothing
** else is said. An error when high - low is not finite. Shapes as for random_sample.
** As numpy.random.RandomState.uniform.
** Example: RandomState(1):uniform(-1, 1, 5) */
static int random_uniform(lua_State *L) {
  static const char where[] = "RandomState.uniform";
  gr_RandomState *state = check_state(L, where);
  gr_lua_check_count(L, where, 1, 3);
  lua_settop(L, 4);
  double low = check_number_or(L, 2, where, "low", 0);
  double high = check_number_or(L, 3, where, "high", 1);
  if (!isfinite(high - low))
    return gr_lua_error(L, "%s: high - low must be finite, low is %f and high is %f", where, low,
                        high);
  Shape shape = check_shape(L, 4, where);
  return push_drawn(L, state, where, gr_random_fill_uniform, low, high, &shape);
}

/* rs:normal([mean, std [, shape]]) -> number or tensor
** Normal numbers: mean + std * standard_normal; mean 0 and std 1 where nothing else is said. An
** error when std is below 0 or nan. Shapes as for random_sample.
** As numpy.random.RandomState.normal.
** Example: RandomState(1):normal(10, 2, { 2, 3 }) */
static int random_normal(lua_State *L) {
  static const char where[] = "RandomState.normal";
  gr_RandomState *state = check_state(L, where);
  gr_lua_check_count(L, where, 1, 3);
  lua_settop(L, 4);
  double mean = check_number_or(L, 2, where, "mean", 0);
  double deviation = check_number_or(L, 3, where, "std", 1);
  if (!(deviation >= 0)) gr_lua_argument_error(L, where, "std", "a number not below 0", 3);
  Shape shape = check_shape(L, 4, where);
  return push_drawn(L, state, where, gr_random_fill_normal, mean, deviation, &shape);
}

/* rs:standard_normal([shape]) -> number or tensor
** Normal numbers with mean 0 and deviation 1 (the polar method, which makes two at a time: the
** second waits in the state). Shapes as for random_sample.
** As numpy.random.RandomState.standard_normal.
** Example: RandomState(1):standard_normal(5) */
static int random_standard_normal(lua_State *L) {
  static const char where[] = "RandomState.standard_normal";
  gr_RandomState *state = check_state(L, where);
  gr_lua_check_count(L, where, 1, 1);
  lua_settop(L, 2);
  Shape shape = check_shape(L, 2, where);
  return push_drawn(L, state, where, fill_gauss, 0, 1, &shape);
}

/* rs:randn([n, m, ...]) -> number or tensor
** standard_normal with the dimensions as numbers: rs:randn(2, 3) is a tensor [2, 3].
** As numpy.random.RandomState.randn.
** Example: RandomState(1):randn(2, 3) */
static int random_randn(lua_State *L) {
  static const char where[] = "RandomState.randn";
  gr_RandomState *state = check_state(L, where);
  Shape shape = {!lua_isnoneornil(L, 2), 0, {0}};
  int next = 2;
  if (shape.is_given) shape.rank = gr_lua_check_shape(L, 2, where, shape.dimensions, &next);
  if (!lua_isnoneornil(L, next)) gr_lua_argument_error(L, where, "a dimension", "a number", next);
  check_dimensions(L, where, &shape);
  return push_drawn(L, state, where, fill_gauss, 0, 1, &shape);
}

/* Integers. The core writes them into the memory of a float64 tensor, where each then becomes the
** number that it is, plus `first`. */

static void turn_into_numbers(void *memory, size_t n, int64_t first) {
  char *place = memory;
  for (size_t i = 0; i < n; i++, place += sizeof(double)) {
    int64_t integer;
    memcpy(&integer, place, sizeof integer);
    double number = (double)(integer + first);
    memcpy(place, &number, sizeof number);
  }
}

/* For low and high up to 2^53, which a double holds exactly. */
static void fill_integers(gr_RandomState *state, double low, double high, double *out, size_t n) {
  gr_random_fill_integers(NULL, state, (int64_t)low, (int64_t)high, (void *)out, n);
  turn_into_numbers(out, n, 0);
}

/* rs:randint(low [, high [, shape]]) -> integer or tensor
** Whole numbers from low to high - 1, all alike: high is excluded, as in NumPy. Without high, from
** 0 to low - 1. An error when there is no number in between, and, for a tensor, when low or high is
** beyond 2^53, up to which its numbers are exact. Shapes as for random_sample.
** As numpy.random.RandomState.randint.
** Example: RandomState(1):randint(1, 7, 10) */
static int random_randint(lua_State *L) {
  static const char where[] = "RandomState.randint";
  gr_RandomState *state = check_state(L, where);
  gr_lua_check_count(L, where, 1, 3);
  lua_settop(L, 4);
  int64_t low = gr_lua_check_integer(L, 2, where, "low"), high = low;
  if (lua_isnil(L, 3)) low = 0;
  else high = gr_lua_check_integer(L, 3, where, "high");
  if (low >= high)
    return gr_lua_error(L, "%s: low must be below high, which is excluded, got low %I and high %I",
                        where, (lua_Integer)low, (lua_Integer)high);
  Shape shape = check_shape(L, 4, where);
  if (!shape.is_given) {
    int64_t number;
    gr_random_fill_integers(NULL, state, low, high, &number, 1);
    lua_pushinteger(L, number);
    return 1;
  }
  if ((double)low < -exact || (double)high > exact)
    return gr_lua_error(L, "%s: a tensor's numbers are exact up to 2^53, got low %I and high %I",
                        where, (lua_Integer)low, (lua_Integer)high);
  return push_drawn(L, state, where, fill_integers, (double)low, (double)high, &shape);
}

/* Orders */

enum { ENTRY_WORK = 16 };  /* what an entry of a table takes, in elements of a gr_Block */

/* A whole number from 0 to 2^53: how many there are. */
static int64_t check_population(lua_State *L, int index, const char *where, const char *argument) {
  int64_t n = gr_lua_check_integer(L, index, where, argument);
  if (n < 0 || (double)n > exact)
    gr_lua_argument_error(L, where, argument, "from 0 to 2^53", index);
  return n;
}

static void check_has_rows(lua_State *L, const gr_Tensor *tensor, const char *where) {
  if (tensor->rank == 0)
    gr_lua_error(L, "%s: the tensor must have at least one axis, its shape is []", where);
}

/* Push 1 .. n in random order. */
static gr_Tensor *push_permutation(lua_State *L, gr_RandomState *state, int64_t n,
                                   const char *where) {
  gr_Tensor *order = gr_lua_new_tensor(L, GR_FLOAT64, 1, &n, where);
  gr_random_permutation(gr_lua_context(L), state, gr_tensor_data(order), (size_t)n);
  gr_lua_check_stop(L, where);
  turn_into_numbers(gr_tensor_data(order), (size_t)n, 1);
  return order;
}

/* rs:permutation(x) -> tensor
** For a whole number x the numbers 1 to x in random order (NumPy's plus 1, since indices count from
** 1), float64; for a tensor a copy with its rows, along the first axis, in random order.
** As numpy.random.RandomState.permutation.
** Example: RandomState(1):permutation(10) */
static int random_permutation(lua_State *L) {
  static const char where[] = "RandomState.permutation";
  gr_RandomState *state = check_state(L, where);
  gr_Tensor *inputs[2] = {gr_lua_test_tensor(L, 2), NULL};
  gr_lua_check_count(L, where, 1, 1);
  lua_settop(L, 2);
  if (inputs[0] == NULL) {
    if (lua_type(L, 2) != LUA_TNUMBER)
      gr_lua_argument_error(L, where, "x", "a whole number or a tensor", 2);
    push_permutation(L, state, check_population(L, 2, where, "x"), where);
    return 1;
  }
  check_has_rows(L, inputs[0], where);
  inputs[1] = push_permutation(L, state, inputs[0]->shape[0], where);
  gr_Tensor **rows = gr_lua_push_slot(L);
  gr_lua_check(L, gr_apply(gr_lua_context(L), &gr_shape_operations[GR_TAKE], inputs, NULL, rows),
               where);
  return 1;
}

static void shuffle_contiguous(lua_State *L, gr_RandomState *state, gr_Tensor *tensor,
                               const char *where) {
  size_t rows = (size_t)tensor->shape[0];
  if (rows == 0) return;
  size_t row_bytes = gr_tensor_size(tensor) / rows * gr_dtype_size(tensor->dtype);
  gr_lua_check(L, gr_random_shuffle_rows(gr_lua_context(L), state, gr_tensor_data(tensor), rows,
                                         row_bytes), where);
}

static void shuffle_tensor(lua_State *L, gr_RandomState *state, gr_Tensor *tensor,
                           const char *where) {
  check_has_rows(L, tensor, where);
  gr_Tensor *copy = gr_tensor_is_contiguous(tensor)
      ? NULL : gr_lua_new_tensor(L, tensor->dtype, tensor->rank, tensor->shape, where);
  gr_lua_check_writable(L, tensor, where);  /* here, since making the copy may run finalizers */
  if (copy == NULL) {
    tensor->storage->version++;  /* first: who is interrupted has moved some rows */
    shuffle_contiguous(L, state, tensor, where);
    return;
  }
  gr_tensor_assign(copy, tensor);
  gr_lua_check_stop(L, where);
  shuffle_contiguous(L, state, copy, where);
  gr_Context *context = gr_lua_context(L);
  bool was_unbroken = context->unbroken;
  context->unbroken = true;  /* all rows are moved, or none */
  gr_tensor_assign(tensor, copy);
  context->unbroken = was_unbroken;
}

static void shuffle_table(lua_State *L, gr_RandomState *state, const char *where) {
  size_t done = 0;
  for (lua_Integer i = luaL_len(L, 2); i > 1; i--) {
    if (gr_must_stop_after(gr_lua_context(L), ENTRY_WORK, &done)) gr_lua_check_stop(L, where);
    lua_Integer j = (lua_Integer)gr_random_bounded(state, (uint64_t)i - 1) + 1;
    lua_geti(L, 2, i);
    lua_geti(L, 2, j);
    lua_seti(L, 2, i);
    lua_seti(L, 2, j);
  }
}

/* rs:shuffle(x)
** Put the rows of a tensor, along the first axis, or the entries of a list in random order, in
** place. A view's rows are exchanged in what it views. Returns nothing, as in NumPy.
** As numpy.random.RandomState.shuffle.
** Example:
**   local x = range(10)
**   RandomState(1):shuffle(x) */
static int random_shuffle(lua_State *L) {
  static const char where[] = "RandomState.shuffle";
  gr_RandomState *state = check_state(L, where);
  gr_Tensor *tensor = gr_lua_test_tensor(L, 2);
  gr_lua_check_count(L, where, 1, 1);
  lua_settop(L, 2);
  if (tensor != NULL) shuffle_tensor(L, state, tensor, where);
  else if (lua_istable(L, 2)) shuffle_table(L, state, where);
  else gr_lua_argument_error(L, where, "x", "a tensor or a table", 2);
  return 0;
}

/* Choice */

static const char choice_name[] = "RandomState.choice";

/* How many there are to choose from at index 2: a number, a tensor of one axis, or a list. */
static int64_t check_candidates(lua_State *L) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, 2);
  char text[GR_SHAPE_TEXT];
  if (tensor != NULL) {
    if (tensor->rank != 1)
      gr_lua_error(L, "%s: the tensor must have one axis, its shape is %s", choice_name,
                   gr_tensor_shape_text(text, tensor));
    return tensor->shape[0];
  }
  if (lua_istable(L, 2)) return (int64_t)lua_rawlen(L, 2);
  if (lua_type(L, 2) != LUA_TNUMBER)
    gr_lua_argument_error(L, choice_name, "a", "a whole number, a tensor or a list", 2);
  return check_population(L, 2, choice_name, "a");
}

/* The probabilities at index 5, n of them, in a block that is pushed, or NULL and nil. */
static const double *check_probabilities(lua_State *L, int64_t n) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, 5);
  if (lua_isnil(L, 5)) {
    lua_pushnil(L);
    return NULL;
  }
  if (tensor == NULL && !lua_istable(L, 5))
    gr_lua_argument_error(L, choice_name, "p", "a list of probabilities or a tensor", 5);
  if (tensor != NULL ? tensor->rank != 1 || tensor->shape[0] != n
                     : (int64_t)lua_rawlen(L, 5) != n)
    gr_lua_error(L, "%s: p must have one probability for each of the %I candidates, got %s",
                 choice_name, (lua_Integer)n, tensor != NULL ? gr_lua_describe(L, 5)
                     : lua_pushfstring(L, "%I", (lua_Integer)lua_rawlen(L, 5)));
  double *p = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *p, 0);
  size_t done = 0;
  if (tensor != NULL) gr_tensor_gather(tensor, GR_FLOAT64, p), gr_lua_check_stop(L, choice_name);
  else for (int64_t i = 0; i < n; i++) {
    if (gr_must_stop_after(gr_lua_context(L), ENTRY_WORK, &done))
      gr_lua_check_stop(L, choice_name);
    lua_rawgeti(L, 5, i + 1);
    p[i] = gr_lua_check_number(L, -1, choice_name, "a probability");
    lua_pop(L, 1);
  }
  return p;
}

/* Push the candidate of place i, from 0. */
static void push_candidate(lua_State *L, int64_t i) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, 2);
  if (lua_istable(L, 2)) {
    lua_rawgeti(L, 2, i + 1);
  } else if (tensor == NULL) {
    lua_pushinteger(L, i + 1);
  } else {
    gr_lua_push_number(L, gr_tensor_get(tensor, i * tensor->strides[0]));
  }
}

/* Push the list of the n candidates at these places. */
static void push_chosen_entries(lua_State *L, const int64_t *places, size_t n) {
  lua_createtable(L, n > 1 << 26 ? 1 << 26 : (int)n, 0);
  for (size_t i = 0, done = 0; i < n; i++) {
    if (gr_must_stop_after(gr_lua_context(L), ENTRY_WORK, &done))
      gr_lua_check_stop(L, choice_name);
    lua_rawgeti(L, 2, places[i] + 1);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* Push what was chosen, n places in the memory of `chosen`, as a tensor of its shape. */
static void push_chosen_numbers(lua_State *L, gr_Tensor *chosen, size_t n) {
  const gr_Tensor *source = gr_lua_test_tensor(L, 2);
  if (source == NULL) {
    turn_into_numbers(gr_tensor_data(chosen), n, 1);
    return;
  }
  gr_Tensor *result =
      gr_lua_new_tensor(L, source->dtype, chosen->rank, chosen->shape, choice_name);
  const int64_t *places = gr_tensor_data(chosen);
  GR_EACH(i, gr_lua_context(L), n)
    gr_tensor_set(result, (ptrdiff_t)i, gr_tensor_get(source, places[i] * source->strides[0]));
  gr_lua_check_stop(L, choice_name);
}

/* rs:choice(a [, size [, replace [, p]]]) -> candidate or tensor or list
** Choose from 1 to a when a is a whole number, from the numbers of a tensor with one axis, or from
** the entries of a list; the numbers are NumPy's, indices plus 1. Without a size one candidate;
** with one (a whole number or a table of dimensions) a tensor, of a list a list (its size has one
** dimension). replace (true) says whether one candidate may come more than once; p, a list or
** tensor, gives each one's probability. An error when there is nothing to choose from, when more
** are wanted than there are without replacement, and when p does not sum to 1.
** As numpy.random.RandomState.choice.
** Example: RandomState(1):choice({ "red", "green", "blue" }) */
static int random_choice(lua_State *L) {
  gr_RandomState *state = check_state(L, choice_name);
  gr_lua_check_count(L, choice_name, 1, 4);
  lua_settop(L, 5);
  int64_t population = check_candidates(L), place;
  Shape shape = check_shape(L, 3, choice_name);
  if (!lua_isnil(L, 4) && !lua_isboolean(L, 4))
    gr_lua_argument_error(L, choice_name, "replace", "a boolean", 4);
  if (lua_istable(L, 2) && shape.is_given && shape.rank != 1)
    gr_lua_error(L, "%s: from a list the size must have one dimension, got %d", choice_name,
                 shape.rank);
  bool replace = lua_isnil(L, 4) || lua_toboolean(L, 4);
  const double *p = check_probabilities(L, population);
  gr_Tensor *chosen = shape.is_given ? push_tensor(L, &shape, choice_name) : NULL;
  size_t n = chosen == NULL ? 1 : gr_tensor_size(chosen);
  int64_t *places = chosen == NULL ? &place : gr_tensor_data(chosen);
  gr_lua_check(L, gr_random_choice(gr_lua_context(L), state, (size_t)population, replace, p,
                                   places, n), choice_name);
  if (chosen == NULL) push_candidate(L, place);
  else if (lua_istable(L, 2)) push_chosen_entries(L, places, n);
  else push_chosen_numbers(L, chosen, n);
  return 1;
}

/* Streams */

enum { STREAM_TAG = 0x67725374 };

typedef struct StreamBlock {
  uint64_t tag;
  gr_Stream stream;
} StreamBlock;

const gr_Stream *gr_lua_check_stream(lua_State *L, int index, const char *where,
                                     const char *argument) {
  StreamBlock *block = gr_lua_test_block(L, index, STREAM_TAG, sizeof *block);
  if (block == NULL) gr_lua_argument_error(L, where, argument, "a stream", index);
  gr_lua_context(L)->random_draws++;
  return &block->stream;
}

static const gr_Stream *check_stream(lua_State *L, const char *where) {
  return gr_lua_check_stream(L, 1, where, "argument 1");
}

/* A whole number of so many bits. */
static uint64_t check_bits(lua_State *L, int index, const char *where, const char *argument,
                           int bits) {
  int64_t value = gr_lua_check_integer(L, index, where, argument);
  if (value < 0 || value >> (bits - 1) > 1)
    gr_lua_argument_error(L, where, argument, lua_pushfstring(L, "from 0 to 2^%d - 1", bits),
                          index);
  return (uint64_t)value;
}

static uint32_t check_purpose(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) return purpose_of_word(lua_tostring(L, index));
  if (lua_type(L, index) != LUA_TNUMBER)
    gr_lua_argument_error(L, "stream", "purpose", "a string or a whole number", index);
  return (uint32_t)check_bits(L, index, "stream", "purpose", 31);
}

/* core.stream(model, place, purpose) -> stream
** The random numbers that follow from the root seed as it is now, the model's number in the script,
** the layer's place in the model, and the purpose: a word such as "kernel", or a whole number below
** 2^31. Two streams that differ in one of these have nothing to do with each other. */
static int make_stream(lua_State *L) {
  uint64_t model = check_bits(L, 1, "stream", "model", 63);
  uint32_t place = (uint32_t)check_bits(L, 2, "stream", "place", 32);
  uint32_t purpose = check_purpose(L, 3);
  StreamBlock *block = gr_lua_new_block(L, "gradus.stream", STREAM_TAG, sizeof *block);
  block->stream = gr_stream(gr_lua_context(L)->seed, model, place, purpose);
  return 1;
}

typedef void StreamFill(const gr_Context *context, const gr_Stream *stream, uint64_t step, double a,
                        double b, double *out, size_t n);

/* Push a tensor of the shape at index 3 and the type at index 6, filled in double and then cast. */
static int push_stream_drawn(lua_State *L, const char *where, StreamFill *fill, double a,
                             double b) {
  const gr_Stream *stream = check_stream(L, where);
  uint64_t step = check_bits(L, 2, where, "step", 63);
  gr_DType dtype = lua_isnoneornil(L, 6) ? gr_lua_context(L)->floatx
                                         : gr_lua_check_dtype(L, 6, where);
  Shape shape = check_shape(L, 3, where);
  if (!shape.is_given) gr_lua_argument_error(L, where, "shape", shape_expected, 3);
  gr_Tensor *drawn = push_tensor(L, &shape, where);
  fill(gr_lua_context(L), stream, step, a, b, gr_tensor_data(drawn), gr_tensor_size(drawn));
  gr_lua_check_stop(L, where);
  if (dtype == GR_FLOAT64) return 1;
  gr_Tensor *result = gr_lua_new_tensor(L, dtype, shape.rank, shape.dimensions, where);
  gr_tensor_assign(result, drawn);
  gr_lua_check_stop(L, where);
  return 1;
}

/* stream:uniform(step, shape [, low, high [, dtype]]) -> tensor
** The uniform numbers in [low, high) at this step, from 0 to 1 where nothing else is said, of the
** default type (see set_floatx) or of dtype. In float32 a number may be rounded up to high. */
static int stream_uniform(lua_State *L) {
  double low = check_number_or(L, 4, "stream.uniform", "low", 0);
  double high = check_number_or(L, 5, "stream.uniform", "high", 1);
  return push_stream_drawn(L, "stream.uniform", gr_stream_fill_uniform, low, high);
}

/* stream:normal(step, shape [, mean, std [, dtype]]) -> tensor
** The normal numbers at this step, mean 0 and deviation 1 where nothing else is said. */
static int stream_normal(lua_State *L) {
  double mean = check_number_or(L, 4, "stream.normal", "mean", 0);
  double deviation = check_number_or(L, 5, "stream.normal", "std", 1);
  return push_stream_drawn(L, "stream.normal", gr_stream_fill_normal, mean, deviation);
}

/* stream:permutation(step, order)
** Fill order, a float64 tensor [n] without gaps, with 1 to n in the order of this step. Allocates
** nothing. */
static int stream_permutation(lua_State *L) {
  static const char where[] = "stream.permutation";
  const gr_Stream *stream = check_stream(L, where);
  uint64_t step = check_bits(L, 2, where, "step", 63);
  gr_Tensor *order = gr_lua_check_tensor(L, 3, where, "order");
  if (order->dtype != GR_FLOAT64 || order->rank != 1 || !gr_tensor_is_contiguous(order) ||
      order->shape[0] > UINT32_MAX)
    return gr_lua_argument_error(L, where, "order", "a float64 tensor with one axis, no gaps and "
                                 "fewer than 2^32 elements", 3);
  gr_lua_check_writable(L, order, where);
  gr_stream_permutation(gr_lua_context(L), stream, step, gr_tensor_data(order),
                        (size_t)order->shape[0]);
  gr_lua_check_stop(L, where);
  order->storage->version++;
  return 0;
}

/* The index */

static const luaL_Reg random_methods[] = {
  {"seed", random_seed},
  {"random_sample", random_sample},
  {"uniform", random_uniform},
  {"normal", random_normal},
  {"standard_normal", random_standard_normal},
  {"randn", random_randn},
  {"randint", random_randint},
  {"permutation", random_permutation},
  {"shuffle", random_shuffle},
  {"choice", random_choice},
  {NULL, NULL}
};

static const luaL_Reg random_metamethods[] = {{"__tostring", random_tostring}, {NULL, NULL}};
static const luaL_Reg stream_metamethods[] = {{NULL, NULL}};

static const luaL_Reg stream_methods[] = {
  {"uniform", stream_uniform},
  {"normal", stream_normal},
  {"permutation", stream_permutation},
  {NULL, NULL}
};

static const luaL_Reg functions[] = {
  {"random_state", make_random_state},
  {"check_random_state", check_random_state},
  {"seed", core_seed},
  {"root_seed", core_root_seed},
  {"next_model_number", core_next_model_number},
  {"stream", make_stream},
  {NULL, NULL}
};

/* The methods' own __index: a name that none of them has. The class is upvalue 1, the list of the
** names upvalue 2. */
static int unknown_method(lua_State *L) {
  const char *class = lua_tostring(L, lua_upvalueindex(1));
  if (lua_type(L, 2) != LUA_TSTRING)
    return gr_lua_argument_error(L, class, "a method", "a name", 2);
  return gr_lua_error(L, "%s: there is no method \"%s\"%s", class, lua_tostring(L, 2),
                      gr_lua_suggestion(L, lua_tostring(L, 2), lua_upvalueindex(2)));
}

/* Register the class `name`. Its __index is the table of its methods. */
static void open_class(lua_State *L, const char *name, const luaL_Reg *metamethods,
                       const luaL_Reg *methods) {
  gr_lua_new_metatable(L, name, metamethods);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, strrchr(name, '.') + 1);
  lua_newtable(L);
  for (int i = 0; methods[i].name != NULL; i++) {
    lua_pushstring(L, methods[i].name);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcclosure(L, unknown_method, 2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void gr_lua_open_random(lua_State *L) {
  set_root_seed(L, system_seed(gr_lua_context(L)));
  luaL_setfuncs(L, functions, 0);
  open_class(L, random_state_name, random_metamethods, random_methods);
  open_class(L, "gradus.stream", stream_metamethods, stream_methods);
}

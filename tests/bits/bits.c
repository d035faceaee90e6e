/*
** bits.c: one line of text for everything the core computes, so that two builds can be compared.
**
** Each line is a name and the SHA-256 of numbers: the weights after each training run of the
** tutorial and of a deep network with every activation, the data and the random numbers, and every
** kernel on awkward sizes and values. A NaN is hashed as one canonical NaN. The lines must be those
** of tests/golden/bits.txt for every compiler, every level of optimization, every instruction set
** (GRADUS_SIMD), every number of threads (GRADUS_THREADS) and every processor; so this rests on the
** core alone and is easy to build anywhere.
**
** The training is written out as fit does it, with the same streams of random numbers, so the
** weights are also those of the script with seed(1).
*/
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels.h"
#include "core/logarithm.h"
#include "core/philox.h"
#include "core/random_state.h"
#include "core/run.h"
#include "core/regression.h"

#include "../core/sha256.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* -- lines ----------------------------------------------------------------------------------- */

/* What is to be hashed, as it grows. */
typedef struct Line {
  unsigned char *bytes;
  size_t used, room;
} Line;

static Line line;

static void give_up(const char *message) {
  fprintf(stderr, "bits: %s\n", message);
  exit(2);
}

static void must(const gr_Context *context, gr_Status status) {
  if (status != GR_OK) give_up(context->message);
}

static void add_bytes(const void *bytes, size_t n) {
  if (line.used + n > line.room) {
    line.room = 2 * (line.used + n);
    line.bytes = realloc(line.bytes, line.room);
    if (line.bytes == NULL) give_up("not enough memory");
  }
  if (n > 0) memcpy(line.bytes + line.used, bytes, n);
  line.used += n;
}

static double number_at(gr_DType t, const void *p, size_t i) {
  return t == GR_FLOAT32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static void add_numbers(gr_DType t, const void *numbers, size_t n) {
  static const uint32_t nan = UINT32_C(0x7fc00000);
  static const uint64_t wide_nan = UINT64_C(0x7ff8000000000000);
  const size_t size = gr_dtype_size(t);
  for (size_t i = 0; i < n; i++) {
    const double x = number_at(t, numbers, i);
    if (x == x) add_bytes((const unsigned char *)numbers + i * size, size);
    else add_bytes(t == GR_FLOAT32 ? (const void *)&nan : &wide_nan, size);
  }
}

static void add_doubles(const double *numbers, size_t n) { add_numbers(GR_FLOAT64, numbers, n); }

static void add_tensor(const gr_Tensor *x) {
  add_numbers(x->dtype, gr_tensor_data(x), gr_tensor_size(x));
}

/* Print what was added so far as the line of that name, and begin anew. */
static void end_line(const char *kind, const char *name, const char *detail) {
  char digest[65], title[80];
  snprintf(title, sizeof title, "%s %s%s%s", kind, name, detail[0] ? " " : "", detail);
  sha256(line.bytes == NULL ? (const unsigned char *)"" : line.bytes, line.used, digest);
  printf("%-40s %s\n", title, digest);
  line.used = 0;
}

/* -- numbers to compute with ----------------------------------------------------------------- */

static uint64_t random_state;

/* Every line begins with the same numbers, so that a new line moves no other. */
static void restart_random(void) { random_state = UINT64_C(88172645463325252); }

static uint64_t random_bits(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* From -1 to 1. */
static double random_number(void) { return (double)((int64_t)random_bits() >> 11) * 0x1p-52; }

static const double awkward[] = {
  0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 0.75, 1.5, -2.5,
  0x1p-149, -0x1p-149, 0x1.8p-140, -0x1p-127, 0x1p-126, FLT_MAX, -FLT_MAX, 0x1p24 + 1,
  0x1.fffffep22, 88.5, 88.8, -87.5, -103.5, -104.5, 1e-30, 1e30, 0x1.fffffep-1, 0x1.000002p0,
  0.69314718, DBL_MAX, -DBL_MAX, 0x1p-1074, -0x1.8p-1060, 0x1p-1022, 0x1p52 + 1, 0x1p53, 709.5,
  710.5, -745.0, -745.5, 1e300, 1e-300, 0x1.fffffffffffffp-1, 0x1.0000000000001p0, 4, -4, 1e5,
  0x1p-75, -0x1p75, 0x1p-540, 0x1p500
};
enum { PAIRS = COUNT(awkward) * COUNT(awkward), MOST = 4200 };
_Static_assert(PAIRS < MOST, "all pairs of awkward numbers fit in an array");

/* 0, 1, primes, and each vector's width with its neighbours; the blocks of a sum likewise. */
static const size_t sizes[] = {
  0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 17, 23, 31, 32, 33, 47, 61, 63, 64, 65, 127, 251,
  1023, 1024, 1025, 2049, 4099
};

typedef union Array {
  float f[MOST];
  double d[MOST];
} Array;

static Array x, y, z, slopes;

static void put(gr_DType t, Array *array, size_t i, double value) {
  if (t == GR_FLOAT32) array->f[i] = (float)value;
  else array->d[i] = value;
}

static double of_any_size(gr_DType t) {
  const int range = t == GR_FLOAT32 ? 145 : 1060;
  const int exponent = (int)(random_bits() % (2u * (unsigned)range)) - range;
  return scalbn(random_number(), exponent);
}

/* A third awkward, a third near 1, a third of any size. */
static double some_number(gr_DType t) {
  switch (random_bits() % 3) {
    case 0: return awkward[random_bits() % COUNT(awkward)];
    case 1: return random_number() * 4;
    default: return of_any_size(t);
  }
}

static double moderate_number(gr_DType t) { (void)t; return random_number() * 2; }

/* Two in three of their exponents are such that sums round, and some are subnormal. */
static double finite_number(gr_DType t) {
  if (random_bits() % 3 > 0) return random_number() * 100;
  return random_number() * (t == GR_FLOAT32 ? 0x1p-130 : 0x1p-1030);
}

static void fill(gr_DType t, Array *array, size_t n, double make(gr_DType)) {
  for (size_t i = 0; i < n; i++) put(t, array, i, make(t));
}

/* -- kernels --------------------------------------------------------------------------------- */

static const char *const type_names[GR_DTYPE_COUNT] = {"float32", "float64"};

static const char *const unary_names[GR_UNARY_COUNT] = {
  [GR_LINEAR] = "linear", [GR_RELU] = "relu", [GR_TANH] = "tanh", [GR_SIGMOID] = "sigmoid",
  [GR_EXP] = "exp", [GR_LOG] = "log", [GR_SQRT] = "sqrt", [GR_ABS] = "abs",
  [GR_NEGATE] = "negate", [GR_SQUARE] = "square", [GR_FLOOR] = "floor"
};

static const char *const binary_names[GR_BINARY_COUNT] = {
  [GR_ADD] = "add", [GR_SUBTRACT] = "subtract", [GR_MULTIPLY] = "multiply",
  [GR_DIVIDE] = "divide", [GR_POWER] = "power", [GR_FLOOR_DIVIDE] = "floor_divide",
  [GR_MODULO] = "modulo", [GR_MAXIMUM] = "maximum", [GR_MINIMUM] = "minimum",
  [GR_GREATER] = "greater", [GR_GREATER_EQUAL] = "greater_equal", [GR_LESS] = "less",
  [GR_LESS_EQUAL] = "less_equal", [GR_EQUAL] = "equal", [GR_NOT_EQUAL] = "not_equal"
};

/* A kernel that has no name above goes by its number. */
static const char *name_of(const char *const *names, int f) {
  static char number[16];
  if (names[f] != NULL) return names[f];
  snprintf(number, sizeof number, "%d", f);
  return number;
}

/* f and its derivative on the n numbers in x; in place, too. */
static void run_unary(const gr_KernelSet *k, gr_DType t, int f, size_t n) {
  k->unary[f](&y, &x, n);
  add_numbers(t, &y, n);
  fill(t, &z, n, some_number);
  k->unary_backward[f](&z, &z, &x, &y, n);
  add_numbers(t, &z, n);
}

static void hash_unary(const gr_KernelSet *k, gr_DType t, int f) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++) {
    fill(t, &x, sizes[s], some_number);
    run_unary(k, t, f, sizes[s]);
  }
  for (size_t i = 0; i < COUNT(awkward); i++) put(t, &x, i, awkward[i]);
  run_unary(k, t, f, COUNT(awkward));
  end_line("unary", name_of(unary_names, f), type_names[t]);
}

/* f and its derivatives on the numbers in x and y. */
static void run_binary(const gr_KernelSet *k, gr_DType t, int f, size_t x_step, size_t y_step,
                       size_t n) {
  k->binary[f](&z, &x, x_step, &y, y_step, n);
  add_numbers(t, &z, n);
  if (k->binary_backward_left[f] == NULL) return;
  fill(t, &slopes, n, some_number);
  k->binary_backward_left[f](&z, &slopes, &x, x_step, &y, y_step, n);
  add_numbers(t, &z, n);
  k->binary_backward_right[f](&z, &slopes, &x, x_step, &y, y_step, n);
  add_numbers(t, &z, n);
}

static void hash_binary(const gr_KernelSet *k, gr_DType t, int f) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++)
    for (size_t steps = 0; steps < 4; steps++) {
      fill(t, &x, sizes[s] + 1, some_number);
      fill(t, &y, sizes[s] + 1, some_number);
      run_binary(k, t, f, steps & 1, steps >> 1, sizes[s]);
    }
  for (size_t i = 0; i < PAIRS; i++) {
    put(t, &x, i, awkward[i / COUNT(awkward)]);
    put(t, &y, i, awkward[i % COUNT(awkward)]);
  }
  run_binary(k, t, f, 1, 1, PAIRS);
  end_line("binary", name_of(binary_names, f), type_names[t]);
}

static void hash_clip(const gr_KernelSet *k, gr_DType t) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++) {
    fill(t, &x, sizes[s], some_number);
    fill(t, &y, sizes[s], some_number);
    k->clip(&z, &x, -0.7, 1.3, sizes[s]);
    add_numbers(t, &z, sizes[s]);
    k->clip_backward(&z, &y, &x, -0.7, 1.3, sizes[s]);
    add_numbers(t, &z, sizes[s]);
  }
  end_line("clip", type_names[t], "");
}

static void hash_accumulate(const gr_KernelSet *k, gr_DType t) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++) {
    fill(t, &x, sizes[s], some_number);
    fill(t, &y, sizes[s], some_number);
    k->accumulate(&y, &x, sizes[s]);
    add_numbers(t, &y, sizes[s]);
  }
  end_line("accumulate", type_names[t], "");
}

static void hash_scaled_difference(const gr_KernelSet *k, gr_DType t) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++) {
    fill(t, &x, sizes[s], some_number);
    fill(t, &y, sizes[s], some_number);
    k->scaled_difference(&z, &x, &y, 0.3, sizes[s]);
    add_numbers(t, &z, sizes[s]);
  }
  end_line("scaled_difference", type_names[t], "");
}

static void hash_conversions(const gr_KernelSet *k, gr_DType t) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++) {
    fill(t, &x, sizes[s], some_number);
    k->widen((double *)&z, &x, sizes[s]);
    add_numbers(GR_FLOAT64, &z, sizes[s]);
    fill(GR_FLOAT64, &y, sizes[s], some_number);
    k->narrow(&z, (const double *)&y, sizes[s]);
    add_numbers(t, &z, sizes[s]);
  }
  end_line("conversions", type_names[t], "");
}

/* Sums of everything, of finite numbers (else most are NaN) and of any. */
static void run_sums(const gr_KernelSet *k, gr_DType t, size_t n, double make(gr_DType)) {
  double squares;
  fill(t, &x, n, make);
  fill(t, &y, n, make);
  k->sum(&z, &x, n);
  add_numbers(t, &z, 1);
  k->sum_squared_error(&z, &x, &y, n);
  add_numbers(t, &z, 1);
  k->sum_absolute_error(&z, &x, &y, n);
  add_numbers(t, &z, 1);
  squares = k->sum_of_squares(&x, n);
  add_doubles(&squares, 1);
}

static void hash_sums(const gr_KernelSet *k, gr_DType t) {
  restart_random();
  for (size_t s = 0; s < COUNT(sizes); s++)
    for (int times = 0; times < 5; times++) {
      run_sums(k, t, sizes[s], finite_number);
      run_sums(k, t, sizes[s], moderate_number);
      run_sums(k, t, sizes[s] % 8, some_number);
    }
  end_line("sums", type_names[t], "");
}

/* One long sum: many blocks, whose number is odd. */
static void hash_long_sum(const gr_KernelSet *k, gr_DType t) {
  enum { LONG = 1024 * 1024 + 3 * 1024 + 77 };
  const size_t size = gr_dtype_size(t);
  unsigned char *numbers = malloc(LONG * size);
  if (numbers == NULL) give_up("not enough memory");
  restart_random();
  for (size_t i = 0; i < LONG; i++) {
    put(t, &x, 0, random_number());
    memcpy(numbers + i * size, &x, size);
  }
  k->sum(&y, numbers, LONG);
  add_numbers(t, &y, 1);
  double squares = k->sum_of_squares(numbers, LONG);
  add_doubles(&squares, 1);
  end_line("long sum", type_names[t], "");
  free(numbers);
}

static void hash_sum_rows(const gr_KernelSet *k, gr_DType t) {
  static const size_t rows[] = {0, 1, 2, 3, 7, 8, 16, 31, 32, 33};
  static const size_t columns[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 25, 31, 33, 61, 65, 127};
  restart_random();
  for (size_t i = 0; i < COUNT(rows); i++)
    for (size_t j = 0; j < COUNT(columns); j++) {
      if (rows[i] * columns[j] > MOST) continue;
      fill(t, &x, rows[i] * columns[j], rows[i] < 3 ? some_number : finite_number);
      k->sum_rows(&y, &x, rows[i], columns[j]);
      add_numbers(t, &y, columns[j]);
    }
  end_line("sum_rows", type_names[t], "");
}

/* -- products -------------------------------------------------------------------------------- */

/* A matrix of numbers with its strides; `turned`: stored by columns. */
typedef struct Matrix {
  unsigned char *data;
  ptrdiff_t row, column;
} Matrix;

static Matrix new_matrix(gr_DType t, size_t rows, size_t columns, bool turned,
                         double make(gr_DType)) {
  const size_t size = gr_dtype_size(t), n = rows * columns;
  Matrix matrix = {malloc(n * size + 1), (ptrdiff_t)columns, 1};
  if (matrix.data == NULL) give_up("not enough memory");
  if (turned) { matrix.row = 1; matrix.column = (ptrdiff_t)rows; }
  for (size_t i = 0; i < n; i++) {
    put(t, &z, 0, make(t));
    memcpy(matrix.data + i * size, &z, size);
  }
  return matrix;
}

/* C = act(A . B + bias) for one shape; `form`: which of A and B are stored by columns, and whether
** there is a bias. */
static void run_product(const gr_KernelSet *k, gr_DType t, const size_t *shape, int form,
                        gr_Unary activation, double make(gr_DType)) {
  const size_t m = shape[0], n = shape[1], depth = shape[2];
  Matrix a = new_matrix(t, m, depth, form & 1, make), b = new_matrix(t, depth, n, form & 2, make);
  Matrix c = new_matrix(t, m, n, false, make), bias = new_matrix(t, 1, n, false, make);
  gr_Product product = {
    .m = m, .n = n, .k = depth, .a = a.data, .a_row = a.row, .a_column = a.column, .b = b.data,
    .b_row = b.row, .b_column = b.column, .c = c.data, .c_row = c.row,
    .bias = form & 4 ? bias.data : NULL, .activation = activation};
  product.scratch = aligned_alloc(64, (k->product_scratch(&product) + 127) / 64 * 64);
  if (product.scratch == NULL) give_up("not enough memory");
  k->product(&product);
  add_numbers(t, c.data, m * n);
  free(product.scratch);
  free(a.data);
  free(b.data);
  free(c.data);
  free(bias.data);
}

static void hash_products(const gr_KernelSet *k, gr_DType t) {
  static const size_t shapes[][3] = {
    {0, 3, 4}, {3, 0, 4}, {3, 4, 0}, {1, 1, 1}, {1, 1, 67}, {1, 17, 5}, {17, 1, 5}, {2, 3, 5},
    {3, 7, 11}, {7, 15, 31}, {8, 16, 16}, {9, 17, 17}, {32, 25, 20}, {20, 25, 32}, {32, 1, 25},
    {20, 32, 25}, {25, 1, 32}, {31, 33, 29}, {65, 63, 61}, {1, 129, 127}, {127, 1, 129},
    {37, 67, 71}, {131, 67, 101}, {41, 521, 13}, {67, 37, 389}, {137, 79, 391}
  };
  restart_random();
  for (size_t i = 0; i < COUNT(shapes); i++)
    for (int form = 0; form < 8; form++) {
      run_product(k, t, shapes[i], form, GR_LINEAR, moderate_number);
      if (shapes[i][0] < 64) run_product(k, t, shapes[i], form, GR_RELU, finite_number);
      if (shapes[i][0] < 20) run_product(k, t, shapes[i], form, GR_TANH, some_number);
    }
  end_line("product", type_names[t], "");
}

/* Products of depth 2 whose terms nearly cancel show every digit of a multiply-add. */
static void hash_multiply_add(const gr_KernelSet *k, gr_DType t) {
  restart_random();
  for (int i = 0; i < 20000; i++) {
    const double p = some_number(t), q = some_number(t);
    double r = some_number(t);
    if (i % 2) r = t == GR_FLOAT32 ? -(float)((float)p * (float)q) : -(p * q);
    if (i % 4 == 1) r *= 1 + 0x1p-20;
    put(t, &x, 0, 1);
    put(t, &x, 1, p);
    for (size_t j = 0; j < 5; j++) { put(t, &y, j, r); put(t, &y, 5 + j, q); }
    const size_t n = i % 3 ? 5 : 1;  /* as a vector, and as one number */
    k->product(&(gr_Product){.m = 1, .n = n, .k = 2, .a = &x, .a_row = 2, .a_column = 1, .b = &y,
                             .b_row = 5, .b_column = 1, .c = &z, .c_row = (ptrdiff_t)n});
    add_numbers(t, &z, n);
  }
  end_line("multiply-add", type_names[t], "");
}

/* -- updates --------------------------------------------------------------------------------- */

static void hash_sgd(const gr_KernelSet *k, gr_DType t) {
  static const gr_SgdStep steps[] = {
    {.rate = 0.01},
    {.rate = 0.01, .momentum = 0.9},
    {.rate = 0.01, .momentum = 0.9, .nesterov = true},
    {.rate = 0.1, .momentum = 0.9, .clip_value = true, .low = -0.5, .high = 0.5},
    {.rate = 0.1, .clip_value = true, .low = 0.1, .high = 0.5, .decay = 0.004},
    {.rate = 0.1, .momentum = 0.5, .nesterov = true, .clip_value = true, .low = -1, .high = 0.25,
     .decay = 0.01}
  };
  static const double scales[COUNT(steps)] = {1, 1, 0.3, 0.7, 1, 1};
  restart_random();
  for (size_t i = 0; i < COUNT(steps); i++)
    for (size_t s = 0; s < 2 * COUNT(sizes); s++) {
      const size_t n = sizes[s / 2];
      double (*const make)(gr_DType) = s % 2 ? some_number : moderate_number;
      fill(t, &x, n, make);
      fill(t, &y, n, make);
      fill(t, &z, n, make);
      const gr_SgdPart part = {&x, &z, &y, n};
      double squares = 0;
      const gr_SgdOutcome outcome = k->sgd(&part, &scales[i], s % 2 ? &squares : NULL, 1, &steps[i]);
      add_numbers(t, &x, n);
      add_numbers(t, &z, n);
      add_doubles((double[]){(double)outcome.cut, outcome.finite, squares}, 3);
    }
  end_line("sgd", type_names[t], "");
}

static void hash_kernels(const gr_Context *context) {
  for (int type = 0; type < GR_DTYPE_COUNT; type++) {
    const gr_DType t = (gr_DType)type;
    const gr_KernelSet *k = &context->kernels->of[t];
    for (int f = 0; f < GR_UNARY_COUNT; f++) hash_unary(k, t, f);
    for (int f = 0; f < GR_BINARY_COUNT; f++) hash_binary(k, t, f);
    hash_clip(k, t);
    hash_scaled_difference(k, t);
    hash_conversions(k, t);
    hash_accumulate(k, t);
    hash_sums(k, t);
    hash_long_sum(k, t);
    hash_sum_rows(k, t);
    hash_products(k, t);
    hash_multiply_add(k, t);
    hash_sgd(k, t);
  }
}

/* -- data and random numbers ----------------------------------------------------------------- */

static void hash_random(void) {
  enum { DRAWS = 20000 };
  static double draws[DRAWS];
  static int64_t order[DRAWS];
  static gr_RandomState state;
  gr_Stream stream = gr_stream(7, 3, 2, 1);
  gr_random_seed(&state, 1);
  gr_random_fill_gauss(&state, draws, DRAWS);
  add_doubles(draws, DRAWS);
  gr_random_fill_uniform(&state, -3, 5, draws, DRAWS);
  add_doubles(draws, DRAWS);
  end_line("random", "RandomState", "");
  gr_stream_fill_uniform(NULL, &stream, 1, -3, 5, draws, DRAWS);
  add_doubles(draws, DRAWS);
  gr_stream_fill_normal(NULL, &stream, 2, -3, 5, draws, DRAWS);
  add_doubles(draws, DRAWS);
  gr_stream_permutation(NULL, &stream, 3, draws, DRAWS);
  for (size_t i = 0; i < DRAWS; i++) order[i] = (int64_t)draws[i] - 1;
  add_bytes(order, sizeof order);
  end_line("random", "streams", "");
  for (size_t i = 0; i < COUNT(awkward); i++) draws[i] = gr_log(awkward[i]);
  add_doubles(draws, COUNT(awkward));
  end_line("random", "log", "");
}

/* -- training -------------------------------------------------------------------------------- */

enum { SAMPLES = 1000, FEATURES = 20, ROWS = 500, MOST_LAYERS = 32 };

static double samples[SAMPLES][FEATURES], targets[SAMPLES];

static void make_data(gr_Context *context) {
  static gr_RandomState state;
  gr_RegressionOptions options = gr_regression_defaults();
  options.n_samples = SAMPLES;
  options.n_features = FEATURES;
  options.noise = 0.1;
  gr_random_seed(&state, 1);
  must(context, gr_make_regression(context, &state, &options, samples[0], targets, NULL));
}

static void hash_data(void) {
  add_doubles(samples[0], SAMPLES * FEATURES);
  end_line("make_regression", "X", "");
  add_doubles(targets, SAMPLES);
  end_line("make_regression", "y", "");
}

/* A tensor [rows, columns] of the numbers at `from`, cast. */
static gr_Tensor *new_tensor(gr_Context *context, gr_DType t, int64_t rows, int64_t columns,
                             const double *from) {
  gr_Tensor *tensor;
  const int64_t shape[] = {rows, columns};
  must(context, gr_tensor_new(context, t, 2, shape, &tensor));
  if (from == NULL) gr_tensor_fill(tensor, 0);
  else gr_convert(context, t, gr_tensor_data(tensor), GR_FLOAT64, from, (size_t)(rows * columns));
  return tensor;
}

typedef struct Layer {
  gr_Tensor *kernel, *bias;
  gr_Unary activation;
} Layer;

typedef struct Network {
  gr_DType t;
  int depth;
  Layer layers[MOST_LAYERS];
  gr_Tensor *weights[2 * MOST_LAYERS];  /* side by side */
} Network;

/* What the word means as the purpose of a stream: see core.stream. */
static uint32_t purpose(const char *word) {
  uint32_t hash = UINT32_C(2166136261);
  for (; *word != '\0'; word++) hash = (hash ^ (unsigned char)*word) * UINT32_C(16777619);
  return hash | UINT32_C(0x80000000);
}

/* Uniform numbers up to `limit` from the layer's own stream; the bias begins at 0. */
static void add_layer(gr_Context *context, Network *network, int64_t inputs, int64_t units,
                      gr_Unary activation, double limit) {
  const int place = network->depth++;
  Layer *layer = &network->layers[place];
  gr_Stream stream = gr_stream(1, 1, (uint32_t)place + 1, purpose("weights"));
  const size_t n = (size_t)(inputs * units);
  double *numbers = malloc(n * sizeof *numbers);
  if (numbers == NULL) give_up("not enough memory");
  gr_stream_fill_uniform(NULL, &stream, 1, -limit, limit, numbers, n);
  layer->kernel = new_tensor(context, network->t, inputs, units, numbers);
  must(context, gr_tensor_new(context, network->t, 1, &units, &layer->bias));
  gr_tensor_fill(layer->bias, 0);
  layer->activation = activation;
  layer->kernel->requires_grad = layer->bias->requires_grad = true;
  network->weights[2 * place] = layer->kernel;
  network->weights[2 * place + 1] = layer->bias;
  free(numbers);
}

/* The batches of one size, with their recorded step once there is one. */
typedef struct Batch {
  gr_Tensor *inputs[2];
  gr_Recording *recording;
} Batch;

typedef struct Trainer {
  gr_Context *context;
  Network *network;
  gr_Optimizer *optimizer;
  gr_Tensor *sources[2];
  double order[ROWS];
  Batch full, rest;
  double loss_sum;
} Trainer;

/* The loss of a batch, by the same operations as in Lua. */
static gr_Tensor *loss_of(Trainer *trainer, const Batch *batch) {
  gr_Context *context = trainer->context;
  gr_Tensor *output = gr_tensor_retain(batch->inputs[0]), *loss;
  for (int i = 0; i < trainer->network->depth; i++) {
    const Layer *layer = &trainer->network->layers[i];
    gr_Tensor *next, *inputs[] = {output, layer->kernel, layer->bias};
    gr_Attributes attributes = {.activation = layer->activation};
    must(context, gr_apply(context, gr_operation_named("dense"), inputs, &attributes, &next));
    gr_tensor_release(output);
    output = next;
  }
  gr_Tensor *sides[] = {batch->inputs[1], output};
  must(context, gr_apply(context, gr_operation_named("mean_squared_error"), sides, NULL, &loss));
  gr_tensor_release(output);
  return loss;
}

/* The first step of its size, recorded while it runs. */
static void record_step(Trainer *trainer, Batch *batch, size_t first_row) {
  gr_Context *context = trainer->context;
  const size_t rows = (size_t)batch->inputs[0]->shape[0];
  for (int i = 0; i < 2; i++)
    must(context, gr_gather_rows(context, trainer->sources[i], trainer->order + first_row, rows,
                                 batch->inputs[i]));
  must(context, gr_recording_new(context, batch->inputs, 2, false, &batch->recording));
  gr_recording_begin(context, batch->recording);
  gr_Tensor *loss = loss_of(trainer, batch);
  must(context, gr_backward(context, loss));
  gr_recording_end(context);
  if (batch->recording->broken[0] != '\0') give_up(batch->recording->broken);
  must(context, gr_recording_arrange(context, trainer->network->weights,
                                     2 * (size_t)trainer->network->depth));
  must(context, gr_optimizer_step(context, trainer->optimizer));
  trainer->loss_sum += gr_tensor_get(loss, 0) * (double)rows;
  gr_tensor_release(loss);
}

static void run_batches(Trainer *trainer, Batch *batch, size_t first_row, size_t steps) {
  if (steps > 0 && batch->recording == NULL) {
    record_step(trainer, batch, first_row);
    first_row += (size_t)batch->inputs[0]->shape[0];
    steps--;
  }
  gr_Run run = {.recording = batch->recording, .optimizer = trainer->optimizer,
                .sources = {trainer->sources[0], trainer->sources[1]}, .order = trainer->order,
                .first_row = first_row, .steps = steps, .loss_sum = trainer->loss_sum};
  must(trainer->context, gr_run_steps(trainer->context, &run));
  trainer->loss_sum = run.loss_sum;
}

static Batch new_batch(gr_Context *context, gr_DType t, size_t rows) {
  Batch batch = {{new_tensor(context, t, (int64_t)rows, FEATURES, NULL),
                  new_tensor(context, t, (int64_t)rows, 1, NULL)}, NULL};
  return batch;
}

static void free_batch(Batch *batch) {
  gr_recording_free(batch->recording);
  gr_tensor_release(batch->inputs[0]);
  gr_tensor_release(batch->inputs[1]);
}

static void shuffle(Trainer *trainer, uint64_t epoch) {
  gr_Stream stream = gr_stream(1, 1, 0, purpose("shuffle"));
  gr_stream_permutation(NULL, &stream, epoch, trainer->order, ROWS);
}

/* fit(x, y, { epochs = epochs, batch_size = size }); adds the loss of each epoch to the line. */
static void fit(gr_Context *context, Network *network, gr_Optimizer *optimizer, size_t size,
                uint64_t epochs) {
  Trainer trainer = {.context = context, .network = network, .optimizer = optimizer};
  const size_t count = 2 * (size_t)network->depth;
  trainer.sources[0] = new_tensor(context, network->t, ROWS, FEATURES, samples[0]);
  trainer.sources[1] = new_tensor(context, network->t, ROWS, 1, targets);
  trainer.full = new_batch(context, network->t, size);
  trainer.rest = new_batch(context, network->t, ROWS % size);
  must(context, gr_tensors_lay_side_by_side(context, network->weights, count));
  must(context, gr_optimizer_bind(context, optimizer, network->weights, count));
  for (uint64_t epoch = 1; epoch <= epochs; epoch++) {
    trainer.loss_sum = 0;
    shuffle(&trainer, epoch);
    run_batches(&trainer, &trainer.full, 0, ROWS / size);
    run_batches(&trainer, &trainer.rest, ROWS / size * size, 1);
    add_doubles(&trainer.loss_sum, 1);
  }
  free_batch(&trainer.full);
  free_batch(&trainer.rest);
  gr_tensor_release(trainer.sources[0]);
  gr_tensor_release(trainer.sources[1]);
}

static void end_training(Network *network, gr_Optimizer *optimizer, const char *kind,
                         const char *name) {
  end_line(kind, name, "losses");
  for (int i = 0; i < 2 * network->depth; i++) add_tensor(network->weights[i]);
  end_line(kind, name, "weights");
  for (int i = 0; i < 2 * network->depth; i++) gr_tensor_release(network->weights[i]);
  gr_optimizer_free(optimizer);
}

/* 20 -> 25 relu -> 1, as in the tutorial. */
static void hash_tutorial(gr_Context *context, const char *mode) {
  Network network = {.t = GR_FLOAT32};
  gr_Optimizer optimizer;
  gr_optimizer_init(&optimizer);
  optimizer.momentum = 0.9;
  if (strcmp(mode, "clipnorm") == 0) optimizer.clipnorm = 1;
  if (strcmp(mode, "global_clipnorm") == 0) optimizer.global_clipnorm = 1;
  if (strcmp(mode, "clipvalue") == 0) {
    optimizer.clips_values = true;
    optimizer.clip_low = -5;
    optimizer.clip_high = 5;
  }
  add_layer(context, &network, FEATURES, 25, GR_RELU, sqrt(6.0 / FEATURES));
  add_layer(context, &network, 25, 1, GR_LINEAR, sqrt(6.0 / 26));
  fit(context, &network, &optimizer, 32, 100);
  end_training(&network, &optimizer, "tutorial", mode);
}

/* Every activation, twice, in layers of awkward widths. */
static void hash_deep(gr_Context *context, gr_DType t) {
  static const int64_t widths[] = {31, 33, 17, 16, 29, 23, 32, 15};
  enum { ACTIVATIONS = GR_LAST_ACTIVATION + 1, DEPTH = 2 * ACTIVATIONS };
  _Static_assert((int)DEPTH < (int)MOST_LAYERS, "all layers have room");
  Network network = {.t = t};
  gr_Optimizer optimizer;
  int64_t inputs = FEATURES;
  gr_optimizer_init(&optimizer);
  optimizer.learning_rate = 0.02;
  optimizer.momentum = 0.9;
  optimizer.nesterov = true;
  optimizer.clipnorm = 3;
  optimizer.weight_decay = 0.001;
  for (int i = 0; i < DEPTH; i++) {
    const int64_t units = widths[(size_t)i % COUNT(widths)];
    add_layer(context, &network, inputs, units, (gr_Unary)(i % ACTIVATIONS),
              sqrt(6.0 / (double)(inputs + units)));
    inputs = units;
  }
  add_layer(context, &network, inputs, 1, GR_LINEAR, sqrt(6.0 / (double)(inputs + 1)));
  fit(context, &network, &optimizer, 37, 8);
  end_training(&network, &optimizer, "deep", type_names[t]);
}

/* Layers wide enough that their products are spread over threads. */
static void hash_wide(gr_Context *context) {
  enum { WIDE = 253 };
  Network network = {.t = GR_FLOAT32};
  gr_Optimizer optimizer;
  gr_optimizer_init(&optimizer);
  optimizer.global_clipnorm = 1;
  add_layer(context, &network, FEATURES, WIDE, GR_TANH, sqrt(6.0 / (FEATURES + WIDE)));
  add_layer(context, &network, WIDE, WIDE, GR_RELU, sqrt(6.0 / WIDE));
  add_layer(context, &network, WIDE, 1, GR_LINEAR, sqrt(6.0 / WIDE));
  fit(context, &network, &optimizer, 237, 1);
  end_training(&network, &optimizer, "wide", "float32");
}

/* Functions of enough elements to be spread over threads. */
static void hash_large_functions(gr_Context *context) {
  enum { LARGE = 150001 };
  static const char *const names[] = {"exp", "log", "tanh", "sigmoid"};
  static double numbers[LARGE];
  restart_random();
  for (size_t i = 0; i < LARGE; i++) numbers[i] = random_number() * 50;
  gr_Tensor *from = new_tensor(context, GR_FLOAT32, 1, LARGE, numbers), *to;
  for (size_t i = 0; i < COUNT(names); i++) {
    must(context, gr_apply(context, gr_operation_named(names[i]), &from, NULL, &to));
    add_tensor(to);
    gr_tensor_release(to);
  }
  gr_tensor_release(from);
  end_line("wide", "functions", "");
}

static void hash_training(gr_Context *context) {
  static const char *const modes[] = {"none", "clipnorm", "global_clipnorm", "clipvalue"};
  for (size_t i = 0; i < COUNT(modes); i++) hash_tutorial(context, modes[i]);
  for (int t = 0; t < GR_DTYPE_COUNT; t++) hash_deep(context, (gr_DType)t);
  hash_wide(context);
  hash_large_functions(context);
}

int main(void) {
  static gr_Context context;
  must(&context, gr_context_init(&context));
  make_data(&context);
  hash_training(&context);
  hash_data();
  hash_random();
  hash_kernels(&context);
  gr_context_free(&context);
  free(line.bytes);
  return 0;
}

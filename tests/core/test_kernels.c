/*
** test_kernels.c: the kernels of every level that this processor runs, held to scalar formulas.
**
** Where kernels.h gives a formula in IEEE operations, the result is compared to the bit with that
** formula, written out here without vectors. The reference works in double and rounds to the
** element's type after each operation: for + - * / and sqrt on floats that is what the float
** operation gives. Where the function is our own (exp, log, tanh, sigmoid, pow), the levels are
** compared with one another to the bit, and the best one with long double's libm: 2 units in the
** last place. A NaN equals a NaN. Each output is followed by a number that must not change.
*/
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels.h"
#include "testing.h"

enum { MOST = 4200 };  /* elements in one array of the tests, guard included */

static const size_t sizes[] = {
  0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 63, 65, 1023, 1024, 1025, 4099
};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static const char *const unary_names[GR_UNARY_COUNT] = {
  "linear", "relu", "tanh", "sigmoid", "exp", "log", "sqrt", "abs", "negate", "square", "floor"
};
static const char *const binary_names[GR_BINARY_COUNT] = {
  "add", "subtract", "multiply", "divide", "power", "floor_divide", "modulo", "maximum",
  "minimum", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal"
};
static const char *const dtype_names[GR_DTYPE_COUNT] = { "float32", "float64" };

static const gr_Kernels *levels[3];
static int level_count;

/* -- elements of either type, seen as doubles ------------------------------------------------ */

typedef union Array {
  float f[MOST];
  double d[MOST];
} Array;

static Array first, second, third, fourth, result, expected;

static double get(gr_DType t, const void *p, size_t i) {
  return t == GR_FLOAT32 ? ((const float *)p)[i] : ((const double *)p)[i];
}

static void put(gr_DType t, void *p, size_t i, double x) {
  if (t == GR_FLOAT32) ((float *)p)[i] = (float)x;
  else ((double *)p)[i] = x;
}

static size_t size_of(gr_DType t) { return t == GR_FLOAT32 ? sizeof(float) : sizeof(double); }

static double rounded(gr_DType t, double x) { return t == GR_FLOAT32 ? (double)(float)x : x; }

static double reference_fma(gr_DType t, double a, double b, double c) {
  return t == GR_FLOAT32 ? fmaf((float)a, (float)b, (float)c) : fma(a, b, c);
}

static bool same(double a, double b) {
  return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static const double guard = 12345;

/* got[0..n) is want[0..n), and the guard behind it stands. */
static bool same_arrays(gr_DType t, const void *got, const void *want, size_t n, const char *what,
                        const char *level) {
  for (size_t i = 0; i < n; i++)
    if (!same(get(t, got, i), get(t, want, i))) {
      check(false, "%s %s of %s: element %zu of %zu is %a, expected %a (from %a, %a, %a)", level,
            what, dtype_names[t], i, n, get(t, got, i), get(t, want, i), get(t, &first, i),
            get(t, &second, i), get(t, &third, i));
      return false;
    }
  check(get(t, got, n) == guard, "%s %s of %s: %zu elements, and one more was written", level,
        what, dtype_names[t], n);
  return true;
}

/* -- numbers to compute with ----------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* From -1 to 1. */
static double random_number(void) { return (double)(int64_t)random_bits() * 0x1p-63; }

static const double awkward[] = {
  0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 0.75, 1.5, -2.5,
  0x1p-149, -0x1p-149, 0x1.8p-140, 0x1p-126, FLT_MAX, -FLT_MAX, 0x1p24 + 1, 0x1.fffffep22,
  88.5, 88.8, -87.5, -103.5, -104.5, 1e-30, 1e30, 0x1.fffffep-1, 0x1.000002p0, 0.69314718,
  DBL_MAX, -DBL_MAX, 0x1p-1074, -0x1.8p-1060, 0x1p-1022, 0x1p52 + 1, 0x1p53, 709.5, 710.5,
  -745.0, -745.5, 1e300, 1e-300, 0x1.fffffffffffffp-1, 0x1.0000000000001p0, 4, -4, 1e5
};
enum { AWKWARD = sizeof awkward / sizeof awkward[0] };

/* A third awkward, a third near 1, a third of any size. */
static double some_number(gr_DType t) {
  switch (random_bits() % 3) {
    case 0: return rounded(t, awkward[random_bits() % AWKWARD]);
    case 1: return rounded(t, random_number() * 4);
    default: {
      int range = t == GR_FLOAT32 ? 140 : 1040;
      return rounded(t, ldexp(random_number(), (int)(random_bits() % (2u * range)) - range));
    }
  }
}

static void fill(gr_DType t, Array *a, size_t n, double make(gr_DType)) {
  for (size_t i = 0; i < n; i++) put(t, a, i, make(t));
}

static double near_one(gr_DType t) { return rounded(t, random_number() * 2); }

/* -- one argument ---------------------------------------------------------------------------- */

/* The formulas of gr_Unary that are IEEE operations; the others have none here. */
static bool unary_reference(gr_DType t, gr_Unary f, double x, double *y) {
  switch (f) {
    case GR_LINEAR: *y = x; return true;
    case GR_RELU: *y = x <= 0 ? 0 : x; return true;
    case GR_SQRT: *y = rounded(t, sqrt(x)); return true;
    case GR_ABS: *y = fabs(x); return true;
    case GR_NEGATE: *y = -x; return true;
    case GR_SQUARE: *y = rounded(t, x * x); return true;
    case GR_FLOOR: *y = floor(x); return true;
    default: return false;
  }
}

static double unary_backward_reference(gr_DType t, gr_Unary f, double dy, double x, double y) {
  switch (f) {
    case GR_LINEAR: return dy;
    case GR_RELU: return y <= 0 ? 0 : dy;
    case GR_TANH: return rounded(t, dy * rounded(t, 1 - rounded(t, y * y)));
    case GR_SIGMOID: return rounded(t, dy * rounded(t, y * rounded(t, 1 - y)));
    case GR_EXP: return rounded(t, dy * y);
    case GR_LOG: return rounded(t, dy / x);
    case GR_SQRT: return rounded(t, dy / rounded(t, y + y));
    case GR_ABS: return x == 0 ? 0 : x > 0 ? dy : x < 0 ? -dy : NAN;
    case GR_NEGATE: return -dy;
    case GR_SQUARE: return rounded(t, dy * rounded(t, x + x));
    default: return 0;  /* floor */
  }
}

static void unary_values(const gr_Kernels *k, gr_DType t, gr_Unary f, size_t n) {
  bool known = true;
  put(t, &result, n, guard);
  k->of[t].unary[f](&result, &first, n);
  for (size_t i = 0; i < n && known; i++) {
    double y;
    known = unary_reference(t, f, get(t, &first, i), &y);
    if (known) put(t, &expected, i, y);
  }
  if (!known) levels[level_count - 1]->of[t].unary[f](&expected, &first, n);
  same_arrays(t, &result, &expected, n, unary_names[f], k->level);
  memcpy(&second, &first, sizeof first);
  put(t, &second, n, guard);
  k->of[t].unary[f](&second, &second, n);
  same_arrays(t, &second, &expected, n, "in place", k->level);
}

static void unary_derivatives(const gr_Kernels *k, gr_DType t, gr_Unary f, size_t n) {
  const void *x = f <= GR_LAST_ACTIVATION ? NULL : &second;
  fill(t, &first, n, some_number);   /* dy */
  fill(t, &second, n, some_number);  /* x */
  k->of[t].unary[f](&third, &second, n);
  for (size_t i = 0; i < n; i++)
    put(t, &expected, i, unary_backward_reference(t, f, get(t, &first, i), get(t, &second, i),
                                                  get(t, &third, i)));
  put(t, &result, n, guard);
  k->of[t].unary_backward[f](&result, &first, x, &third, n);
  same_arrays(t, &result, &expected, n, unary_names[f], k->level);
  put(t, &first, n, guard);
  k->of[t].unary_backward[f](&first, &first, x, &third, n);
  same_arrays(t, &first, &expected, n, "derivative in place", k->level);
}

static void test_unary(const gr_Kernels *k, gr_DType t) {
  for (int f = 0; f < GR_UNARY_COUNT; f++)
    for (int s = 0; s < SIZES; s++) {
      fill(t, &first, sizes[s], some_number);
      unary_values(k, t, (gr_Unary)f, sizes[s]);
      unary_derivatives(k, t, (gr_Unary)f, sizes[s]);
    }
}

/* -- two arguments --------------------------------------------------------------------------- */

static double lua_modulo(double a, double b) {
  double m = fmod(a, b);
  return m * (b > 0 ? 1 : -1) < 0 ? m + b : m;
}

static bool binary_reference(gr_DType t, gr_Binary f, double a, double b, double *y) {
  switch (f) {
    case GR_ADD: *y = rounded(t, a + b); return true;
    case GR_SUBTRACT: *y = rounded(t, a - b); return true;
    case GR_MULTIPLY: *y = rounded(t, a * b); return true;
    case GR_DIVIDE: *y = rounded(t, a / b); return true;
    case GR_FLOOR_DIVIDE: *y = floor(rounded(t, a / b)); return true;
    case GR_MODULO: *y = rounded(t, lua_modulo(a, b)); return true;
    case GR_MAXIMUM: *y = isnan(a) || isnan(b) ? NAN : a >= b ? a : b; return true;
    case GR_MINIMUM: *y = isnan(a) || isnan(b) ? NAN : a <= b ? a : b; return true;
    case GR_GREATER: *y = a > b; return true;
    case GR_GREATER_EQUAL: *y = a >= b; return true;
    case GR_LESS: *y = a < b; return true;
    case GR_LESS_EQUAL: *y = a <= b; return true;
    case GR_EQUAL: *y = a == b; return true;
    case GR_NOT_EQUAL: *y = a != b; return true;
    default: return false;  /* power */
  }
}

static double share(gr_DType t, double dy, double a, double b) {
  return isnan(a) || isnan(b) ? NAN : a > b ? dy : a == b ? rounded(t, 0.5 * dy) : 0;
}

/* dy times the derivative by a (left) or b, but for power. */
static double binary_backward_reference(gr_DType t, gr_Binary f, bool left, double dy, double a,
                                        double b) {
  switch (f) {
    case GR_ADD: return dy;
    case GR_SUBTRACT: return left ? dy : -dy;
    case GR_MULTIPLY: return rounded(t, dy * (left ? b : a));
    case GR_DIVIDE:
      return left ? rounded(t, dy / b)
                  : -rounded(t, dy * rounded(t, rounded(t, a / b) / b));
    case GR_MODULO: return left ? dy : -rounded(t, dy * floor(rounded(t, a / b)));
    case GR_MAXIMUM: return left ? share(t, dy, a, b) : share(t, dy, b, a);
    case GR_MINIMUM: return left ? share(t, dy, b, a) : share(t, dy, a, b);
    default: return 0;  /* floor_divide */
  }
}

static void binary_values(const gr_Kernels *k, gr_DType t, gr_Binary f, size_t n, size_t a_step,
                          size_t b_step) {
  const gr_Kernels *portable = levels[level_count - 1];
  fill(t, &first, n + 1, some_number);
  fill(t, &second, n + 1, some_number);
  for (size_t i = 0; i < n; i++) {
    double y = 0;
    binary_reference(t, f, get(t, &first, i * a_step), get(t, &second, i * b_step), &y);
    put(t, &expected, i, y);
  }
  if (f == GR_POWER) portable->of[t].binary[f](&expected, &first, a_step, &second, b_step, n);
  put(t, &result, n, guard);
  k->of[t].binary[f](&result, &first, a_step, &second, b_step, n);
  same_arrays(t, &result, &expected, n, binary_names[f], k->level);
  if (a_step == 1) {
    put(t, &first, n, guard);
    k->of[t].binary[f](&first, &first, 1, &second, b_step, n);
    same_arrays(t, &first, &expected, n, "in place", k->level);
  }
  else if (b_step == 1) {
    put(t, &second, n, guard);
    k->of[t].binary[f](&second, &first, 0, &second, 1, n);
    same_arrays(t, &second, &expected, n, "in place", k->level);
  }
}

static void binary_derivatives(const gr_Kernels *k, gr_DType t, gr_Binary f, size_t n,
                               size_t a_step, size_t b_step) {
  const gr_KernelSet *portable = &levels[level_count - 1]->of[t];
  for (int left = 0; left < 2; left++) {
    gr_BinaryBackward *kernel = left ? k->of[t].binary_backward_left[f]
                                     : k->of[t].binary_backward_right[f];
    fill(t, &third, n, some_number);
    for (size_t i = 0; i < n; i++)
      put(t, &expected, i,
          binary_backward_reference(t, f, left, get(t, &third, i), get(t, &first, i * a_step),
                                    get(t, &second, i * b_step)));
    if (f == GR_POWER)
      (left ? portable->binary_backward_left[f] : portable->binary_backward_right[f])(
          &expected, &third, &first, a_step, &second, b_step, n);
    put(t, &result, n, guard);
    kernel(&result, &third, &first, a_step, &second, b_step, n);
    same_arrays(t, &result, &expected, n, binary_names[f], k->level);
  }
}

static void test_binary(const gr_Kernels *k, gr_DType t) {
  for (int f = 0; f < GR_BINARY_COUNT; f++)
    for (int s = 0; s < SIZES; s++)
      for (size_t steps = 0; steps < 4; steps++) {
        binary_values(k, t, (gr_Binary)f, sizes[s], steps & 1, steps >> 1);
        if (f <= GR_LAST_DIFFERENTIABLE)
          binary_derivatives(k, t, (gr_Binary)f, sizes[s], steps & 1, steps >> 1);
      }
  check(k->of[t].binary_backward_left[GR_GREATER] == NULL, "comparisons have no derivative");
}

/* -- clipping, adding up --------------------------------------------------------------------- */

static void test_clip(const gr_Kernels *k, gr_DType t, size_t n) {
  const double low = rounded(t, -0.7), high = rounded(t, 1.3);
  fill(t, &first, n, some_number);   /* x */
  fill(t, &second, n, some_number);  /* dy */
  for (size_t i = 0; i < n; i++) {
    double x = get(t, &first, i);
    put(t, &expected, i, x < low ? low : x > high ? high : x);
  }
  put(t, &result, n, guard);
  k->of[t].clip(&result, &first, -0.7, 1.3, n);
  same_arrays(t, &result, &expected, n, "clip", k->level);
  for (size_t i = 0; i < n; i++) {
    double x = get(t, &first, i);
    put(t, &expected, i, x < low || x > high ? 0 : get(t, &second, i));
  }
  k->of[t].clip_backward(&result, &second, &first, -0.7, 1.3, n);
  same_arrays(t, &result, &expected, n, "clip's derivative", k->level);
}

static void test_scaled_difference(const gr_Kernels *k, gr_DType t, size_t n) {
  const double factor = rounded(t, 0.3);
  fill(t, &first, n, some_number);
  fill(t, &second, n, some_number);
  put(t, &result, n, guard);
  for (size_t i = 0; i < n; i++)
    put(t, &expected, i, rounded(t, get(t, &first, i) - get(t, &second, i)) * factor);
  k->of[t].scaled_difference(&result, &first, &second, 0.3, n);
  same_arrays(t, &result, &expected, n, "a scaled difference", k->level);
}

static void test_conversions(const gr_Kernels *k, gr_DType t, size_t n) {
  fill(t, &first, n, some_number);
  fill(GR_FLOAT64, &second, n, some_number);
  put(GR_FLOAT64, &result, n, guard);
  for (size_t i = 0; i < n; i++) put(GR_FLOAT64, &expected, i, get(t, &first, i));
  k->of[t].widen((double *)&result, &first, n);
  same_arrays(GR_FLOAT64, &result, &expected, n, "widen", k->level);
  put(t, &result, n, guard);
  for (size_t i = 0; i < n; i++) put(t, &expected, i, rounded(t, get(GR_FLOAT64, &second, i)));
  k->of[t].narrow(&result, (const double *)&second, n);
  same_arrays(t, &result, &expected, n, "narrow", k->level);
}

static void test_accumulate(const gr_Kernels *k, gr_DType t, size_t n) {
  fill(t, &first, n, some_number);
  fill(t, &result, n, some_number);
  put(t, &result, n, guard);
  for (size_t i = 0; i < n; i++)
    put(t, &expected, i, get(t, &result, i) + get(t, &first, i));
  k->of[t].accumulate(&result, &first, n);
  same_arrays(t, &result, &expected, n, "accumulate", k->level);
}

/* -- sums ------------------------------------------------------------------------------------ */

static double block_reference(gr_DType t, const double *terms, size_t n) {
  double lanes[16] = { 0 };
  for (size_t i = 0; i < n; i++) lanes[i % 16] = rounded(t, lanes[i % 16] + terms[i]);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] = rounded(t, lanes[2 * i] + lanes[2 * i + 1]);
  return lanes[0];
}

static double sum_reference(gr_DType t, const double *terms, size_t n) {
  size_t blocks = (n + 1023) / 1024, half = 1;
  if (blocks <= 1) return block_reference(t, terms, n);
  while (2 * half < blocks) half *= 2;
  return rounded(t, sum_reference(t, terms, half * 1024)
                    + sum_reference(t, terms + half * 1024, n - half * 1024));
}

static void test_sums(const gr_Kernels *k, gr_DType t, size_t n, bool wild) {
  size_t room = n > 0 ? n : 1;
  void *a = malloc(room * sizeof(double)), *b = malloc(room * sizeof(double));
  double *terms = malloc(room * sizeof(double)), got[3], want[3], squares;
  for (size_t i = 0; i < n; i++) {
    put(t, a, i, wild ? some_number(t) : near_one(t));
    put(t, b, i, wild ? some_number(t) : near_one(t));
  }
  for (int kind = 0; kind < 3; kind++) {
    for (size_t i = 0; i < n; i++) {
      double x = get(t, a, i), difference = rounded(t, x - get(t, b, i));
      terms[i] = kind == 0 ? x : kind == 1 ? rounded(t, difference * difference)
                                           : fabs(difference);
    }
    want[kind] = sum_reference(t, terms, n);
  }
  k->of[t].sum(&got[0], a, n);
  k->of[t].sum_squared_error(&got[1], a, b, n);
  k->of[t].sum_absolute_error(&got[2], a, b, n);
  for (int kind = 0; kind < 3; kind++)
    check(same(get(t, &got[kind], 0), want[kind]), "%s sum %d of %zu %s is %a, expected %a",
          k->level, kind, n, dtype_names[t], get(t, &got[kind], 0), want[kind]);
  for (size_t i = 0; i < n; i++) terms[i] = get(t, a, i) * get(t, a, i);
  squares = k->of[t].sum_of_squares(a, n);
  check(same(squares, sum_reference(GR_FLOAT64, terms, n)),
        "%s sum of squares of %zu %s is %a, expected %a", k->level, n, dtype_names[t], squares,
        sum_reference(GR_FLOAT64, terms, n));
  free(a), free(b), free(terms);
}

static void test_sum_rows(const gr_Kernels *k, gr_DType t, size_t rows, size_t columns) {
  fill(t, &first, rows * columns, near_one);
  for (size_t j = 0; j < columns; j++) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum = rounded(t, sum + get(t, &first, i * columns + j));
    put(t, &expected, j, sum);
  }
  put(t, &result, columns, guard);
  k->of[t].sum_rows(&result, &first, rows, columns);
  same_arrays(t, &result, &expected, columns, "sum of rows", k->level);
}

/* -- the greatest and the least -------------------------------------------------------------- */

static double extreme_reference(double a, double b, bool greatest) {
  if (isnan(a) || isnan(b)) return NAN;
  return greatest ? (b > a ? b : a) : (b < a ? b : a);
}

static double no_nan(gr_DType t) {
  double x = some_number(t);
  return isnan(x) ? 1 : x;
}

/* Mostly zeros of either sign, and what is to one side of them. */
static double zero_or(gr_DType t, double sign) {
  uint64_t bits = random_bits() % 8;
  return bits < 3 ? 0.0 : bits < 6 ? -0.0 : sign * fabs(no_nan(t));
}
static double zero_or_less(gr_DType t) { return zero_or(t, -1); }
static double zero_or_more(gr_DType t) { return zero_or(t, 1); }

static void test_extreme_of_run(const gr_Kernels *k, gr_DType t, size_t n, double make(gr_DType)) {
  fill(t, &first, n, make);
  for (int greatest = 0; greatest < 2; greatest++) {
    double want = get(t, &first, 0), got[2];
    for (size_t i = 1; i < n; i++) want = extreme_reference(want, get(t, &first, i), greatest);
    const gr_Fold *fold = greatest ? &k->of[t].greatest : &k->of[t].least;
    put(t, got, 1, guard);
    fold->run(got, &first, n);
    check(same(get(t, got, 0), want) && get(t, got, 1) == guard,
          "%s extreme %d of %zu %s is %a, expected %a", k->level, greatest, n, dtype_names[t],
          get(t, got, 0), want);
  }
}

static void test_extreme_of_rows(const gr_Kernels *k, gr_DType t, size_t rows, size_t columns,
                                 double make(gr_DType)) {
  fill(t, &first, rows * columns, make);
  for (int greatest = 0; greatest < 2; greatest++) {
    for (size_t j = 0; j < columns; j++) {
      double want = get(t, &first, j);
      for (size_t i = 1; i < rows; i++)
        want = extreme_reference(want, get(t, &first, i * columns + j), greatest);
      put(t, &expected, j, want);
    }
    put(t, &result, columns, guard);
    (greatest ? &k->of[t].greatest : &k->of[t].least)->rows(&result, &first, rows, columns);
    same_arrays(t, &result, &expected, columns, "extreme of rows", k->level);
  }
}

static void test_extremes(const gr_Kernels *k, gr_DType t) {
  static double (*const makers[])(gr_DType) = { some_number, no_nan, zero_or_less, zero_or_more };
  static const size_t columns[] = { 1, 3, 8, 15, 16, 17, 25, 33, 48, 64, 65, 150 };
  for (size_t m = 0; m < sizeof makers / sizeof makers[0]; m++) {
    for (int s = 0; s < SIZES; s++)
      for (int again = 0; again < 3 && sizes[s] > 0; again++)
        test_extreme_of_run(k, t, sizes[s], makers[m]);
    for (size_t j = 0; j < sizeof columns / sizeof columns[0]; j++)
      for (size_t rows = 1; rows < 26; rows += 4)
        test_extreme_of_rows(k, t, rows, columns[j], makers[m]);
    test_extreme_of_rows(k, t, 2, 2049, makers[m]);
  }
}

/* -- the product ----------------------------------------------------------------------------- */

typedef struct Layout { bool turned; size_t padding; } Layout;

/* A matrix of random numbers: rows (or columns, when turned) lie `padding` elements apart. */
static void *make_matrix(gr_DType t, size_t rows, size_t columns, Layout layout, ptrdiff_t *row,
                         ptrdiff_t *column) {
  size_t step = (layout.turned ? rows : columns) + layout.padding;
  size_t count = step * (layout.turned ? columns : rows);
  void *data = malloc((count + 1) * size_of(t));
  for (size_t i = 0; i < count; i++) put(t, data, i, near_one(t));
  *row = layout.turned ? 1 : (ptrdiff_t)step;
  *column = layout.turned ? (ptrdiff_t)step : 1;
  return data;
}

static double product_element(gr_DType t, const gr_KernelSet *set, const gr_Product *p, size_t i,
                              size_t j) {
  double sum = 0, y;
  for (size_t k = 0; k < p->k; k++)
    sum = reference_fma(t, get(t, p->a, i * (size_t)p->a_row + k * (size_t)p->a_column),
                        get(t, p->b, k * (size_t)p->b_row + j * (size_t)p->b_column), sum);
  if (p->bias) sum = rounded(t, sum + get(t, p->bias, j));
  if (unary_reference(t, p->activation, sum, &y)) return y;
  put(t, &y, 0, sum);
  set->unary[p->activation](&y, &y, 1);
  return get(t, &y, 0);
}

enum { WORKERS = 3 };

/* What several workers do, one after the other: the last ranges first, and each by another. */
static void spread_backward(void *data, size_t n, size_t unit, size_t grain, gr_Range *run,
                            void *range) {
  size_t step = (grain + unit - 1) / unit * unit, ranges = (n + step - 1) / step;
  (void)data;
  for (size_t i = ranges; i-- > 0;)
    run(range, i * step, n - i * step < step ? n - i * step : step, i % WORKERS);
}

/* Where the rows of C go that are handed on, and how many elements did. */
typedef struct Taken {
  unsigned char *c;
  size_t element, count;
} Taken;

static void take(void *taker, const void *c, size_t place, size_t count) {
  Taken *taken = taker;
  memcpy(taken->c + place * taken->element, c, count * taken->element);
  taken->count += count;
}

static void run_product(const gr_KernelSet *set, gr_DType t, gr_Product *p) {
  if (posix_memalign(&p->scratch, 64, set->product_scratch(p)) != 0) abort();
  for (size_t i = 0; i <= p->m * (size_t)p->c_row; i++) put(t, p->c, i, guard);
  set->product(p);
  free(p->scratch);
}

/* A product whose C, as computed before, is handed on, or else written to where it should be. */
static void test_handing_on(const gr_Kernels *k, gr_DType t, gr_Product p) {
  size_t bytes = p.m * p.n * size_of(t);
  size_t rows = (16384 / p.n + 47) / 48 * 48, turns = 4 * (p.workers > 1 ? p.workers : 1);
  bool copies = k->of[t].product_scratch(&p) > 0;
  bool should = copies && p.k <= 304 && p.n * size_of(t) <= 8192 && p.m >= 384 &&
                p.m >= turns * (rows < 192 ? rows : 192);
  const void *before = p.c;
  unsigned char *written = malloc(bytes + size_of(t));
  Taken taken = { malloc(bytes + 1), size_of(t), 0 };
  p.c = written;
  p.take = take;
  p.taker = &taken;
  run_product(&k->of[t], t, &p);
  check(taken.count == (should ? p.m * p.n : 0) &&
        memcmp(should ? taken.c : written, before, bytes) == 0,
        "%s product %zux%zux%zu of %s is not handed on as it should be", k->level, p.m, p.n, p.k,
        dtype_names[t]);
  for (size_t i = 0; should && i <= p.m * p.n; i++)
    check(get(t, p.c, i) == guard, "what is handed on is written, too");
  free(written), free(taken.c);
}

/* A product that copies B sums its columns, too, row by row. */
static void test_b_sums(const gr_Kernels *k, gr_DType t, gr_Product p) {
  bool copies = k->of[t].product_scratch(&p) > 0, right = true;
  p.b_sums = malloc((p.n + 1) * size_of(t));
  for (size_t j = 0; j <= p.n; j++) put(t, p.b_sums, j, guard);
  run_product(&k->of[t], t, &p);
  for (size_t j = 0; j <= p.n && right; j++) {
    double want = copies && j < p.n ? 0 : guard;
    for (size_t i = 0; i < p.k && copies && j < p.n; i++)
      want = rounded(t, want + get(t, p.b, i * (size_t)p.b_row + j * (size_t)p.b_column));
    right = same(get(t, p.b_sums, j), want);
    check(right, "%s product %zux%zux%zu of %s: the sum of column %zu is %a, expected %a", k->level,
          p.m, p.n, p.k, dtype_names[t], j, get(t, p.b_sums, j), want);
  }
  free(p.b_sums);
}

static void test_product(const gr_Kernels *k, gr_DType t, size_t m, size_t n, size_t depth,
                         Layout a, Layout b, bool has_bias, gr_Unary activation, size_t padding) {
  gr_Product p = { .m = m, .n = n, .k = depth, .activation = activation };
  const gr_KernelSet *set = &k->of[t];
  size_t width = n + padding, bytes = (m * width + 1) * size_of(t);
  void *c = malloc(bytes);
  ptrdiff_t none;
  bool right = true;
  p.a = make_matrix(t, m, depth, a, &p.a_row, &p.a_column);
  p.b = make_matrix(t, depth, n, b, &p.b_row, &p.b_column);
  p.bias = has_bias ? make_matrix(t, 1, n, (Layout){ false, 0 }, &none, &none) : NULL;
  p.c = c;
  p.c_row = (ptrdiff_t)width;
  run_product(set, t, &p);
  for (size_t i = 0; i < m && right; i++)
    for (size_t j = 0; j < width && right; j++) {
      double got = get(t, p.c, i * width + j);
      double want = j < n ? product_element(t, set, &p, i, j) : guard;
      right = same(got, want);
      if (!right)
        check(false, "%s product %zux%zux%zu of %s (turned %d %d, padding %zu %zu %zu): "
              "[%zu, %zu] is %a, expected %a", k->level, m, n, depth, dtype_names[t], a.turned,
              b.turned, a.padding, b.padding, padding, i, j, got, want);
    }
  check(get(t, p.c, m * width) == guard && right, "product writes past its end");
  p.workers = WORKERS;
  p.spread = spread_backward;
  p.c = malloc(bytes);
  run_product(set, t, &p);
  check(memcmp(c, p.c, bytes) == 0, "%s product %zux%zux%zu of %s: %d workers do not compute what "
        "one does", k->level, m, n, depth, dtype_names[t], WORKERS);
  test_b_sums(k, t, p);
  if (padding == 0 && m > 0 && n > 0) {
    test_handing_on(k, t, p);
    p.workers = 0;
    p.spread = NULL;
    test_b_sums(k, t, p);
    test_handing_on(k, t, p);
  }
  free((void *)p.a), free((void *)p.b), free((void *)p.bias), free(c), free(p.c);
}

/* Every layout of A and B, with padding or without. */
static void test_layouts(const gr_Kernels *k, gr_DType t, size_t m, size_t n, size_t depth) {
  static const gr_Unary activations[] = { GR_LINEAR, GR_RELU, GR_TANH };
  for (int layout = 0; layout < 4; layout++)
    for (size_t padding = 0; padding < 4; padding += 3) {
      Layout a = { layout & 1, padding }, b = { layout >> 1, padding };
      unsigned choice = (unsigned)random_bits();
      test_product(k, t, m, n, depth, a, b, choice & 1, activations[choice / 2 % 3],
                   choice >> 8 & 1);
    }
}

static void test_products(const gr_Kernels *k, gr_DType t) {
  static const size_t some[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 25, 33 };
  static const size_t depths[] = { 0, 1, 2, 20, 33 };
  for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
    for (size_t j = 0; j < sizeof some / sizeof some[0]; j++)
      for (size_t l = 0; l < sizeof depths / sizeof depths[0]; l++) {
        if ((i + j + l) % 3 != 0 && some[i] > 1 && some[j] > 1) continue;
        test_layouts(k, t, some[i], some[j], depths[l]);
      }
  test_layouts(k, t, 0, 5, 5);
  test_layouts(k, t, 5, 0, 5);
  test_layouts(k, t, 32, 25, 20);
  test_layouts(k, t, 20, 25, 32);
  test_layouts(k, t, 70, 67, 310);   /* more than one block of k */
  test_layouts(k, t, 210, 39, 17);   /* A is not copied */
  test_layouts(k, t, 75, 110, 30);   /* more than one panel of columns */
  test_layouts(k, t, 1100, 50, 63);  /* few columns of a large A */
  for (size_t m = 48; m < 54; m++) {  /* all that whole tiles of rows can leave over */
    test_product(k, t, m, 150, 140, (Layout){ false, 0 }, (Layout){ false, 0 }, true, GR_RELU, 0);
    test_layouts(k, t, m - 40, 150, 21);
  }
  test_product(k, t, 50, 130, 1024, (Layout){ false, 0 }, (Layout){ false, 0 }, true, GR_TANH, 1);
  /* C is handed on */
  test_product(k, t, 600, 1000, 9, (Layout){ true, 0 }, (Layout){ false, 0 }, true, GR_RELU, 0);
  test_product(k, t, 577, 230, 30, (Layout){ true, 0 }, (Layout){ true, 0 }, true, GR_TANH, 0);
  test_product(k, t, 768, 66, 20, (Layout){ false, 0 }, (Layout){ false, 0 }, false, GR_LINEAR, 0);
  test_product(k, t, 385, 350, 304, (Layout){ true, 0 }, (Layout){ false, 0 }, false, GR_LINEAR, 0);
  test_product(k, t, 35, 2100, 9, (Layout){ true, 0 }, (Layout){ true, 1 }, true, GR_RELU, 1);
  test_product(k, t, 400, 2060, 5, (Layout){ false, 0 }, (Layout){ true, 1 }, true, GR_RELU, 0);
  test_product(k, t, 200, 131, 530, (Layout){ false, 0 }, (Layout){ false, 0 }, true,
               GR_SIGMOID, 0);
  test_product(k, t, 20, 600, 900, (Layout){ false, 0 }, (Layout){ false, 0 }, true, GR_RELU, 0);
  test_product(k, t, 300, 130, 530, (Layout){ true, 0 }, (Layout){ true, 0 }, true, GR_TANH, 0);
  test_product(k, t, 130, 150, 1100, (Layout){ false, 0 }, (Layout){ true, 0 }, true, GR_TANH, 0);
}

/* -- one step of SGD ------------------------------------------------------------------------- */

/* Element i has scales[0] up to n / 3, and scales[1] from there. */
static gr_SgdOutcome sgd_reference(gr_DType t, Array *w, const Array *g, Array *v,
                                   const double scales[2], const gr_SgdStep *s, size_t n) {
  const double rate = rounded(t, s->rate), momentum = rounded(t, s->momentum);
  const double decay = rounded(t, s->decay * s->rate);
  const double low = rounded(t, s->low), high = rounded(t, s->high);
  gr_SgdOutcome outcome = { 0, true };
  for (size_t i = 0; i < n; i++) {
    const double scale = rounded(t, scales[i >= n / 3]);
    double weight = get(t, w, i), gradient = rounded(t, scale * get(t, g, i)), velocity;
    if (s->decay != 0) weight = rounded(t, weight - rounded(t, decay * weight));
    if (s->clip_value && (gradient < low || gradient > high)) {
      gradient = gradient < low ? low : high;
      outcome.cut++;
    }
    gradient = rounded(t, rate * gradient);
    if (s->momentum == 0) weight = rounded(t, weight - gradient);
    else {
      velocity = rounded(t, rounded(t, momentum * get(t, v, i)) - gradient);
      if (fabs(velocity) < (t == GR_FLOAT32 ? FLT_MIN : DBL_MIN)) velocity = 0;
      put(t, v, i, velocity);
      weight = s->nesterov
          ? rounded(t, rounded(t, weight + rounded(t, momentum * velocity)) - gradient)
          : rounded(t, weight + velocity);
    }
    put(t, w, i, weight);
    if (!isfinite(weight)) outcome.finite = false;
  }
  return outcome;
}

/* The elements from `from` on. */
static gr_SgdPart sgd_part(gr_DType t, bool moves, size_t from, size_t n) {
  if (t == GR_FLOAT32)
    return (gr_SgdPart){ result.f + from, moves ? third.f + from : NULL, second.f + from, n };
  return (gr_SgdPart){ result.d + from, moves ? third.d + from : NULL, second.d + from, n };
}

/* `measures`: the gradient, too, as sum_of_squares does. */
static void test_sgd(const gr_Kernels *k, gr_DType t, size_t n, const double scales[2],
                     const gr_SgdStep *step, bool measures, double make(gr_DType)) {
  const bool moves = step->momentum != 0;
  double squares[2];
  const gr_SgdPart parts[] = { sgd_part(t, moves, 0, n / 3), sgd_part(t, moves, n / 3, n - n / 3) };
  gr_SgdOutcome got, want;
  fill(t, &second, n, make);  /* g */
  fill(t, &result, n, make);  /* w */
  fill(t, &third, n, make);   /* v */
  put(t, &result, n, guard);
  put(t, &third, n, guard);
  memcpy(&expected, &result, sizeof result);
  memcpy(&fourth, &third, sizeof third);
  memcpy(&first, &result, sizeof result);
  want = sgd_reference(t, &expected, &second, &fourth, scales, step, n);
  got = k->of[t].sgd(parts, scales, measures ? squares : NULL, 2, step);
  same_arrays(t, &result, &expected, n, "sgd's w", k->level);
  same_arrays(t, &third, &fourth, n, "sgd's v", k->level);
  for (int i = 0; i < 2 && measures; i++) {
    const double wanted = k->of[t].sum_of_squares(parts[i].g, parts[i].n);
    check(same(squares[i], wanted), "%s sgd of %zu %s: squares sum up to %.17g, expected %.17g",
          k->level, n, dtype_names[t], squares[i], wanted);
  }
  check(got.cut == want.cut && got.finite == want.finite,
        "%s sgd of %zu %s: %zu cut and finite %d, expected %zu and %d", k->level, n,
        dtype_names[t], got.cut, got.finite, want.cut, want.finite);
}

static void test_sgd_steps(const gr_Kernels *k, gr_DType t) {
  static const gr_SgdStep steps[] = {
    { .rate = 0.01 },
    { .rate = 0.01, .momentum = 0.9 },
    { .rate = 0.01, .momentum = 0.9, .nesterov = true },
    { .rate = 0.1, .momentum = 0.9, .clip_value = true, .low = -0.5, .high = 0.5 },
    { .rate = 0.1, .clip_value = true, .low = 0.1, .high = 0.5, .decay = 0.004 },
    { .rate = 0.1, .momentum = 0.5, .nesterov = true, .clip_value = true, .low = -1, .high = 0.25,
      .decay = 0.01 }
  };
  static const double scales[][2] = {
    { 1, 1 }, { 1, 0.5 }, { 0.3, 1 }, { 0.7, 0.7 }, { 1, 0.1 }, { 0.2, 1 }
  };
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    for (int s = 0; s < SIZES; s++) {
      test_sgd(k, t, sizes[s], scales[i], &steps[i], s % 2 == 0, near_one);
      test_sgd(k, t, sizes[s], scales[i], &steps[i], s % 2 == 1, some_number);
      test_sgd(k, t, sizes[s], scales[i], &steps[i], s % 2 == 1, near_one);
    }
}

/* -- how near our own functions come --------------------------------------------------------- */

/* |got - want| in units of the last place that want has in this type. */
static double places(gr_DType t, double got, long double want) {
  const long double largest = t == GR_FLOAT32 ? 0x1p128L : 0x1p1024L;
  const int digits = t == GR_FLOAT32 ? 24 : 53, least = t == GR_FLOAT32 ? -149 : -1074;
  long double distance, unit;
  int exponent;
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : 1e9;
  if (fabsl(want) >= largest) return isinf(got) && (got > 0) == (want > 0) ? 0 : 1e9;
  if (want == 0) return got == 0 ? 0 : 1e9;
  frexpl(want, &exponent);
  exponent = exponent - digits < least ? least : exponent - digits;
  unit = ldexpl(1, exponent);
  distance = fabsl((isinf(got) ? (got > 0 ? largest : -largest) : got) - want);
  return (double)(distance / unit);
}

static long double true_value(gr_Unary f, long double x) {
  switch (f) {
    case GR_EXP: return expl(x);
    case GR_LOG: return logl(x);
    case GR_TANH: return tanhl(x);
    default: return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));  /* sigmoid */
  }
}

/* The same in double's libm, good enough for floats and much faster. */
static double nearly_true_value(gr_Unary f, double x) {
  switch (f) {
    case GR_EXP: return exp(x);
    case GR_LOG: return log(x);
    case GR_TANH: return tanh(x);
    default: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
  }
}

static const gr_Unary own_functions[] = { GR_EXP, GR_LOG, GR_TANH, GR_SIGMOID };

static void test_accuracy_of_floats(const gr_Kernels *k, uint32_t stride) {
  enum { BATCH = 4096 };
  for (int f = 0; f < 4; f++) {
    double worst = 0;
    float worst_at = 0;
    for (uint64_t start = 0; start < UINT64_C(1) << 32; start += (uint64_t)stride * BATCH) {
      for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t word = (uint32_t)(start + (uint64_t)i * stride);
        memcpy(&first.f[i], &word, sizeof word);
      }
      k->of[GR_FLOAT32].unary[own_functions[f]](&result, &first, BATCH);
      for (int i = 0; i < BATCH; i++) {
        double off = places(GR_FLOAT32, result.f[i],
                            nearly_true_value(own_functions[f], first.f[i]));
        if (off > worst) { worst = off; worst_at = first.f[i]; }
      }
    }
    check(worst < 2, "%s of float32 is off by %.3f at %a", unary_names[own_functions[f]], worst,
          worst_at);
    if (getenv("GRADUS_TEST_VERBOSE"))
      printf("%-8s float32  %.3f ulp at %a\n", unary_names[own_functions[f]], worst, worst_at);
  }
}

/* Where each function has something to show: any size, its own range, and near 0 or 1. */
static double argument_for(gr_Unary f) {
  uint64_t kind = random_bits() % 4;
  double x = random_number();
  if (kind == 0) return ldexp(x, (int)(random_bits() % 2100) - 1074);
  if (f == GR_LOG) return kind == 1 ? 1 + x * 0.01 : kind == 2 ? 1 + x * 0.5 : fabs(x) * 1000;
  return kind == 1 ? x : kind == 2 ? x * 20 : x * 750;
}

static void test_accuracy_of_doubles(const gr_Kernels *k, int batches) {
  enum { BATCH = 4096 };
  for (int f = 0; f < 4; f++) {
    double worst = 0, worst_at = 0;
    for (int batch = 0; batch < batches; batch++) {
      for (int i = 0; i < BATCH; i++) first.d[i] = argument_for(own_functions[f]);
      k->of[GR_FLOAT64].unary[own_functions[f]](&result, &first, BATCH);
      for (int i = 0; i < BATCH; i++) {
        double off = places(GR_FLOAT64, result.d[i], true_value(own_functions[f], first.d[i]));
        if (off > worst) { worst = off; worst_at = first.d[i]; }
      }
    }
    check(worst < 2, "%s of float64 is off by %.3f at %a", unary_names[own_functions[f]], worst,
          worst_at);
    if (getenv("GRADUS_TEST_VERBOSE"))
      printf("%-8s float64  %.3f ulp at %a\n", unary_names[own_functions[f]], worst, worst_at);
  }
}

static void test_accuracy_of_power(const gr_Kernels *k, gr_DType t, int batches) {
  enum { BATCH = 4096 };
  double worst = 0, worst_at = 0, worst_y = 0;
  for (int batch = 0; batch < batches; batch++) {
    for (int i = 0; i < BATCH; i++) {
      double x = ldexp(fabs(random_number()), (int)(random_bits() % 9) - 4);
      double y = random_number() * (random_bits() % 2 ? 3 : 900);
      if (random_bits() % 4 == 0) x = ldexp(x, (int)(random_bits() % 2000) - 1000);
      if (random_bits() % 4 == 0) x = 1 + random_number() * 1e-3, y *= 1e3;
      put(t, &first, (size_t)i, x);
      put(t, &second, (size_t)i, y);
    }
    k->of[t].binary[GR_POWER](&result, &first, 1, &second, 1, BATCH);
    for (size_t i = 0; i < BATCH; i++) {
      double x = get(t, &first, i), y = get(t, &second, i);
      double off = places(t, get(t, &result, i), powl(x, y));
      if (off > worst) { worst = off; worst_at = x; worst_y = y; }
    }
  }
  check(worst < 2, "power of %s is off by %.3f at %a, %a", dtype_names[t], worst, worst_at,
        worst_y);
  if (getenv("GRADUS_TEST_VERBOSE"))
    printf("%-8s %s  %.3f ulp at %a, %a\n", "power", dtype_names[t], worst, worst_at, worst_y);
}

/* C's pow at all pairs of awkward numbers, but for the exponents that have their own formulas. */
static void test_awkward_powers(const gr_Kernels *k, gr_DType t) {
  for (int i = 0; i < AWKWARD; i++)
    for (int j = 0; j < AWKWARD; j++) {
      double x = rounded(t, awkward[i]), y = rounded(t, awkward[j]), got[2], want;
      put(t, &got[0], 0, x);
      put(t, &got[1], 0, y);
      k->of[t].binary[GR_POWER](&got[0], &got[0], 1, &got[1], 1, 1);
      want = y == 2 ? rounded(t, x * x) : y == 1 ? x : y == -1 ? rounded(t, 1 / x)
             : rounded(t, pow(x, y));
      check(places(t, get(t, &got[0], 0), want) < 2
            && (want != 0 || signbit(get(t, &got[0], 0)) == signbit(want)),
            "%a to the power %a is %a in %s, expected %a", x, y, get(t, &got[0], 0),
            dtype_names[t], want);
    }
}

/* To the power 0.5: the square root to the bit, but for C's pow at -0 and -inf. In vectors and what
** remains of them, with the exponent as a number, as elements, and among other exponents. */
static void test_powers_of_half(const gr_Kernels *k, gr_DType t) {
  enum { COUNT = 37 };
  const double half = 0.5;
  for (int i = 0; i < AWKWARD; i++)
    for (int among = 0; among < 2; among++)
      for (size_t step = 0; step < 2; step++) {
        double x = rounded(t, awkward[i]), root = rounded(t, sqrt(x));
        double want = x == 0 ? 0 : x == -INFINITY ? INFINITY : root;
        for (size_t j = 0; j < COUNT; j++) {
          put(t, &first, j, x);
          put(t, &second, j, among && step && j % 3 == 1 ? 1.25 : half);
        }
        k->of[t].binary[GR_POWER](&result, &first, 1, &second, step, COUNT);
        for (size_t j = 0; j < COUNT; j++) {
          double got = get(t, &result, j);
          if (get(t, &second, j) != half) continue;
          check(isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want),
                "%a to the power 0.5 is %a in %s, expected %a", x, got, dtype_names[t], want);
        }
      }
}

static void check_value(const gr_Kernels *k, gr_DType t, gr_Unary f, double x, double want) {
  double y;
  put(t, &y, 0, x);
  k->of[t].unary[f](&y, &y, 1);
  check(same(get(t, &y, 0), want), "%s(%a) of %s is %a, expected %a", unary_names[f], x,
        dtype_names[t], get(t, &y, 0), want);
}

static void test_special_values(const gr_Kernels *k, gr_DType t) {
  check_value(k, t, GR_EXP, -INFINITY, 0);
  check_value(k, t, GR_EXP, INFINITY, INFINITY);
  check_value(k, t, GR_EXP, 1e4, INFINITY);
  check_value(k, t, GR_EXP, 0, 1);
  check_value(k, t, GR_LOG, 0, -INFINITY);
  check_value(k, t, GR_LOG, -0.0, -INFINITY);
  check_value(k, t, GR_LOG, -1, NAN);
  check_value(k, t, GR_LOG, -INFINITY, NAN);
  check_value(k, t, GR_LOG, INFINITY, INFINITY);
  check_value(k, t, GR_LOG, 1, 0);
  check_value(k, t, GR_TANH, -0.0, -0.0);
  check_value(k, t, GR_TANH, INFINITY, 1);
  check_value(k, t, GR_TANH, -INFINITY, -1);
  check_value(k, t, GR_SIGMOID, -INFINITY, 0);
  check_value(k, t, GR_SIGMOID, INFINITY, 1);
  check_value(k, t, GR_SIGMOID, 0, 0.5);
  for (int f = 0; f < GR_UNARY_COUNT; f++) check_value(k, t, (gr_Unary)f, NAN, NAN);
}

/* -- multiply-add where it is emulated ------------------------------------------------------- */

/* Products of depth 1 and 2 with awkward and nearly cancelling numbers show each fma. */
static void test_multiply_add(const gr_Kernels *k, gr_DType t) {
  for (int i = 0; i < 40000; i++) {
    double a[2], b[2], c, want, first_product;
    double x = some_number(t), y = some_number(t), z = some_number(t);
    if (i % 2) z = -rounded(t, x * y) * (1 + (i % 4 == 1) * 0x1p-20);
    put(t, a, 0, 1);
    put(t, a, 1, x);
    put(t, b, 0, z);
    put(t, b, 1, y);
    first_product = reference_fma(t, 1, get(t, b, 0), 0);
    want = reference_fma(t, get(t, a, 1), get(t, b, 1), first_product);
    k->of[t].product(&(gr_Product){ .m = 1, .n = 1, .k = 2, .a = a, .a_row = 2, .a_column = 1,
                                    .b = b, .b_row = 1, .b_column = 1, .c = &c, .c_row = 1 });
    check(same(get(t, &c, 0), want), "%s fma of %s: %a * %a + %a is %a, expected %a", k->level,
          dtype_names[t], x, y, z, get(t, &c, 0), want);
  }
}

/* -------------------------------------------------------------------------------------------- */

static void test_level(const gr_Kernels *k) {
  for (int type = 0; type < GR_DTYPE_COUNT; type++) {
    gr_DType t = (gr_DType)type;
    test_unary(k, t);
    test_binary(k, t);
    for (int s = 0; s < SIZES; s++) {
      test_clip(k, t, sizes[s]);
      test_scaled_difference(k, t, sizes[s]);
      test_conversions(k, t, sizes[s]);
      test_accumulate(k, t, sizes[s]);
      test_sums(k, t, sizes[s], false);
      test_sums(k, t, sizes[s], true);
    }
    test_sums(k, t, 7 * 1024 + 5, false);
    test_sums(k, t, 21 * 1024, false);
    test_sum_rows(k, t, 0, 5);
    test_sum_rows(k, t, 32, 1);
    test_sum_rows(k, t, 32, 25);
    test_sum_rows(k, t, 5, 67);
    test_sum_rows(k, t, 7, 150);
    test_extremes(k, t);
    test_products(k, t);
    test_sgd_steps(k, t);
    test_special_values(k, t);
    test_multiply_add(k, t);
  }
}

/* Arguments: the stride through all floats, and how many batches of 4,096 doubles; for a closer
** look than every build needs. With GRADUS_TEST_VERBOSE set the accuracies are printed. */
int main(int count, char **arguments) {
  static const char *const names[] = { "avx512", "avx2", "portable" };
  uint32_t stride = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 4999;
  int batches = count > 2 ? (int)strtol(arguments[2], NULL, 10) : 40;
  for (int i = 0; i < 3; i++) {
    const gr_Kernels *k = gr_kernels_choose(names[i]);
    if (k != NULL) levels[level_count++] = k;
  }
  check(level_count > 0 && gr_kernels_choose(NULL) == levels[0], "the best level is chosen");
  check(gr_kernels_choose("sse9") == NULL, "there is no level sse9");
  for (int i = 0; i < level_count; i++) test_level(levels[i]);
  test_accuracy_of_floats(levels[0], stride);
  test_accuracy_of_doubles(levels[0], batches);
  for (int t = 0; t < GR_DTYPE_COUNT; t++) {
    test_accuracy_of_power(levels[0], (gr_DType)t, batches);
    test_awkward_powers(levels[0], (gr_DType)t);
    for (int l = 0; l < level_count; l++) test_powers_of_half(levels[l], (gr_DType)t);
  }
  return finish();
}

/*
** regression.c: see regression.h.
**
** X is the larger part of memory, so it is drawn in place and walked once more: the random numbers
** are drawn in scikit-learn's order (X, truth, noise, order of rows, order of columns), and only
** then does one pass take each row, makes its y, and puts it where it belongs with its columns in
** their new order. The pass follows the cycles of the rows' permutation, so there is no second X.
*/
#include "regression.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "processor.h"

enum {
  DRAWN_AT_ONCE = 32768,  /* normal numbers between two looks at the interrupt */
  ROWS_AT_ONCE = 4096,    /* rows, likewise */
  AHEAD = 12,             /* rows that are fetched before they are needed */
  LINE = 64 / sizeof(double)
};

gr_RegressionOptions gr_regression_defaults(void) {
  return (gr_RegressionOptions){
    .n_samples = 100, .n_features = 100, .n_informative = 10, .n_targets = 1,
    .tail_strength = 0.5, .shuffle = true
  };
}

/* size * count elements of the given size, or NULL; a product that overflows counts as too much. */
static void *allocate(size_t count, size_t size) {
  if (count > SIZE_MAX / size) return NULL;
  return malloc(count == 0 ? size : count * size);
}

static gr_Status draw_normals(gr_Context *context, gr_RandomState *state, double *out, size_t n) {
  for (size_t i = 0; i < n; i += DRAWN_AT_ONCE) {
    size_t count = n - i < DRAWN_AT_ONCE ? n - i : DRAWN_AT_ONCE;
    gr_random_fill_gauss(state, out + i, count);
    if (gr_must_stop(context)) return gr_stop(context);
  }
  return GR_OK;
}

/* ---- Matrices of low rank ------------------------------------------------------------------ */

/* e^x for x <= 0, to about one unit in the last place; 0 below the normal numbers.
** x = k log(2) + r; e^r by its series to the 13th power, which leaves 4e-18 for |r| <= 0.35. */
static double exponential(double x) {
  static const double inverse_factorials[] = {
    1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
    1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1.0
  };
  if (x < -708) return 0;
  int64_t k = (int64_t)(x * 0x1.71547652b82fep0 - 0.5);
  double r = x - (double)k * 0x1.62e42fee00000p-1 - (double)k * 0x1.a39ef35793c76p-33;
  double sum = 0;
  for (int i = 0; i < 13; i++) sum = sum * r + inverse_factorials[i];
  sum = sum * r + 1;
  uint64_t bits = (uint64_t)(k + 1023) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

/* The sum of a[i] b[i], over eight lanes. */
static double dot(const double *a, const double *b, size_t n) {
  double lanes[8] = {0};
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (size_t j = 0; j < 8; j++) lanes[j] += a[i + j] * b[i + j];
  }
  for (size_t j = 0; i < n; i++, j++) lanes[j] += a[i] * b[i];
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* The reflection H = I - tau v v', v[0] = 1, with H x = (beta, 0, ...) and beta of the sign
** opposite to x[0], as LAPACK's dlarfg. Leaves beta and the rest of v in x; returns tau, which is 0
** for H = I. */
static double make_reflection(double *x, size_t n) {
  double rest = dot(x + 1, x + 1, n - 1);
  if (rest == 0) return 0;
  double norm = sqrt(x[0] * x[0] + rest), beta = x[0] > 0 ? -norm : norm;
  double tau = (beta - x[0]) / beta, scale = 1 / (x[0] - beta);
  for (size_t i = 1; i < n; i++) x[i] *= scale;
  x[0] = beta;
  return tau;
}

/* y = H y */
static void reflect(double *y, const double *v, double tau, size_t n) {
  double w = tau * (y[0] + dot(v + 1, y + 1, n - 1));
  y[0] -= w;
  for (size_t i = 1; i < n; i++) y[i] -= w * v[i];
}

/* q holds the n columns, each of m >= n numbers, of a matrix; they become the columns of Q in its
** QR decomposition, by Householder's reflections (Golub and Van Loan, 5.2). tau has room for n. */
static gr_Status orthogonalize(gr_Context *context, double *q, size_t m, size_t n, double *tau) {
  size_t done = 0;
  for (size_t k = 0; k < n; k++) {
    double *v = q + k * m + k;
    tau[k] = make_reflection(v, m - k);
    for (size_t j = k + 1; j < n && !gr_must_stop_after(context, m, &done); j++)
      reflect(q + j * m + k, v, tau[k], m - k);
    if (gr_must_stop(context)) return gr_stop(context);
  }
  for (size_t k = n; k-- > 0; ) {
    double *v = q + k * m + k;
    for (size_t j = k + 1; j < n && !gr_must_stop_after(context, m, &done); j++)
      reflect(q + j * m + k, v, tau[k], m - k);
    for (size_t i = 1; i < m - k; i++) v[i] *= -tau[k];
    v[0] = 1 - tau[k];
    for (size_t i = 0; i < k; i++) q[k * m + i] = 0;
    if (gr_must_stop(context)) return gr_stop(context);
  }
  return GR_OK;
}

/* What a normal number takes that is written far from the last, in elements of a block. */
enum { DRAW = 16 };

/* The columns of a random orthogonal basis: Q of m rows of n normal numbers, drawn row by row. */
static gr_Status draw_basis(gr_Context *context, gr_RandomState *state, double *q, size_t m,
                            size_t n, double *tau) {
  for (size_t i = 0, done = 0; i < m; i++) {
    for (size_t k = 0; k < n; k++) q[k * m + i] = gr_random_gauss(state);
    if (gr_must_stop_after(context, DRAW * n, &done)) return gr_stop(context);
  }
  return orthogonalize(context, q, m, n, tau);
}

/* X [rows, columns] = u s v': u and v hold n columns of rows and of columns numbers. */
static gr_Status multiply_out(gr_Context *context, double *X, const double *u, const double *s,
                              const double *v, size_t rows, size_t columns, size_t n) {
  for (size_t i = 0; i < rows; i++) {
    double *x = X + i * columns;
    for (size_t j = 0; j < columns; j++) x[j] = 0;
    for (size_t k = 0; k < n; k++) {
      double us = u[k * rows + i] * s[k];
      for (size_t j = 0; j < columns; j++) x[j] += us * v[k * columns + j];
    }
    if (gr_must_stop(context)) return gr_stop(context);
  }
  return GR_OK;
}

gr_Status gr_make_low_rank_matrix(gr_Context *context, gr_RandomState *state, size_t rows,
                                  size_t columns, size_t effective_rank, double tail_strength,
                                  double *X) {
  size_t n = rows < columns ? rows : columns;
  double *u = allocate(rows, n * sizeof *u), *v = allocate(columns, n * sizeof *v);
  double *s = allocate(n, sizeof *s);
  gr_Status status = GR_OK;
  if (u == NULL || v == NULL || s == NULL) {
    status = gr_fail_memory(context, (rows + columns) * n * sizeof *u);
  }
  if (status == GR_OK) status = draw_basis(context, state, u, rows, n, s);
  if (status == GR_OK) status = draw_basis(context, state, v, columns, n, s);
  if (status == GR_OK) {
    double rank = (double)effective_rank;
    for (size_t k = 0; k < n; k++) {
      double place = (double)k, share = place / rank;
      s[k] = (1 - tail_strength) * exponential(-(share * share)) +
             tail_strength * exponential(-0.1 * place / rank);
    }
    status = multiply_out(context, X, u, s, v, rows, columns, n);
  }
  free(u);
  free(v);
  free(s);
  return status;
}

/* ---- From X to y, and the shuffle ---------------------------------------------------------- */

/* What the pass over the rows knows. y holds the noise of each row until it holds its target. */
typedef struct Pass {
  double *X, *y;
  size_t n_samples, n_features, n_informative, n_targets;
  const double *truth;      /* [n_features, n_targets]; 0 from row n_informative on */
  double bias;
  bool noisy;
  int64_t *rows;            /* row i takes the place of row rows[i]; -1 once it has */
  const int64_t *columns;   /* column j takes that of columns[j] */
  double *kept_row, *kept_targets;
} Pass;

/* targets = x . truth + bias + noise. The features that do not inform would add zeros. */
GR_INLINE void make_targets(const Pass *pass, const double *x, const double *noise,
                            double *targets) {
  for (size_t t = 0; t < pass->n_targets; t++) {
    const double *truth = pass->truth + t;
    double sum = 0;
    for (size_t j = 0; j < pass->n_informative; j++, truth += pass->n_targets) {
      sum = __builtin_fma(x[j], *truth, sum);
    }
    sum += pass->bias;
    targets[t] = pass->noisy ? sum + noise[t] : sum;
  }
}

GR_INLINE void fetch(const Pass *pass, int64_t row) {
  const double *x = pass->X + (size_t)row * pass->n_features;
  for (size_t j = 0; j < pass->n_features; j += LINE) __builtin_prefetch(x + j);
}

GR_INLINE void move_row(const Pass *pass, double *to, double *to_targets, const double *from,
                        const double *from_targets) {
  make_targets(pass, from, from_targets, to_targets);
  for (size_t j = 0; j < pass->n_features; j++) to[j] = from[pass->columns[j]];
}

/* Turn the cycle that begins at `start`: row rows[i] moves to i, then i is rows[i], and so on,
** until the first row, kept aside, takes the last place. `ahead` walks the cycle in front. */
GR_INLINE gr_Status turn_cycle(gr_Context *context, const Pass *pass, int64_t start) {
  size_t width = pass->n_features, depth = pass->n_targets, moved = 0;
  int64_t i = start, ahead = start;
  memcpy(pass->kept_row, pass->X + (size_t)i * width, width * sizeof(double));
  memcpy(pass->kept_targets, pass->y + (size_t)i * depth, depth * sizeof(double));
  for (int k = 0; k < AHEAD && ahead >= 0; k++) ahead = pass->rows[ahead];
  while (pass->rows[i] != start) {
    int64_t from = pass->rows[i];
    if (ahead >= 0) {
      fetch(pass, ahead);
      ahead = pass->rows[ahead];
    }
    move_row(pass, pass->X + (size_t)i * width, pass->y + (size_t)i * depth,
             pass->X + (size_t)from * width, pass->y + (size_t)from * depth);
    pass->rows[i] = -1;
    i = from;
    if (++moved % ROWS_AT_ONCE == 0 && gr_must_stop(context)) return gr_stop(context);
  }
  pass->rows[i] = -1;
  move_row(pass, pass->X + (size_t)i * width, pass->y + (size_t)i * depth, pass->kept_row,
           pass->kept_targets);
  return GR_OK;
}

GR_INLINE gr_Status pass_shuffling(gr_Context *context, const Pass *pass) {
  for (size_t i = 0; i < pass->n_samples; i++) {
    if (pass->rows[i] < 0) continue;
    gr_Status status = turn_cycle(context, pass, (int64_t)i);
    if (status != GR_OK) return status;
  }
  return GR_OK;
}

GR_INLINE gr_Status pass_in_order(gr_Context *context, const Pass *pass) {
  for (size_t i = 0; i < pass->n_samples; i++) {
    double *targets = pass->y + i * pass->n_targets;
    make_targets(pass, pass->X + i * pass->n_features, targets, targets);
    if (i % ROWS_AT_ONCE == 0 && gr_must_stop(context)) return gr_stop(context);
  }
  return GR_OK;
}

GR_INLINE gr_Status pass_over_rows(gr_Context *context, const Pass *pass) {
  return pass->rows == NULL ? pass_in_order(context, pass) : pass_shuffling(context, pass);
}

static gr_Status run_plain(gr_Context *context, const Pass *pass) {
  return pass_over_rows(context, pass);
}

#if defined(GR_X86)

GR_AVX2 static gr_Status run_avx2(gr_Context *context, const Pass *pass) {
  return pass_over_rows(context, pass);
}

static gr_Status run(gr_Context *context, const Pass *pass) {
  return gr_has_avx2() ? run_avx2(context, pass) : run_plain(context, pass);
}

#else

static gr_Status run(gr_Context *context, const Pass *pass) { return run_plain(context, pass); }

#endif

/* ---- make_regression ----------------------------------------------------------------------- */

static gr_Status check_options(gr_Context *context, const gr_RegressionOptions *options) {
  if (options->n_samples < 1) return gr_fail(context, "n_samples must be at least 1");
  if (options->n_features < 1) return gr_fail(context, "n_features must be at least 1");
  if (options->n_targets < 1) return gr_fail(context, "n_targets must be at least 1");
  if (!(options->noise >= 0)) {
    return gr_fail(context, "noise must be 0 or more, got %g", options->noise);
  }
  if (!(options->tail_strength >= 0 && options->tail_strength <= 1)) {
    return gr_fail(context, "tail_strength must be from 0 to 1, got %g", options->tail_strength);
  }
  return GR_OK;
}

/* Everything that is drawn, in scikit-learn's order, and then the pass. `rows`, `columns` and the
** kept row have room; without a shuffle they are NULL. */
static gr_Status draw_and_pass(gr_Context *context, gr_RandomState *state,
                               const gr_RegressionOptions *options, Pass *pass, double *truth,
                               int64_t *columns) {
  size_t elements = pass->n_samples * pass->n_features;
  size_t all = pass->n_features * pass->n_targets;
  size_t informative = pass->n_informative * pass->n_targets;
  gr_Status status = options->effective_rank == 0
      ? draw_normals(context, state, pass->X, elements)
      : gr_make_low_rank_matrix(context, state, pass->n_samples, pass->n_features,
                                options->effective_rank, options->tail_strength, pass->X);
  if (status != GR_OK) return status;
  gr_random_fill_sample(state, truth, informative);
  for (size_t i = 0; i < informative; i++) truth[i] = 100 * truth[i];
  for (size_t i = informative; i < all; i++) truth[i] = 0;
  if (pass->noisy) {
    gr_random_fill_normal(state, 0, options->noise, pass->y, pass->n_samples * pass->n_targets);
  }
  if (options->shuffle) {
    gr_random_permutation(context, state, pass->rows, pass->n_samples);
    gr_random_permutation(context, state, columns, pass->n_features);
  }
  return run(context, pass);
}

static void permute_truth(const Pass *pass, double *coef) {
  size_t depth = pass->n_targets;
  for (size_t j = 0; j < pass->n_features; j++) {
    size_t from = pass->columns == NULL ? j : (size_t)pass->columns[j];
    memcpy(coef + j * depth, pass->truth + from * depth, depth * sizeof *coef);
  }
}

gr_Status gr_make_regression(gr_Context *context, gr_RandomState *state,
                             const gr_RegressionOptions *options, double *X, double *y,
                             double *coef) {
  gr_Status status = check_options(context, options);
  if (status != GR_OK) return status;
  size_t width = options->n_features, depth = options->n_targets;
  size_t informative = options->n_informative < width ? options->n_informative : width;
  /* One block: truth, the row and the targets kept aside, the orders of columns and of rows. */
  size_t doubles = width * depth + width + depth;
  size_t integers = options->shuffle ? width + options->n_samples : 0;
  double *work = allocate(doubles + integers, sizeof(double));
  if (work == NULL) return gr_fail_memory(context, (doubles + integers) * sizeof(double));
  int64_t *columns = options->shuffle ? (int64_t *)(work + doubles) : NULL;
  Pass pass = {
    .X = X, .y = y, .n_samples = options->n_samples, .n_features = width,
    .n_informative = informative, .n_targets = depth, .truth = work, .bias = options->bias,
    .noisy = options->noise > 0, .rows = columns == NULL ? NULL : columns + width,
    .columns = columns, .kept_row = work + width * depth,
    .kept_targets = work + width * depth + width
  };
  status = draw_and_pass(context, state, options, &pass, work, columns);
  if (status == GR_OK && coef != NULL) permute_truth(&pass, coef);
  free(work);
  return status;
}

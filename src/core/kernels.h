/*
** kernels.h: the loops that do all the arithmetic.
**
** A kernel works on contiguous elements of one type and knows nothing of shapes, strides or
** gradients. Each output element is a scalar formula with a fixed order of IEEE operations, so the
** vector width, the blocking and the processor change the speed and never a bit:
**
**   - a matrix product's element is fma(a[i][k], b[k][j], acc) for k from first to last, from 0;
**   - a sum goes by blocks of 1,024 elements; in a block, element i joins lane i mod 16; the lanes
**     are added pairwise (0+1, 2+3, ... then the pairs), the blocks pairwise by index likewise
**     (kernels_sums.h has it in full);
**   - a sum over rows adds the rows in order;
**   - selection compares and never uses min and max instructions, so that a NaN passes.
**
** One source, kernels.c, is compiled once for each level (portable, avx2, avx512) and, within it,
** for float and double. A processor gets the best level it runs; GRADUS_SIMD overrides.
*/
#ifndef GR_KERNELS_H
#define GR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "context.h"

/* y = f(x). The derivative of those up to GR_LAST_ACTIVATION follows from y alone. */
typedef enum gr_Unary {
  GR_LINEAR,      /* x */
  GR_RELU,        /* x <= 0 ? 0 : x; derivative at 0 is 0 */
  GR_TANH,
  GR_SIGMOID,     /* 1 / (1 + exp(-x)) */
  GR_LAST_ACTIVATION = GR_SIGMOID,
  GR_EXP,
  GR_LOG,
  GR_SQRT,
  GR_ABS,         /* derivative at 0 is 0 */
  GR_NEGATE,
  GR_SQUARE,
  GR_FLOOR,       /* derivative 0 */
  GR_UNARY_COUNT
} gr_Unary;

typedef enum gr_Binary {
  GR_ADD, GR_SUBTRACT, GR_MULTIPLY, GR_DIVIDE,
  GR_POWER,         /* C's pow; 2 is x * x, 0.5 is sqrt, 1 is x, -1 is 1 / x */
  GR_FLOOR_DIVIDE,  /* floor(a / b) as Lua's // on floats */
  GR_MODULO,        /* as Lua's % on floats: the sign of the divisor */
  GR_MAXIMUM, GR_MINIMUM,  /* a NaN on either side is handed on; half of dy to each where equal */
  GR_LAST_DIFFERENTIABLE = GR_MINIMUM,
  GR_GREATER, GR_GREATER_EQUAL, GR_LESS, GR_LESS_EQUAL, GR_EQUAL, GR_NOT_EQUAL,  /* 1 or 0 */
  GR_BINARY_COUNT
} gr_Binary;

/* y[i] = f(x[i]). y may be x. */
typedef void gr_UnaryKernel(void *y, const void *x, size_t n);

/* dx[i] = dy[i] * f'(x[i]), written with y[i] = f(x[i]) where that is shorter. x may be NULL for
** an activation. dx may be dy. */
typedef void gr_UnaryBackward(void *dx, const void *dy, const void *x, const void *y, size_t n);

/* y[i] = f(a[i * a_step], b[i * b_step]) with steps of 0 (one number for all) or 1.
** y may be a or b where that step is 1. */
typedef void gr_BinaryKernel(void *y, const void *a, size_t a_step, const void *b, size_t b_step,
                             size_t n);

/* dx[i] = dy[i] * df/da (or df/db) at a[i * a_step], b[i * b_step]. */
typedef void gr_BinaryBackward(void *dx, const void *dy, const void *a, size_t a_step,
                               const void *b, size_t b_step, size_t n);

/* Have workers run a job on ranges of 0 to n - 1, as gr_parallel does, and return when all are
** done. */
typedef void gr_Spread(void *data, size_t n, size_t unit, size_t grain, gr_Range *run, void *job);

/* Take elements `first` to first + count - 1 of a product's C, which is computed by now and stands
** at c. On any thread. */
typedef void gr_Take(void *taker, const void *c, size_t first, size_t count);

/* A product of more rows copies a large B. */
enum { GR_FEW_ROWS = 36 };

/* C [m, n] = act(A [m, k] . B [k, n] + bias [n]). Strides are in elements; C's columns have
** stride 1. k may be 0: the sums are then 0. */
typedef struct gr_Product {
  size_t m, n, k;
  const void *a;
  ptrdiff_t a_row, a_column;
  const void *b;
  ptrdiff_t b_row, b_column;
  void *c;
  ptrdiff_t c_row;
  const void *bias;     /* n elements, or NULL for none */
  gr_Unary activation;  /* GR_LINEAR for none; applied after the bias */
  void *scratch;        /* product_scratch bytes, 64-byte aligned */
  size_t workers;       /* the most that spread sets to work; 0 stands for 1 */
  gr_Spread *spread;    /* NULL: there is one worker */
  bool (*must_stop)(void *data);  /* asked between blocks; true breaks off. NULL: never */
  void *data;           /* given to both */
  gr_Take *take;        /* for a C without gaps that is used once: a large product may give it all */
  void *taker;          /* of C, some rows at a time, and leave c alone. NULL: c is written */
  void *b_sums;         /* n elements, for the sums of B's columns, as sum_rows has them; or NULL.
                        ** Only a product with scratch, that copies B, computes them */
} gr_Product;

/* n elements of a parameter, and their gradient and velocity. */
typedef struct gr_SgdPart {
  void *w, *v;
  const void *g;
  size_t n;
} gr_SgdPart;

/* One step of SGD over a part, whose gradient has a scale:
**   g' = clip(scale * g, low, high)   where clipping by value is on (clip_value)
**   momentum = 0:  w <- w - rate * g'
**   else           v <- momentum * v - rate * g',  w <- w + v
**                  with 0 for a v below the smallest normal number
**   nesterov:      w <- w + momentum * v - rate * g'  with the new v
** and, before all that, decay: w <- w - decay * rate * w where decay is not 0.
** Numbers arrive in double and are rounded once to the element's type. A scale of 1 multiplies
** nothing away. g is only read, and without momentum v is not touched. */
typedef struct gr_SgdStep {
  double rate, momentum, low, high, decay;
  bool nesterov, clip_value;
} gr_SgdStep;

typedef struct gr_SgdOutcome {
  size_t cut;   /* values that clipping by value changed */
  bool finite;  /* every new weight is finite */
} gr_SgdOutcome;

/* What makes one number of many: of n that lie side by side, written to *y; and of each column of x
** [rows, columns], written to y[j]. Of parts, 1,024 times a power of two elements each, or rows,
** the results are put together by `pair`. */
typedef struct gr_Fold {
  void (*run)(void *y, const void *x, size_t n);
  void (*rows)(void *y, const void *x, size_t rows, size_t columns);
  gr_Binary pair;
} gr_Fold;

/* All kernels for one element type. "element" is float or double. */
typedef struct gr_KernelSet {
  gr_UnaryKernel *unary[GR_UNARY_COUNT];
  gr_UnaryBackward *unary_backward[GR_UNARY_COUNT];
  gr_BinaryKernel *binary[GR_BINARY_COUNT];
  gr_BinaryBackward *binary_backward_left[GR_BINARY_COUNT];   /* NULL past */
  gr_BinaryBackward *binary_backward_right[GR_BINARY_COUNT];  /* GR_LAST_DIFFERENTIABLE */

  /* y[i] = x[i] < low ? low : x[i] > high ? high : x[i]; and its derivative, 1 from low to high. */
  void (*clip)(void *y, const void *x, double low, double high, size_t n);
  void (*clip_backward)(void *dx, const void *dy, const void *x, double low, double high,
                        size_t n);

  void (*product)(const gr_Product *product);

  /* Bytes of scratch for a product; small ones need none. */
  size_t (*product_scratch)(const gr_Product *product);

  /* The sum of n elements in the fixed order, written to *y (one element; 0 when n is 0). */
  void (*sum)(void *y, const void *x, size_t n);
  /* The sum over i of (a[i] - b[i])^2, and of |a[i] - b[i]|, in the same order. */
  void (*sum_squared_error)(void *y, const void *a, const void *b, size_t n);
  void (*sum_absolute_error)(void *y, const void *a, const void *b, size_t n);
  /* y[j] = x[0][j] + x[1][j] + ... in this order: x is [rows, columns]; 0 when rows is 0. */
  void (*sum_rows)(void *y, const void *x, size_t rows, size_t columns);
  /* The sum of squares, computed in double in the order of a sum. */
  double (*sum_of_squares)(const void *x, size_t n);

  /* The greatest and the least of one or more. A NaN is handed on; of equal ones the first
  ** counts. */
  gr_Fold greatest, least;

  /* y[i] = (a[i] - b[i]) * factor */
  void (*scaled_difference)(void *y, const void *a, const void *b, double factor, size_t n);
  /* y[i] = x[i] as a double, and a double as an element, rounded once. */
  void (*widen)(double *y, const void *x, size_t n);
  void (*narrow)(void *y, const double *x, size_t n);

  /* y[i] += x[i] */
  void (*accumulate)(void *y, const void *x, size_t n);

  /* y[i] = row rows[i] of x, counted from 1: `columns` elements side by side; x_row elements lead
  ** from one row of x to the next. */
  void (*take_rows)(void *y, const void *x, ptrdiff_t x_row, const double *rows, size_t count,
                    size_t columns);

  /* `squares`: NULL, or room for the sum of the squares of each part's g, as above. */
  gr_SgdOutcome (*sgd)(const gr_SgdPart *parts, const double *scales, double *squares,
                       size_t count, const gr_SgdStep *step);
} gr_KernelSet;

typedef struct gr_Kernels {
  const char *level;  /* "portable", "avx2", "avx512" */
  gr_KernelSet of[GR_DTYPE_COUNT];
} gr_Kernels;

/* The best set that this processor runs; `level` names another one, or is NULL.
** NULL when there is no such level or the processor cannot run it. */
const gr_Kernels *gr_kernels_choose(const char *level);

#endif

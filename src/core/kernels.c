/*
** kernels.c: all kernels of one level, for float and for double; see kernels.h.
**
** The Makefile compiles this file once for each level with GR_LEVEL set to portable, avx2 or
** avx512. kernels_<level>.h holds the level's vectors, and is all that differs between levels.
** kernels_float.h and kernels_double.h hold the constants of exp and log. Most other files are
** written for an ELEMENT and included twice. The end of this file is the index.
*/
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#if FLT_EVAL_METHOD != 0
#error "kernels: the arithmetic must be done in the type that is written"
#endif

/* A word of the vectors: always a part of the loop that uses it. */
#define WORD static inline __attribute__((always_inline, unused))

/* A function of its own, so that it takes no registers from the one that calls it. */
#define APART static __attribute__((noinline))

/* Before a loop of few, known steps over an array that is to live in registers. */
#if defined __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* Before a loop of so little work that its own counting is half of it. */
#if defined __clang__
#define BY_FOUR _Pragma("clang loop unroll_count(4)")
#else
#define BY_FOUR _Pragma("GCC unroll 4")
#endif

/* Let the compiler know nothing of a variable, so that what follows from it is computed here, and
** does not take registers from the loop before. */
#define FORGET(x) __asm__ volatile("" : "+r"(x))

/* Processors foresee a walk through memory by themselves, but not across the end of a page, and not
** far enough for a long computation to hide the waiting. Where an array is too large for the
** nearest caches, it pays to ask for what comes next. */
WORD bool is_far(size_t bytes) { return bytes > 65536; }

WORD void fetch_ahead(const void *p) {
  enum { AHEAD = 2048 };  /* bytes */
  __builtin_prefetch((const void *)((uintptr_t)p + AHEAD));
}

#define LEVEL_NUMBER_portable 0
#define LEVEL_NUMBER_avx2 2
#define LEVEL_NUMBER_avx512 512
#define LEVEL_NUMBER_JOINED(level) LEVEL_NUMBER_##level
#define LEVEL_NUMBER(level) LEVEL_NUMBER_JOINED(level)

#if LEVEL_NUMBER(GR_LEVEL) == 512
#include "kernels_avx512.h"
#elif LEVEL_NUMBER(GR_LEVEL) == 2
#include "kernels_avx2.h"
#else
#include "kernels_portable.h"
#endif

typedef uint32_t word_float;
typedef uint64_t word_double;

#include "kernels_remainder.h"
#include "kernels_names.h"

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t rounded_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

/* In the order of gr_Unary. */
#define UNARY_KERNELS(T) { \
  NAME_OF(linear_kernel, T), NAME_OF(rectified_kernel, T), \
  NAME_OF(hyperbolic_tangent_kernel, T), NAME_OF(logistic_kernel, T), \
  NAME_OF(exponential_kernel, T), NAME_OF(logarithm_kernel, T), NAME_OF(root_kernel, T), \
  NAME_OF(magnitude_kernel, T), NAME_OF(negated_kernel, T), NAME_OF(squared_kernel, T), \
  NAME_OF(rounded_down_kernel, T) \
}

#define ELEMENT float
#include "kernels_functions.h"
#include "kernels_float.h"
#include "kernels_exponential.h"
#undef ELEMENT

#define ELEMENT double
#define LOAD_WIDE load_double
#define STORE_NARROW store_double
#include "kernels_functions.h"
#include "kernels_double.h"
#include "kernels_exponential.h"
#include "kernels_power.h"
#include "kernels_elementwise.h"
#include "kernels_power_loops.h"
#include "kernels_sums.h"
#include "kernels_squares.h"
#include "kernels_sgd.h"
#include "kernels_rows.h"
#include "kernels_extremes.h"
#include "kernels_turn.h"
#include "kernels_product.h"
#undef ELEMENT
#undef LOAD_WIDE
#undef STORE_NARROW

#define ELEMENT float
#define LOAD_WIDE load_wide
#define STORE_NARROW store_narrow
#include "kernels_elementwise.h"
#include "kernels_power_loops.h"
#include "kernels_sums.h"
#include "kernels_squares.h"
#include "kernels_sgd.h"
#include "kernels_rows.h"
#include "kernels_extremes.h"
#include "kernels_turn.h"
#include "kernels_product.h"
#undef ELEMENT

/* -- the index ------------------------------------------------------------------------------- */

#define UNARY_BACKWARD_KERNELS(T) { \
  NAME_OF(linear_backward_kernel, T), NAME_OF(rectified_backward_kernel, T), \
  NAME_OF(hyperbolic_tangent_backward_kernel, T), NAME_OF(logistic_backward_kernel, T), \
  NAME_OF(exponential_backward_kernel, T), NAME_OF(logarithm_backward_kernel, T), \
  NAME_OF(root_backward_kernel, T), NAME_OF(magnitude_backward_kernel, T), \
  NAME_OF(negated_backward_kernel, T), NAME_OF(squared_backward_kernel, T), \
  NAME_OF(rounded_down_backward_kernel, T) \
}

#define KERNEL_SET(T) { \
  .unary = UNARY_KERNELS(T), \
  .unary_backward = UNARY_BACKWARD_KERNELS(T), \
  .binary = { \
    [GR_ADD] = NAME_OF(add_kernel, T), \
    [GR_SUBTRACT] = NAME_OF(subtract_kernel, T), \
    [GR_MULTIPLY] = NAME_OF(multiply_kernel, T), \
    [GR_DIVIDE] = NAME_OF(divide_kernel, T), \
    [GR_POWER] = NAME_OF(power_kernel, T), \
    [GR_FLOOR_DIVIDE] = NAME_OF(floor_divide_kernel, T), \
    [GR_MODULO] = NAME_OF(modulo_kernel, T), \
    [GR_MAXIMUM] = NAME_OF(maximum_kernel, T), \
    [GR_MINIMUM] = NAME_OF(minimum_kernel, T), \
    [GR_GREATER] = NAME_OF(greater_kernel, T), \
    [GR_GREATER_EQUAL] = NAME_OF(greater_equal_kernel, T), \
    [GR_LESS] = NAME_OF(is_less_kernel, T), \
    [GR_LESS_EQUAL] = NAME_OF(is_less_equal_kernel, T), \
    [GR_EQUAL] = NAME_OF(is_equal_kernel, T), \
    [GR_NOT_EQUAL] = NAME_OF(is_not_equal_kernel, T) \
  }, \
  .binary_backward_left = { \
    [GR_ADD] = NAME_OF(same_backward_kernel, T), \
    [GR_SUBTRACT] = NAME_OF(same_backward_kernel, T), \
    [GR_MULTIPLY] = NAME_OF(multiply_left_kernel, T), \
    [GR_DIVIDE] = NAME_OF(divide_left_kernel, T), \
    [GR_POWER] = NAME_OF(power_left_kernel, T), \
    [GR_FLOOR_DIVIDE] = NAME_OF(zero_backward_kernel, T), \
    [GR_MODULO] = NAME_OF(same_backward_kernel, T), \
    [GR_MAXIMUM] = NAME_OF(greater_share_kernel, T), \
    [GR_MINIMUM] = NAME_OF(less_share_kernel, T) \
  }, \
  .binary_backward_right = { \
    [GR_ADD] = NAME_OF(same_backward_kernel, T), \
    [GR_SUBTRACT] = NAME_OF(opposite_backward_kernel, T), \
    [GR_MULTIPLY] = NAME_OF(multiply_right_kernel, T), \
    [GR_DIVIDE] = NAME_OF(divide_right_kernel, T), \
    [GR_POWER] = NAME_OF(power_right_kernel, T), \
    [GR_FLOOR_DIVIDE] = NAME_OF(zero_backward_kernel, T), \
    [GR_MODULO] = NAME_OF(modulo_right_kernel, T), \
    [GR_MAXIMUM] = NAME_OF(less_share_kernel, T), \
    [GR_MINIMUM] = NAME_OF(greater_share_kernel, T) \
  }, \
  .clip = NAME_OF(clip, T), \
  .clip_backward = NAME_OF(clip_backward, T), \
  .product = NAME_OF(product, T), \
  .product_scratch = NAME_OF(product_scratch, T), \
  .sum = NAME_OF(sum, T), \
  .sum_squared_error = NAME_OF(sum_squared_error, T), \
  .sum_absolute_error = NAME_OF(sum_absolute_error, T), \
  .sum_rows = NAME_OF(sum_rows, T), \
  .sum_of_squares = NAME_OF(sum_of_squares, T), \
  .greatest = { NAME_OF(greatest, T), NAME_OF(greatest_of_rows, T), GR_MAXIMUM }, \
  .least = { NAME_OF(least, T), NAME_OF(least_of_rows, T), GR_MINIMUM }, \
  .scaled_difference = NAME_OF(scaled_difference, T), \
  .widen = NAME_OF(widen, T), \
  .narrow = NAME_OF(narrow, T), \
  .accumulate = NAME_OF(accumulate, T), \
  .take_rows = NAME_OF(take_rows, T), \
  .sgd = NAME_OF(sgd, T) \
}

#define TEXT_OF(name) #name
#define LEVEL_TEXT(level) TEXT_OF(level)

const gr_Kernels NAME_OF(gr_kernels, GR_LEVEL) = {
  .level = LEVEL_TEXT(GR_LEVEL),
  .of = { [GR_FLOAT32] = KERNEL_SET(float), [GR_FLOAT64] = KERNEL_SET(double) }
};

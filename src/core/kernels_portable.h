/*
** kernels_portable.h: the vectors of the level portable, 16 bytes wide, in the compiler's vector
** extension alone. The words are those that kernels_avx512.h explains.
**
** The fused multiply-add is the processor's own on 64-bit Arm and kernels_fused.h's elsewhere.
*/
#ifndef GR_KERNELS_PORTABLE_H
#define GR_KERNELS_PORTABLE_H

#if defined __aarch64__
#include <arm_neon.h>
#else
#include "kernels_fused.h"
#endif

enum { LANES_float = 4, LANES_double = 2 };
#define STRIP_ROWS 4     /* of a product, held in registers at once, */
#define PANEL_VECTORS 2  /* and how many vectors wide */
#define TILE_ROWS 4      /* the same with two vectors or fewer */

typedef float vector_float __attribute__((vector_size(16), may_alias));
typedef double vector_double __attribute__((vector_size(16), may_alias));
typedef uint32_t bits_float __attribute__((vector_size(16), may_alias));
typedef uint64_t bits_double __attribute__((vector_size(16), may_alias));
typedef bits_float mask_float;    /* all bits of a lane, or none */
typedef bits_double mask_double;

WORD vector_float splat_float(float x) { return (vector_float){ x, x, x, x }; }
WORD vector_double splat_double(double x) { return (vector_double){ x, x }; }

WORD vector_float load_part_float(const float *p, size_t count) {
  float lanes[LANES_float] = { 0 };
  vector_float x;
  for (size_t i = 0; i < count; i++) lanes[i] = p[i];
  memcpy(&x, lanes, sizeof x);
  return x;
}
WORD vector_double load_part_double(const double *p, size_t count) {
  double lanes[LANES_double] = { 0 };
  vector_double x;
  for (size_t i = 0; i < count; i++) lanes[i] = p[i];
  memcpy(&x, lanes, sizeof x);
  return x;
}

WORD void store_part_float(float *p, vector_float x, size_t count) {
  for (size_t i = 0; i < count; i++) p[i] = x[i];
}
WORD void store_part_double(double *p, vector_double x, size_t count) {
  for (size_t i = 0; i < count; i++) p[i] = x[i];
}

WORD vector_float load_float(const float *p) {
  vector_float x;
  memcpy(&x, p, sizeof x);
  return x;
}
WORD vector_double load_double(const double *p) {
  vector_double x;
  memcpy(&x, p, sizeof x);
  return x;
}

WORD void store_float(float *p, vector_float x) { memcpy(p, &x, sizeof x); }
WORD void store_double(double *p, vector_double x) { memcpy(p, &x, sizeof x); }

WORD vector_double plus_exact_square(vector_double sum, vector_double x) { return sum + x * x; }

#if defined __aarch64__

WORD vector_float fused_float(vector_float a, vector_float b, vector_float c) {
  return (vector_float)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
WORD vector_double fused_double(vector_double a, vector_double b, vector_double c) {
  return (vector_double)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
WORD float fused_one_float(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
WORD double fused_one_double(double a, double b, double c) { return __builtin_fma(a, b, c); }

#else

WORD float fused_one_float(float a, float b, float c) {
  return fusedf_without_instruction(a, b, c);
}
WORD double fused_one_double(double a, double b, double c) {
  return fused_without_instruction(a, b, c);
}

/* odd_sum on two numbers at a time. */
WORD vector_double odd_sums(vector_double a, vector_double b) {
  vector_double sum = a + b;
  vector_double part = sum - a;
  vector_double error = (a - (sum - part)) + (b - part);
  vector_double zero = { 0, 0 };
  mask_double inexact = (mask_double)(error < zero) | (mask_double)(error > zero);
  mask_double toward = (mask_double)(error > zero) ^ (mask_double)(sum > zero);
  bits_double even = -(~(bits_double)sum & 1);
  bits_double step = 1 - (toward & 2);  /* to a larger magnitude, or a smaller one */
  return (vector_double)((bits_double)sum + (step & inexact & even));
}

/* Functions of their own: they are long and used everywhere. */
static __attribute__((noinline))
vector_float fused_float(vector_float a, vector_float b, vector_float c) {
  vector_double low = odd_sums((vector_double){ a[0], a[1] } * (vector_double){ b[0], b[1] },
                               (vector_double){ c[0], c[1] });
  vector_double high = odd_sums((vector_double){ a[2], a[3] } * (vector_double){ b[2], b[3] },
                                (vector_double){ c[2], c[3] });
  return (vector_float){ (float)low[0], (float)low[1], (float)high[0], (float)high[1] };
}
static __attribute__((noinline))
vector_double fused_double(vector_double a, vector_double b, vector_double c) {
  return (vector_double){ fused_without_instruction(a[0], b[0], c[0]),
                          fused_without_instruction(a[1], b[1], c[1]) };
}

#endif

WORD vector_float root_float(vector_float x) {
  for (int i = 0; i < LANES_float; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
}
WORD vector_double root_double(vector_double x) {
  for (int i = 0; i < LANES_double; i++) x[i] = __builtin_sqrt(x[i]);
  return x;
}

WORD mask_float less_float(vector_float a, vector_float b) { return (mask_float)(a < b); }
WORD mask_double less_double(vector_double a, vector_double b) { return (mask_double)(a < b); }
WORD mask_float less_equal_float(vector_float a, vector_float b) { return (mask_float)(a <= b); }
WORD mask_double less_equal_double(vector_double a, vector_double b) {
  return (mask_double)(a <= b);
}
WORD mask_float equal_float(vector_float a, vector_float b) { return (mask_float)(a == b); }
WORD mask_double equal_double(vector_double a, vector_double b) { return (mask_double)(a == b); }

WORD mask_float both_float(mask_float a, mask_float b) { return a & b; }
WORD mask_double both_double(mask_double a, mask_double b) { return a & b; }
WORD mask_float either_float(mask_float a, mask_float b) { return a | b; }
WORD mask_double either_double(mask_double a, mask_double b) { return a | b; }

WORD vector_float choose_float(mask_float mask, vector_float yes, vector_float no) {
  return (vector_float)((mask & (bits_float)yes) | (~mask & (bits_float)no));
}
WORD vector_double choose_double(mask_double mask, vector_double yes, vector_double no) {
  return (vector_double)((mask & (bits_double)yes) | (~mask & (bits_double)no));
}

WORD vector_float lower_float(vector_float a, vector_float b) {
  return choose_float(less_float(a, b), a, b);
}
WORD vector_double lower_double(vector_double a, vector_double b) {
  return choose_double(less_double(a, b), a, b);
}
WORD vector_float higher_float(vector_float a, vector_float b) {
  return choose_float(less_float(b, a), a, b);
}
WORD vector_double higher_double(vector_double a, vector_double b) {
  return choose_double(less_double(b, a), a, b);
}
#define HAS_SCALED 0

WORD size_t count_lanes_float(mask_float mask) {
  return (mask[0] & 1) + (mask[1] & 1) + (mask[2] & 1) + (mask[3] & 1);
}
WORD size_t count_lanes_double(mask_double mask) { return (mask[0] & 1) + (mask[1] & 1); }

WORD mask_float first_lanes_float(size_t count) {
  mask_float mask;
  for (size_t i = 0; i < LANES_float; i++) mask[i] = i < count ? UINT32_MAX : 0;
  return mask;
}
WORD mask_double first_lanes_double(size_t count) {
  mask_double mask;
  for (size_t i = 0; i < LANES_double; i++) mask[i] = i < count ? UINT64_MAX : 0;
  return mask;
}

WORD vector_float neighbours_float(vector_float a, vector_float b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
}
WORD vector_double neighbours_double(vector_double a, vector_double b) {
  return __builtin_shufflevector(a, b, 0, 2) + __builtin_shufflevector(a, b, 1, 3);
}

WORD vector_double load_wide(const float *p) { return (vector_double){ p[0], p[1] }; }
WORD void store_narrow(float *p, vector_double x) {
  p[0] = (float)x[0];
  p[1] = (float)x[1];
}

WORD void load_columns_float(vector_float out[4], const float *p, ptrdiff_t row, size_t count) {
  for (size_t j = 0; j < count; j++)
    out[j] = (vector_float){ p[j], p[row + (ptrdiff_t)j], p[2 * row + (ptrdiff_t)j],
                             p[3 * row + (ptrdiff_t)j] };
}
WORD void load_columns_double(vector_double out[4], const double *p, ptrdiff_t row,
                              size_t count) {
  for (size_t j = 0; j < count; j++)
    out[j] = (vector_double){ p[j], p[row + (ptrdiff_t)j] };
}

#endif

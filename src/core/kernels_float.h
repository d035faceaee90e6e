/*
** kernels_float.h: what kernels_exponential.h needs for floats: the constants, and log on ordinary
** numbers.
**
** The coefficients are minimax polynomials, found for these kernels and rounded to float; other
** constants are their names' values, rounded.
*/
#ifndef GR_KERNELS_FLOAT_H
#define GR_KERNELS_FLOAT_H

/* exp is 0 below the first, infinite above the second; tanh is 1 above the third. */
static const float exp_least_float = -104, exp_greatest_float = 89, tanh_greatest_float = 10;

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2; error of exp 5e-9. */
static const float exp_tail_float[] = {
  0x1.000000p-1f, 0x1.55548ep-3f, 0x1.55545ep-5f, 0x1.123b6ep-7f, 0x1.6db44p-10f
};

/* (log(1 + f) - f + f^2 / 2) / f^3 for 1 + f from sqrt(1/2) to sqrt(2); relative error of log 6e-9.
** Each coefficient was rounded before the next ones were found. */
static const float log_tail_float[] = {
  0x1.555554p-2f, -0x1.000226p-2f, 0x1.99a01cp-3f, -0x1.54728ap-3f, 0x1.22d92ep-3f,
  -0x1.0d8242p-3f, 0x1.055ec6p-3f, -0x1.38c9dep-4f
};

static const float log2_e_float = 0x1.715476p0f;
static const float ln2_high_float = 0x1.62e430p-1f, ln2_low_float = -0x1.05c610p-29f;
static const uint32_t root_of_half_float = 0x3f3504f3;  /* the bits of sqrt(1/2) */

/* log(x) = f - f^2 / 2 + f^3 tail + e log(2). */
WORD vector_float logarithm_of_normal_float(vector_float x, vector_float offset) {
  vector_float e;
  vector_float f = fraction_float(x, offset, root_of_half_float, &e);
  vector_float square = f * f;
  vector_float y = square * f * polynomial_by_halves_float(f, square, log_tail_float, 8);
  y = fused_float(e, splat_float(ln2_low_float), y);
  y = fused_float(splat_float(-0.5f), square, y);
  return fused_float(e, splat_float(ln2_high_float), f + y);
}

#endif

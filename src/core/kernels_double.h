/*
** kernels_double.h: what kernels_exponential.h needs for doubles: the constants, and log on
** ordinary numbers.
**
** The coefficients are minimax polynomials, found for these kernels by Remez's exchange algorithm
** in 200-bit arithmetic and rounded to double; other constants are their names' values, rounded.
** The logarithm's form, with s = f / (2 + f), is that of FreeBSD's msun.
*/
#ifndef GR_KERNELS_DOUBLE_H
#define GR_KERNELS_DOUBLE_H

/* exp is 0 below the first, infinite above the second; tanh is 1 above the third. */
static const double exp_least_double = -746, exp_greatest_double = 710, tanh_greatest_double = 22;

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2; error of exp 8e-18. */
static const double exp_tail_double[] = {
  0x1.000000000000bp-1, 0x1.5555555555561p-3, 0x1.55555555500cfp-5, 0x1.111111110d661p-7,
  0x1.6c16c1858f2f2p-10, 0x1.a01a01bad9d46p-13, 0x1.a01996c2b29b0p-16, 0x1.71dddfd6ef4b9p-19,
  0x1.28b029e0625cfp-22, 0x1.af857f6fbbf16p-26
};

/* (2 atanh(s) / s - 2) / s^2 as a polynomial in s^2, |s| <= 0.1716; error 4e-18. */
static const double log_tail_double[] = {
  0x1.5555555555589p-1, 0x1.999999998229dp-2, 0x1.249249403b63dp-2, 0x1.c71c533fca81bp-3,
  0x1.746605e2bbc34p-3, 0x1.39a6f77b87b7dp-3, 0x1.2ed4ae0fa2731p-3
};

static const double log2_e_double = 0x1.71547652b82fep0;
static const double ln2_high_double = 0x1.62e42fefa39efp-1;
static const double ln2_low_double = 0x1.abc9e3b39803fp-56;
static const uint64_t root_of_half_double = UINT64_C(0x3fe6a09e667f3bcd);  /* of sqrt(1/2) */

/* log(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + R)), R being the tail times s^2. */
WORD vector_double logarithm_of_normal_double(vector_double x, vector_double offset) {
  vector_double e;
  vector_double f = fraction_double(x, offset, root_of_half_double, &e);
  vector_double s = f / (splat_double(2) + f);
  vector_double z = s * s;
  vector_double half_square = splat_double(0.5) * f * f;
  vector_double tail = fused_double(z, polynomial_double(z, log_tail_double, 7), half_square);
  vector_double y = half_square - fused_double(s, tail, e * splat_double(ln2_low_double));
  return fused_double(e, splat_double(ln2_high_double), f - y);
}

#endif

/*
** kernels_double.h: exp, log, tanh, the logistic function and pow on vectors of doubles, within 2
** units in the last place of the true value.
**
** The coefficients are minimax polynomials, found for these kernels by Remez's exchange algorithm
** in 200-bit arithmetic and rounded to double; other constants are their names' values, rounded.
** The logarithm's form, with s = f / (2 + f), is that of FreeBSD's msun.
*/
#ifndef GR_KERNELS_DOUBLE_H
#define GR_KERNELS_DOUBLE_H

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

/* The same without its first term, and that divided by s^2; error 3e-17. */
static const double log_far_tail_double[] = {
  0x1.999999999999ap-2, 0x1.2492492492523p-2, 0x1.c71c71c6ea2a9p-3, 0x1.745d177af5c35p-3,
  0x1.3b1395ad4342bp-3, 0x1.1118cf2a715bfp-3, 0x1.df7b5c76e204dp-4, 0x1.e03c7258f6d8bp-4
};

static const double log2_e_double = 0x1.71547652b82fep0;
static const double ln2_high_double = 0x1.62e42fefa39efp-1, ln2_low_double = 0x1.abc9e3b39803fp-56;
/* With 11 zeros at the end, so that its product with an exponent is exact. */
static const double ln2_short_double = 0x1.62e42fefa3800p-1, ln2_rest_double = 0x1.ef35793c76730p-45;
static const double two_thirds_double = 0x1.5555555555555p-1, two_thirds_low_double = 0x1.5555555555555p-55;

/* Adding it rounds to a whole number, which then stands in the last bits. */
static const double rounder_double = 0x1.8p52;
static const uint64_t rounder_bits_double = UINT64_C(0x4338000000000000);

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), from the last to the first. */
WORD vector_double polynomial_double(vector_double x, const double *c, int n) {
  vector_double y = splat_double(c[n - 1]);
  for (int i = n - 2; i >= 0; i--) y = fused_double(y, x, splat_double(c[i]));
  return y;
}

/* exp(x + low) = (1 + p) * 2^n with |p| < 0.42: returns p. |x| is no larger than a few thousand,
** and low at most a few of its last places. */
WORD vector_double exponential_parts_double(vector_double x, vector_double low, bits_double *n) {
  vector_double shifted = fused_double(x, splat_double(log2_e_double),
                                       splat_double(rounder_double));
  vector_double whole = shifted - splat_double(rounder_double);
  vector_double r = fused_double(whole, splat_double(-ln2_high_double), x);
  r = r + fused_double(whole, splat_double(-ln2_low_double), low);
  *n = (bits_double)shifted - rounder_bits_double;
  return fused_double(r * r, polynomial_double(r, exp_tail_double, 10), r);
}

/* x * 2^n for n from -2000 to 2046, in two steps so that a subnormal result is rounded once. */
WORD vector_double scaled_double(vector_double x, bits_double n) {
  bits_double half = (n + 2048) >> 1;
  bits_double rest = n + 2048 - half;
  return x * (vector_double)((half - 1) << 52) * (vector_double)((rest - 1) << 52);
}

WORD vector_double exponential_double(vector_double x) {
  bits_double n;
  vector_double near = clipped_double(x, splat_double(-746), splat_double(710));  /* 0, infinity */
  vector_double p = exponential_parts_double(near, splat_double(0), &n);
  return scaled_double(splat_double(1) + p, n);
}

/* x = (1 + f) * 2^e with 1 + f from sqrt(1/2) to sqrt(2), for x > 0 and finite: returns f. */
WORD vector_double logarithm_parts_double(vector_double x, vector_double *e) {
  const uint64_t one = UINT64_C(0x3ff0000000000000), root_of_half = UINT64_C(0x3fe6a09e667f3bcd);
  mask_double subnormal = less_double(x, splat_double(0x1p-1022));
  vector_double normal = choose_double(subnormal, x * splat_double(0x1p52), x);
  bits_double shifted = (bits_double)normal + (one - root_of_half);
  *e = (vector_double)((shifted >> 52) | UINT64_C(0x4330000000000000))  /* 2^52 + 1023 + e */
       - choose_double(subnormal, splat_double(0x1p52 + 1023 + 52), splat_double(0x1p52 + 1023));
  return (vector_double)((shifted & UINT64_C(0xfffffffffffff)) + root_of_half) - splat_double(1);
}

/* log(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + R)), R being the tail times s^2. */
WORD vector_double logarithm_double(vector_double x) {
  vector_double e, y;
  vector_double f = logarithm_parts_double(x, &e);
  vector_double s = f / (splat_double(2) + f);
  vector_double z = s * s;
  vector_double half_square = splat_double(0.5) * f * f;
  vector_double tail = fused_double(z, polynomial_double(z, log_tail_double, 7), half_square);
  y = half_square - fused_double(s, tail, e * splat_double(ln2_low_double));
  y = fused_double(e, splat_double(ln2_high_double), f - y);
  y = choose_double(less_double(x, splat_double(INFINITY)), y, x);
  y = choose_double(less_double(x, splat_double(0)), splat_double(NAN), y);
  return choose_double(equal_double(x, splat_double(0)), splat_double(-INFINITY), y);
}

/* d / (d + 2) with d = exp(2|x|) - 1; from 22 on it is 1. */
WORD vector_double hyperbolic_tangent_double(vector_double x) {
  const vector_double one = splat_double(1), two = splat_double(2);
  bits_double n;
  vector_double near = clipped_double(magnitude_double(x), splat_double(0), splat_double(22));
  vector_double p = exponential_parts_double(near + near, splat_double(0), &n);
  vector_double power = (vector_double)((n + 1023) << 52);
  vector_double d = fused_double(power, p, power - one);
  vector_double d_low = fused_double(power, p, power - one - d);
  vector_double divisor = d + two;
  vector_double divisor_low = (d - (divisor - two)) + d_low;
  return with_sign_of_double(x, quotient_double(d, d_low, divisor, divisor_low));
}

/* With t = exp(-|x|), 1 / (1 + t) right of zero and t / (1 + t) left of it. */
WORD vector_double logistic_double(vector_double x) {
  const vector_double zero = splat_double(0), one = splat_double(1);
  bits_double n;
  mask_double left = less_double(x, zero);
  vector_double near = clipped_double(-magnitude_double(x), splat_double(-746), zero);
  vector_double p = exponential_parts_double(near, splat_double(0), &n);
  vector_double digits = one + p;  /* t is (digits + digits_low) * 2^n */
  vector_double digits_low = (one - digits) + p;
  vector_double t = scaled_double(digits, n);
  vector_double divisor = one + t;
  vector_double divisor_low = ((one - divisor) + t) + scaled_double(digits_low, n);
  vector_double y = quotient_double(choose_double(left, digits, one), choose_double(left, digits_low, zero),
                          divisor, divisor_low);
  return choose_double(left, scaled_double(y, n), y);
}

/* log(x) as high + low, good to 2^-64 of it, for x > 0 and finite. A pair is built up: s, z = s^2,
** p = 2/3 + z far, t = s z p, and 2 s + t + e log(2). */
WORD vector_double logarithm_pair_double(vector_double x, vector_double *low) {
  vector_double e;
  vector_double f = logarithm_parts_double(x, &e);
  vector_double divisor = splat_double(2) + f;
  vector_double divisor_low = f - (divisor - splat_double(2));
  vector_double inverse = splat_double(1) / divisor;
  vector_double s = f * inverse;
  vector_double s_low = (fused_double(-s, divisor, f) - s * divisor_low) * inverse;
  vector_double z = s * s;
  vector_double z_low = fused_double(s, s, -z) + (s + s) * s_low;
  vector_double far = polynomial_double(z, log_far_tail_double, 8);
  vector_double p_tail = z * far;
  vector_double p = splat_double(two_thirds_double) + p_tail;
  vector_double p_low = (splat_double(two_thirds_double) - p) + p_tail
                        + (fused_double(z, far, -p_tail) + z_low * far
                           + splat_double(two_thirds_low_double));
  vector_double zp = z * p;
  vector_double zp_low = fused_double(z, p, -zp) + (z * p_low + z_low * p);
  vector_double t = s * zp;
  vector_double t_low = fused_double(s, zp, -t) + (s * zp_low + s_low * zp);
  vector_double near = (s + s) + t;
  vector_double near_low = ((s + s) - near) + t + ((s_low + s_low) + t_low);
  vector_double scale = e * splat_double(ln2_short_double);
  vector_double high = scale + near;
  *low = (scale - high) + near + fused_double(e, splat_double(ln2_rest_double), near_low);
  return high;
}

/* |x|^y, right where x and y are finite and x is not 0. */
WORD vector_double power_of_magnitude_double(vector_double x, vector_double y) {
  bits_double n;
  vector_double log_low;
  vector_double log_high = logarithm_pair_double(magnitude_double(x), &log_low);
  vector_double product = y * log_high;
  vector_double product_low = fused_double(y, log_high, -product) + y * log_low;
  vector_double near = clipped_double(product, splat_double(-746), splat_double(710));
  vector_double near_low = choose_double(equal_double(near, product), product_low,
                                         splat_double(0));
  vector_double p = exponential_parts_double(near, near_low, &n);
  return scaled_double(splat_double(1) + p, n);
}

/* C's pow (C11, F.10.4.4) from z, which is |x|^y where that is an ordinary number. */
WORD vector_double power_cases_double(vector_double x, vector_double y, vector_double z) {
  const vector_double zero = splat_double(0), one = splat_double(1);
  const vector_double infinity = splat_double(INFINITY);
  vector_double size = magnitude_double(x), half = y * splat_double(0.5);
  mask_double whole = equal_double(rounded_down_double(y), y);
  mask_double even = equal_double(rounded_down_double(half), half);
  mask_double endless = equal_double(magnitude_double(y), infinity);
  mask_double shrinks = either_double(
      both_double(less_double(size, one), less_double(zero, y)),
      both_double(less_double(one, size), less_double(y, zero)));
  mask_double extreme = either_double(
      either_double(equal_double(size, zero), equal_double(size, infinity)), endless);
  z = choose_double(extreme, choose_double(shrinks, zero, infinity), z);
  z = choose_double(both_double(less_double(x, zero), less_double(-infinity, x)),
                    choose_double(whole, z, splat_double(NAN)), z);
  z = choose_double(even, z, choose_double(whole, with_sign_of_double(x, z), z));
  z = choose_double(both_double(equal_double(size, one), endless), one, z);
  z = choose_double(both_double(equal_double(x, x), equal_double(y, y)), z, x + y);
  z = choose_double(either_double(equal_double(y, zero), equal_double(x, one)), one, z);
  z = choose_double(equal_double(y, splat_double(2)), x * x, z);
  z = choose_double(equal_double(y, splat_double(0.5)), root_double(x), z);
  z = choose_double(equal_double(y, one), x, z);
  return choose_double(equal_double(y, splat_double(-1)), one / x, z);
}

WORD bool all_are_double(vector_double x, double number) {
  return count_lanes_double(equal_double(x, splat_double(number))) == LANES_double;
}

/* The exponents that have their own formulas: x * x for 2, sqrt(x) for 0.5, x for 1, 1 / x for -1.
** Where all lanes have the same one, nothing else is computed; power_cases_double serves mixtures. */
WORD bool simple_power_double(vector_double x, vector_double y, vector_double *z) {
  if (all_are_double(y, 2)) *z = x * x;
  else if (all_are_double(y, 1)) *z = x;
  else if (all_are_double(y, 0.5)) *z = root_double(x);
  else if (all_are_double(y, -1)) *z = splat_double(1) / x;
  else return false;
  return true;
}

static vector_double power_double(vector_double x, vector_double y) {
  vector_double z;
  if (simple_power_double(x, y, &z)) return z;
  return power_cases_double(x, y, power_of_magnitude_double(x, y));
}

/* The same for x and y that were floats and a result that will be one: 2^-45 is near enough. */
static vector_double power_float(vector_double x, vector_double y) {
  vector_double z;
  if (simple_power_double(x, y, &z)) return z;
  return power_cases_double(x, y, exponential_double(y * logarithm_double(magnitude_double(x))));
}

#endif

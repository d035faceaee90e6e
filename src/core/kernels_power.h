/*
** kernels_power.h: x to the power y on vectors of doubles, within 2 units in the last place of the
** true value (the test measures 1.2). kernels_power_loops.h has the loops.
**
** |x|^y is exp(y log|x|). As y log|x| may be 700 and each of its digits counts, log|x| is computed
** as a pair of doubles, which hold 64 bits of it. The coefficients are minimax polynomials, as in
** kernels_double.h.
*/
#ifndef GR_KERNELS_POWER_H
#define GR_KERNELS_POWER_H

/* (2 atanh(s) / s - 2 - 2/3 s^2) / s^4 as a polynomial in s^2, |s| <= 0.1716; error 3e-17. */
static const double log_far_tail_double[] = {
  0x1.999999999999ap-2, 0x1.2492492492523p-2, 0x1.c71c71c6ea2a9p-3, 0x1.745d177af5c35p-3,
  0x1.3b1395ad4342bp-3, 0x1.1118cf2a715bfp-3, 0x1.df7b5c76e204dp-4, 0x1.e03c7258f6d8bp-4
};

/* log(2), the first part with 11 zeros at the end: its product with an exponent is exact. */
static const double ln2_short_double = 0x1.62e42fefa3800p-1;
static const double ln2_rest_double = 0x1.ef35793c76730p-45;
static const double two_thirds_double = 0x1.5555555555555p-1;
static const double two_thirds_low_double = 0x1.5555555555555p-55;

/* The same as fraction_double, for x > 0 and finite. */
WORD vector_double fraction_of_any_double(vector_double x, vector_double *e) {
  const vector_double offset = splat_double(0x1p52 + 1023);
  mask_double subnormal = less_double(x, splat_double(DBL_MIN));
  return fraction_double(choose_double(subnormal, x * splat_double(0x1p52), x),
                         choose_double(subnormal, offset + splat_double(52), offset),
                         root_of_half_double, e);
}

/* log(x) as high + low, good to 2^-64 of it, for x > 0 and finite. A pair is built up: s, z = s^2,
** p = 2/3 + z far, t = s z p, and 2 s + t + e log(2). */
WORD vector_double logarithm_pair_double(vector_double x, vector_double *low) {
  vector_double e;
  vector_double f = fraction_of_any_double(x, &e);
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
  Whole_double n;
  vector_double log_low;
  vector_double log_high = logarithm_pair_double(magnitude_double(x), &log_low);
  vector_double product = y * log_high;
  vector_double product_low = fused_double(y, log_high, -product) + y * log_low;
  vector_double near = clipped_double(product, splat_double(-746), splat_double(710));
  vector_double near_low = choose_double(equal_double(near, product), product_low,
                                         splat_double(0));
  vector_double p = less_one_double(reduced_double(near, &n) + near_low);
  return scaled_by_double(splat_double(1) + p, n);
}

/* x^0.5: the square root, but for its -0 at -0 and its nan at -inf. */
WORD vector_double power_half_double(vector_double x) {
  const vector_double infinity = splat_double(INFINITY);
  return choose_double(equal_double(x, -infinity), infinity, root_double(x + splat_double(0)));
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
  z = choose_double(equal_double(y, splat_double(0.5)), power_half_double(x), z);
  z = choose_double(equal_double(y, one), x, z);
  return choose_double(equal_double(y, splat_double(-1)), one / x, z);
}

WORD bool all_are_double(vector_double x, double number) {
  return count_lanes_double(equal_double(x, splat_double(number))) == LANES_double;
}

/* The exponents that have their own formulas: x * x for 2, the root for 0.5, x for 1, 1 / x for -1.
** Where all lanes have the same one, nothing else is computed; power_cases_double has the rest. */
WORD bool simple_power_double(vector_double x, vector_double y, vector_double *z) {
  if (all_are_double(y, 2)) *z = x * x;
  else if (all_are_double(y, 1)) *z = x;
  else if (all_are_double(y, 0.5)) *z = power_half_double(x);
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

/*
** kernels_float.h: exp, log, tanh and the logistic function on vectors of floats, within 2 units
** in the last place of the true value.
**
** The coefficients are minimax polynomials, found for these kernels by Remez's exchange algorithm
** in 200-bit arithmetic and rounded to float; other constants are their names' values, rounded.
*/
#ifndef GR_KERNELS_FLOAT_H
#define GR_KERNELS_FLOAT_H

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2; error of exp 5e-9. */
static const float exp_tail_float[] = {
  0x1.000000p-1f, 0x1.55548ep-3f, 0x1.55545ep-5f, 0x1.123b6ep-7f, 0x1.6db44p-10f
};

/* (log(1 + f) - f + f^2 / 2) / f^3 for 1 + f from sqrt(1/2) to sqrt(2); relative error 1e-9. */
static const float log_tail_float[] = {
  0x1.555546p-2f, -0x1.ffffeep-3f, 0x1.99a52ep-3f, -0x1.5562dap-3f, 0x1.233452p-3f,
  -0x1.fb45bap-4f, 0x1.e63ecap-4f, -0x1.e2d69cp-4f, 0x1.1b510ep-4f
};

static const float log2_e_float = 0x1.715476p0f;
static const float ln2_high_float = 0x1.62e430p-1f, ln2_low_float = -0x1.05c610p-29f;

/* Adding it rounds to a whole number, which then stands in the last bits. */
static const float rounder_float = 0x1.8p23f;
static const uint32_t rounder_bits_float = 0x4b400000;

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), from the last to the first. */
WORD vector_float polynomial_float(vector_float x, const float *c, int n) {
  vector_float y = splat_float(c[n - 1]);
  for (int i = n - 2; i >= 0; i--) y = fused_float(y, x, splat_float(c[i]));
  return y;
}

/* exp(x) = (1 + p) * 2^n with |p| < 0.42: returns p. x is no larger than a few hundred. */
WORD vector_float exponential_parts_float(vector_float x, bits_float *n) {
  vector_float shifted = fused_float(x, splat_float(log2_e_float), splat_float(rounder_float));
  vector_float whole = shifted - splat_float(rounder_float);
  vector_float r = fused_float(whole, splat_float(-ln2_high_float), x);
  r = fused_float(whole, splat_float(-ln2_low_float), r);
  *n = (bits_float)shifted - rounder_bits_float;
  return fused_float(r * r, polynomial_float(r, exp_tail_float, 5), r);
}

/* x * 2^n for n from -250 to 254, in two steps so that a subnormal result is rounded once. */
WORD vector_float scaled_float(vector_float x, bits_float n) {
  bits_float half = (n + 256) >> 1;
  bits_float rest = n + 256 - half;
  return x * (vector_float)((half - 1) << 23) * (vector_float)((rest - 1) << 23);
}

WORD vector_float exponential_float(vector_float x) {
  bits_float n;
  vector_float near = clipped_float(x, splat_float(-104), splat_float(89));  /* 0, infinity */
  vector_float p = exponential_parts_float(near, &n);
  return scaled_float(splat_float(1) + p, n);
}

/* log(x) for x > 0, finite and not subnormal, plus (2^23 + 127 - bias) log(2). With
** x = (1 + f) * 2^e and 1 + f from sqrt(1/2) to sqrt(2). */
WORD vector_float logarithm_of_normal(vector_float x, vector_float bias) {
  const uint32_t one = 0x3f800000, root_of_half = 0x3f3504f3;
  bits_float shifted = (bits_float)x + (one - root_of_half);
  vector_float f = (vector_float)((shifted & 0x7fffff) + root_of_half) - splat_float(1);
  vector_float e = (vector_float)((shifted >> 23) | 0x4b000000) - bias;
  vector_float square = f * f;
  vector_float y = square * f * polynomial_float(f, log_tail_float, 9);
  y = fused_float(e, splat_float(ln2_low_float), y);
  y = fused_float(splat_float(-0.5f), square, y);
  return fused_float(e, splat_float(ln2_high_float), f + y);
}

/* A vector in which some number is not so. */
static vector_float logarithm_of_any(vector_float x) {
  const vector_float bias = splat_float(0x1p23f + 127);
  mask_float subnormal = less_float(x, splat_float(0x1p-126f));
  vector_float y = logarithm_of_normal(choose_float(subnormal, x * splat_float(0x1p23f), x),
                                       choose_float(subnormal, bias + splat_float(23), bias));
  y = choose_float(less_float(x, splat_float(INFINITY)), y, x);
  y = choose_float(less_float(x, splat_float(0)), splat_float(NAN), y);
  return choose_float(equal_float(x, splat_float(0)), splat_float(-INFINITY), y);
}

WORD vector_float logarithm_float(vector_float x) {
  mask_float normal = both_float(less_equal_float(splat_float(0x1p-126f), x),
                                 less_float(x, splat_float(INFINITY)));
  if (count_lanes_float(normal) == LANES_float)
    return logarithm_of_normal(x, splat_float(0x1p23f + 127));
  return logarithm_of_any(x);
}

/* d / (d + 2) with d = exp(2|x|) - 1; from 10 on it is 1. */
WORD vector_float hyperbolic_tangent_float(vector_float x) {
  const vector_float one = splat_float(1), two = splat_float(2);
  bits_float n;
  vector_float near = clipped_float(magnitude_float(x), splat_float(0), splat_float(10));
  vector_float p = exponential_parts_float(near + near, &n);
  vector_float power = (vector_float)((n + 127) << 23);
  vector_float d = fused_float(power, p, power - one);
  vector_float d_low = fused_float(power, p, power - one - d);
  vector_float divisor = d + two;
  vector_float divisor_low = (d - (divisor - two)) + d_low;
  return with_sign_of_float(x, quotient_float(d, d_low, divisor, divisor_low));
}

/* With t = exp(-|x|), 1 / (1 + t) right of zero and t / (1 + t) left of it. */
WORD vector_float logistic_float(vector_float x) {
  const vector_float zero = splat_float(0), one = splat_float(1);
  bits_float n;
  mask_float left = less_float(x, zero);
  vector_float near = clipped_float(-magnitude_float(x), splat_float(-104), zero);
  vector_float p = exponential_parts_float(near, &n);
  vector_float digits = one + p;  /* t is (digits + digits_low) * 2^n */
  vector_float digits_low = (one - digits) + p;
  vector_float t = scaled_float(digits, n);
  vector_float divisor = one + t;
  vector_float divisor_low = ((one - divisor) + t) + scaled_float(digits_low, n);
  vector_float y = quotient_float(choose_float(left, digits, one), choose_float(left, digits_low, zero),
                          divisor, divisor_low);
  return choose_float(left, scaled_float(y, n), y);
}

#endif

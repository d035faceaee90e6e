/*
** kernels_exponential.h: exp, log, tanh and the logistic function on vectors, within 2 units in the
** last place of the true value (the test measures 1.0, 0.9, 1.7 and 1.0). Included for float and
** for double, after the constants in kernels_float.h and kernels_double.h.
*/

#define Whole NAME(Whole)
#define exp_tail NAME(exp_tail)
#define exp_least NAME(exp_least)
#define exp_greatest NAME(exp_greatest)
#define tanh_greatest NAME(tanh_greatest)
#define log2_e NAME(log2_e)
#define ln2_high NAME(ln2_high)
#define ln2_low NAME(ln2_low)
#define logarithm_of_normal NAME(logarithm_of_normal)
#define logarithm_of_any NAME(logarithm_of_any)

/* A whole number as a number, and in the last bits. */
typedef struct Whole {
  vector number;
  bits bits;
} Whole;

/* x - n log(2), at most log(2) / 2 from 0. Adding 1.5 * 2^23 or 2^52 rounds to a whole number,
** which then stands in the last bits. |x| is no larger than a few thousand. */
WORD vector reduced(vector x, Whole *n) {
  const vector rounder = splat(sizeof(ELEMENT) == 4 ? 0x1.8p23f : 0x1.8p52);
  vector shifted = fused(x, splat(log2_e), rounder);
  n->number = shifted - rounder;
  n->bits = (bits)shifted - (bits)rounder;
  return fused(n->number, splat(-ln2_low), fused(n->number, splat(-ln2_high), x));
}

/* exp(r) - 1 for |r| <= log(2) / 2. */
WORD vector less_one(vector r) {
  return fused(r * r, polynomial(r, exp_tail, sizeof exp_tail / sizeof exp_tail[0]), r);
}

/* x * 2^n; without an instruction for it in two steps, so that a subnormal result is rounded once.
** |n| is below twice BIAS. */
WORD vector scaled_by(vector x, Whole n) {
#if HAS_SCALED
  return scaled(x, n.number);
#else
  bits biased = n.bits + 2 * (BIAS + 1);
  bits half = biased >> 1;
  bits rest = biased - half;
  return x * (vector)((half - 1) << FRACTION) * (vector)((rest - 1) << FRACTION);
#endif
}

WORD vector exponential(vector x) {
  Whole n;
  vector r = reduced(clipped(x, splat(exp_least), splat(exp_greatest)), &n);
  return scaled_by(splat(1) + less_one(r), n);
}

/* The log of a vector in which some number is 0, subnormal, negative or not finite. */
static vector logarithm_of_any(vector x) {
  const vector offset = splat((ELEMENT)((word)1 << FRACTION) + BIAS);
  const vector least = splat(sizeof(ELEMENT) == 4 ? (ELEMENT)FLT_MIN : (ELEMENT)DBL_MIN);
  const vector up = splat((ELEMENT)((word)1 << FRACTION));
  mask subnormal = less(x, least);
  vector y = logarithm_of_normal(choose(subnormal, x * up, x),
                                 choose(subnormal, offset + splat(FRACTION), offset));
  y = choose(less(x, splat(INFINITY)), y, x);
  y = choose(less(x, splat(0)), splat(NAN), y);
  return choose(equal(x, splat(0)), splat(-INFINITY), y);
}

WORD vector logarithm(vector x) {
  const vector least = splat(sizeof(ELEMENT) == 4 ? (ELEMENT)FLT_MIN : (ELEMENT)DBL_MIN);
  mask normal = both(less_equal(least, x), less(x, splat(INFINITY)));
  if (count_lanes(normal) < LANES) return logarithm_of_any(x);
  return logarithm_of_normal(x, splat((ELEMENT)((word)1 << FRACTION) + BIAS));
}

/* d / (d + 2) with d = exp(2|x|) - 1, which is 2^n p + (2^n - 1). */
WORD vector hyperbolic_tangent(vector x) {
  const vector one = splat(1), two = splat(2);
  Whole n;
  vector near = clipped(magnitude(x), splat(0), splat(tanh_greatest));
  vector p = less_one(reduced(near + near, &n));
  vector scale = (vector)((n.bits + BIAS) << FRACTION);
  vector d = fused(scale, p, scale - one);
  vector d_low = fused(scale, p, (scale - one) - d);
  vector divisor = d + two;
  vector divisor_low = (d - (divisor - two)) + d_low;
  return with_sign_of(x, quotient(d, d_low, divisor, divisor_low));
}

/* With t = exp(-|x|), 1 / (1 + t) right of zero and t / (1 + t) left of it. t is known as
** (digits + digits_low) * 2^n. */
WORD vector logistic(vector x) {
  const vector zero = splat(0), one = splat(1);
  Whole n;
  mask left = less(x, zero);
  vector p = less_one(reduced(clipped(-magnitude(x), splat(exp_least), zero), &n));
  vector digits = one + p;
  vector digits_low = (one - digits) + p;
  vector t = scaled_by(digits, n);
  vector divisor = one + t;
  vector divisor_low = ((one - divisor) + t) + scaled_by(digits_low, n);
  vector top = choose(left, digits, one);
  vector top_low = choose(left, digits_low, zero);
  vector y = quotient(top, top_low, divisor, divisor_low);
  return choose(left, scaled_by(y, n), y);
}

#undef exp_tail
#undef log2_e
#undef ln2_high
#undef ln2_low

/*
** kernels_functions.h: what is simple to compute on one vector. Included for float and for double,
** before kernels_float.h and kernels_double.h, which hold what is not simple.
*/

#define SIGN NAME(SIGN)

static const NAME(unsigned) SIGN = (NAME(unsigned))1 << (8 * sizeof(ELEMENT) - 1);

WORD vector magnitude(vector x) { return (vector)((bits)x & ~SIGN); }

/* The magnitude of x with the sign of y, a zero's or a NaN's too. */
WORD vector with_sign_of(vector y, vector x) {
  return (vector)(((bits)x & ~SIGN) | ((bits)y & SIGN));
}

/* The floor. Adding 2^23 or 2^52 leaves no room for a fraction; from there on, every number is
** whole. */
WORD vector rounded_down(vector x) {
  const vector whole = splat(sizeof(ELEMENT) == 4 ? 0x1p23f : 0x1p52);
  vector offset = with_sign_of(x, whole);
  vector nearest = (x + offset) - offset;
  vector down = choose(less(x, nearest), nearest - splat(1), nearest);
  return choose(less(magnitude(x), whole), with_sign_of(x, down), x);
}

WORD vector rectified(vector x) { return choose(less_equal(x, splat(0)), splat(0), x); }

WORD vector clipped(vector x, vector low, vector high) {
  return choose(less(x, low), low, choose(less(high, x), high, x));
}

/* (a + a_low) / (b + b_low), rounded nearly always to the nearest. */
WORD vector quotient(vector a, vector a_low, vector b, vector b_low) {
  vector inverse = splat(1) / b;
  vector y = a * inverse;
  vector rest = fused(-y, b, a) + fused(-y, b_low, a_low);
  return fused(rest, inverse, y);
}

#undef SIGN

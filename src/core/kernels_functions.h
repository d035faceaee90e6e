/*
** kernels_functions.h: what is simple to compute on one vector. Included for float and for double,
** before the files that hold what is not simple.
*/

#define SIGN NAME(SIGN)

/* Bits of a fraction; what is added to an exponent. */
enum { FRACTION = sizeof(ELEMENT) == 4 ? 23 : 52, BIAS = sizeof(ELEMENT) == 4 ? 127 : 1023 };

static const word SIGN = (word)1 << (8 * sizeof(ELEMENT) - 1);

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

/* x < low ? low : x > high ? high : x, for low <= high. */
WORD vector clipped(vector x, vector low, vector high) { return higher(low, lower(high, x)); }

/* (a + a_low) / (b + b_low), rounded nearly always to the nearest. */
WORD vector quotient(vector a, vector a_low, vector b, vector b_low) {
  vector inverse = splat(1) / b;
  vector y = a * inverse;
  vector rest = fused(-y, b, a) + fused(-y, b_low, a_low);
  return fused(rest, inverse, y);
}

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), from the last to the first. */
WORD vector polynomial(vector x, const ELEMENT *c, int n) {
  vector y = splat(c[n - 1]);
  for (int i = n - 2; i >= 0; i--) y = fused(y, x, splat(c[i]));
  return y;
}

/* The same for n = 2, 4, ..., the even and the odd powers each on their own, so that only half as
** many steps wait for each other. square is x * x. */
WORD vector polynomial_by_halves(vector x, vector square, const ELEMENT *c, int n) {
  vector even = splat(c[n - 2]), odd = splat(c[n - 1]);
  for (int i = n - 4; i >= 0; i -= 2) {
    even = fused(even, square, splat(c[i]));
    odd = fused(odd, square, splat(c[i + 1]));
  }
  return fused(odd, x, even);
}

/* x = (1 + f) * 2^e with 1 + f from sqrt(1/2) to sqrt(2), for x > 0, finite and not subnormal:
** returns f. root_of_half are the bits of sqrt(1/2); offset is 2^FRACTION + BIAS, or more by the
** power of two that x was multiplied with before. */
WORD vector fraction(vector x, vector offset, word root_of_half, vector *e) {
  const word one = (word)BIAS << FRACTION, digits = ((word)1 << FRACTION) - 1;
  const word power = (word)(BIAS + FRACTION) << FRACTION;  /* the bits of 2^FRACTION */
  bits shifted = (bits)x + (one - root_of_half);
  *e = (vector)((shifted >> FRACTION) | power) - offset;
  return (vector)((shifted & digits) + root_of_half) - splat(1);
}

#undef SIGN

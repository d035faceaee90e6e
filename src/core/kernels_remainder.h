/*
** kernels_remainder.h: Lua's a % b on doubles, exactly, by long division on the digits. The
** remainder of two floats is a float, so this serves both types.
*/
#ifndef GR_KERNELS_REMAINDER_H
#define GR_KERNELS_REMAINDER_H

/* x = digits * 2^exponent, for x > 0 and finite. */
static inline uint64_t digits_of(double x, int *exponent) {
  uint64_t word;
  int biased;
  memcpy(&word, &x, sizeof word);
  biased = (int)(word >> 52);
  *exponent = biased > 0 ? biased : 1;
  return (word & UINT64_C(0xfffffffffffff)) | (uint64_t)(biased > 0) << 52;
}

/* digits * 2^exponent, which is a double. */
static inline double from_digits(uint64_t digits, int exponent) {
  uint64_t word;
  double x;
  if (digits == 0) return 0;
  while (exponent > 1 && digits < UINT64_C(1) << 52) {
    digits <<= 1;
    exponent--;
  }
  word = digits;
  if (digits >= UINT64_C(1) << 52) word += (uint64_t)(exponent - 1) << 52;
  memcpy(&x, &word, sizeof x);
  return x;
}

/* The remainder of a by b, both > 0 and finite. 11 bits come down at a time. */
static inline double positive_remainder(double a, double b) {
  int a_exponent, b_exponent;
  uint64_t rest, divisor;
  if (a < b) return a;
  rest = digits_of(a, &a_exponent);
  divisor = digits_of(b, &b_exponent);
  rest %= divisor;
  for (; a_exponent - b_exponent >= 11 && rest != 0; a_exponent -= 11)
    rest = (rest << 11) % divisor;
  if (rest == 0) return 0;
  return from_digits((rest << (a_exponent - b_exponent)) % divisor, b_exponent);
}

/* C's fmod(a, b), raised by b where the signs differ. */
static inline double floored_remainder(double a, double b) {
  double size = a < 0 ? -a : a, divisor = b < 0 ? -b : b, rest;
  if (!(size < INFINITY) || !(divisor > 0)) return NAN;
  if (size == 0) return a;
  rest = divisor < INFINITY ? positive_remainder(size, divisor) : size;
  rest = __builtin_copysign(rest, a);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return rest;
}

#endif

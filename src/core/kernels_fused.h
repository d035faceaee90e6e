/*
** kernels_fused.h: a * b + c with one rounding, on a processor that has no such instruction.
**
** The sum is cut into parts that lose nothing (Dekker 1971 for products, Knuth's TwoSum for sums).
** What is too small to be kept is folded into the last bit of what is kept, which is made odd, so
** that the final rounding sees on which side of a tie the truth lies (Boldo and Melquiond,
** "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
*/
#ifndef GR_KERNELS_FUSED_H
#define GR_KERNELS_FUSED_H

static inline uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline double number_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* 2^exponent, for -1022 to 1023. */
static inline double power_of_two(int exponent) {
  return number_of((uint64_t)(exponent + 1023) << 52);
}

/* a + b rounded to nearest; *error is what the rounding lost. */
static inline double two_sum(double a, double b, double *error) {
  double sum = a + b;
  double part = sum - a;
  *error = (a - (sum - part)) + (b - part);
  return sum;
}

/* a + b rounded to odd: where it is inexact, the neighbour whose last bit is 1. */
static inline double odd_sum(double a, double b) {
  double error;
  double sum = two_sum(a, b, &error);
  uint64_t bits = bits_of(sum);
  bool inexact = (error < 0) | (error > 0);  /* a NaN (the sum overflowed) is neither */
  uint64_t away = (error > 0) == (sum > 0) ? 1 : (uint64_t)-1;
  return number_of(bits + (inexact & ~bits & 1) * away);
}

/* The upper half of x's digits. */
static inline double upper_half(double x) {
  double shifted = 134217729.0 * x;  /* 2^27 + 1 */
  return shifted - (shifted - x);
}

/* a * b rounded to nearest; *error is what the rounding lost. */
static inline double two_product(double a, double b, double *error) {
  double product = a * b;
  double a_high = upper_half(a), b_high = upper_half(b);
  double a_low = a - a_high, b_low = b - b_high;
  *error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
  return product;
}

/* a * b + c as *high + low, low rounded to odd. Nothing may overflow or underflow. */
static inline double fused_pair(double a, double b, double c, double *high) {
  double product_low, sum_low, high_low;
  double product = two_product(a, b, &product_low);
  double sum = two_sum(c, product_low, &sum_low);
  *high = two_sum(product, sum, &high_low);
  return odd_sum(high_low, sum_low);
}

static inline int exponent_bits(double x) { return (int)(bits_of(x) >> 52 & 2047); }

/* x / 2^exponent in [1, 2), for x finite and not 0. */
static inline double normalized(double x, int *exponent) {
  int raised = 0;
  if (exponent_bits(x) == 0) { x *= power_of_two(54); raised = 54; }
  *exponent = exponent_bits(x) - 1023 - raised;
  return number_of((bits_of(x) & ~(UINT64_C(2047) << 52)) | UINT64_C(1023) << 52);
}

/* x * 2^exponent in steps that are exact but where the result overflows. */
static double scaled(double x, int exponent) {
  for (; exponent > 1000; exponent -= 1000) x *= power_of_two(1000);
  for (; exponent < -1000; exponent += 1000) x *= power_of_two(-1000);
  return x * power_of_two(exponent);
}

/* (high + low) * 2^exponent, rounded once, also where the result is subnormal: there the digits
** end at 2^-1074, so a number whose digits end there is added and taken away again. */
static double rounded_once(double high, double low, int exponent) {
  int result_exponent;
  double offset, sum, rest;
  high = two_sum(high, low, &low);
  if (high == 0) return 0;
  normalized(high, &result_exponent);
  if (result_exponent + exponent >= -1022) return scaled(high, exponent);
  offset = __builtin_copysign(power_of_two(-1022 - exponent), high);
  sum = two_sum(offset, high, &rest);
  return __builtin_copysign(scaled((sum + odd_sum(rest, low)) - offset, exponent), high);
}

/* a * b + c where something is huge, tiny, zero or not finite. The operands are brought near 1.
** One that is too small to matter but for its sign becomes 2^-110 times the other. */
__attribute__((noinline, cold))
static double fused_extreme(double a, double b, double c) {
  int a_exponent, b_exponent, c_exponent, base, distance;
  double high, low;
  if (!(a - a == 0) || !(b - b == 0)) return a * b + c;
  if (!(c - c == 0)) return c;
  if (a == 0 || b == 0) return a * b + c;
  if (c == 0) return a * b;
  a = normalized(a, &a_exponent);
  b = normalized(b, &b_exponent);
  c = normalized(c, &c_exponent);
  base = a_exponent + b_exponent;
  distance = c_exponent - base;
  if (distance > 110) {
    a *= power_of_two(-110);
    base = c_exponent;
  }
  else c *= power_of_two(distance < -110 ? -110 : distance);
  low = fused_pair(a, b, c, &high);
  return rounded_once(high, low, base);
}

static inline double fused_without_instruction(double a, double b, double c) {
  int a_exponent = exponent_bits(a), b_exponent = exponent_bits(b);
  int product_exponent = a_exponent + b_exponent - 2 * 1023;
  bool moderate = a_exponent - 1u < 1999u && b_exponent - 1u < 1999u
                  && exponent_bits(c) < 2000
                  && product_exponent > -960 && product_exponent < 960;
  double high, low;
  if (!moderate) return fused_extreme(a, b, c);
  low = fused_pair(a, b, c, &high);
  return high + low;
}

/* The product of two floats is exact in double, and a double rounded to odd rounds to the right
** float. */
static inline float fusedf_without_instruction(float a, float b, float c) {
  return (float)odd_sum((double)a * b, c);
}

#endif

/*
** kernels_power_loops.h: a to the power b and its derivatives. On floats all is computed in double
** and rounded once, so these loops always run over vectors of doubles; reading and writing differ.
** Included for float and for double.
*/

#define map_power NAME(map_power)
#define map_power_backward NAME(map_power_backward)
#define power NAME(power)
#define read_wide NAME(read_wide)
#define write_narrow NAME(write_narrow)

/* Up to LANES_double elements, as doubles, and back. */
WORD vector_double read_wide(const ELEMENT *p, size_t count) {
  double lanes[LANES_double] = { 0 };
  if (count >= LANES_double) return LOAD_WIDE(p);
  for (size_t i = 0; i < count; i++) lanes[i] = p[i];
  return load_double(lanes);
}

WORD void write_narrow(ELEMENT *p, vector_double x, size_t count) {
  double lanes[LANES_double];
  if (count >= LANES_double) { STORE_NARROW(p, x); return; }
  store_double(lanes, x);
  for (size_t i = 0; i < count; i++) p[i] = (ELEMENT)lanes[i];
}

static void NAME(power_kernel)(void *y, const void *a, size_t a_step, const void *b,
                               size_t b_step, size_t n) {
  const ELEMENT *base = a, *exponent = b;
  ELEMENT *to = y;
  if (n == 0) return;
  const vector_double base_number = splat_double(*base), exponent_number = splat_double(*exponent);
  for (size_t i = 0; i < n; i += LANES_double)
    write_narrow(to + i,
                 power(a_step ? read_wide(base + i, n - i) : base_number,
                              b_step ? read_wide(exponent + i, n - i) : exponent_number), n - i);
}

/* b a^(b-1); 0 where b is 0, also at a = 0. */
static vector_double NAME(power_slope_left)(vector_double a, vector_double b) {
  vector_double slope = b * power(a, b - splat_double(1));
  return choose_double(equal_double(b, splat_double(0)), splat_double(0), slope);
}

/* log(a) a^b; 0 where a is 0 and b is not negative. */
static vector_double NAME(power_slope_right)(vector_double a, vector_double b) {
  const vector_double zero = splat_double(0);
  vector_double slope = logarithm_double(a) * power(a, b);
  mask_double flat = both_double(equal_double(a, zero), less_equal_double(zero, b));
  return choose_double(flat, zero, slope);
}

WORD void map_power_backward(ELEMENT *dx, const ELEMENT *dy, const ELEMENT *a, size_t a_step,
                             const ELEMENT *b, size_t b_step, size_t n,
                             vector_double slope(vector_double, vector_double)) {
  if (n == 0) return;
  const vector_double a_number = splat_double(*a), b_number = splat_double(*b);
  for (size_t i = 0; i < n; i += LANES_double)
    write_narrow(dx + i, read_wide(dy + i, n - i)
                         * slope(a_step ? read_wide(a + i, n - i) : a_number,
                                 b_step ? read_wide(b + i, n - i) : b_number), n - i);
}

static void NAME(power_left_kernel)(void *dx, const void *dy, const void *a, size_t a_step,
                                    const void *b, size_t b_step, size_t n) {
  map_power_backward(dx, dy, a, a_step, b, b_step, n, NAME(power_slope_left));
}

static void NAME(power_right_kernel)(void *dx, const void *dy, const void *a, size_t a_step,
                                     const void *b, size_t b_step, size_t n) {
  map_power_backward(dx, dy, a, a_step, b, b_step, n, NAME(power_slope_right));
}

#undef power

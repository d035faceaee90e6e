/*
** kernels_elementwise.h: the loops over one, two or three arrays, and what they apply: the values
** and derivatives of gr_Unary and gr_Binary, clipping, and adding up. Included for float and for
** double.
**
** A function on vectors stands once; a loop is made for it by UNARY and its like, which the
** compiler unfolds. The derivative of each stands beneath it. Absent lanes of the last vector
** compute on zeros and are not stored.
*/

#define map NAME(map)
#define map_pair NAME(map_pair)
#define map_operands NAME(map_operands)
#define map_binary NAME(map_binary)
#define map_operands_backward NAME(map_operands_backward)
#define map_binary_backward NAME(map_binary_backward)
#define negated NAME(negated)
#define squared NAME(squared)
#define number NAME(number)

typedef ELEMENT number;

/* -- loops over one array, and over dy and x (or y) ------------------------------------------ */

WORD void map(number *y, const number *x, size_t n, vector f(vector)) {
  const bool far = is_far(n * sizeof *x);
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES) {
    if (far) fetch_ahead(x + i), fetch_ahead(y + i);
    store(y + i, f(load(x + i)));
  }
  if (i < n) store_part(y + i, f(load_part(x + i, n - i)), n - i);
}

WORD void map_pair(number *dx, const number *dy, const number *s, size_t n,
                   vector f(vector, vector)) {
  size_t i;
  BY_FOUR for (i = 0; i + LANES <= n; i += LANES) store(dx + i, f(load(dy + i), load(s + i)));
  if (i < n) store_part(dx + i, f(load_part(dy + i, n - i), load_part(s + i, n - i)), n - i);
}

#define UNARY(name) \
  static void NAME(name##_kernel)(void *y, const void *x, size_t n) { map(y, x, n, name); }

#define BACKWARD_FROM_ARGUMENT(name) \
  static void NAME(name##_backward_kernel)(void *dx, const void *dy, const void *x, \
                                           const void *y, size_t n) { \
    (void)y; \
    map_pair(dx, dy, x, n, NAME(name##_backward)); \
  }

#define BACKWARD_FROM_RESULT(name) \
  static void NAME(name##_backward_kernel)(void *dx, const void *dy, const void *x, \
                                           const void *y, size_t n) { \
    (void)x; \
    map_pair(dx, dy, y, n, NAME(name##_backward)); \
  }

/* -- one argument ---------------------------------------------------------------------------- */

static void NAME(linear_kernel)(void *y, const void *x, size_t n) {
  if (n > 0 && y != x) memmove(y, x, n * sizeof(number));
}

static void NAME(linear_backward_kernel)(void *dx, const void *dy, const void *x, const void *y,
                                         size_t n) {
  (void)x, (void)y;
  NAME(linear_kernel)(dx, dy, n);
}

UNARY(rectified)

WORD vector NAME(rectified_backward)(vector dy, vector y) {
  return choose(less_equal(y, splat(0)), splat(0), dy);
}
BACKWARD_FROM_RESULT(rectified)

UNARY(hyperbolic_tangent)

WORD vector NAME(hyperbolic_tangent_backward)(vector dy, vector y) {
  return dy * (splat(1) - y * y);
}
BACKWARD_FROM_RESULT(hyperbolic_tangent)

UNARY(logistic)

WORD vector NAME(logistic_backward)(vector dy, vector y) { return dy * (y * (splat(1) - y)); }
BACKWARD_FROM_RESULT(logistic)

UNARY(exponential)

WORD vector NAME(exponential_backward)(vector dy, vector y) { return dy * y; }
BACKWARD_FROM_RESULT(exponential)

UNARY(logarithm)

WORD vector NAME(logarithm_backward)(vector dy, vector x) { return dy / x; }
BACKWARD_FROM_ARGUMENT(logarithm)

UNARY(root)

WORD vector NAME(root_backward)(vector dy, vector y) { return dy / (y + y); }
BACKWARD_FROM_RESULT(root)

UNARY(magnitude)

/* dy with the sign of x; 0 at 0; a NaN where x is one. */
WORD vector NAME(magnitude_backward)(vector dy, vector x) {
  vector slope = choose(less(x, splat(0)), splat(-1), choose(less(splat(0), x), splat(1), x));
  return choose(equal(x, splat(0)), splat(0), dy * slope);
}
BACKWARD_FROM_ARGUMENT(magnitude)

WORD vector negated(vector x) { return -x; }
UNARY(negated)

WORD vector NAME(negated_backward)(vector dy, vector x) { (void)x; return -dy; }
BACKWARD_FROM_RESULT(negated)

WORD vector squared(vector x) { return x * x; }
UNARY(squared)

WORD vector NAME(squared_backward)(vector dy, vector x) { return dy * (x + x); }
BACKWARD_FROM_ARGUMENT(squared)

UNARY(rounded_down)

WORD vector NAME(rounded_down_backward)(vector dy, vector y) {
  (void)dy, (void)y;
  return splat(0);
}
BACKWARD_FROM_RESULT(rounded_down)

/* -- clipping -------------------------------------------------------------------------------- */

static void NAME(clip)(void *y, const void *x, double low, double high, size_t n) {
  const vector lowest = splat((number)low), highest = splat((number)high);
  const number *from = x;
  number *to = y;
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES) store(to + i, clipped(load(from + i), lowest, highest));
  if (i < n)
    store_part(to + i, clipped(load_part(from + i, n - i), lowest, highest), n - i);
}

/* 0 outside, dy inside and where x is a NaN. */
WORD vector NAME(clipped_backward)(vector dy, vector x, vector low, vector high) {
  return choose(either(less(x, low), less(high, x)), splat(0), dy);
}

static void NAME(clip_backward)(void *dx, const void *dy, const void *x, double low, double high,
                                size_t n) {
  const vector lowest = splat((number)low), highest = splat((number)high);
  const number *gradient = dy, *at = x;
  number *to = dx;
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES)
    store(to + i, NAME(clipped_backward)(load(gradient + i), load(at + i), lowest, highest));
  if (i < n)
    store_part(to + i, NAME(clipped_backward)(load_part(gradient + i, n - i),
                                              load_part(at + i, n - i), lowest, highest), n - i);
}

/* -- loops over two operands, each an array (step 1) or one number (step 0) ------------------ */

WORD void map_operands(number *y, const number *a, bool a_moves, const number *b, bool b_moves,
                       size_t n, vector f(vector, vector)) {
  const vector a_number = splat(*a), b_number = splat(*b);
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES)
    store(y + i, f(a_moves ? load(a + i) : a_number, b_moves ? load(b + i) : b_number));
  if (i < n)
    store_part(y + i, f(a_moves ? load_part(a + i, n - i) : a_number,
                        b_moves ? load_part(b + i, n - i) : b_number), n - i);
}

WORD void map_binary(number *y, const number *a, size_t a_step, const number *b, size_t b_step,
                     size_t n, vector f(vector, vector)) {
  if (n == 0) return;
  if (a_step && b_step) map_operands(y, a, true, b, true, n, f);
  else if (a_step) map_operands(y, a, true, b, false, n, f);
  else if (b_step) map_operands(y, a, false, b, true, n, f);
  else map_operands(y, a, false, b, false, n, f);
}

#define BINARY(name) \
  static void NAME(name##_kernel)(void *y, const void *a, size_t a_step, \
                                  const void *b, size_t b_step, size_t n) { \
    map_binary(y, a, a_step, b, b_step, n, NAME(name)); \
  }

WORD void map_operands_backward(number *dx, const number *dy, const number *a, bool a_moves,
                                const number *b, bool b_moves, size_t n,
                                vector f(vector, vector, vector)) {
  const vector a_number = splat(*a), b_number = splat(*b);
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES)
    store(dx + i, f(load(dy + i), a_moves ? load(a + i) : a_number,
                    b_moves ? load(b + i) : b_number));
  if (i < n)
    store_part(dx + i, f(load_part(dy + i, n - i), a_moves ? load_part(a + i, n - i) : a_number,
                         b_moves ? load_part(b + i, n - i) : b_number), n - i);
}

WORD void map_binary_backward(number *dx, const number *dy, const number *a, size_t a_step,
                              const number *b, size_t b_step, size_t n,
                              vector f(vector, vector, vector)) {
  if (n == 0) return;
  if (a_step && b_step) map_operands_backward(dx, dy, a, true, b, true, n, f);
  else if (a_step) map_operands_backward(dx, dy, a, true, b, false, n, f);
  else if (b_step) map_operands_backward(dx, dy, a, false, b, true, n, f);
  else map_operands_backward(dx, dy, a, false, b, false, n, f);
}

#define BINARY_BACKWARD(name) \
  static void NAME(name##_kernel)(void *dx, const void *dy, const void *a, size_t a_step, \
                                  const void *b, size_t b_step, size_t n) { \
    map_binary_backward(dx, dy, a, a_step, b, b_step, n, NAME(name)); \
  }

/* -- two arguments --------------------------------------------------------------------------- */

WORD vector NAME(same_backward)(vector dy, vector a, vector b) { (void)a, (void)b; return dy; }
BINARY_BACKWARD(same_backward)

WORD vector NAME(opposite_backward)(vector dy, vector a, vector b) {
  (void)a, (void)b;
  return -dy;
}
BINARY_BACKWARD(opposite_backward)

WORD vector NAME(zero_backward)(vector dy, vector a, vector b) {
  (void)dy, (void)a, (void)b;
  return splat(0);
}
BINARY_BACKWARD(zero_backward)

WORD vector NAME(add)(vector a, vector b) { return a + b; }
BINARY(add)

WORD vector NAME(subtract)(vector a, vector b) { return a - b; }
BINARY(subtract)

WORD vector NAME(multiply)(vector a, vector b) { return a * b; }
BINARY(multiply)

WORD vector NAME(multiply_left)(vector dy, vector a, vector b) { (void)a; return dy * b; }
BINARY_BACKWARD(multiply_left)

WORD vector NAME(multiply_right)(vector dy, vector a, vector b) { (void)b; return dy * a; }
BINARY_BACKWARD(multiply_right)

WORD vector NAME(divide)(vector a, vector b) { return a / b; }
BINARY(divide)

WORD vector NAME(divide_left)(vector dy, vector a, vector b) { (void)a; return dy / b; }
BINARY_BACKWARD(divide_left)

WORD vector NAME(divide_right)(vector dy, vector a, vector b) { return -(dy * (a / b / b)); }
BINARY_BACKWARD(divide_right)

WORD vector NAME(floor_divide)(vector a, vector b) { return rounded_down(a / b); }
BINARY(floor_divide)

/* What Lua's % gives: the exact remainder, with the sign of the divisor. */
WORD vector NAME(modulo)(vector a, vector b) {
  number x[LANES], divisor[LANES];
  store(x, a);
  store(divisor, b);
  for (size_t i = 0; i < LANES; i++) x[i] = (number)floored_remainder(x[i], divisor[i]);
  return load(x);
}
BINARY(modulo)

/* a % b is a - floor(a / b) * b */
WORD vector NAME(modulo_right)(vector dy, vector a, vector b) {
  return -(dy * rounded_down(a / b));
}
BINARY_BACKWARD(modulo_right)

/* Where neither is greater nor equal there is a NaN, which the sum hands on. */
WORD vector NAME(maximum)(vector a, vector b) {
  return choose(less_equal(b, a), a, choose(less(a, b), b, a + b));
}
BINARY(maximum)

WORD vector NAME(minimum)(vector a, vector b) {
  return choose(less_equal(a, b), a, choose(less(b, a), b, a + b));
}
BINARY(minimum)

/* dy where a > b, half of it where they are equal, 0 where a < b, a NaN where there is one. */
WORD vector NAME(greater_share)(vector dy, vector a, vector b) {
  vector share = choose(less(b, a), dy, choose(equal(a, b), splat(0.5) * dy, a + b));
  return choose(less(a, b), splat(0), share);
}
BINARY_BACKWARD(greater_share)

WORD vector NAME(less_share)(vector dy, vector a, vector b) {
  return NAME(greater_share)(dy, b, a);
}
BINARY_BACKWARD(less_share)

WORD vector NAME(greater)(vector a, vector b) { return choose(less(b, a), splat(1), splat(0)); }
BINARY(greater)

WORD vector NAME(greater_equal)(vector a, vector b) {
  return choose(less_equal(b, a), splat(1), splat(0));
}
BINARY(greater_equal)

WORD vector NAME(is_less)(vector a, vector b) { return choose(less(a, b), splat(1), splat(0)); }
BINARY(is_less)

WORD vector NAME(is_less_equal)(vector a, vector b) {
  return choose(less_equal(a, b), splat(1), splat(0));
}
BINARY(is_less_equal)

WORD vector NAME(is_equal)(vector a, vector b) { return choose(equal(a, b), splat(1), splat(0)); }
BINARY(is_equal)

WORD vector NAME(is_not_equal)(vector a, vector b) {
  return choose(equal(a, b), splat(0), splat(1));
}
BINARY(is_not_equal)

/* -- adding up, and the slopes of squared differences ------------------------------------------ */

static void NAME(accumulate)(void *y, const void *x, size_t n) {
  map_binary(y, y, 1, x, 1, n, NAME(add));
}

static void NAME(scaled_difference)(void *y, const void *a, const void *b, double factor,
                                    size_t n) {
  const vector scale = splat((number)factor);
  const number *left = a, *right = b;
  number *to = y;
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES)
    store(to + i, (load(left + i) - load(right + i)) * scale);
  if (i < n)
    store_part(to + i, (load_part(left + i, n - i) - load_part(right + i, n - i)) * scale, n - i);
}

/* -- other types ----------------------------------------------------------------------------- */

static void NAME(widen)(double *y, const void *x, size_t n) {
  const bool far = is_far(n * sizeof *y);
  const number *from = x;
  size_t i;
  for (i = 0; i + LANES_double <= n; i += LANES_double) {
    if (far) fetch_ahead(from + i), fetch_ahead(y + i);
    store_double(y + i, LOAD_WIDE(from + i));
  }
  for (; i < n; i++) y[i] = from[i];
}

static void NAME(narrow)(void *y, const double *x, size_t n) {
  const bool far = is_far(n * sizeof *x);
  number *to = y;
  size_t i;
  for (i = 0; i + LANES_double <= n; i += LANES_double) {
    if (far) fetch_ahead(x + i), fetch_ahead(to + i);
    STORE_NARROW(to + i, load_double(x + i));
  }
  for (; i < n; i++) to[i] = (number)x[i];
}

#undef UNARY
#undef BACKWARD_FROM_ARGUMENT
#undef BACKWARD_FROM_RESULT
#undef BINARY
#undef BINARY_BACKWARD

/* elementwise.c: operations that work on each element by itself, alone or in pairs with NumPy's
** broadcasting. Rests on the kernels for the arithmetic and on walks for strides. */
#include "kernels.h"
#include "operation.h"
#include "sums.h"
#include "threads.h"

/* y = f(x) */

/* The least number of elements that is worth a thread. */
enum { RANGE = 1 << 15, UNIT = 16 };

typedef struct Unary {
  gr_UnaryKernel *kernel;
  unsigned char *y;
  const unsigned char *x;
  size_t size;
} Unary;

static void unary_range(void *data, size_t first, size_t count, size_t worker) {
  const Unary *unary = data;
  (void)worker;
  unary->kernel(unary->y + first * unary->size, unary->x + first * unary->size, count);
}

static gr_Status unary_forward(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  unsigned char *y = gr_tensor_data(node->output);
  const unsigned char *from = gr_tensor_contiguous(x, y);  /* a strided x is gathered into y */
  gr_UnaryKernel *kernel = gr_kernels_for(context, x)->unary[node->operation->kernel];
  size_t n = gr_tensor_size(x), size = gr_dtype_size(x->dtype);
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);) {
    Unary unary = {kernel, y + block.first * size, from + block.first * size, size};
    gr_parallel(context, block.count, UNIT, RANGE, unary_range, &unary);
  }
  return GR_OK;
}

/* dx = dy * f'(x) */

typedef struct UnarySlope {
  gr_UnaryBackward *kernel;
  unsigned char *dx;
  const unsigned char *dy, *x, *y;
  size_t size;
} UnarySlope;

static void unary_slope_range(void *data, size_t first, size_t count, size_t worker) {
  const UnarySlope *slope = data;
  size_t place = first * slope->size;
  (void)worker;
  slope->kernel(slope->dx + place, slope->dy + place, slope->x == NULL ? NULL : slope->x + place,
                slope->y == NULL ? NULL : slope->y + place, count);
}

void gr_unary_slopes(gr_Context *context, const gr_Tensor *like, int function, void *dx,
                     const void *dy, const void *x, const void *y) {
  UnarySlope slope = {gr_kernels_for(context, like)->unary_backward[function], dx, dy, x, y,
                      gr_dtype_size(like->dtype)};
  size_t bytes = GR_BLOCK * slope.size;
  for (gr_Block block = {0, 0}; gr_next_block(context, gr_tensor_size(like), &block);) {
    gr_parallel(context, block.count, UNIT, RANGE, unary_slope_range, &slope);
    slope.dx += bytes;
    slope.dy += bytes;
    if (slope.x != NULL) slope.x += bytes;
    if (slope.y != NULL) slope.y += bytes;
  }
}

static gr_Status unary_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                gr_Tensor *const *dx) {
  const gr_Tensor *x = node->inputs[0];
  size_t bytes = gr_tensor_size(x) * gr_dtype_size(x->dtype);
  void *room = gr_scratch(context, bytes);
  if (room == NULL) return gr_fail_memory(context, bytes);
  gr_unary_slopes(context, dy, node->operation->kernel, gr_tensor_data(dx[0]), gr_tensor_data(dy),
                  gr_tensor_contiguous(x, room), gr_tensor_data(node->output));
  return GR_OK;
}

/* y = clip(x, low, high); a bound that was not given is infinite. */

static double low_bound(const gr_Node *node) {
  return node->attributes->has_low ? node->attributes->low : -1.0 / 0.0;
}

static double high_bound(const gr_Node *node) {
  return node->attributes->has_high ? node->attributes->high : 1.0 / 0.0;
}

static gr_Status clip_shape(gr_Context *context, gr_Node *node) {
  if (!node->attributes->has_low && !node->attributes->has_high)
    return gr_fail(context, "expected a lower or an upper bound, got neither");
  if (!(low_bound(node) <= high_bound(node)))
    return gr_fail(context, "the lower bound %g is not below the upper bound %g",
                   low_bound(node), high_bound(node));
  return gr_shape_like_input(context, node);
}

static gr_Status clip_forward(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  unsigned char *y = gr_tensor_data(node->output);
  const unsigned char *from = gr_tensor_contiguous(x, y);
  for (gr_Block block = {0, 0}; gr_next_block(context, gr_tensor_size(x), &block);) {
    size_t place = block.first * gr_dtype_size(x->dtype);
    gr_kernels_for(context, x)->clip(y + place, from + place, low_bound(node), high_bound(node),
                                     block.count);
  }
  return GR_OK;
}

/* dx = dy where low <= x <= high, else 0 */
static gr_Status clip_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                               gr_Tensor *const *dx) {
  const gr_Tensor *x = node->inputs[0];
  unsigned char *to = gr_tensor_data(dx[0]);
  const unsigned char *slope = gr_tensor_data(dy), *from = gr_tensor_contiguous(x, to);
  for (gr_Block block = {0, 0}; gr_next_block(context, gr_tensor_size(x), &block);) {
    size_t place = block.first * gr_dtype_size(x->dtype);
    gr_kernels_for(context, x)->clip_backward(to + place, slope + place, from + place,
                                              low_bound(node), high_bound(node), block.count);
  }
  return GR_OK;
}

/* y = f(a, b) with broadcasting */

static gr_Status binary_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *a = node->inputs[0], *b = node->inputs[1];
  gr_Tensor *y = node->output;
  char left[GR_SHAPE_TEXT], right[GR_SHAPE_TEXT];
  y->dtype = a->dtype;
  if (!gr_broadcast_shape(a->rank, a->shape, b->rank, b->shape, &y->rank, y->shape))
    return gr_fail(context, "shapes %s and %s do not broadcast: counted from the end, two "
                   "dimensions must be equal or one of them 1",
                   gr_tensor_shape_text(left, a), gr_tensor_shape_text(right, b));
  return GR_OK;
}

enum { CHUNK = 256 };  /* elements of a strided run that are gathered at a time */

typedef struct Pair {  /* two operands in the shape of the output, walked together */
  gr_Walk walk;
  const unsigned char *data[2];
  size_t size;
  gr_DType dtype;
} Pair;

static bool pair_begin(Pair *pair, const gr_Node *node) {
  const gr_Tensor *y = node->output;
  ptrdiff_t places[2][GR_MAX_RANK];
  const ptrdiff_t *strides[2] = {places[0], places[1]};
  for (int i = 0; i < 2; i++) {
    const gr_Tensor *x = node->inputs[i];
    gr_broadcast_strides(x, x->rank, y->rank, y->shape, places[i]);
    pair->data[i] = gr_tensor_data(x);
  }
  pair->dtype = y->dtype;
  pair->size = gr_dtype_size(y->dtype);
  return gr_walk_begin(&pair->walk, 2, y->rank, y->shape, strides);
}

/* Operand t of the run's elements from `first` on, `n` of them: in place, or gathered to `room`. */
static const void *operand(const Pair *pair, int t, int64_t first, int64_t n, void *room) {
  ptrdiff_t step = pair->walk.step[t];
  const unsigned char *from =
      pair->data[t] + (pair->walk.position[t] + first * step) * (ptrdiff_t)pair->size;
  if (step == 0 || step == 1) return from;
  for (int64_t i = 0; i < n; i++)
    if (pair->dtype == GR_FLOAT32) ((float *)room)[i] = ((const float *)from)[i * step];
    else ((double *)room)[i] = ((const double *)from)[i * step];
  return room;
}

/* Whether an operand has the output's shape and lies as it does, or is one number. */
static bool lies_plainly(const gr_Tensor *x, const gr_Tensor *y) {
  if (x->rank == 0) return true;
  if (x->rank != y->rank) return false;
  for (int i = 0; i < y->rank; i++)
    if (x->shape[i] != y->shape[i] || (x->strides[i] != y->strides[i] && x->shape[i] != 1))
      return false;
  return true;
}

/* Call kernel(out, a, a_step, b, b_step, n), or, with dy, kernel(out, dy, a, a_step, ...), over
** all pairs. */
static void for_pairs(gr_Context *context, const gr_Node *node, unsigned char *out,
                      const unsigned char *dy, gr_BinaryKernel *forward,
                      gr_BinaryBackward *backward) {
  Pair pair;
  _Alignas(64) double rooms[2][CHUNK];
  if (!pair_begin(&pair, node)) return;
  size_t a_step = pair.walk.step[0] != 0, b_step = pair.walk.step[1] != 0;
  int64_t length = pair.walk.length;
  bool in_place = pair.walk.step[0] >> 1 == 0 && pair.walk.step[1] >> 1 == 0;  /* 0 or 1 */
  int64_t chunk = in_place ? GR_BLOCK : CHUNK;
  size_t done = 0;
  do {
    for (int64_t first = 0; first < length; first += chunk) {
      int64_t n = length - first < chunk ? length - first : chunk;
      const void *a = operand(&pair, 0, first, n, rooms[0]);
      const void *b = operand(&pair, 1, first, n, rooms[1]);
      if (dy == NULL) forward(out, a, a_step, b, b_step, (size_t)n);
      else backward(out, dy, a, a_step, b, b_step, (size_t)n), dy += (size_t)n * pair.size;
      out += (size_t)n * pair.size;
      if (gr_must_stop_after(context, (size_t)n, &done)) return;
    }
  } while (gr_walk_next(&pair.walk));
}

typedef struct Binary {
  gr_BinaryKernel *kernel;
  unsigned char *y;
  const unsigned char *a, *b;
  size_t a_step, b_step, size;
} Binary;

static void binary_range(void *data, size_t first, size_t count, size_t worker) {
  const Binary *binary = data;
  size_t place = first * binary->size;
  (void)worker;
  binary->kernel(binary->y + place, binary->a + place * binary->a_step, binary->a_step,
                 binary->b + place * binary->b_step, binary->b_step, count);
}

static void advance(Binary *binary, size_t count) {
  binary->y += count * binary->size;
  binary->a += count * binary->size * binary->a_step;
  binary->b += count * binary->size * binary->b_step;
}

static gr_Status binary_forward(gr_Context *context, gr_Node *node) {
  const gr_Tensor *a = node->inputs[0], *b = node->inputs[1], *y = node->output;
  gr_BinaryKernel *kernel = gr_kernels_for(context, y)->binary[node->operation->kernel];
  size_t n = gr_tensor_size(y);
  if (!lies_plainly(a, y) || !lies_plainly(b, y)) {
    for_pairs(context, node, gr_tensor_data(y), NULL, kernel, NULL);
    return GR_OK;
  }
  Binary binary = {kernel, gr_tensor_data(y), gr_tensor_data(a), gr_tensor_data(b), a->rank > 0,
                   b->rank > 0, gr_dtype_size(y->dtype)};
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);) {
    gr_parallel(context, block.count, UNIT, RANGE, binary_range, &binary);
    advance(&binary, block.count);
  }
  return GR_OK;
}

/* da = the sum of dy * df/da over what was broadcast; db likewise */
static gr_Status binary_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                 gr_Tensor *const *dx) {
  const gr_KernelSet *kernels = gr_kernels_for(context, dy);
  gr_BinaryBackward *backward[2] = {kernels->binary_backward_left[node->operation->kernel],
                                    kernels->binary_backward_right[node->operation->kernel]};
  for (int i = 0; i < 2; i++) {
    if (dx[i] == NULL) continue;
    if (gr_same_shape(dx[i], dy)) {
      for_pairs(context, node, gr_tensor_data(dx[i]), gr_tensor_data(dy), NULL, backward[i]);
      continue;
    }
    size_t bytes = gr_tensor_size(dy) * gr_dtype_size(dy->dtype);
    unsigned char *full = gr_scratch(context, 3 * bytes);
    if (full == NULL) return gr_fail_memory(context, 3 * bytes);
    for_pairs(context, node, full, gr_tensor_data(dy), NULL, backward[i]);
    gr_sum_broadcast(context, dy, full, dx[i], full + bytes);
  }
  return GR_OK;
}

#define UNARY(name, kernel, low, high, help)                                                    \
  {name, 1, {0}, kernel, 0, gr_shape_like_input, unary_forward, unary_backward, NULL, low, high, \
   "x:" name "() -> tensor", help " The result has x's shape."}

#define BINARY(name, kernel, low, high, help)                                                   \
  {name, 2, {0}, kernel, GR_COMMON_TYPE, binary_shape, binary_forward, binary_backward, NULL,   \
   low, high, "a:" name "(b) -> tensor", help " b may be a number; shapes broadcast."}

#define COMPARISON(name, kernel, equivalent, help)                                              \
  {name, 2, {0}, kernel, GR_COMMON_TYPE, binary_shape, binary_forward, NULL, NULL, -1, 1,       \
   "a:" name "(b) -> tensor of ones and zeros",                                                \
   help " b may be a number; shapes broadcast. No gradient flows. As numpy." equivalent "."}

const gr_Operation gr_elementwise_operations[] = {
  UNARY("exp", GR_EXP, -2, 2, "e to the power of each element. As numpy.exp."),
  UNARY("log", GR_LOG, 0.5, 3,
        "The natural logarithm of each element; -inf at 0, nan below. As numpy.log."),
  UNARY("sqrt", GR_SQRT, 0.5, 3, "The square root of each element; nan below 0. As numpy.sqrt."),
  UNARY("abs", GR_ABS, -2, 2, "The absolute value of each element. The derivative at 0 is 0. "
        "As numpy.abs."),
  UNARY("tanh", GR_TANH, -2, 2, "The hyperbolic tangent of each element. As numpy.tanh."),
  UNARY("relu", GR_RELU, -2, 2,
        "0 where an element is negative, else the element. The derivative at 0 is 0; nan stays. "
        "As keras.ops.relu."),
  UNARY("sigmoid", GR_SIGMOID, -2, 2, "1 / (1 + exp(-x)) of each element. As keras.ops.sigmoid."),
  UNARY("square", GR_SQUARE, -2, 2, "Each element times itself. As numpy.square."),
  UNARY("floor", GR_FLOOR, -2, 2,
        "The largest whole number not above each element. The derivative is 0. As numpy.floor."),
  UNARY("neg", GR_NEGATE, -2, 2, "The negative of each element; also -x. As numpy.negative."),
  {"clip", 1, {GR_LOW, GR_HIGH}, 0, 0, clip_shape, clip_forward, clip_backward, NULL, -2, 2,
   "x:clip(low, high) -> tensor",
   "Each element, moved to the nearest bound where it lies outside; either bound may be nil. "
   "nan stays. As numpy.clip. Example: tensor({ -2, 0.5, 3 }):clip(0, 1)"},
  BINARY("add", GR_ADD, -2, 2, "The sum by elements; also a + b. As numpy.add."),
  BINARY("sub", GR_SUBTRACT, -2, 2, "The difference by elements; also a - b. As numpy.subtract."),
  BINARY("mul", GR_MULTIPLY, -2, 2, "The product by elements; also a * b. As numpy.multiply."),
  BINARY("div", GR_DIVIDE, 0.5, 3, "The quotient by elements; also a / b. As numpy.divide."),
  BINARY("pow", GR_POWER, 0.5, 3, "a to the power of b by elements; also a ^ b. As numpy.power."),
  BINARY("floordiv", GR_FLOOR_DIVIDE, 0.5, 3,
         "a / b rounded down; also a // b. The derivative is 0. As Lua's // on floats."),
  BINARY("mod", GR_MODULO, 0.5, 3,
         "The remainder of a by b, with the sign of b; also a % b. As Lua's % on floats."),
  BINARY("maximum", GR_MAXIMUM, -2, 2,
         "The larger of two elements; nan if one is. As numpy.maximum."),
  BINARY("minimum", GR_MINIMUM, -2, 2,
         "The smaller of two elements; nan if one is. As numpy.minimum."),
  COMPARISON("gt", GR_GREATER, "greater", "1 where a > b, else 0."),
  COMPARISON("ge", GR_GREATER_EQUAL, "greater_equal", "1 where a >= b, else 0."),
  COMPARISON("lt", GR_LESS, "less", "1 where a < b, else 0."),
  COMPARISON("le", GR_LESS_EQUAL, "less_equal", "1 where a <= b, else 0."),
  COMPARISON("eq", GR_EQUAL, "equal", "1 where a equals b, else 0; nan equals nothing."),
  COMPARISON("ne", GR_NOT_EQUAL, "not_equal", "1 where a differs from b, else 0."),
  {0}
};

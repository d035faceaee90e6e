/* losses.c: losses as one operation each, from targets and predictions to one number. Keras's
** order of arguments: what is true first. */
#include "calls.h"
#include "kernels.h"
#include "operation.h"
#include "processor.h"
#include "sums.h"

/* Targets of shape [n] fit predictions [n, 1]; else the shapes must be equal. */
static bool targets_fit(const gr_Tensor *target, const gr_Tensor *prediction) {
  if (gr_same_shape(target, prediction)) return true;
  return target->rank == 1 && prediction->rank == 2 && prediction->shape[1] == 1 &&
         target->shape[0] == prediction->shape[0];
}

static gr_Status loss_shape(gr_Context *context, gr_Node *node) {
  char left[GR_SHAPE_TEXT], right[GR_SHAPE_TEXT];
  const gr_Tensor *target = node->inputs[0], *prediction = node->inputs[1];
  if (!targets_fit(target, prediction))
    return gr_fail(context, "y_true is %s and y_pred is %s: the shapes must be equal",
                   gr_tensor_shape_text(left, target), gr_tensor_shape_text(right, prediction));
  if (gr_tensor_size(prediction) == 0)
    return gr_fail(context, "expected at least one row, got y_pred of shape %s",
                   gr_tensor_shape_text(left, prediction));
  node->output->dtype = prediction->dtype;
  node->output->rank = 0;
  return GR_OK;
}

/* Both sides row-major; what is strided is gathered to scratch. */
typedef struct Sides {
  size_t n, bytes;              /* of each */
  const void *target, *prediction;
  unsigned char *room;          /* for two more of their size; NULL: no memory */
} Sides;

GR_INLINE Sides sides_of(gr_Context *context, const gr_Node *node) {
  const gr_Tensor *target = node->inputs[0], *prediction = node->inputs[1];
  Sides sides = {gr_tensor_size(prediction), 0, NULL, NULL, NULL};
  sides.bytes = sides.n * gr_dtype_size(prediction->dtype);
  unsigned char *room = gr_scratch(context, 4 * sides.bytes);
  if (room == NULL) return sides;
  sides.target = gr_tensor_contiguous(target, room);
  sides.prediction = gr_tensor_contiguous(prediction, room + sides.bytes);
  sides.room = room + 2 * sides.bytes;
  return sides;
}

/* mean = sum / n, in the tensor's type */
static void set_mean(gr_Tensor *mean, double sum, size_t n) {
  if (mean->dtype == GR_FLOAT32) *(float *)gr_tensor_data(mean) = (float)sum / (float)n;
  else *(double *)gr_tensor_data(mean) = sum / (double)n;
}

/* The mean of the terms over both sides. */
static gr_Status mean_forward(gr_Context *context, gr_Node *node, gr_Terms terms) {
  gr_Tensor *mean = node->output;
  Sides sides = sides_of(context, node);
  if (sides.room == NULL) return gr_fail_memory(context, 4 * sides.bytes);
  set_mean(mean, gr_sum(context, mean->dtype, terms, sides.prediction, sides.target, sides.n),
           sides.n);
  return GR_OK;
}

/* slope = factor * dy / n, in the tensor's type */
static double slope_of(const gr_Tensor *dy, double factor, size_t n) {
  double dloss = gr_tensor_get(dy, 0);
  if (dy->dtype == GR_FLOAT32) return (float)factor * (float)dloss / (float)n;
  return factor * dloss / (double)n;
}

/* loss = mean (prediction - target)^2 */
static gr_Status squared_forward(gr_Context *context, gr_Node *node) {
  return mean_forward(context, node, GR_SQUARED_ERRORS);
}

/* to = (prediction - target) * factor; `to` may be NULL. */
static void write_differences(const gr_Context *context, gr_Tensor *to, const void *prediction,
                              const void *target, size_t n, double factor) {
  if (to == NULL) return;
  const gr_KernelSet *kernels = gr_kernels_for(context, to);
  size_t size = gr_dtype_size(to->dtype);
  unsigned char *y = gr_tensor_data(to);
  const unsigned char *a = prediction, *b = target;
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);) {
    size_t place = block.first * size;
    kernels->scaled_difference(y + place, a + place, b + place, factor, block.count);
  }
}

/* dprediction = 2 dy / n (prediction - target), dtarget = -dprediction */
static gr_Status squared_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                  gr_Tensor *const *dx) {
  Sides sides = sides_of(context, node);
  if (sides.room == NULL) return gr_fail_memory(context, 4 * sides.bytes);
  double slope = slope_of(dy, 2, sides.n);
  write_differences(context, dx[0], sides.prediction, sides.target, sides.n, -slope);
  write_differences(context, dx[1], sides.prediction, sides.target, sides.n, slope);
  return GR_OK;
}

/* The same as calls, where both sides lie evenly and are no longer than a block. */

static gr_Status call_squared(gr_Context *context, const gr_Call *call) {
  gr_Tensor *loss = call->as.loss.loss;
  size_t n = call->as.loss.n;
  (void)context;
  call->as.loss.kernels->sum_squared_error(gr_tensor_data(loss), call->as.loss.prediction,
                                           call->as.loss.target, n);
  set_mean(loss, gr_tensor_get(loss, 0), n);
  return GR_OK;
}

static gr_Status call_squared_backward(gr_Context *context, const gr_Call *call) {
  const void *prediction = call->as.loss.prediction, *target = call->as.loss.target;
  const gr_KernelSet *kernels = call->as.loss.kernels;
  void *dtarget = call->as.loss.dtarget, *dprediction = call->as.loss.dprediction;
  size_t n = call->as.loss.n;
  double slope = slope_of(call->as.loss.dy, 2, n);
  (void)context;
  if (dtarget != NULL) kernels->scaled_difference(dtarget, prediction, target, -slope, n);
  if (dprediction != NULL) kernels->scaled_difference(dprediction, prediction, target, slope, n);
  return GR_OK;
}

static bool squared_lay_out(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                            gr_Tensor *const *dx, gr_Calls *calls) {
  const gr_Tensor *target = node->inputs[0], *prediction = node->inputs[1];
  gr_Call call = {dy == NULL ? call_squared : call_squared_backward,
                  {.loss = {gr_kernels_for(context, prediction), gr_tensor_data(prediction),
                            gr_tensor_data(target), gr_tensor_size(prediction), node->output, dy,
                            dy == NULL ? NULL : gr_tensor_data_or_null(dx[0]),
                            dy == NULL ? NULL : gr_tensor_data_or_null(dx[1])}}};
  return call.as.loss.n <= GR_BLOCK && gr_tensor_is_contiguous(target) &&
         gr_tensor_is_contiguous(prediction) && gr_calls_add(calls, call);
}

/* loss = mean |prediction - target| */
static gr_Status absolute_forward(gr_Context *context, gr_Node *node) {
  return mean_forward(context, node, GR_ABSOLUTE_ERRORS);
}

/* to = x * number */
static void multiply_all(const gr_Context *context, gr_Tensor *to, const void *x, double number,
                         size_t n) {
  float single = (float)number;
  const void *factor = to->dtype == GR_FLOAT32 ? (const void *)&single : &number;
  gr_binary_all(context, to->dtype, GR_MULTIPLY, gr_tensor_data(to), x, 1, factor, 0, n);
}

/* dprediction = dy / n sign(prediction - target), 0 where they are equal */
static gr_Status absolute_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                   gr_Tensor *const *dx) {
  Sides sides = sides_of(context, node);
  if (sides.room == NULL) return gr_fail_memory(context, 4 * sides.bytes);
  void *difference = sides.room;
  void *ones = sides.room + sides.bytes;
  float one = 1;
  double wide_one = 1, zero = 0, slope = slope_of(dy, 1, sides.n);
  const void *unit = dy->dtype == GR_FLOAT32 ? (const void *)&one : &wide_one;
  gr_binary_all(context, dy->dtype, GR_SUBTRACT, difference, sides.prediction, 1, sides.target, 1,
                sides.n);
  gr_binary_all(context, dy->dtype, GR_MULTIPLY, ones, unit, 0, &zero, 0, sides.n);  /* zeros */
  gr_binary_all(context, dy->dtype, GR_ADD, ones, ones, 1, unit, 0, sides.n);
  gr_unary_slopes(context, node->inputs[1], GR_ABS, difference, ones, difference, NULL);
  if (dx[0] != NULL) multiply_all(context, dx[0], difference, -slope, sides.n);
  if (dx[1] != NULL) multiply_all(context, dx[1], difference, slope, sides.n);
  return GR_OK;
}

#define LOSS(name, forward, backward, lay_out, help)                                          \
  {name, 2, {0}, 0, 1, loss_shape, forward, backward, lay_out, -2, 2,                         \
   name "(y_true, y_pred) -> tensor of rank 0", help}

const gr_Operation gr_loss_operations[] = {
  LOSS("mean_squared_error", squared_forward, squared_backward, squared_lay_out,
       "The mean of the squared differences over all elements; \"mse\" for compile. The shapes "
       "must agree; y_true of shape [n] is taken as [n, 1] beside y_pred [n, 1], and cast to "
       "y_pred's type. As keras.losses.mean_squared_error, averaged over the batch. "
       "Example: mean_squared_error(tensor { 1, 2 }, tensor { 1, 4 })"),
  LOSS("mean_absolute_error", absolute_forward, absolute_backward, NULL,
       "The mean of the absolute differences over all elements; \"mae\" for compile. The "
       "derivative of a difference of 0 is 0. Types and shapes as for mean_squared_error. As "
       "keras.losses.mean_absolute_error, averaged over the batch. "
       "Example: mean_absolute_error(tensor { 1, 2 }, tensor { 1, 4 })"),
  {0}
};

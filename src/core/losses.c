/* losses.c: losses as one operation each, from targets and predictions to one number. Keras's
** order of arguments: what is true first. */
#include "kernels.h"
#include "operation.h"
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
  const void *target, *prediction;
  unsigned char *room;  /* for two times n elements more */
  size_t n;
} Sides;

static gr_Status sides_of(gr_Context *context, const gr_Node *node, Sides *sides) {
  sides->n = gr_tensor_size(node->inputs[1]);
  size_t bytes = sides->n * gr_dtype_size(node->inputs[1]->dtype);
  unsigned char *room = gr_scratch(context, 4 * bytes);
  if (room == NULL) return gr_fail_memory(context, 4 * bytes);
  sides->target = gr_tensor_contiguous(node->inputs[0], room);
  sides->prediction = gr_tensor_contiguous(node->inputs[1], room + bytes);
  sides->room = room + 2 * bytes;
  return GR_OK;
}

static void set_mean(const gr_Context *context, gr_Tensor *mean, gr_Terms terms,
                     const Sides *sides) {
  gr_DType dtype = mean->dtype;
  double sum = gr_sum(context, dtype, terms, sides->prediction, sides->target, sides->n);
  if (dtype == GR_FLOAT32) *(float *)gr_tensor_data(mean) = (float)sum / (float)sides->n;
  else *(double *)gr_tensor_data(mean) = sum / (double)sides->n;
}

/* loss = mean (prediction - target)^2 */
static gr_Status squared_forward(gr_Context *context, gr_Node *node) {
  Sides sides;
  gr_Status status = sides_of(context, node, &sides);
  if (status != GR_OK) return status;
  set_mean(context, node->output, GR_SQUARED_ERRORS, &sides);
  return GR_OK;
}

/* slope = factor * dy / n, in the tensor's type */
static double slope_of(const gr_Tensor *dy, double factor, size_t n) {
  double dloss = gr_tensor_get(dy, 0);
  if (dy->dtype == GR_FLOAT32) return (float)factor * (float)dloss / (float)n;
  return factor * dloss / (double)n;
}

/* to = x * number */
static void multiply_all(const gr_Context *context, gr_DType dtype, void *to, const void *x,
                         double number, size_t n) {
  float single = (float)number;
  const void *factor = dtype == GR_FLOAT32 ? (const void *)&single : &number;
  gr_binary_all(context, dtype, GR_MULTIPLY, to, x, 1, factor, 0, n);
}

/* Write slope * step to the prediction's gradient and its negative to the target's. */
static void write_both(const gr_Context *context, gr_Tensor *const *dx, const void *step,
                       double slope, size_t n) {
  for (int i = 0; i < 2; i++)
    if (dx[i] != NULL)
      multiply_all(context, dx[i]->dtype, gr_tensor_data(dx[i]), step, i == 1 ? slope : -slope, n);
}

/* dprediction = 2 dy / n (prediction - target), dtarget = -dprediction */
static gr_Status squared_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                  gr_Tensor *const *dx) {
  Sides sides;
  gr_Status status = sides_of(context, node, &sides);
  if (status != GR_OK) return status;
  gr_binary_all(context, dy->dtype, GR_SUBTRACT, sides.room, sides.prediction, 1, sides.target, 1,
                sides.n);
  write_both(context, dx, sides.room, slope_of(dy, 2, sides.n), sides.n);
  return GR_OK;
}

/* loss = mean |prediction - target| */
static gr_Status absolute_forward(gr_Context *context, gr_Node *node) {
  Sides sides;
  gr_Status status = sides_of(context, node, &sides);
  if (status != GR_OK) return status;
  set_mean(context, node->output, GR_ABSOLUTE_ERRORS, &sides);
  return GR_OK;
}

/* dprediction = dy / n sign(prediction - target), 0 where they are equal */
static gr_Status absolute_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                   gr_Tensor *const *dx) {
  Sides sides;
  gr_Status status = sides_of(context, node, &sides);
  if (status != GR_OK) return status;
  void *difference = sides.room;
  void *ones = sides.room + sides.n * gr_dtype_size(dy->dtype);
  float one = 1;
  double wide_one = 1, zero = 0;
  const void *unit = dy->dtype == GR_FLOAT32 ? (const void *)&one : &wide_one;
  gr_binary_all(context, dy->dtype, GR_SUBTRACT, difference, sides.prediction, 1, sides.target, 1,
                sides.n);
  gr_binary_all(context, dy->dtype, GR_MULTIPLY, ones, unit, 0, &zero, 0, sides.n);  /* zeros */
  gr_binary_all(context, dy->dtype, GR_ADD, ones, ones, 1, unit, 0, sides.n);
  gr_unary_slopes(context, node->inputs[1], GR_ABS, difference, ones, difference, NULL);
  write_both(context, dx, difference, slope_of(dy, 1, sides.n), sides.n);
  return GR_OK;
}

#define LOSS(name, forward, backward, help)                                                   \
  {name, 2, {0}, 0, 1, loss_shape, forward, backward, -2, 2,                                  \
   name "(y_true, y_pred) -> tensor of rank 0", help}

const gr_Operation gr_loss_operations[] = {
  LOSS("mean_squared_error", squared_forward, squared_backward,
       "The mean of the squared differences over all elements; \"mse\" for compile. The shapes "
       "must agree; y_true of shape [n] is taken as [n, 1] beside y_pred [n, 1], and cast to "
       "y_pred's type. As keras.losses.mean_squared_error, averaged over the batch. "
       "Example: mean_squared_error(tensor { 1, 2 }, tensor { 1, 4 })"),
  LOSS("mean_absolute_error", absolute_forward, absolute_backward,
       "The mean of the absolute differences over all elements; \"mae\" for compile. The "
       "derivative of a difference of 0 is 0. Types and shapes as for mean_squared_error. As "
       "keras.losses.mean_absolute_error, averaged over the batch. "
       "Example: mean_absolute_error(tensor { 1, 2 }, tensor { 1, 4 })"),
  {0}
};

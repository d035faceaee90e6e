/* reductions.c: operations that make one number of many, over all axes or some.
**
** sum and mean follow the rule of a sum in the tensor's own type; max and min select. The others,
** and the derivatives of max and min, are statistics: the elements that belong together are laid in
** a run, in double, and a scalar function computes from the run; the result is rounded once. argmax
** and argmin are such functions, too, without a derivative. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "norm.h"
#include "operation.h"
#include "statistics.h"
#include "sums.h"

/* What is reduced */

static void mark_reduced(const gr_Node *node, bool *reduced) {
  const gr_Attributes *attributes = node->attributes;
  int rank = node->inputs[0]->rank;
  for (int i = 0; i < rank; i++) reduced[i] = attributes->axes_count < 0;
  for (int i = 0; i < attributes->axes_count; i++) reduced[attributes->axes[i]] = true;
}

static size_t reduced_count(const gr_Node *node, const bool *reduced) {
  size_t n = 1;
  for (int i = 0; i < node->inputs[0]->rank; i++)
    if (reduced[i]) n *= (size_t)node->inputs[0]->shape[i];
  return n;
}

static gr_Status reduce_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  gr_Tensor *y = node->output;
  bool reduced[GR_MAX_RANK];
  (void)context;
  mark_reduced(node, reduced);
  y->dtype = x->dtype;
  y->rank = 0;
  for (int i = 0; i < x->rank; i++) {
    if (!reduced[i]) y->shape[y->rank++] = x->shape[i];
    else if (node->attributes->keepdims) y->shape[y->rank++] = 1;
  }
  return GR_OK;
}

/* For what has no value over nothing. */
static gr_Status reduce_some_shape(gr_Context *context, gr_Node *node) {
  char text[GR_SHAPE_TEXT];
  bool reduced[GR_MAX_RANK];
  mark_reduced(node, reduced);
  if (reduced_count(node, reduced) == 0)
    return gr_fail(context, "expected at least one element to work on, got a tensor of shape %s",
                   gr_tensor_shape_text(text, node->inputs[0]));
  return reduce_shape(context, node);
}

/* Places are float64 whatever x is, as all that counts. */
static gr_Status place_shape(gr_Context *context, gr_Node *node) {
  gr_Status status = reduce_some_shape(context, node);
  node->output->dtype = GR_FLOAT64;
  return status;
}

/* dy seen in the shape of x: stride 0 along the reduced axes. */
static gr_Tensor spread(const gr_Node *node, const gr_Tensor *dy) {
  const gr_Tensor *x = node->inputs[0];
  gr_Tensor view = *dy;
  bool reduced[GR_MAX_RANK];
  int next = 0;
  mark_reduced(node, reduced);
  view.rank = x->rank;
  for (int i = 0; i < x->rank; i++) {
    view.shape[i] = x->shape[i];
    view.strides[i] = reduced[i] ? 0 : dy->strides[next];
    if (!reduced[i] || node->attributes->keepdims) next++;
  }
  return view;
}

/* sum, mean, max, min */

static gr_Status fold_forward(gr_Context *context, gr_Node *node, const gr_Fold *fold) {
  const gr_Tensor *x = node->inputs[0];
  bool reduced[GR_MAX_RANK];
  mark_reduced(node, reduced);
  size_t copy = gr_tensor_is_contiguous(x) ? 0 : gr_tensor_size(x) * gr_dtype_size(x->dtype);
  size_t bytes = copy + gr_fold_work(x->dtype, x->rank, x->shape, reduced);
  unsigned char *room = gr_scratch(context, bytes);
  if (room == NULL) return gr_fail_memory(context, bytes);
  gr_fold_over_axes(context, fold, x->dtype, x->rank, x->shape, reduced,
                    gr_tensor_contiguous(x, room), gr_tensor_data(node->output), room + copy);
  return GR_OK;
}

static gr_Status sum_forward(gr_Context *context, gr_Node *node) {
  const gr_KernelSet *kernels = gr_kernels_for(context, node->inputs[0]);
  return fold_forward(context, node, &(gr_Fold){kernels->sum, kernels->sum_rows, GR_ADD});
}

static gr_Status max_forward(gr_Context *context, gr_Node *node) {
  return fold_forward(context, node, &gr_kernels_for(context, node->inputs[0])->greatest);
}

static gr_Status min_forward(gr_Context *context, gr_Node *node) {
  return fold_forward(context, node, &gr_kernels_for(context, node->inputs[0])->least);
}

static gr_Status sum_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                              gr_Tensor *const *dx) {
  gr_Tensor wide = spread(node, dy);
  (void)context;
  gr_tensor_assign(dx[0], &wide);
  return GR_OK;
}

/* tensor = tensor / n */
static void divide_all(gr_Context *context, gr_Tensor *tensor, size_t n) {
  float single = (float)n;
  double number = (double)n;
  const void *divisor = tensor->dtype == GR_FLOAT32 ? (const void *)&single : &number;
  void *data = gr_tensor_data(tensor);
  gr_binary_all(context, tensor->dtype, GR_DIVIDE, data, data, 1, divisor, 0,
                gr_tensor_size(tensor));
}

static gr_Status mean_forward(gr_Context *context, gr_Node *node) {
  bool reduced[GR_MAX_RANK];
  gr_Status status = sum_forward(context, node);
  mark_reduced(node, reduced);
  if (status == GR_OK) divide_all(context, node->output, reduced_count(node, reduced));
  return status;
}

static gr_Status mean_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                               gr_Tensor *const *dx) {
  bool reduced[GR_MAX_RANK];
  mark_reduced(node, reduced);
  sum_backward(context, node, dy, dx);
  divide_all(context, dx[0], reduced_count(node, reduced));
  return GR_OK;
}

/* Statistics: y = f(run) for the run of elements that belong to each element of y */

typedef struct Run {
  const gr_Context *context;
  const double *x;
  size_t n;
  double fraction;
  double *work;  /* room for 2 n numbers */
} Run;

#define EACH(i, run) GR_EACH(i, (run)->context, (run)->n)

typedef struct Statistic {
  double (*value)(const Run *run);
  void (*derivative)(const Run *run, double y, double *dx);  /* dx[i] = dy/dx[i] */
} Statistic;

/* The first of the elements that are largest, or smallest; of a run with NaN, the first NaN. */
static size_t place_of_largest(const Run *run) {
  const double *x = run->x;
  size_t most = 0;
  EACH(i, run)
    if (x[most] == x[most] && (x[i] > x[most] || x[i] != x[i])) most = i;
  return most;
}

static size_t place_of_smallest(const Run *run) {
  const double *x = run->x;
  size_t least = 0;
  EACH(i, run)
    if (x[least] == x[least] && (x[i] < x[least] || x[i] != x[i])) least = i;
  return least;
}

static double largest(const Run *run) { return run->x[place_of_largest(run)]; }
static double smallest(const Run *run) { return run->x[place_of_smallest(run)]; }
static double argmax(const Run *run) { return 1 + (double)place_of_largest(run); }
static double argmin(const Run *run) { return 1 + (double)place_of_smallest(run); }

/* An equal share for each element that has the extreme value; NaN for all where that is NaN. */
static void extreme_derivative(const Run *run, double y, double *dx) {
  double equal = 0;
  EACH(i, run) equal += run->x[i] == y;
  EACH(i, run) dx[i] = y != y ? y : run->x[i] == y ? 1 / equal : 0;
}

static double mean_of(const Run *run) {
  return gr_sum(run->context, GR_FLOAT64, GR_PLAIN, run->x, NULL, run->n) / (double)run->n;
}

/* The mean of the squared distances from the mean (population, as numpy.var). */
static double variance(const Run *run) {
  double mean = mean_of(run);
  EACH(i, run) {
    double distance = run->x[i] - mean;
    run->work[i] = distance * distance;
  }
  return gr_sum(run->context, GR_FLOAT64, GR_PLAIN, run->work, NULL, run->n) / (double)run->n;
}

static void variance_derivative(const Run *run, double y, double *dx) {
  double mean = mean_of(run);
  (void)y;
  EACH(i, run) dx[i] = 2 * (run->x[i] - mean) / (double)run->n;
}

static double deviation(const Run *run) { return sqrt(variance(run)); }

static void deviation_derivative(const Run *run, double y, double *dx) {
  double mean = mean_of(run);
  EACH(i, run) dx[i] = y == 0 ? 0 : (run->x[i] - mean) / ((double)run->n * y);
}

static double length(const Run *run) {
  return gr_norm(run->context, GR_FLOAT64, run->x, run->n);
}

static void length_derivative(const Run *run, double y, double *dx) {
  EACH(i, run) dx[i] = y == 0 ? 0 : run->x[i] / y;
}

static double quantile(const Run *run) {
  EACH(i, run) run->work[i] = run->x[i];
  return gr_quantile(run->context, run->work, run->n, run->fraction);
}

/* The first element of the run that equals `value`; n is never reached. */
static size_t place_of(const Run *run, double value) {
  EACH(i, run)
    if (run->x[i] == value) return i;
  return run->n - 1;
}

/* A quantile lies between two neighbours in the sorted order: each has its share. NaN for all where
** the quantile is NaN, as for the extremes. */
static void quantile_derivative(const Run *run, double y, double *dx) {
  double position = run->fraction * (double)(run->n - 1), below = floor(position);
  double share = position - below;
  size_t low = (size_t)below, high = low + 1 < run->n ? low + 1 : low;
  if (y != y) {
    EACH(i, run) dx[i] = y;
    return;
  }
  quantile(run);  /* puts the lower one at its place in run->work, and all larger ones behind it */
  EACH(i, run)
    if (i > high && run->work[i] < run->work[high]) run->work[high] = run->work[i];
  EACH(i, run) dx[i] = 0;
  dx[place_of(run, run->work[low])] += 1 - share;
  if (share > 0) dx[place_of(run, run->work[high])] += share;
}

enum { PASSES = 64 };  /* over a run, as a quantile makes them */

typedef enum StatisticKind { MAX, MIN, ARGMAX, ARGMIN, VAR, STD, NORM, QUANTILE } StatisticKind;

static const Statistic statistics[] = {
  [MAX] = {largest, extreme_derivative},
  [MIN] = {smallest, extreme_derivative},
  [ARGMAX] = {argmax, NULL},
  [ARGMIN] = {argmin, NULL},
  [VAR] = {variance, variance_derivative},
  [STD] = {deviation, deviation_derivative},
  [NORM] = {length, length_derivative},
  [QUANTILE] = {quantile, quantile_derivative},
};

/* x with the kept axes in front and the reduced ones behind, so that each run lies together. */
static gr_Tensor runs_last(const gr_Node *node, const gr_Tensor *x, size_t *run) {
  gr_Tensor view = *x;
  bool reduced[GR_MAX_RANK];
  int next = 0;
  mark_reduced(node, reduced);
  *run = reduced_count(node, reduced);
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < x->rank; i++)
      if (reduced[i] == (pass == 1)) {
        view.shape[next] = x->shape[i];
        view.strides[next++] = x->strides[i];
      }
  return view;
}

static gr_Status statistic_forward(gr_Context *context, gr_Node *node) {
  size_t n, size = gr_tensor_size(node->inputs[0]);
  gr_Tensor runs = runs_last(node, node->inputs[0], &n);
  size_t bytes = (size + 2 * n) * sizeof(double);
  double *x = gr_scratch(context, bytes);
  if (x == NULL) return gr_fail_memory(context, bytes);
  gr_tensor_gather(&runs, GR_FLOAT64, x);
  Run run = {context, x, n, node->attributes->fraction, x + size};
  for (size_t i = 0, done = 0; i < gr_tensor_size(node->output); i++, run.x += n) {
    gr_tensor_set(node->output, (ptrdiff_t)i, statistics[node->operation->kernel].value(&run));
    if (gr_must_stop_after(context, PASSES * n, &done)) break;
  }
  return GR_OK;
}

/* A contiguous float64 tensor over a buffer, in the shape of `like`; for copying from. */
static gr_Tensor over_buffer(const gr_Tensor *like, gr_Storage *storage, size_t place) {
  gr_Tensor tensor = *like;
  tensor.dtype = GR_FLOAT64;
  tensor.storage = storage;
  storage->context = like->storage->context;
  tensor.offset = (ptrdiff_t)place;
  gr_tensor_set_contiguous(&tensor);
  return tensor;
}

static gr_Status statistic_backward(gr_Context *context, const gr_Node *node,
                                    const gr_Tensor *dy, gr_Tensor *const *dx) {
  size_t n, size = gr_tensor_size(node->inputs[0]);
  gr_Tensor runs = runs_last(node, node->inputs[0], &n);
  gr_Tensor target = runs_last(node, dx[0], &n);
  size_t bytes = sizeof(gr_Storage) + (2 * size + 2 * n) * sizeof(double);
  gr_Storage *storage = gr_scratch(context, bytes);
  if (storage == NULL) return gr_fail_memory(context, bytes);
  double *x = (double *)storage->data, *derivative = x + size;
  gr_tensor_gather(&runs, GR_FLOAT64, x);
  Run run = {context, x, n, node->attributes->fraction, derivative + size};
  for (size_t i = 0, done = 0; i < gr_tensor_size(dy); i++, run.x += n, derivative += n) {
    double y = statistics[node->operation->kernel].value(&run);
    double slope = gr_tensor_get(dy, (ptrdiff_t)i);
    statistics[node->operation->kernel].derivative(&run, y, derivative);
    EACH(j, &run) derivative[j] *= slope;
    if (gr_must_stop_after(context, PASSES * n, &done)) break;
  }
  gr_Tensor source = over_buffer(&target, storage, size);
  gr_tensor_assign(&target, &source);
  return GR_OK;
}

#define REDUCED "Axes count from 1, -1 is the last; without axes the result has rank 0; " \
  "where keepdims is true each axis stays, with dimension 1. A table gives them by name: " \
  "{ axes = 1, keepdims = true }. "

#define STATISTIC(name, kind, forward, help)                                                  \
  {name, 1, {GR_AXES, GR_KEEPDIMS}, kind, 0, reduce_some_shape, forward, statistic_backward,  \
   NULL, -2, 2, "x:" name "([axes [, keepdims]]) -> tensor", help}

#define PLACE(name, kind, help)                                                             \
  {name, 1, {GR_AXES, GR_KEEPDIMS}, kind, 0, place_shape, statistic_forward, NULL, NULL, -2, 2,   \
   "x:" name "([axes [, keepdims]]) -> tensor", help}

const gr_Operation gr_reduction_operations[] = {
  {"sum", 1, {GR_AXES, GR_KEEPDIMS}, 0, 0, reduce_shape, sum_forward, sum_backward, NULL, -2, 2,
   "x:sum([axes [, keepdims]]) -> tensor",
   "The sum over all elements, or over an axis or a list of axes; 0 over nothing. " REDUCED
   "As numpy.sum."},
  {"mean", 1, {GR_AXES, GR_KEEPDIMS}, 0, 0, reduce_some_shape, mean_forward, mean_backward, NULL,
   -2, 2,
   "x:mean([axes [, keepdims]]) -> tensor",
   "The mean over all elements, or over an axis or a list of axes. " REDUCED "As numpy.mean."},
  STATISTIC("max", MAX, max_forward,
            "The largest element, over all axes or some; nan if there is one. "
            REDUCED "As numpy.max; equal elements share the gradient."),
  STATISTIC("min", MIN, min_forward,
            "The smallest element, over all axes or some; nan if there is one. "
            REDUCED "As numpy.min; equal elements share the gradient."),
  PLACE("argmax", ARGMAX,
        "Where the largest element is, counted from 1, in float64: its place along an axis, or "
        "among all elements as x:reshape(-1) has them, or those of a list of axes. The first of "
        "equal ones; the first nan if there is one; without gradient. " REDUCED "As numpy.argmax."),
  PLACE("argmin", ARGMIN,
        "Where the smallest element is, as argmax tells of the largest. " REDUCED
        "As numpy.argmin."),
  STATISTIC("var", VAR, statistic_forward,
            "The variance of the population, over all axes or some. " REDUCED
            "As numpy.var."),
  STATISTIC("std", STD, statistic_forward,
            "The standard deviation of the population, over all axes or some. "
            REDUCED "As numpy.std; the derivative of 0 is 0."),
  STATISTIC("norm", NORM, statistic_forward,
            "The Euclidean norm, over all axes or some. " REDUCED
            "As numpy.linalg.norm of a vector; the derivative of 0 is 0."),
  {"quantile", 1, {GR_FRACTION, GR_AXES, GR_KEEPDIMS}, QUANTILE, 0, reduce_some_shape,
   statistic_forward, statistic_backward, NULL, -2, 2,
   "x:quantile(q [, axes [, keepdims]]) -> tensor",
   "The value below which the fraction q of the elements lies, interpolated linearly between "
   "neighbours. " REDUCED "As numpy.quantile. Example: range(100):quantile(0.9)"},
  {0}
};

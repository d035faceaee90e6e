/* shapes.c: operations that rearrange elements and compute nothing: views, gathers, casts. */
#include <string.h>

#include "kernels.h"
#include "operation.h"
#include "sums.h"
#include "threads.h"

/* For a view there is nothing to compute; a reshape of a strided tensor is a copy. */
static gr_Status copy_forward(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  (void)context;
  if (node->output->storage != x->storage)
    gr_tensor_gather(x, node->output->dtype, gr_tensor_data(node->output));
  return GR_OK;
}

/* dx = dy in the shape and the type of x, element by element in row-major order */
static gr_Status copy_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                               gr_Tensor *const *dx) {
  (void)node;
  gr_convert(context, dx[0]->dtype, gr_tensor_data(dx[0]), dy->dtype, gr_tensor_data(dy),
             gr_tensor_size(dy));
  return GR_OK;
}

/* reshape */

/* Replace a dimension of -1 by what is left of n elements; false where nothing fits. */
static bool complete_shape(gr_Tensor *y, int64_t n) {
  int64_t known = 1;
  int open = -1;
  bool empty = false;
  for (int i = 0; i < y->rank; i++) {
    if (y->shape[i] > 0) {
      if (known > (INT64_MAX >> 5) / y->shape[i]) return false;
      known *= y->shape[i];
    } else if (y->shape[i] == 0) {
      empty = true;
    } else if (open >= 0) {
      return false;
    } else {
      open = i;
    }
  }
  if (empty) known = 0;
  if (open < 0) return known == n;
  if (known == 0 || n % known != 0) return false;
  y->shape[open] = n / known;
  return true;
}

static gr_Status reshape_shape(gr_Context *context, gr_Node *node) {
  gr_Tensor *x = node->inputs[0], *y = node->output;
  char from[GR_SHAPE_TEXT], to[GR_SHAPE_TEXT];
  y->dtype = x->dtype;
  y->rank = node->attributes->rank;
  for (int i = 0; i < y->rank; i++) y->shape[i] = node->attributes->shape[i];
  if (!complete_shape(y, (int64_t)gr_tensor_size(x)))
    return gr_fail(context, "%zu elements of shape %s do not fit into shape %s", gr_tensor_size(x),
                   gr_tensor_shape_text(from, x),
                   gr_shape_text(to, y->rank, node->attributes->shape));
  gr_tensor_set_contiguous(y);
  if (gr_tensor_is_contiguous(x)) gr_tensor_share(y, x);
  return GR_OK;
}

/* transpose */

static gr_Status transpose_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  gr_Tensor *y = node->output;
  const gr_Attributes *order = node->attributes;
  char text[GR_SHAPE_TEXT];
  if (order->axes_count >= 0 && order->axes_count != x->rank)
    return gr_fail(context, "expected an order of %d axes, got %d (the tensor is %s)", x->rank,
                   order->axes_count, gr_tensor_shape_text(text, x));
  y->dtype = x->dtype;
  y->rank = x->rank;
  for (int i = 0; i < x->rank; i++) {
    int axis = order->axes_count < 0 ? x->rank - 1 - i : order->axes[i];
    y->shape[i] = x->shape[axis];
    y->strides[i] = x->strides[axis];
  }
  gr_tensor_share(y, x);
  return GR_OK;
}

static gr_Status transpose_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                    gr_Tensor *const *dx) {
  gr_Tensor target = *dx[0];
  const gr_Attributes *order = node->attributes;
  (void)context;
  for (int i = 0; i < target.rank; i++) {
    int axis = order->axes_count < 0 ? target.rank - 1 - i : order->axes[i];
    target.shape[i] = dx[0]->shape[axis];
    target.strides[i] = dx[0]->strides[axis];
  }
  gr_tensor_assign(&target, dy);
  return GR_OK;
}

/* slice: an index drops its axis, a range keeps it */

/* The part of `x` that the slices select, as a view of its storage. The slices lie inside x. */
static void select_part(const gr_Tensor *x, const gr_Attributes *slices, gr_Tensor *y) {
  int rank = 0;
  ptrdiff_t offset = x->offset;
  for (int i = 0; i < x->rank; i++) {
    bool given = i < slices->rank;
    const gr_Slice *slice = &slices->slices[i];
    if (given && (slice->is_index || slice->count > 0)) offset += slice->first * x->strides[i];
    if (given && slice->is_index) continue;
    y->shape[rank] = given ? slice->count : x->shape[i];
    y->strides[rank++] = given ? slice->step * x->strides[i] : x->strides[i];
  }
  y->rank = rank;
  y->offset = offset;
}

static gr_Status slice_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  gr_Tensor *y = node->output;
  (void)context;
  y->dtype = x->dtype;
  gr_tensor_share(y, x);
  select_part(x, node->attributes, y);
  return GR_OK;
}

/* dx = 0 but for the selected part, which is dy */
static gr_Status slice_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                gr_Tensor *const *dx) {
  gr_Tensor part = *dx[0];
  (void)context;
  gr_tensor_fill(dx[0], 0);
  select_part(dx[0], node->attributes, &part);
  gr_tensor_assign(&part, dy);
  return GR_OK;
}

/* take: y[i] = x[indices[i]] along the first axis; indices count from 1 */

static gr_Status take_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0], *indices = node->inputs[1];
  gr_Tensor *y = node->output;
  char left[GR_SHAPE_TEXT], right[GR_SHAPE_TEXT];
  if (x->rank < 1 || indices->rank != 1)
    return gr_fail(context, "expected a tensor with axes and indices of rank 1, got shapes %s and "
                   "%s", gr_tensor_shape_text(left, x), gr_tensor_shape_text(right, indices));
  gr_shape_like_input(context, node);
  y->shape[0] = indices->shape[0];
  return GR_OK;
}

/* The indices as doubles side by side, in scratch memory where they do not lie so; checked to be
** rows of a tensor with so many. */
static gr_Status row_numbers(gr_Context *context, const gr_Tensor *indices, int64_t rows,
                             const double **result) {
  size_t count = gr_tensor_size(indices);
  const double *numbers = gr_tensor_data(indices);
  if (indices->dtype != GR_FLOAT64 || !gr_tensor_is_contiguous(indices)) {
    double *room = gr_scratch(context, count * sizeof *room);
    if (room == NULL) return gr_fail_memory(context, count * sizeof *room);
    gr_tensor_gather(indices, GR_FLOAT64, room);
    numbers = room;
  }
  GR_EACH(i, context, count)
    if (!(numbers[i] >= 1 && numbers[i] <= (double)rows) ||
        (double)(int64_t)numbers[i] != numbers[i])
      return gr_fail(context, "index %g at place %lld is no row of a tensor with %lld rows (rows "
                     "count from 1)", numbers[i], (long long)i + 1, (long long)rows);
  *result = numbers;
  return gr_must_stop(context) ? gr_stop(context) : GR_OK;  /* not all of them may be checked */
}

/* One row of a tensor, counted from 1. */
static gr_Tensor row_view(const gr_Tensor *x, int64_t number) {
  gr_Tensor row = *x;
  row.offset += (number - 1) * x->strides[0];
  row.rank = x->rank - 1;
  for (int axis = 0; axis < row.rank; axis++) {
    row.shape[axis] = x->shape[axis + 1];
    row.strides[axis] = x->strides[axis + 1];
  }
  return row;
}

/* Rows whose elements lie side by side are taken on all threads. */
typedef struct Taking {
  const gr_KernelSet *kernels;
  const gr_Tensor *x;
  const double *numbers;
  unsigned char *y;
  size_t columns;
} Taking;

static void take_range(void *data, size_t first, size_t count, size_t worker) {
  const Taking *taking = data;
  (void)worker;
  taking->kernels->take_rows(
      taking->y + first * taking->columns * gr_dtype_size(taking->x->dtype),
      gr_tensor_data(taking->x), taking->x->strides[0], taking->numbers + first, count,
      taking->columns);
}

enum { WORTH_A_THREAD = 1 << 15 };  /* elements */
enum { ROW_WORK = 16 };  /* what a row takes besides its elements, in elements */

void gr_take_rows(gr_Context *context, const gr_Tensor *x, const double *numbers, size_t count,
                  size_t columns, void *y) {
  Taking taking = {gr_kernels_for(context, x), x, numbers, y, columns};
  gr_parallel(context, count, 1, WORTH_A_THREAD / (columns + ROW_WORK) + 1, take_range, &taking);
}

static gr_Status take_forward(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  gr_Tensor *y = node->output;
  size_t count = (size_t)y->shape[0], columns = count == 0 ? 0 : gr_tensor_size(y) / count;
  const double *numbers;
  gr_Status status = row_numbers(context, node->inputs[1], x->shape[0], &numbers);
  if (status != GR_OK || gr_tensor_size(y) == 0) return status;
  gr_Tensor row = row_view(x, 1);
  if (gr_tensor_is_contiguous(&row)) {
    size_t rows = GR_BLOCK / (columns + ROW_WORK) + 1, bytes = columns * gr_dtype_size(x->dtype);
    for (size_t first = 0; first < count && !gr_must_stop(context); first += rows)
      gr_take_rows(context, x, numbers + first, count - first < rows ? count - first : rows,
                   columns, (unsigned char *)gr_tensor_data(y) + first * bytes);
    return GR_OK;
  }
  for (size_t i = 0, done = 0; i < count; i++) {
    gr_Tensor from = row_view(x, (int64_t)numbers[i]), to = row_view(y, (int64_t)i + 1);
    gr_tensor_assign(&to, &from);
    if (gr_must_stop_after(context, columns + ROW_WORK, &done)) break;
  }
  return GR_OK;
}

/* dx[numbers[i]] += dy[i] */
#define ADD_NUMBERS(T)                                       \
  do {                                                       \
    T *to = (T *)gr_tensor_data(dx) - 1;                     \
    const T *from = gr_tensor_data(dy);                      \
    GR_EACH(i, context, count) to[(size_t)numbers[i]] += from[i]; \
  } while (0)

/* dx = 0, and each row of dy is added, in order, to the row that it was taken from */
static gr_Status take_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                               gr_Tensor *const *all_dx) {
  gr_Tensor *dx = all_dx[0];
  size_t count = (size_t)dy->shape[0], columns = count == 0 ? 0 : gr_tensor_size(dy) / count;
  if (all_dx[1] != NULL) gr_tensor_fill(all_dx[1], 0);
  if (dx == NULL) return GR_OK;
  const double *numbers;
  gr_Status status = row_numbers(context, node->inputs[1], dx->shape[0], &numbers);
  if (status != GR_OK) return status;
  gr_tensor_fill(dx, 0);
  if (columns == 1) {
    if (dx->dtype == GR_FLOAT32) ADD_NUMBERS(float);
    else ADD_NUMBERS(double);
    return GR_OK;
  }
  size_t bytes = columns * gr_dtype_size(dx->dtype);
  const unsigned char *from = gr_tensor_data(dy);
  unsigned char *to = gr_tensor_data(dx);
  for (size_t i = 0, done = 0; i < count; i++) {
    gr_accumulate_all(context, dx->dtype, to + ((size_t)numbers[i] - 1) * bytes, from + i * bytes,
                      columns);
    if (gr_must_stop_after(context, columns + ROW_WORK, &done)) break;
  }
  return GR_OK;
}

/* cast, clone */

static gr_Status cast_shape(gr_Context *context, gr_Node *node) {
  gr_shape_like_input(context, node);
  node->output->dtype = node->attributes->dtype;
  return GR_OK;
}

const gr_Operation gr_shape_operations[] = {
  [GR_RESHAPE] =
  {"reshape", 1, {GR_SHAPE}, 0, 0, reshape_shape, copy_forward, copy_backward, NULL, -2, 2,
   "x:reshape(shape) -> tensor",
   "The same elements, row-major, in another shape; one dimension may be -1 and follows from the "
   "others. A view where x is contiguous, else a copy. As numpy.reshape. "
   "Example: range(6):reshape(2, -1)"},
  [GR_TRANSPOSE] =
  {"transpose", 1, {GR_ORDER}, 0, 0, transpose_shape, NULL, transpose_backward, NULL, -2, 2,
   "x:transpose([order]) -> tensor",
   "The axes in another order, all reversed unless an order is given; also x.T. A view. As "
   "numpy.transpose, axes counted from 1. Example: zeros(2, 3, 4):transpose { 3, 1, 2 }"},
  [GR_SLICE] =
  {"slice", 1, {GR_SLICES}, 0, 0, slice_shape, NULL, slice_backward, NULL, -2, 2,
   "x[key] -> tensor or number",
   "A part of a tensor: x[i] selects along the first axis; a table has one entry an axis, an "
   "index, a range {first, last [, step]} or {} for all. With an index for every axis it is a "
   "number, else a view: of x [4, 3], x[2] is [3], x[{ {1, 2}, 3 }] is [2]. As Torch7's x[{...}]. "
   "Example: ones(4, 3)[{ { 1, 2 }, 3 }]"},
  [GR_TAKE] =
  {"take", 2, {0}, 0, GR_OWN_TYPES, take_shape, take_forward, take_backward, NULL, -2, 2,
   "x:take(indices) -> tensor",
   "The rows with these numbers, counted from 1, in the order given: a copy; indices is a list or "
   "a tensor [k]. As numpy.take along the first axis. "
   "Example: tensor({ 10, 20, 30 }):take { 3, 1 }"},
  [GR_CAST] =
  {"cast", 1, {GR_DTYPE}, 0, 0, cast_shape, copy_forward, copy_backward, NULL, -2, 2,
   "x:cast(dtype) -> tensor",
   "The elements as \"float32\" or \"float64\": a copy of the same shape, through which gradients "
   "flow. As numpy.ndarray.astype. "
   "Example: ones(3):cast \"float64\""},
  [GR_CLONE] =
  {"clone", 1, {0}, 0, 0, gr_shape_like_input, copy_forward, copy_backward, NULL, -2, 2,
   "x:clone() -> tensor", "A contiguous copy of the same shape; gradients flow through "
   "it. As torch.clone."},
  [GR_CLONE + 1] = {0}
};

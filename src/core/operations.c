/* operations.c: the table of operations, put together from the rows of each file, and what the
** files share. See operation.h. */
#include "operation.h"

#include <string.h>

#include "kernels.h"
#include "sums.h"

static const gr_Operation *const tables[] = {
  gr_elementwise_operations, gr_reduction_operations, gr_product_operations,
  gr_shape_operations, gr_loss_operations
};

const gr_Operation *gr_operation(size_t i) {
  for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
    for (const gr_Operation *row = tables[t]; row->name != NULL; row++)
      if (i-- == 0) return row;
  return NULL;
}

const gr_Operation *gr_operation_named(const char *name) {
  for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
    for (const gr_Operation *row = tables[t]; row->name != NULL; row++)
      if (strcmp(row->name, name) == 0) return row;
  return NULL;
}

gr_Status gr_shape_like_input(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0];
  gr_Tensor *y = node->output;
  (void)context;
  y->dtype = x->dtype;
  y->rank = x->rank;
  for (int i = 0; i < x->rank; i++) y->shape[i] = x->shape[i];
  return GR_OK;
}

bool gr_broadcast_shape(int rank_a, const int64_t *a, int rank_b, const int64_t *b, int *rank,
                        int64_t *shape) {
  *rank = rank_a > rank_b ? rank_a : rank_b;
  for (int i = 1; i <= *rank; i++) {  /* from the last axis */
    int64_t m = i <= rank_a ? a[rank_a - i] : 1;
    int64_t n = i <= rank_b ? b[rank_b - i] : 1;
    if (m != n && m != 1 && n != 1) return false;
    shape[*rank - i] = m == 1 ? n : m;
  }
  return true;
}

void gr_broadcast_strides(const gr_Tensor *tensor, int axes, int rank, const int64_t *shape,
                          ptrdiff_t *strides) {
  int added = rank - axes;
  for (int i = 0; i < rank; i++)
    strides[i] = i < added || tensor->shape[i - added] != shape[i] ? 0
                                                                  : tensor->strides[i - added];
}

gr_Tensor gr_broadcast_view(const gr_Tensor *tensor, int rank, const int64_t *shape) {
  gr_Tensor view = *tensor;
  view.rank = rank;
  for (int i = 0; i < rank; i++) view.shape[i] = shape[i];
  gr_broadcast_strides(tensor, tensor->rank, rank, shape, view.strides);
  return view;
}

/* Fold the axis `length` of x [outer, length, inner] by rows, giving y [outer, inner]. */
static void fold_middle(const gr_Context *context, const gr_Fold *fold, gr_DType dtype,
                        const unsigned char *x, unsigned char *y, size_t outer, size_t length,
                        size_t inner) {
  size_t size = gr_dtype_size(dtype), done = 0;
  for (size_t o = 0; o < outer; o++) {
    gr_fold_rows(context, fold, dtype, y + o * inner * size, x + o * length * inner * size, length,
                 inner);
    if (gr_must_stop_after(context, length * inner, &done)) return;
  }
}

/* Fold each of the `count` runs of x, giving y. */
static void fold_runs(const gr_Context *context, const gr_Fold *fold, gr_DType dtype,
                      const unsigned char *x, unsigned char *y, size_t count, size_t run) {
  size_t size = gr_dtype_size(dtype), done = 0;
  for (size_t o = 0; o < count; o++) {
    gr_fold_run(context, fold, dtype, y + o * size, x + o * run * size, run);
    if (gr_must_stop_after(context, run, &done)) return;
  }
}

/* Set to 0 one number for each place along the axes that are not marked. */
static void fill_zeros(void *y, size_t size, int rank, const int64_t *shape, const bool *marked) {
  for (int i = 0; i < rank; i++)
    if (!marked[i]) size *= (size_t)shape[i];
  memset(y, 0, size);
}

size_t gr_fold_work(gr_DType dtype, int rank, const int64_t *shape, const bool *marked) {
  size_t bytes = 2 * gr_dtype_size(dtype);  /* of two results of the first step */
  int last = rank, steps;
  while (last > 0 && marked[last - 1]) last--;
  steps = last < rank;
  for (int i = last - 1; i >= 0; i--)
    if (!marked[i] || ++steps > 1) bytes *= (size_t)shape[i];
  return steps > 1 ? bytes : 0;
}

void gr_fold_over_axes(const gr_Context *context, const gr_Fold *fold, gr_DType dtype, int rank,
                       const int64_t *shape, const bool *marked, const void *x, void *y,
                       void *work) {
  size_t size = gr_dtype_size(dtype), outer = 1, inner = 1, full = 1, run = 1;
  int last = rank;
  for (int i = 0; i < rank; i++) full *= (size_t)shape[i];
  while (last > 0 && marked[last - 1]) run *= (size_t)shape[--last];
  for (int i = 0; i < last; i++) outer *= (size_t)shape[i];
  if (full == 0) {  /* folds of nothing; there may be more of them than x has elements */
    fill_zeros(y, size, rank, shape, marked);
    return;
  }
  unsigned char *halves[2] = {work, (unsigned char *)work +
                                        gr_fold_work(dtype, rank, shape, marked) / 2};
  const unsigned char *from = x;
  int half = 0, left = 0;
  for (int i = 0; i < last; i++) left += marked[i];
  if (last < rank || left == 0) {  /* the run at the end; of one element where no axis is marked */
    unsigned char *to = left == 0 ? y : halves[half];
    fold_runs(context, fold, dtype, from, to, outer, run);
    from = to;
    half = 1 - half;
  }
  for (int i = last - 1; left > 0; i--) {
    outer /= (size_t)shape[i];
    if (!marked[i]) { inner *= (size_t)shape[i]; continue; }
    unsigned char *to = --left == 0 ? y : halves[half];
    fold_middle(context, fold, dtype, from, to, outer, (size_t)shape[i], inner);
    from = to;
    half = 1 - half;
  }
}

void gr_sum_broadcast(const gr_Context *context, const gr_Tensor *like, const void *full,
                      gr_Tensor *target, void *work) {
  bool summed[GR_MAX_RANK];
  int added = like->rank - target->rank;
  for (int i = 0; i < like->rank; i++)
    summed[i] = i < added || target->shape[i - added] != like->shape[i];
  const gr_KernelSet *kernels = gr_kernels_for(context, target);
  gr_fold_over_axes(context, &(gr_Fold){kernels->sum, kernels->sum_rows, GR_ADD}, target->dtype,
                    like->rank, like->shape, summed, full, gr_tensor_data(target), work);
}

/* products.c: the matrix product and the dense layer.
**
** A product is described once, as a gr_Product over strided operands, so that transposed factors in
** backward cost no copy. Matrices are written [rows, columns] in the comments. */
#include <string.h>

#include "calls.h"
#include "kernels.h"
#include "operation.h"
#include "processor.h"
#include "sums.h"
#include "threads.h"

/* A factor as a stack of matrices: [batch..., rows, columns] with its strides. */
typedef struct Matrix {
  const unsigned char *data;
  size_t rows, columns;
  ptrdiff_t row, column;  /* strides */
} Matrix;

GR_INLINE Matrix transposed(Matrix x) {
  return (Matrix){x.data, x.columns, x.rows, x.column, x.row};
}

GR_INLINE Matrix contiguous_matrix(const void *data, size_t rows, size_t columns) {
  return (Matrix){data, rows, columns, (ptrdiff_t)columns, 1};
}

/* A tensor of rank 2. */
GR_INLINE Matrix matrix_of(const gr_Tensor *x) {
  return (Matrix){gr_tensor_data(x), (size_t)x->shape[0], (size_t)x->shape[1], x->strides[0],
                  x->strides[1]};
}

/* The matrix of the last two axes; a vector is one row, or one column where `as_column`. */
static Matrix last_matrix(const gr_Tensor *tensor, bool as_column) {
  int rank = tensor->rank;
  if (rank == 2) return matrix_of(tensor);
  Matrix x = {gr_tensor_data(tensor), 1, 1, 0, 0};
  if (rank == 1 && as_column) {
    x.rows = (size_t)tensor->shape[0];
    x.row = tensor->strides[0];
    return x;
  }
  x.columns = (size_t)tensor->shape[rank - 1];
  x.column = tensor->strides[rank - 1];
  if (rank > 1) {
    x.rows = (size_t)tensor->shape[rank - 2];
    x.row = tensor->strides[rank - 2];
  }
  return x;
}

/* Bytes of scratch, in whole cache lines so that parts of it stay aligned. */
static size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* A product that is cut along its rows or its columns, for threads. */
typedef struct Cut {
  const gr_KernelSet *kernels;
  gr_Product whole;
  size_t size;  /* of an element */
  bool by_rows;
} Cut;

static void multiply_range(void *data, size_t first, size_t count, size_t worker) {
  const Cut *cut = data;
  gr_Product range = cut->whole;
  ptrdiff_t place = (ptrdiff_t)(first * cut->size);
  (void)worker;
  if (cut->by_rows) {
    range.m = count;
    range.a = (const unsigned char *)range.a + place * range.a_row;
    range.c = (unsigned char *)range.c + place * range.c_row;
  } else {
    range.n = count;
    range.b = (const unsigned char *)range.b + place * range.b_column;
    range.c = (unsigned char *)range.c + place;
    if (range.bias != NULL) range.bias = (const unsigned char *)range.bias + place;
  }
  cut->kernels->product(&range);
}

/* The least work, in multiply-adds, that is worth a thread. */
enum { RANGE_WORK = 1 << 17, UNIT = 16 };

/* A product that reads its factors where they are, on several threads where it is large. */
static void multiply_in_ranges(gr_Context *context, const gr_KernelSet *kernels, size_t size,
                               const gr_Product *product) {
  Cut cut = {kernels, *product, size, product->m >= product->n};
  size_t length = cut.by_rows ? product->m : product->n;
  size_t work = product->k * (cut.by_rows ? product->n : product->m);
  gr_parallel(context, length, UNIT, RANGE_WORK / work + UNIT, multiply_range, &cut);
}

/* Some rows at a time, between two looks at the interrupt; but few rows together, as all of B is
** read for each slab. */
static void multiply_slabs(gr_Context *context, const gr_KernelSet *kernels, size_t size,
                           const gr_Product *whole) {
  enum { SLAB_WORK = 1 << 26 };
  size_t slab = SLAB_WORK / (whole->n * whole->k);
  if (slab < GR_FEW_ROWS) slab = GR_FEW_ROWS;
  for (size_t first = 0; first < whole->m; first += slab) {
    gr_Product product = *whole;
    product.m = whole->m - first < slab ? whole->m - first : slab;
    product.a = (const unsigned char *)whole->a + (ptrdiff_t)(first * size) * whole->a_row;
    product.c = (unsigned char *)whole->c + (ptrdiff_t)(first * size) * whole->c_row;
    multiply_in_ranges(context, kernels, size, &product);
    if (product.m < whole->m && gr_must_stop(context)) break;
  }
}

static bool must_stop(void *context) { return gr_must_stop(context); }

static void spread(void *context, size_t n, size_t unit, size_t grain, gr_Range *run, void *job) {
  gr_parallel(context, n, unit, grain, run, job);
}

/* A product that copies its factors, whose kernel shares the work out, gets room for that. */
static gr_Status make_room(gr_Context *context, const gr_KernelSet *kernels, gr_Product *product) {
  if (context->threads > 1) {
    product->workers = (size_t)context->threads;
    product->spread = spread;
  }
  size_t bytes = kernels->product_scratch(product);
  product->scratch = gr_product_scratch(context, bytes);
  return product->scratch == NULL ? gr_fail_memory(context, bytes) : GR_OK;
}

static gr_Status multiply_copies(gr_Context *context, const gr_KernelSet *kernels,
                                 gr_Product *product) {
  gr_Status status = make_room(context, kernels, product);
  if (status == GR_OK) kernels->product(product);
  return status;
}

/* c = act(a . b + bias), c contiguous. */
GR_INLINE gr_Product product_of(gr_Context *context, Matrix a, Matrix b, void *c, const void *bias,
                                gr_Unary activation) {
  return (gr_Product){
    .m = a.rows, .n = b.columns, .k = a.columns, .a = a.data, .a_row = a.row,
    .a_column = a.column, .b = b.data, .b_row = b.row, .b_column = b.column, .c = c,
    .c_row = (ptrdiff_t)b.columns, .bias = bias, .activation = activation,
    .must_stop = must_stop, .data = context};
}

static bool copies(const gr_KernelSet *kernels, const gr_Product *product) {
  return kernels->product_scratch(product) > 0;
}

/* What is not worth a thread and copies nothing is one call of the kernel. */
static bool is_one_call(const gr_KernelSet *kernels, const gr_Product *product) {
  return product->m * product->n * product->k < 2 * RANGE_WORK && !copies(kernels, product);
}

/* Run a product whose elements have `size` bytes. */
static gr_Status run_product(gr_Context *context, const gr_KernelSet *kernels, size_t size,
                             gr_Product *product) {
  if (is_one_call(kernels, product)) kernels->product(product);
  else if (copies(kernels, product)) return multiply_copies(context, kernels, product);
  else multiply_slabs(context, kernels, size, product);
  return GR_OK;
}

/* c = act(a . b + bias) */
static gr_Status multiply(gr_Context *context, const gr_KernelSet *kernels, size_t size, Matrix a,
                          Matrix b, void *c, const void *bias, gr_Unary activation) {
  gr_Product product = product_of(context, a, b, c, bias, activation);
  return run_product(context, kernels, size, &product);
}

/* Run the product that dx is, which may be taken while it is computed. */
static gr_Status run_gradient(gr_Context *context, const gr_KernelSet *kernels, size_t size,
                              gr_Product *product, const gr_Tensor *dx) {
  const gr_Taker *taker = context->taker;
  gr_Status status = GR_OK;
  if (taker != NULL) product->taker = taker->find(taker->data, dx);
  if (product->taker != NULL) product->take = taker->take;
  if (product->taker != NULL && taker->waits) {  /* the room for that, then the product as ever */
    status = make_room(context, kernels, product);
    product->take = NULL;
  }
  return status == GR_OK ? run_product(context, kernels, size, product) : status;
}

/* matmul: y [..., m, n] = a [..., m, k] . b [..., k, n], as numpy.matmul */

static int batch_rank(const gr_Tensor *x) { return x->rank > 2 ? x->rank - 2 : 0; }

static gr_Status matmul_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *a = node->inputs[0], *b = node->inputs[1];
  gr_Tensor *y = node->output;
  char left[GR_SHAPE_TEXT], right[GR_SHAPE_TEXT];
  if (a->rank == 0 || b->rank == 0)
    return gr_fail(context, "expected tensors with axes, got shapes %s and %s",
                   gr_tensor_shape_text(left, a), gr_tensor_shape_text(right, b));
  Matrix p = last_matrix(a, false), q = last_matrix(b, true);
  if (p.columns != q.rows)
    return gr_fail(context, "the first tensor's last axis has %zu elements, the second has %zu "
                   "rows (shapes %s and %s)", p.columns, q.rows, gr_tensor_shape_text(left, a),
                   gr_tensor_shape_text(right, b));
  if (!gr_broadcast_shape(batch_rank(a), a->shape, batch_rank(b), b->shape, &y->rank, y->shape))
    return gr_fail(context, "the leading axes of %s and %s do not broadcast",
                   gr_tensor_shape_text(left, a), gr_tensor_shape_text(right, b));
  y->dtype = a->dtype;
  if (a->rank > 1) y->shape[y->rank++] = (int64_t)p.rows;
  if (b->rank > 1) y->shape[y->rank++] = (int64_t)q.columns;
  return GR_OK;
}

/* Walks the matrices of a batch: the two factors' places, broadcast to the output's batch. */
typedef struct Batch {
  gr_Walk walk;
  int64_t in_run;
  size_t size;  /* of an element */
  Matrix a, b;
} Batch;

static bool batch_begin(Batch *batch, const gr_Node *node) {
  const gr_Tensor *a = node->inputs[0], *b = node->inputs[1], *y = node->output;
  int rank = batch_rank(a) > batch_rank(b) ? batch_rank(a) : batch_rank(b);
  ptrdiff_t p[GR_MAX_RANK], q[GR_MAX_RANK];
  const ptrdiff_t *strides[2] = {p, q};
  gr_broadcast_strides(a, batch_rank(a), rank, y->shape, p);
  gr_broadcast_strides(b, batch_rank(b), rank, y->shape, q);
  batch->a = last_matrix(a, false);
  batch->b = last_matrix(b, true);
  batch->size = gr_dtype_size(y->dtype);
  batch->in_run = 0;
  return gr_walk_begin(&batch->walk, 2, rank, y->shape, strides);
}

static Matrix batch_matrix(const Batch *batch, int t) {
  Matrix x = t == 0 ? batch->a : batch->b;
  ptrdiff_t place = batch->walk.position[t] + batch->in_run * batch->walk.step[t];
  x.data += place * (ptrdiff_t)batch->size;
  return x;
}

static bool batch_next(Batch *batch) {
  if (++batch->in_run < batch->walk.length) return true;
  batch->in_run = 0;
  return gr_walk_next(&batch->walk);
}

static gr_Status matmul_forward(gr_Context *context, gr_Node *node) {
  const gr_KernelSet *kernels = gr_kernels_for(context, node->output);
  unsigned char *y = gr_tensor_data(node->output);
  Batch batch;
  if (!batch_begin(&batch, node)) return GR_OK;
  gr_Status status;
  do {
    status = multiply(context, kernels, batch.size, batch_matrix(&batch, 0),
                      batch_matrix(&batch, 1), y, NULL, GR_LINEAR);
    y += batch.a.rows * batch.b.columns * batch.size;
  } while (status == GR_OK && batch_next(&batch) && !gr_must_stop(context));
  return status;
}

/* da [m, k] = dy [m, n] . b^T [n, k] for each matrix of the batch, db [k, n] = a^T [k, m] . dy */
static gr_Status matmul_gradients(gr_Context *context, const gr_KernelSet *kernels,
                                  const gr_Node *node, int input, const unsigned char *dy,
                                  unsigned char *to) {
  Batch batch;
  if (!batch_begin(&batch, node)) return GR_OK;
  size_t m = batch.a.rows, n = batch.b.columns, k = batch.a.columns;
  gr_Status status;
  do {
    Matrix slope = contiguous_matrix(dy, m, n);
    Matrix left = input == 0 ? slope : transposed(batch_matrix(&batch, 0));
    Matrix right = input == 0 ? transposed(batch_matrix(&batch, 1)) : slope;
    status = multiply(context, kernels, batch.size, left, right, to, NULL, GR_LINEAR);
    dy += m * n * batch.size;
    to += (input == 0 ? m * k : k * n) * batch.size;
  } while (status == GR_OK && batch_next(&batch) && !gr_must_stop(context));
  return status;
}

/* The shape that input's gradient has before the sum over broadcast batch axes. */
static gr_Tensor full_gradient(const gr_Node *node, int input) {
  const gr_Tensor *a = node->inputs[0], *b = node->inputs[1], *x = node->inputs[input];
  gr_Tensor full = *x;
  int rank = batch_rank(a) > batch_rank(b) ? batch_rank(a) : batch_rank(b);
  int own = x->rank - batch_rank(x);  /* axes of the matrix or vector itself */
  for (int i = 0; i < rank; i++) full.shape[i] = node->output->shape[i];
  for (int i = 0; i < own; i++) full.shape[rank + i] = x->shape[batch_rank(x) + i];
  full.rank = rank + own;
  return full;
}

static gr_Status matmul_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                 gr_Tensor *const *dx) {
  const gr_KernelSet *kernels = gr_kernels_for(context, dy);
  gr_Status status = GR_OK;
  for (int i = 0; i < 2 && status == GR_OK; i++) {
    if (dx[i] == NULL) continue;
    if (gr_tensor_size(dy) == 0) { gr_tensor_fill(dx[i], 0); continue; }
    gr_Tensor full = full_gradient(node, i);
    bool direct = gr_same_shape(&full, dx[i]);
    size_t bytes = direct ? 0 : lines(gr_tensor_size(&full) * gr_dtype_size(dy->dtype));
    unsigned char *buffer = gr_scratch(context, 3 * bytes);
    if (buffer == NULL) return gr_fail_memory(context, 3 * bytes);
    status = matmul_gradients(context, kernels, node, i, gr_tensor_data(dy),
                              direct ? gr_tensor_data(dx[i]) : buffer);
    if (!direct) gr_sum_broadcast(context, &full, buffer, dx[i], buffer + bytes);
  }
  return status;
}

/* dense: y [..., units] = act(x [..., inputs] . kernel [inputs, units] + bias [units]) */

static gr_Status dense_shape(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0], *kernel = node->inputs[1], *bias = node->inputs[2];
  gr_Tensor *y = node->output;
  char text[GR_SHAPE_TEXT], other[GR_SHAPE_TEXT];
  if (kernel->rank != 2 || bias->rank != 1 || bias->shape[0] != kernel->shape[1])
    return gr_fail(context, "expected a kernel [inputs, units] and a bias [units], got %s and %s",
                   gr_tensor_shape_text(text, kernel), gr_tensor_shape_text(other, bias));
  if (x->rank < 1 || x->shape[x->rank - 1] != kernel->shape[0])
    return gr_fail(context, "input has %lld features, kernel expects %lld (x is %s)",
                   x->rank < 1 ? 0LL : (long long)x->shape[x->rank - 1],
                   (long long)kernel->shape[0], gr_tensor_shape_text(text, x));
  gr_shape_like_input(context, node);
  y->dtype = kernel->dtype;
  y->shape[y->rank - 1] = kernel->shape[1];
  return GR_OK;
}

/* Whether the leading axes of x lie so evenly that it is one matrix as it is. */
static bool lies_as_matrix(const gr_Tensor *x) {
  return x->rank <= 2 || gr_tensor_is_contiguous(x);
}

static size_t room_for_rows(const gr_Tensor *x) {
  return lies_as_matrix(x) ? 0 : lines(gr_tensor_size(x) * gr_dtype_size(x->dtype));
}

static size_t count_rows(const gr_Tensor *x) {
  size_t rows = 1;
  for (int i = 0; i + 1 < x->rank; i++) rows *= (size_t)x->shape[i];
  return rows;
}

/* x as one matrix [rows, inputs]: in place, or else gathered into the room. */
GR_INLINE Matrix rows_of(const gr_Tensor *x, void *room) {
  if (x->rank == 2) return matrix_of(x);
  if (x->rank <= 2) return last_matrix(x, false);
  return contiguous_matrix(gr_tensor_contiguous(x, room), count_rows(x),
                           (size_t)x->shape[x->rank - 1]);
}

static gr_Status dense_forward(gr_Context *context, gr_Node *node) {
  const gr_Tensor *x = node->inputs[0], *kernel = node->inputs[1], *bias = node->inputs[2];
  const gr_KernelSet *kernels = gr_kernels_for(context, kernel);
  size_t room = room_for_rows(x), size = gr_dtype_size(kernel->dtype);
  size_t bytes = room + (size_t)bias->shape[0] * size;
  unsigned char *scratch = gr_scratch(context, bytes);
  if (scratch == NULL) return gr_fail_memory(context, bytes);
  Matrix input = rows_of(x, scratch);
  return multiply(context, kernels, size, input, matrix_of(kernel), gr_tensor_data(node->output),
                  gr_tensor_contiguous(bias, scratch + room),
                  (gr_Unary)node->attributes->activation);
}

/* dkernel = x^T . dz, dbias = the sum of dz's rows; either may be NULL. A product that copies dz
** sums it on the way. */
static gr_Status dense_gradients(gr_Context *context, const gr_KernelSet *kernels, gr_DType dtype,
                                 Matrix x, Matrix dz, const gr_Tensor *dkernel,
                                 const gr_Tensor *dbias) {
  void *sums = dbias == NULL ? NULL : gr_tensor_data(dbias);
  gr_Status status = GR_OK;
  if (dkernel != NULL) {
    gr_Product product = product_of(context, transposed(x), dz, gr_tensor_data(dkernel), NULL,
                                    GR_LINEAR);
    if (copies(kernels, &product)) {
      product.b_sums = sums;
      sums = NULL;
    }
    status = run_gradient(context, kernels, gr_dtype_size(dtype), &product, dkernel);
  }
  if (sums != NULL)
    gr_fold_rows(context, &(gr_Fold){kernels->sum, kernels->sum_rows, GR_ADD}, dtype, sums,
                 dz.data, dz.rows, dz.columns);
  return status;
}

/* dz = dy * act'(z), dx = dz . kernel^T, and the two gradients */
static gr_Status dense_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                                gr_Tensor *const *dx) {
  const gr_Tensor *x = node->inputs[0], *kernel = node->inputs[1];
  const gr_KernelSet *kernels = gr_kernels_for(context, dy);
  size_t size = gr_dtype_size(dy->dtype), room = room_for_rows(x);
  size_t bytes = room + gr_tensor_size(dy) * size;
  unsigned char *scratch = gr_scratch(context, bytes);
  if (scratch == NULL) return gr_fail_memory(context, bytes);
  Matrix input = rows_of(x, scratch);
  Matrix slope = contiguous_matrix(gr_tensor_data(dy), input.rows, (size_t)kernel->shape[1]);
  if (node->attributes->activation != GR_LINEAR) {
    gr_unary_slopes(context, dy, node->attributes->activation, scratch + room, slope.data, NULL,
                    gr_tensor_data(node->output));
    slope.data = scratch + room;
  }
  gr_Status status = GR_OK;
  if (dx[0] != NULL)
    status = multiply(context, kernels, size, slope, transposed(matrix_of(kernel)),
                      gr_tensor_data(dx[0]), NULL, GR_LINEAR);
  if (status != GR_OK) return status;
  return dense_gradients(context, kernels, dy->dtype, input, slope, dx[1], dx[2]);
}

static bool add_product(gr_Context *context, gr_Calls *calls, const gr_KernelSet *kernels,
                        Matrix a, Matrix b, void *c, const void *bias, gr_Unary activation) {
  gr_Product product = product_of(context, a, b, c, bias, activation);
  return is_one_call(kernels, &product) && gr_calls_add_product(calls, kernels, &product);
}

/* dz, as the calls to come find it, or NULL. */
static const void *add_slopes(gr_Calls *calls, const gr_KernelSet *kernels, const gr_Node *node,
                              const gr_Tensor *dy) {
  int activation = node->attributes->activation;
  size_t n = gr_tensor_size(dy);
  if (activation == GR_LINEAR) return gr_tensor_data(dy);
  void *dz = gr_calls_memory(calls, n * gr_dtype_size(dy->dtype));
  bool added = dz != NULL && gr_calls_add_slopes(calls, kernels->unary_backward[activation], dz,
                                                 gr_tensor_data(dy), gr_tensor_data(node->output),
                                                 n);
  return added ? dz : NULL;
}

/* dense, forward or backward, where it is small and its inputs lie evenly */
static bool dense_lay_out(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                          gr_Tensor *const *dx, gr_Calls *calls) {
  const gr_Tensor *x = node->inputs[0], *kernel = node->inputs[1], *bias = node->inputs[2];
  const gr_KernelSet *kernels = gr_kernels_for(context, kernel);
  if (x->rank != 2 || !gr_tensor_is_contiguous(bias) || gr_tensor_size(node->output) > GR_BLOCK)
    return false;
  Matrix input = matrix_of(x), weights = matrix_of(kernel);
  if (dy == NULL)
    return add_product(context, calls, kernels, input, weights, gr_tensor_data(node->output),
                       gr_tensor_data(bias), (gr_Unary)node->attributes->activation);
  const void *dz = add_slopes(calls, kernels, node, dy);
  Matrix slope = contiguous_matrix(dz, input.rows, weights.columns);
  return dz != NULL &&
         (dx[0] == NULL || add_product(context, calls, kernels, slope, transposed(weights),
                                       gr_tensor_data(dx[0]), NULL, GR_LINEAR)) &&
         (dx[1] == NULL || add_product(context, calls, kernels, transposed(input), slope,
                                       gr_tensor_data(dx[1]), NULL, GR_LINEAR)) &&
         (dx[2] == NULL || gr_calls_add_sum_rows(calls, kernels, gr_tensor_data(dx[2]), dz,
                                                 slope.rows, slope.columns));
}

const gr_Operation gr_product_operations[] = {
  {"matmul", 2, {0}, 0, GR_COMMON_TYPE, matmul_shape, matmul_forward, matmul_backward, NULL, -2, 2,
   "a:matmul(b) -> tensor",
   "The matrix product over the last axis of a and the last but one of b (or its only one); "
   "leading axes broadcast: [m, k] by [k, n] is [m, n]. Each element is summed from first to last "
   "with fused multiply-add. "
   "As numpy.matmul."},
  {"dense", 3, {GR_ACTIVATION}, 0, 1, dense_shape, dense_forward, dense_backward,
   dense_lay_out, -2, 2,
   "x:dense(kernel, bias [, activation]) -> tensor",
   "activation(x . kernel + bias) in one pass: x [..., inputs], kernel [inputs, units], bias "
   "[units]; the activation is \"linear\", \"relu\", \"tanh\" or \"sigmoid\". The same bits as the "
   "three steps one by one. As keras.layers.Dense computes. "
   "Example: ones(4, 3):dense(ones(3, 2), zeros(2), \"relu\")"},
  {0}
};

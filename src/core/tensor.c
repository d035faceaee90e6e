/* tensor.c: see tensor.h. */
#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tape.h"

/* Storage */

/* A small one shares cache lines with its head; of others the head ends a line, so that the
** elements begin one. */
enum { LINE = 64, PAD = LINE - sizeof(gr_Storage) };

static bool is_small(size_t bytes) { return bytes <= GR_SMALL_LINES * LINE - sizeof(gr_Storage); }

/* With its head, in whole cache lines. */
static size_t storage_size(size_t bytes) {
  size_t head = is_small(bytes) ? sizeof(gr_Storage) : LINE;
  return (head + bytes + LINE - 1) / LINE * LINE;
}

/* A block that begins a line. Not by aligned_alloc, which cannot place it where one of the same
** size was: it looks for room that holds it however it lies. What malloc gave stands in front of
** it. */
static void *line_new(size_t size) {
  unsigned char *room = malloc(size + LINE);
  if (room == NULL) return NULL;
  unsigned char *block = room + LINE - (uintptr_t)room % LINE;
  memcpy(block - sizeof room, &room, sizeof room);
  return block;
}

static void line_free(void *block) {
  void *room;
  memcpy(&room, (unsigned char *)block - sizeof room, sizeof room);
  free(room);
}

/* Where a small one of that size comes from. */
static gr_Spares *spares_of(gr_Context *context, size_t size) {
  return &context->storages[size / LINE - 1];
}

static gr_LargeSpares *large_spares_of(gr_Context *context, size_t size) {
  return size < GR_LARGE ? &context->medium : &context->large;
}

static gr_Storage *block_new(gr_Context *context, size_t bytes) {
  size_t size = storage_size(bytes);
  if (is_small(bytes)) return gr_spares_take(spares_of(context, size));
  unsigned char *block = size < bytes ? NULL
                         : size < GR_MEDIUM ? line_new(size)
                                            : gr_large_take(large_spares_of(context, size), size);
  return block == NULL ? NULL : (gr_Storage *)(block + PAD);
}

static void block_release(gr_Context *context, gr_Storage *storage) {
  size_t size = storage_size(storage->bytes);
  void *block = (unsigned char *)storage - PAD;
  if (is_small(storage->bytes)) gr_spares_give(spares_of(context, size), storage);
  else if (size < GR_MEDIUM) line_free(block);
  else gr_large_give(large_spares_of(context, size), block, size);
}

static gr_Storage *storage_new(gr_Context *context, size_t bytes) {
  gr_Storage *storage = block_new(context, bytes);
  if (storage == NULL) return NULL;
  storage->references = 1;
  storage->bytes = bytes;
  storage->version = 0;
  storage->context = context;
  gr_count_bytes(context, storage_size(bytes));
  context->bytes_alive += bytes;
  return storage;
}

static void storage_release(gr_Storage *storage) {
  if (storage == NULL || --storage->references > 0) return;
  storage->context->bytes_alive -= storage->bytes;
  storage->context->bytes_taken -= storage_size(storage->bytes);
  block_release(storage->context, storage);
}

/* Tensors */

gr_Tensor *gr_tensor_blank(gr_Context *context) {
  gr_Tensor *tensor = gr_spares_take(&context->tensors);
  if (tensor == NULL) return NULL;
  memset(tensor, 0, offsetof(gr_Tensor, shape));
  tensor->references = 1;
  tensor->context = context;
  gr_count_bytes(context, sizeof *tensor);
  return tensor;
}

/* Set row-major strides. The number of elements, or -1 when that many bytes do not fit in memory. A
** dimension of 0 makes the others no smaller: strides are their products. */
static int64_t lay_out(gr_Tensor *tensor) {
  int64_t n = 1;
  bool empty = false;
  for (int i = tensor->rank - 1; i >= 0; i--) {
    tensor->strides[i] = n;
    if (tensor->shape[i] < 0) return -1;
    if (tensor->shape[i] == 0) empty = true;
    else if (__builtin_mul_overflow(n, tensor->shape[i], &n)) return -1;
  }
  return n > INT64_MAX >> 5 ? -1 : empty ? 0 : n;
}

gr_Status gr_tensor_allocate(gr_Context *context, gr_Tensor *tensor) {
  int64_t n = lay_out(tensor);
  if (n < 0) {
    char text[GR_SHAPE_TEXT];
    return gr_fail(context, "a tensor of shape %s does not fit in memory",
                   gr_tensor_shape_text(text, tensor));
  }
  size_t bytes = (size_t)n * gr_dtype_size(tensor->dtype);
  tensor->offset = 0;
  tensor->storage = storage_new(context, bytes);
  return tensor->storage == NULL ? gr_fail_memory(context, bytes) : GR_OK;
}

gr_Status gr_tensor_new(gr_Context *context, gr_DType dtype, int rank, const int64_t *shape,
                        gr_Tensor **result) {
  gr_Tensor *tensor = gr_tensor_blank(context);
  *result = NULL;
  if (tensor == NULL) return gr_fail_memory(context, sizeof *tensor);
  tensor->dtype = dtype;
  tensor->rank = rank;
  for (int i = 0; i < rank; i++) tensor->shape[i] = shape[i];
  gr_Status status = gr_tensor_allocate(context, tensor);
  if (status == GR_OK) *result = tensor;
  else gr_tensor_release(tensor);
  return status;
}

void gr_tensor_share(gr_Tensor *tensor, const gr_Tensor *base) {
  tensor->storage = base->storage;
  tensor->storage->references++;
  tensor->offset = base->offset;
}

gr_Status gr_tensor_view(gr_Context *context, const gr_Tensor *tensor, gr_Tensor **result) {
  gr_Tensor *view = gr_tensor_blank(context);
  *result = view;
  if (view == NULL) return gr_fail_memory(context, sizeof *view);
  view->dtype = tensor->dtype;
  view->rank = tensor->rank;
  for (int i = 0; i < tensor->rank; i++) {
    view->shape[i] = tensor->shape[i];
    view->strides[i] = tensor->strides[i];
  }
  gr_tensor_share(view, tensor);
  return GR_OK;
}

gr_Status gr_tensor_copy(gr_Context *context, const gr_Tensor *tensor, gr_DType dtype,
                         gr_Tensor **result) {
  gr_Status status = gr_tensor_new(context, dtype, tensor->rank, tensor->shape, result);
  if (status != GR_OK) return status;
  gr_tensor_gather(tensor, dtype, gr_tensor_data(*result));
  if (!gr_must_stop(context)) return GR_OK;
  gr_tensor_release(*result);
  *result = NULL;
  return gr_stop(context);
}

gr_Tensor *gr_tensor_retain(gr_Tensor *tensor) {
  tensor->references++;
  return tensor;
}

/* Drop one reference; a tensor without any joins the list of those to free. */
static void drop(gr_Tensor *tensor, gr_Tensor **dead) {
  if (tensor == NULL || --tensor->references > 0) return;
  tensor->next = *dead;
  *dead = tensor;
}

/* A list and no recursion: a graph may be a chain of millions of nodes. */
void gr_tensor_release(gr_Tensor *tensor) {
  gr_Tensor *dead = NULL;
  drop(tensor, &dead);
  while (dead != NULL) {
    gr_Tensor *last = dead;
    dead = last->next;
    storage_release(last->storage);
    drop(last->grad, &dead);
    if (last->node != NULL) {
      for (int i = 0; i < last->node->operation->arity; i++) drop(last->node->inputs[i], &dead);
      gr_node_free(last->node);
    }
    last->context->bytes_taken -= sizeof *last;
    gr_spares_give(&last->context->tensors, last);
  }
}

/* Elements *first to *last of its storage are the tensor's, or some of them. */
static void find_reach(const gr_Tensor *tensor, ptrdiff_t *first, ptrdiff_t *last) {
  *first = *last = tensor->offset;
  for (int i = 0; i < tensor->rank; i++) {
    ptrdiff_t reach = (ptrdiff_t)(tensor->shape[i] - 1) * tensor->strides[i];
    *(reach < 0 ? first : last) += reach;
  }
}

bool gr_tensors_meet(const gr_Tensor *a, const gr_Tensor *b) {
  ptrdiff_t a_first, a_last, b_first, b_last;
  if (a->storage != b->storage || gr_tensor_size(a) == 0 || gr_tensor_size(b) == 0) return false;
  find_reach(a, &a_first, &a_last);
  find_reach(b, &b_first, &b_last);
  return a_first <= b_last && b_first <= a_last;
}

void gr_tensor_set_contiguous(gr_Tensor *tensor) {
  ptrdiff_t stride = 1;
  for (int i = tensor->rank - 1; i >= 0; i--) {
    tensor->strides[i] = stride;
    stride *= tensor->shape[i] > 0 ? tensor->shape[i] : 1;
  }
}

double gr_tensor_get(const gr_Tensor *tensor, ptrdiff_t distance) {
  const void *data = gr_tensor_data(tensor);
  return tensor->dtype == GR_FLOAT32 ? (double)((const float *)data)[distance]
                                     : ((const double *)data)[distance];
}

void gr_tensor_set(gr_Tensor *tensor, ptrdiff_t distance, double value) {
  void *data = gr_tensor_data(tensor);
  if (tensor->dtype == GR_FLOAT32) ((float *)data)[distance] = (float)value;
  else ((double *)data)[distance] = value;
  tensor->storage->version++;
}

/* Walks */

/* Merge axis i + 1 into axis i wherever every tensor lies so that one run covers both. */
static void merge_axes(gr_Walk *walk) {
  int kept = 0;
  for (int i = 1; i < walk->rank; i++) {
    bool joined = true;
    for (int t = 0; t < walk->count; t++)
      if (walk->strides[t][kept] != walk->strides[t][i] * walk->shape[i]) joined = false;
    if (joined) walk->shape[kept] *= walk->shape[i];
    else walk->shape[++kept] = walk->shape[i];
    for (int t = 0; t < walk->count; t++) walk->strides[t][kept] = walk->strides[t][i];
  }
  if (walk->rank > 0) walk->rank = kept + 1;
}

bool gr_walk_begin(gr_Walk *walk, int count, int rank, const int64_t *shape,
                   const ptrdiff_t *const *strides) {
  walk->count = count;
  walk->rank = 0;
  for (int i = 0; i < rank; i++) {
    if (shape[i] == 0) return false;
    if (shape[i] == 1) continue;
    walk->shape[walk->rank] = shape[i];
    for (int t = 0; t < count; t++) walk->strides[t][walk->rank] = strides[t][i];
    walk->rank++;
  }
  merge_axes(walk);
  int last = walk->rank - 1;
  walk->length = last < 0 ? 1 : walk->shape[last];
  for (int t = 0; t < count; t++) {
    walk->step[t] = last < 0 ? 1 : walk->strides[t][last];
    walk->position[t] = 0;
  }
  for (int i = 0; i < walk->rank; i++) walk->index[i] = 0;
  return true;
}

bool gr_walk_next(gr_Walk *walk) {
  for (int i = walk->rank - 2; i >= 0; i--) {
    if (++walk->index[i] < walk->shape[i]) {
      for (int t = 0; t < walk->count; t++) walk->position[t] += walk->strides[t][i];
      return true;
    }
    walk->index[i] = 0;
    for (int t = 0; t < walk->count; t++)
      walk->position[t] -= walk->strides[t][i] * (walk->shape[i] - 1);
  }
  return false;
}

/* What is not 0 */

#define COUNT_NONZERO(T)                                                         \
  do {                                                                           \
    const T *x = gr_tensor_data(tensor);                                         \
    GR_EACH(i, tensor->storage->context, (size_t)tensor->shape[0])               \
      count += x[(ptrdiff_t)i * step] != 0;                                      \
  } while (0)

size_t gr_tensor_count_nonzero(const gr_Tensor *tensor) {
  size_t count = 0;
  ptrdiff_t step = tensor->strides[0];
  if (tensor->dtype == GR_FLOAT32) COUNT_NONZERO(float);
  else COUNT_NONZERO(double);
  return count;
}

/* Each place is written where the next one belongs and stays if it is one: no branch to predict. */
#define NONZERO_PLACES(T)                                 \
  do {                                                    \
    const T *x = gr_tensor_data(tensor);                  \
    for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);) \
      for (size_t i = block.first; found < count && i < block.first + block.count; i++) { \
        places[found] = (double)(i + 1);                  \
        found += x[(ptrdiff_t)i * step] != 0;             \
      }                                                   \
  } while (0)

void gr_tensor_nonzero_places(const gr_Tensor *tensor, size_t count, double *places) {
  const gr_Context *context = tensor->storage->context;
  size_t found = 0, n = (size_t)tensor->shape[0];
  ptrdiff_t step = tensor->strides[0];
  if (tensor->dtype == GR_FLOAT32) NONZERO_PLACES(float);
  else NONZERO_PLACES(double);
}

/* Copies */

#define COPY_RUN(To, From)                                            \
  do {                                                                \
    To *to = (To *)y;                                                 \
    const From *from = (const From *)x;                               \
    for (int64_t i = 0; i < n; i++) to[i * y_step] = (To)from[i * x_step]; \
  } while (0)

/* y[i] = x[i], cast. */
static void copy_even_block(const gr_Context *context, gr_DType to_type, void *y,
                            gr_DType from_type, const void *x, size_t n) {
  if (to_type == from_type) memcpy(y, x, n * gr_dtype_size(to_type));
  else if (to_type == GR_FLOAT64) context->kernels->of[from_type].widen(y, x, n);
  else context->kernels->of[to_type].narrow(y, x, n);
}

/* y[i] = *x for n elements, by copies of what is there already; of no more than the nearest cache
** holds. */
static void repeat(unsigned char *y, const void *x, size_t size, size_t n) {
  enum { MOST = 8192 };  /* bytes */
  size_t bytes = n * size, piece;
  memcpy(y, x, size);
  for (size_t done = size; done < bytes; done += piece) {
    piece = done < MOST ? done : MOST;
    if (piece > bytes - done) piece = bytes - done;
    memcpy(y + done, y, piece);
  }
}

enum { MANY = 512 };  /* elements, which pay for the first short copies */

/* y[i * y_step] = x[i * x_step], cast. */
static void copy_block(const gr_Context *context, gr_DType to_type, void *y, ptrdiff_t y_step,
                       gr_DType from_type, const void *x, ptrdiff_t x_step, int64_t n) {
  if (y_step == 1 && x_step == 1) copy_even_block(context, to_type, y, from_type, x, (size_t)n);
  else if (to_type == from_type && y_step == 1 && x_step == 0 && n >= MANY)
    repeat(y, x, gr_dtype_size(to_type), (size_t)n);
  else if (to_type == GR_FLOAT32 && from_type == GR_FLOAT32) COPY_RUN(float, float);
  else if (to_type == GR_FLOAT32) COPY_RUN(float, double);
  else if (from_type == GR_FLOAT32) COPY_RUN(double, float);
  else COPY_RUN(double, double);
}

static const unsigned char *element(const void *data, gr_DType dtype, ptrdiff_t distance) {
  return (const unsigned char *)data + distance * (ptrdiff_t)gr_dtype_size(dtype);
}

static void copy_run(const gr_Context *context, gr_DType to_type, void *y, ptrdiff_t y_step,
                     gr_DType from_type, const void *x, ptrdiff_t x_step, int64_t n) {
  for (gr_Block block = {0, 0}; gr_next_block(context, (size_t)n, &block);)
    copy_block(context, to_type, (void *)element(y, to_type, (ptrdiff_t)block.first * y_step),
               y_step, from_type, element(x, from_type, (ptrdiff_t)block.first * x_step), x_step,
               (int64_t)block.count);
}

static void copy_strided(gr_DType to_type, void *to, const ptrdiff_t *to_strides,
                         const gr_Tensor *from) {
  gr_Walk walk;
  const ptrdiff_t *strides[2] = {to_strides, from->strides};
  const void *data = gr_tensor_data(from);
  const gr_Context *context = from->storage->context;
  size_t done = 0;
  if (!gr_walk_begin(&walk, 2, from->rank, from->shape, strides)) return;
  do {
    copy_run(context, to_type, (void *)element(to, to_type, walk.position[0]), walk.step[0],
             from->dtype, element(data, from->dtype, walk.position[1]), walk.step[1],
             walk.length);
  } while (!gr_must_stop_after(context, (size_t)walk.length, &done) && gr_walk_next(&walk));
}

void gr_convert(const gr_Context *context, gr_DType to, void *y, gr_DType from, const void *x,
                size_t n) {
  copy_run(context, to, y, 1, from, x, 1, (int64_t)n);
}

void gr_tensor_assign(gr_Tensor *target, const gr_Tensor *source) {
  copy_strided(target->dtype, gr_tensor_data(target), target->strides, source);
  target->storage->version++;
}

void gr_tensor_gather(const gr_Tensor *tensor, gr_DType dtype, void *buffer) {
  gr_Tensor layout = *tensor;
  gr_tensor_set_contiguous(&layout);
  copy_strided(dtype, buffer, layout.strides, tensor);
}

void gr_tensor_fill(gr_Tensor *tensor, double value) {
  static const ptrdiff_t zeros[GR_MAX_RANK] = {0};
  gr_Tensor number = *tensor;  /* one element, seen through the tensor's shape */
  _Alignas(64) unsigned char room[sizeof(gr_Storage) + 64];
  gr_Storage *storage = (gr_Storage *)room;
  number.storage = storage;
  number.offset = 0;
  storage->context = tensor->storage->context;
  memcpy(number.strides, zeros, sizeof zeros);
  if (tensor->dtype == GR_FLOAT32) *(float *)storage->data = (float)value;
  else *(double *)storage->data = value;
  gr_tensor_assign(tensor, &number);
}

/* Text */

char *gr_shape_text(char *buffer, int rank, const int64_t *shape) {
  size_t used = 0;
  buffer[used++] = '[';
  for (int i = 0; i < rank && used + 24 < GR_SHAPE_TEXT; i++)
    used += (size_t)snprintf(buffer + used, GR_SHAPE_TEXT - used, i > 0 ? ", %lld" : "%lld",
                             (long long)shape[i]);
  buffer[used++] = ']';
  buffer[used] = '\0';
  return buffer;
}

char *gr_tensor_shape_text(char *buffer, const gr_Tensor *tensor) {
  return gr_shape_text(buffer, tensor->rank, tensor->shape);
}

/* Whether they already lie so. */
static bool lie_side_by_side(gr_Tensor **tensors, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!gr_tensor_is_contiguous(tensors[i])) return false;
    if (i == 0) continue;
    const gr_Tensor *last = tensors[i - 1];
    if (tensors[i]->storage != last->storage || tensors[i]->dtype != last->dtype ||
        tensors[i]->offset != last->offset + (ptrdiff_t)gr_tensor_size(last))
      return false;
  }
  return true;
}

gr_Status gr_tensors_lay_side_by_side(gr_Context *context, gr_Tensor **tensors, size_t count) {
  uint64_t version = 0;
  if (lie_side_by_side(tensors, count)) return GR_OK;
  gr_DType dtype = tensors[0]->dtype;
  size_t size = gr_dtype_size(dtype), bytes = 0;
  for (size_t i = 0; i < count; i++) {
    if (tensors[i]->dtype != dtype)
      return gr_fail(context, "expected tensors of one type, got float32 and float64");
    bytes += gr_tensor_size(tensors[i]) * size;
    if (tensors[i]->storage->version > version) version = tensors[i]->storage->version;
  }
  gr_Storage *storage = storage_new(context, bytes);
  if (storage == NULL) return gr_fail_memory(context, bytes);
  storage->version = version;  /* a graph from before tells later writes by it */
  ptrdiff_t offset = 0;
  bool was_unbroken = context->unbroken;
  context->unbroken = true;
  for (size_t i = 0; i < count; i++) {
    gr_Tensor *tensor = tensors[i];
    gr_tensor_gather(tensor, dtype, storage->data + (size_t)offset * size);
    storage_release(tensor->storage);
    tensor->storage = storage;
    storage->references++;
    tensor->offset = offset;
    gr_tensor_set_contiguous(tensor);
    offset += (ptrdiff_t)gr_tensor_size(tensor);
  }
  context->unbroken = was_unbroken;
  context->rearranged++;
  storage_release(storage);
  return GR_OK;
}

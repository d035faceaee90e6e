/*
** tensor.h: tensors and the memory under them.
**
** A storage is a reference-counted block of elements. A tensor is a view on a storage: a type, a
** shape, a stride for each axis and an offset, all counted in elements. So slicing and transposing
** copy nothing. A tensor is reference-counted, too, since nodes of a graph hold their inputs.
**
** Invariants: 0 <= rank <= GR_MAX_RANK; each dimension is >= 0 and their product fits in memory;
** every element that the shape and the strides reach lies inside the storage. What an operation
** makes is contiguous (row-major, no gaps) unless the operation is a view.
**
** A tensor that carries a gradient owns the node that made it (tensor->node), and the node owns its
** inputs: a graph dies with its last tensor.
*/
#ifndef GR_TENSOR_H
#define GR_TENSOR_H

#include "context.h"

enum { GR_MAX_RANK = 16 };

typedef struct gr_Storage {
  size_t references;
  size_t bytes;
  uint64_t version;     /* counts the writes in place */
  gr_Context *context;  /* whose bytes_alive counts it */
  _Alignas(32) unsigned char data[];  /* at a multiple of 64 where the storage is not small */
} gr_Storage;

/* In lines of 64 bytes: one for the head, two for the shape and two for the strides. */
typedef struct gr_Tensor {
  union {
    size_t references;
    struct gr_Tensor *next;  /* once there is none: in the list of those that are being freed */
  };
  gr_Context *context;     /* whose spares it comes from */
  gr_Storage *storage;
  ptrdiff_t offset;
  struct gr_Tensor *grad;  /* of a leaf after backward, else NULL */
  struct gr_Node *node;    /* what made it, if a gradient or a recording wants to know */
  gr_DType dtype;
  int rank;
  bool requires_grad;      /* set by the user on a leaf; follows from the inputs on a result */
  bool graph_freed;        /* backward went through it once */
  bool grad_is_new;        /* no optimizer has used the gradient yet */
  bool is_rewritten;       /* a gradient of a recording: its next replay writes there again */
  int64_t shape[GR_MAX_RANK];
  ptrdiff_t strides[GR_MAX_RANK];
} gr_Tensor;

/* A tensor without storage, of rank 0: an operation's shape rule fills it in. NULL: no memory. */
gr_Tensor *gr_tensor_blank(gr_Context *context);

/* Give a blank tensor with dtype, rank and shape a contiguous storage of its own; the elements
** are not set. */
gr_Status gr_tensor_allocate(gr_Context *context, gr_Tensor *tensor);

/* A new contiguous tensor, elements not set. */
gr_Status gr_tensor_new(gr_Context *context, gr_DType dtype, int rank, const int64_t *shape,
                        gr_Tensor **result);

/* A new tensor that views the same elements (no gradient, no node). */
gr_Status gr_tensor_view(gr_Context *context, const gr_Tensor *tensor, gr_Tensor **result);

/* A new contiguous tensor with the same elements, cast to `dtype` (no gradient, no node). */
gr_Status gr_tensor_copy(gr_Context *context, const gr_Tensor *tensor, gr_DType dtype,
                         gr_Tensor **result);

gr_Tensor *gr_tensor_retain(gr_Tensor *tensor);
void gr_tensor_release(gr_Tensor *tensor);  /* NULL is allowed */

/* Let `tensor` lie on the storage of `base`, at its place. */
void gr_tensor_share(gr_Tensor *tensor, const gr_Tensor *base);

/* The number of elements; the address of the first. */
static inline size_t gr_tensor_size(const gr_Tensor *tensor) {
  size_t n = 1;
  for (int i = 0; i < tensor->rank; i++) n *= (size_t)tensor->shape[i];
  return n;
}

static inline void *gr_tensor_data(const gr_Tensor *tensor) {
  return tensor->storage->data + (size_t)tensor->offset * gr_dtype_size(tensor->dtype);
}

/* The same, or NULL where there is no tensor. */
static inline void *gr_tensor_data_or_null(const gr_Tensor *tensor) {
  return tensor == NULL ? NULL : gr_tensor_data(tensor);
}

/* Whether the elements lie row-major, without gaps. */
static inline bool gr_tensor_is_contiguous(const gr_Tensor *tensor) {
  ptrdiff_t expected = 1;
  for (int i = tensor->rank - 1; i >= 0; i--) {
    if (tensor->shape[i] == 0) return true;
    if (tensor->shape[i] != 1 && tensor->strides[i] != expected) return false;
    expected *= tensor->shape[i];
  }
  return true;
}

static inline bool gr_same_shape(const gr_Tensor *a, const gr_Tensor *b) {
  if (a->rank != b->rank) return false;
  for (int i = 0; i < a->rank; i++)
    if (a->shape[i] != b->shape[i]) return false;
  return true;
}

/* Whether elements of two tensors may be the same: the memory from one's first to its last meets
** the other's. */
bool gr_tensors_meet(const gr_Tensor *a, const gr_Tensor *b);

/* Set row-major strides for the shape. */
void gr_tensor_set_contiguous(gr_Tensor *tensor);

/* One element, by its distance in elements from the first. */
double gr_tensor_get(const gr_Tensor *tensor, ptrdiff_t distance);
void gr_tensor_set(gr_Tensor *tensor, ptrdiff_t distance, double value);

/* Set all elements. */
void gr_tensor_fill(gr_Tensor *tensor, double value);

/* How many elements of a tensor with one axis are not 0; and their first `count` places, counted
** from 1. A NaN is not 0. */
size_t gr_tensor_count_nonzero(const gr_Tensor *tensor);
void gr_tensor_nonzero_places(const gr_Tensor *tensor, size_t count, double *places);

/* Write all elements of `source` into `target`, which has the same shape; types may differ, and
** the two may overlap only if they are the same view. Counts as a write in place. */
void gr_tensor_assign(gr_Tensor *target, const gr_Tensor *source);

/* Write the elements, row-major, into a contiguous buffer of type `dtype`. */
void gr_tensor_gather(const gr_Tensor *tensor, gr_DType dtype, void *buffer);

/* The address of the elements in row-major order, without gaps: the tensor's own where it is
** contiguous, else copied to `buffer` (room for gr_tensor_size elements). */
static inline const void *gr_tensor_contiguous(const gr_Tensor *tensor, void *buffer) {
  if (gr_tensor_is_contiguous(tensor)) return gr_tensor_data(tensor);
  gr_tensor_gather(tensor, tensor->dtype, buffer);
  return buffer;
}

/* Convert n contiguous elements. */
void gr_convert(const gr_Context *context, gr_DType to, void *y, gr_DType from, const void *x,
                size_t n);

/* "[32, 20]", and "[]" for rank 0, into a buffer of GR_SHAPE_TEXT bytes; returns the buffer. */
enum { GR_SHAPE_TEXT = 160 };
char *gr_shape_text(char *buffer, int rank, const int64_t *shape);
char *gr_tensor_shape_text(char *buffer, const gr_Tensor *tensor);

/* Move the elements of the tensors into one storage, one after the other without gaps, so that
** one pass over it reaches them all. They must be of one type. */
gr_Status gr_tensors_lay_side_by_side(gr_Context *context, gr_Tensor **tensors, size_t count);

/* A walk over the elements of several tensors of one shape, a run of the last axis at a time.
** Axes that lie one after the other in every tensor are merged first. */
enum { GR_WALK_MAX = 4 };
typedef struct gr_Walk {
  int count, rank;
  int64_t shape[GR_MAX_RANK];
  ptrdiff_t strides[GR_WALK_MAX][GR_MAX_RANK];
  ptrdiff_t position[GR_WALK_MAX];   /* of the run's first element, from each tensor's first */
  int64_t index[GR_MAX_RANK];
  int64_t length;                    /* elements in a run */
  ptrdiff_t step[GR_WALK_MAX];       /* from one element of the run to the next */
} gr_Walk;

/* Begin a walk over `shape`; strides[i] has `rank` entries for tensor i (0 where it broadcasts).
** False when there is nothing to visit. */
bool gr_walk_begin(gr_Walk *walk, int count, int rank, const int64_t *shape,
                   const ptrdiff_t *const *strides);
/* Go to the next run; false at the end. */
bool gr_walk_next(gr_Walk *walk);

#endif

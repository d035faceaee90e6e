/*
** operation.h: the table of operations.
**
** An operation is one row: its name, how many tensors it takes, its attributes, a shape rule, a
** forward and a backward function, and a line of help. The binding, the method on tensors, the
** gradient check and the help text follow from the row, so that a new operation is added in one
** place: write its functions side by side in the file where it belongs and add the row at that
** file's end.
**
** A node is one use of an operation: the inputs, the attributes and the output.
**
**   shape     checks the inputs and describes the output (dtype, rank, shape). A view lays the
**             output on the input's storage here and has no forward.
**   forward   writes every element of the output, which is contiguous.
**   backward  gets dy, contiguous and of the output's shape, and writes every element of dx[i],
**             contiguous and of input i's shape and type; dx[i] is NULL where no gradient is
**             wanted. Several uses of one tensor are added up by the tape. NULL: the operation
**             has no derivative and its result carries no gradient.
**
** Forward and backward may use gr_scratch. A shape rule is run once for each recording, forward and
** backward at every step, so neither may allocate anything else or decide by a tensor's values,
** except that take fails where an index is no row: see gr_recording_may_fail.
** Of small operations a recording calls the kernels themselves, see calls.h.
*/
#ifndef GR_OPERATION_H
#define GR_OPERATION_H

#include "kernels.h"
#include "tensor.h"

enum { GR_MAX_INPUTS = 3, GR_MAX_ATTRIBUTES = 4 };

/* Whose type the inputs are cast to: GR_COMMON_TYPE: float32 with float64 gives float64, a tensor
** of rank 0 takes the type of the others; GR_OWN_TYPES: each keeps its own. */
enum { GR_COMMON_TYPE = -1, GR_OWN_TYPES = -2 };

/* What an operation takes besides tensors, in the order in which a call gives it. */
typedef enum gr_AttributeKind {
  GR_NO_ATTRIBUTE,  /* ends the list */
  GR_AXES,          /* axes to reduce: an axis, a list of axes, or none for all */
  GR_KEEPDIMS,      /* whether reduced axes stay with dimension 1; false */
  GR_LOW,           /* a bound, or none */
  GR_HIGH,
  GR_FRACTION,      /* a number from 0 to 1 */
  GR_SHAPE,         /* dimensions; one may be -1 */
  GR_ORDER,         /* a permutation of the axes; none reverses them */
  GR_DTYPE,         /* "float32" or "float64" */
  GR_ACTIVATION,    /* "linear", "relu", "tanh", "sigmoid" */
  GR_SLICES         /* one entry an axis, see gr_Slice */
} gr_AttributeKind;

/* An entry for one axis, counted from 0: an index that drops the axis, or a range. */
typedef struct gr_Slice {
  bool is_index;
  int64_t first, step, count;
} gr_Slice;

typedef struct gr_Attributes {
  int axes_count;               /* -1: all axes */
  int axes[GR_MAX_RANK];        /* from 0, each once, ascending; also an order */
  bool keepdims;
  bool has_low, has_high;
  double low, high, fraction;
  int rank;                     /* of shape; or the number of slices */
  int64_t shape[GR_MAX_RANK];
  gr_Slice slices[GR_MAX_RANK];
  gr_DType dtype;
  int activation;               /* a gr_Unary */
} gr_Attributes;

struct gr_Calls;
struct gr_Node;

typedef struct gr_Operation {
  const char *name;
  int arity;
  gr_AttributeKind attributes[GR_MAX_ATTRIBUTES];
  int kernel;                   /* a gr_Unary or gr_Binary, where the functions want one */
  int typed_by;                 /* the input to whose type the others are cast, or see above */
  gr_Status (*shape)(gr_Context *context, struct gr_Node *node);
  gr_Status (*forward)(gr_Context *context, struct gr_Node *node);
  gr_Status (*backward)(gr_Context *context, const struct gr_Node *node, const gr_Tensor *dy,
                        gr_Tensor *const *dx);
  /* Adds to `calls` what forward (dy is NULL) or backward comes down to, where that is small;
  ** false: it is run as a whole. NULL: always. */
  bool (*lay_out)(gr_Context *context, const struct gr_Node *node, const gr_Tensor *dy,
                  gr_Tensor *const *dx, struct gr_Calls *calls);
  double low, high;             /* where its inputs may lie, for the gradient check */
  const char *signature;        /* "x:sum([axes [, keepdims]])" */
  const char *help;
} gr_Operation;

typedef struct gr_Node {
  const gr_Operation *operation;
  uint64_t sequence;                     /* in the order of making */
  gr_Tensor *inputs[GR_MAX_INPUTS];      /* a node on the heap owns a reference to each */
  uint64_t versions[GR_MAX_INPUTS];      /* of the inputs' storages when they were read */
  uint64_t output_version;               /* of the output's when it was computed */
  bool is_recorded;                      /* a recording needs it: no backward frees it */
  gr_Tensor *output;                     /* owns this node, not owned by it */
  const gr_Attributes *attributes;       /* a node on the heap has its own behind it; or NULL */
} gr_Node;

/* Who uses the gradient of a parameter up while backward computes it, so that it need not be
** stored. An operation that can hand a gradient on in pieces asks for it by its tensor, when it
** will not read the parameter any more; what nobody takes is stored. */
typedef struct gr_Taker {
  void *(*find)(void *data, const gr_Tensor *gradient);  /* what `take` is given; NULL: nobody */
  gr_Take *take;
  void *data;
  bool waits;  /* takes nothing yet: the operation only makes the room that it will need */
} gr_Taker;

/* The table: operation number i, or NULL past the last; and the one of that name, or NULL. */
const gr_Operation *gr_operation(size_t i);
const gr_Operation *gr_operation_named(const char *name);

/* The rows, by file; each ends with a row without a name. */
extern const gr_Operation gr_elementwise_operations[];
extern const gr_Operation gr_reduction_operations[];
extern const gr_Operation gr_product_operations[];
extern const gr_Operation gr_shape_operations[];
extern const gr_Operation gr_loss_operations[];

/* The rows of gr_shape_operations: other code applies some of them by itself. */
enum { GR_RESHAPE, GR_TRANSPOSE, GR_SLICE, GR_TAKE, GR_CAST, GR_CLONE };

/* What several files of operations share. */

/* The kernels for a tensor's type. */
static inline const gr_KernelSet *gr_kernels_for(const gr_Context *context,
                                                 const gr_Tensor *tensor) {
  return &context->kernels->of[tensor->dtype];
}

/* Shape rule: the output is like input 0. */
gr_Status gr_shape_like_input(gr_Context *context, gr_Node *node);

/* y = x (contiguous, of `shape`) folded over the marked axes. The last axes, as far as they are
** marked, are folded as one run; the others, from the last to the first, row after row. `work` has
** gr_fold_work bytes: none where one step does all. Over nothing y is 0. */
size_t gr_fold_work(gr_DType dtype, int rank, const int64_t *shape, const bool *marked);
void gr_fold_over_axes(const gr_Context *context, const gr_Fold *fold, gr_DType dtype,
                       int rank, const int64_t *shape, const bool *marked, const void *x, void *y,
                       void *work);

/* Write into `target` (contiguous) the sum of `full` (contiguous, of the shape of `like`) over the
** axes along which the target was broadcast. `work` has room for two times full. */
void gr_sum_broadcast(const gr_Context *context, const gr_Tensor *like, const void *full,
                      gr_Tensor *target, void *work);

/* The strides of a tensor's first `axes` axes seen in a larger shape: new axes in front and axes of
** dimension 1 get stride 0. */
void gr_broadcast_strides(const gr_Tensor *tensor, int axes, int rank, const int64_t *shape,
                          ptrdiff_t *strides);

/* The tensor itself seen so. */
gr_Tensor gr_broadcast_view(const gr_Tensor *tensor, int rank, const int64_t *shape);

/* Write to y, side by side, `count` rows of x by their numbers, which count from 1; each has
** `columns` elements without gaps. On several threads where they are many. */
void gr_take_rows(gr_Context *context, const gr_Tensor *x, const double *numbers, size_t count,
                  size_t columns, void *y);

/* dx = dy * f'(x) for the gr_Unary `function`, all contiguous and as many elements as `like` has,
** on several threads where they are many. x may be NULL for an activation. */
void gr_unary_slopes(gr_Context *context, const gr_Tensor *like, int function, void *dx,
                     const void *dy, const void *x, const void *y);

/* The shape that two shapes broadcast to; false when they do not fit (NumPy's rule). */
bool gr_broadcast_shape(int rank_a, const int64_t *a, int rank_b, const int64_t *b, int *rank,
                        int64_t *shape);

#endif

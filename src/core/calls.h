/*
** calls.h: a recorded step as a flat list of calls.
**
** In a small step as much time goes into finding out what to do, from nodes, tensors and strides,
** as into doing it. A recording therefore lays its step out once: an operation may say which
** kernels its forward and its backward come down to, with their arguments; what does not is called
** as ever, and everything is while a profile times it. The calls are stale when a tensor has moved
** to another storage, or a profile has begun or ended: context->rearranged counts that.
*/
#ifndef GR_CALLS_H
#define GR_CALLS_H

#include "kernels.h"
#include "operation.h"

typedef struct gr_Call {
  gr_Status (*run)(gr_Context *context, const struct gr_Call *call);
  union {
    void *whole;  /* a node or a step of backward, which is run as ever */
    struct {
      void (*kernel)(const gr_Product *product);
      gr_Product product;
    } product;
    struct {
      gr_UnaryBackward *kernel;
      void *dx;
      const void *dy, *y;
      size_t n;
    } slopes;
    struct {
      void (*kernel)(void *y, const void *x, size_t rows, size_t columns);
      void *y;
      const void *x;
      size_t rows, columns;
    } fold;
    struct {
      const gr_KernelSet *kernels;
      const void *prediction, *target;
      size_t n;
      gr_Tensor *loss;                 /* that forward writes */
      const gr_Tensor *dy;             /* that backward reads, and where it writes, or NULL */
      void *dtarget, *dprediction;
    } loss;
  } as;
} gr_Call;

typedef struct gr_Calls {
  gr_Call *list;
  size_t count, room;
  struct gr_Memory *memory;  /* what lives as long as the calls do */
} gr_Calls;

/* Add a call; each returns false where there is no memory. */
bool gr_calls_add(gr_Calls *calls, gr_Call call);
bool gr_calls_add_product(gr_Calls *calls, const gr_KernelSet *kernels, const gr_Product *product);
bool gr_calls_add_slopes(gr_Calls *calls, gr_UnaryBackward *kernel, void *dx, const void *dy,
                         const void *y, size_t n);
bool gr_calls_add_sum_rows(gr_Calls *calls, const gr_KernelSet *kernels, void *y, const void *x,
                           size_t rows, size_t columns);

/* Memory for results between two calls, 64-byte aligned, or NULL. */
void *gr_calls_memory(gr_Calls *calls, size_t bytes);

/* Add what the node's operation lays out for its forward (dy is NULL) or its backward; where it
** does not, add `whole`, which runs it as ever. */
gr_Status gr_calls_lay_out(gr_Context *context, gr_Calls *calls, const gr_Node *node,
                           const gr_Tensor *dy, gr_Tensor *const *dx, gr_Call whole);

static inline gr_Status gr_calls_run(gr_Context *context, const gr_Calls *calls) {
  gr_Status status = GR_OK;
  const gr_Call *call = calls->list, *end = call + calls->count;
  for (; call < end && status == GR_OK; call++) status = call->run(context, call);
  return status;
}

/* Forget all calls. */
void gr_calls_clear(gr_Calls *calls);

#endif

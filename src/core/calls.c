/* calls.c: see calls.h. */
#include "calls.h"

#include <stdlib.h>

typedef struct gr_Memory {
  struct gr_Memory *next;
  _Alignas(64) unsigned char bytes[];
} Memory;

void *gr_calls_memory(gr_Calls *calls, size_t bytes) {
  Memory *memory = aligned_alloc(64, sizeof *memory + (bytes + 63) / 64 * 64);
  if (memory == NULL) return NULL;
  memory->next = calls->memory;
  calls->memory = memory;
  return memory->bytes;
}

void gr_calls_clear(gr_Calls *calls) {
  while (calls->memory != NULL) {
    Memory *memory = calls->memory;
    calls->memory = memory->next;
    free(memory);
  }
  free(calls->list);
  *calls = (gr_Calls){NULL, 0, 0, NULL};
}

bool gr_calls_add(gr_Calls *calls, gr_Call call) {
  if (calls->count == calls->room) {
    size_t room = calls->room == 0 ? 16 : 2 * calls->room;
    gr_Call *list = realloc(calls->list, room * sizeof *list);
    if (list == NULL) return false;
    calls->list = list;
    calls->room = room;
  }
  calls->list[calls->count++] = call;
  return true;
}

static gr_Status run_product(gr_Context *context, const gr_Call *call) {
  (void)context;
  call->as.product.kernel(&call->as.product.product);
  return GR_OK;
}

bool gr_calls_add_product(gr_Calls *calls, const gr_KernelSet *kernels,
                          const gr_Product *product) {
  return gr_calls_add(calls, (gr_Call){run_product, {.product = {kernels->product, *product}}});
}

static gr_Status run_slopes(gr_Context *context, const gr_Call *call) {
  (void)context;
  call->as.slopes.kernel(call->as.slopes.dx, call->as.slopes.dy, NULL, call->as.slopes.y,
                         call->as.slopes.n);
  return GR_OK;
}

bool gr_calls_add_slopes(gr_Calls *calls, gr_UnaryBackward *kernel, void *dx, const void *dy,
                         const void *y, size_t n) {
  return gr_calls_add(calls, (gr_Call){run_slopes, {.slopes = {kernel, dx, dy, y, n}}});
}

static gr_Status run_fold(gr_Context *context, const gr_Call *call) {
  (void)context;
  call->as.fold.kernel(call->as.fold.y, call->as.fold.x, call->as.fold.rows,
                       call->as.fold.columns);
  return GR_OK;
}

bool gr_calls_add_sum_rows(gr_Calls *calls, const gr_KernelSet *kernels, void *y, const void *x,
                           size_t rows, size_t columns) {
  return gr_calls_add(calls, (gr_Call){run_fold, {.fold = {kernels->sum_rows, y, x, rows,
                                                           columns}}});
}

gr_Status gr_calls_lay_out(gr_Context *context, gr_Calls *calls, const gr_Node *node,
                           const gr_Tensor *dy, gr_Tensor *const *dx, gr_Call whole) {
  const gr_Operation *operation = node->operation;
  size_t before = calls->count;
  if (operation->lay_out != NULL && context->profile == NULL) {
    if (operation->lay_out(context, node, dy, dx, calls)) return GR_OK;
    calls->count = before;
  }
  return gr_calls_add(calls, whole) ? GR_OK : gr_fail_memory(context, sizeof whole);
}

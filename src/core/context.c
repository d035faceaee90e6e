/* context.c: see context.h. */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "profile.h"
#include "tensor.h"
#include "threads.h"

/* The number of threads that the environment names, or one for each processor. */
static gr_Status take_threads(gr_Context *context, const char *text) {
  char *end;
  if (text == NULL || *text == '\0') return gr_set_threads(context, gr_count_processors());
  long threads = strtol(text, &end, 10);
  if (*end != '\0' || threads < 1 || threads > GR_MAX_THREADS)
    return gr_fail(context, "GRADUS_THREADS: expected a number from 1 to %d, got %.40s",
                   GR_MAX_THREADS, text);
  return gr_set_threads(context, (int)threads);
}

enum { MEDIUM_SPARES = 16 * 1024 * 1024, LARGE_SPARES = 64 * 1024 * 1024 };  /* bytes */

gr_Status gr_context_init(gr_Context *context) {
  memset(context, 0, sizeof *context);
  context->floatx = GR_FLOAT32;
  context->grad_enabled = true;
  context->threads = 1;
  context->tensors = gr_spares_of(sizeof(gr_Tensor), GR_SPARES * sizeof(gr_Tensor));
  for (size_t lines = 1; lines <= GR_SMALL_LINES; lines++)
    context->storages[lines - 1] = gr_spares_of(64 * lines, GR_SPARES * 64 * lines);
  context->medium = (gr_LargeSpares){GR_MEDIUM / 8, MEDIUM_SPARES, 0, NULL};
  context->large = (gr_LargeSpares){GR_LARGE, LARGE_SPARES, 0, NULL};
  const char *level = getenv("GRADUS_SIMD");
  context->kernels = gr_kernels_choose(level);
  if (context->kernels == NULL) {
    context->kernels = gr_kernels_choose(NULL);
    return gr_fail(context, "GRADUS_SIMD: expected portable, avx2 or avx512, as far as this "
                   "processor runs them, got %.40s", level);
  }
  return take_threads(context, getenv("GRADUS_THREADS"));
}

void gr_context_free(gr_Context *context) {
  gr_profile_stop(context);
  gr_pool_free(context);
  gr_spares_close(&context->tensors);
  for (int i = 0; i < GR_SMALL_LINES; i++) gr_spares_close(&context->storages[i]);
  gr_large_close(&context->medium);
  gr_large_close(&context->large);
  free(context->scratch);
  free(context->product_scratch);
  context->scratch = context->product_scratch = NULL;
  context->scratch_size = context->product_scratch_size = 0;
}

gr_Status gr_fail(gr_Context *context, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(context->message, sizeof context->message, format, arguments);
  va_end(arguments);
  return GR_ERROR;
}

gr_Status gr_fail_memory(gr_Context *context, size_t bytes) {
  snprintf(context->message, sizeof context->message,
           "not enough memory for %zu more bytes", bytes);
  return GR_NO_MEMORY;
}

/* Let a block grow to at least `bytes` bytes; what it held is lost. */
static void *grow(void **block, size_t *block_size, size_t bytes) {
  if (bytes > *block_size || *block == NULL) {
    size_t size = (bytes + 4095) / 4096 * 4096 + 4096;
    if (size < bytes) return NULL;
    free(*block);
    *block = aligned_alloc(64, size);
    *block_size = *block == NULL ? 0 : size;
  }
  return *block;
}

void *gr_grow_scratch(gr_Context *context, size_t bytes) {
  return grow(&context->scratch, &context->scratch_size, bytes);
}

void *gr_product_scratch(gr_Context *context, size_t bytes) {
  return grow(&context->product_scratch, &context->product_scratch_size, bytes);
}

gr_Status gr_stop(gr_Context *context) { return gr_fail(context, "interrupted"); }

const char *gr_dtype_name(gr_DType dtype) {
  return dtype == GR_FLOAT32 ? "float32" : "float64";
}

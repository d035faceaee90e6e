/* context.c: see context.h. */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "profile.h"

gr_Status gr_context_init(gr_Context *context) {
  memset(context, 0, sizeof *context);
  context->floatx = GR_FLOAT32;
  context->grad_enabled = true;
  const char *level = getenv("GRADUS_SIMD");
  context->kernels = gr_kernels_choose(level);
  if (context->kernels == NULL) {
    context->kernels = gr_kernels_choose(NULL);
    return gr_fail(context, "GRADUS_SIMD: expected portable, avx2 or avx512, as far as this "
                   "processor runs them, got %.40s", level);
  }
  return GR_OK;
}

void gr_context_free(gr_Context *context) {
  gr_profile_stop(context);
  free(context->scratch);
  context->scratch = NULL;
  context->scratch_size = 0;
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

void *gr_scratch(gr_Context *context, size_t bytes) {
  if (bytes > context->scratch_size || context->scratch == NULL) {
    size_t size = (bytes + 4095) / 4096 * 4096 + 4096;
    if (size < bytes) return NULL;
    free(context->scratch);
    context->scratch = aligned_alloc(64, size);
    context->scratch_size = context->scratch == NULL ? 0 : size;
  }
  return context->scratch;
}

bool gr_interrupted(gr_Context *context) {
  return context->interrupted != NULL && context->interrupted(context->interrupted_data);
}

bool gr_must_stop(gr_Context *context) {
  return !context->finishes_step && gr_interrupted(context);
}

const char *gr_dtype_name(gr_DType dtype) {
  return dtype == GR_FLOAT32 ? "float32" : "float64";
}

size_t gr_dtype_size(gr_DType dtype) {
  return dtype == GR_FLOAT32 ? sizeof(float) : sizeof(double);
}

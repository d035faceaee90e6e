/* passes.c: see passes.h. */
#include "passes.h"

#include <stdlib.h>
#include <string.h>

#include "threads.h"

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t count_chunks(const gr_Pass *pass) {
  return (pass->part.n + GR_CHUNK - 1) / GR_CHUNK;
}

gr_Status gr_pass_init(gr_Context *context, gr_Pass *pass, gr_DType dtype, size_t n) {
  *pass = (gr_Pass){.kernels = &context->kernels->of[dtype], .dtype = dtype, .part.n = n};
  size_t chunks = count_chunks(pass);
  pass->squares = calloc(chunks, sizeof *pass->squares);
  pass->chunks = calloc(chunks, sizeof *pass->chunks);
  if (pass->squares == NULL || pass->chunks == NULL)
    return gr_fail_memory(context, chunks * (sizeof *pass->squares + sizeof *pass->chunks));
  return GR_OK;
}

void gr_pass_free(gr_Pass *pass) {
  free(pass->squares);
  free(pass->chunks);
}

/* The address of element i, of those at x. */
static void *element(const gr_Pass *pass, const void *x, size_t i) {
  return (unsigned char *)x + i * gr_dtype_size(pass->dtype);
}

/* Go over a chunk, whose gradient stands at g. */
static void go_over(const gr_Pass *pass, size_t chunk, const void *g) {
  const gr_SgdPart *all = &pass->part;
  size_t first = chunk * GR_CHUNK, n = smaller(GR_CHUNK, all->n - first);
  gr_SgdPart part = {element(pass, all->w, first), element(pass, all->v, first), g, n};
  double *squares = pass->measures ? &pass->squares[chunk] : NULL;
  if (pass->updates)
    pass->chunks[chunk].outcome = pass->kernels->sgd(&part, &pass->scale, squares, 1, &pass->step);
  else if (squares != NULL)
    *squares = pass->kernels->sum_of_squares(g, n);
}

void gr_pass_take(void *data, const void *g, size_t first, size_t count) {
  gr_Pass *pass = data;
  size_t end = first + count, next;
  for (size_t i = first; i < end; i = next) {
    size_t chunk = i / GR_CHUNK, chunk_end = smaller((chunk + 1) * GR_CHUNK, pass->part.n);
    const void *here = element(pass, g, i - first);
    next = smaller(chunk_end, end);
    if (i % GR_CHUNK == 0 && next == chunk_end) {
      go_over(pass, chunk, here);
      pass->chunks[chunk].is_done = true;
    } else {
      memcpy(element(pass, pass->part.g, i), here, (next - i) * gr_dtype_size(pass->dtype));
    }
  }
}

static void run_chunks(void *data, size_t first, size_t count, size_t worker) {
  const gr_Pass *pass = data;
  (void)worker;
  for (size_t i = first; i < first + count; i += GR_CHUNK)
    if (!pass->chunks[i / GR_CHUNK].is_done)
      go_over(pass, i / GR_CHUNK, element(pass, pass->part.g, i));
}

bool gr_pass_has_begun(const gr_Pass *pass) {
  for (size_t i = 0; i < count_chunks(pass); i++)
    if (pass->chunks[i].is_done) return true;
  return false;
}

static bool is_done(const gr_Pass *pass) {
  for (size_t i = 0; i < count_chunks(pass); i++)
    if (!pass->chunks[i].is_done) return false;
  return true;
}

void gr_pass_run(gr_Context *context, gr_Pass *pass) {
  enum { GRAIN = 4 * GR_CHUNK };
  if (!is_done(pass)) gr_parallel(context, pass->part.n, GR_CHUNK, GRAIN, run_chunks, pass);
  gr_pass_reset(pass);
}

void gr_pass_reset(gr_Pass *pass) {
  for (size_t i = 0; i < count_chunks(pass); i++) pass->chunks[i].is_done = false;
}

double gr_pass_norm(gr_Pass *pass) {
  return gr_norm_of_chunks(pass->dtype, pass->part.g, pass->part.n, pass->squares);
}

gr_SgdOutcome gr_pass_outcome(const gr_Pass *pass) {
  gr_SgdOutcome all = {0, true};
  for (size_t i = 0; i < count_chunks(pass); i++) {
    all.cut += pass->chunks[i].outcome.cut;
    all.finite = all.finite && pass->chunks[i].outcome.finite;
  }
  return all;
}

/*
** passes.h: going over a large parameter and its gradient.
**
** A small parameter is measured and updated by one call of the kernels. A large one is gone over in
** chunks, on several threads; and, where no scale depends on the norms, both is done in one pass.
** Such a pass can begin while the gradient is computed: chunks that come whole are gone over while
** they are near, and never stored. What is left is done when the pass is run.
*/
#ifndef GR_PASSES_H
#define GR_PASSES_H

#include "kernels.h"
#include "norm.h"
#include "tensor.h"

/* What was found in a chunk of GR_CHUNK elements; the last may be fewer. */
typedef struct gr_Chunk {
  gr_SgdOutcome outcome;
  bool is_done;      /* while the gradient was computed */
} gr_Chunk;

typedef struct gr_Pass {
  const gr_KernelSet *kernels;
  gr_DType dtype;
  gr_SgdPart part;
  bool measures;     /* the gradient's norm */
  bool updates;      /* the weights, by: */
  gr_SgdStep step;
  double scale;
  double *squares;   /* the sum of each chunk, where it measures */
  gr_Chunk *chunks;
  const gr_Tensor *awaited;  /* the gradient that it is given while that is computed, or NULL: an
                             ** address to compare, as the recording may be gone */
} gr_Pass;

/* n elements are worth a pass. */
static inline bool gr_is_large(size_t n) { return n > GR_CHUNK; }

/* A pass over n elements of a type. */
gr_Status gr_pass_init(gr_Context *context, gr_Pass *pass, gr_DType dtype, size_t n);
void gr_pass_free(gr_Pass *pass);

/* Elements of the gradient that were just computed, see gr_Take: whole chunks are gone over, what
** is left is stored. */
void gr_pass_take(void *pass, const void *g, size_t first, size_t count);

/* Whether a chunk was gone over so. */
bool gr_pass_has_begun(const gr_Pass *pass);

/* Go over all chunks that were not. */
void gr_pass_run(gr_Context *context, gr_Pass *pass);

/* Begin anew: no chunk is taken. */
void gr_pass_reset(gr_Pass *pass);

/* What the pass found: the gradient's norm, which uses the sums up; the outcome of the update. */
double gr_pass_norm(gr_Pass *pass);
gr_SgdOutcome gr_pass_outcome(const gr_Pass *pass);

#endif

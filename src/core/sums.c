/* sums.c: see sums.h. */
#include "sums.h"

#include <string.h>

/* Element i of an array, or NULL of none. */
static const void *at(const void *x, gr_DType dtype, size_t i) {
  return x == NULL ? NULL : (const unsigned char *)x + i * gr_dtype_size(dtype);
}

static void *place(void *x, gr_DType dtype, size_t i) { return (void *)at(x, dtype, i); }

/* ---- Sums ---------------------------------------------------------------------------------- */

/* Results of blocks that wait for their neighbour: partial[h], of 2^h blocks, where bit h of
** `blocks` is set. */
typedef union Number { float single; double wide; } Number;

typedef struct Pile {
  gr_BinaryKernel *pair;
  size_t blocks;
  Number partial[8 * sizeof(size_t)];
} Pile;

static void pile_up(Pile *pile, Number result) {
  size_t height = 0;
  for (; pile->blocks >> height & 1; height++)
    pile->pair(&result, &pile->partial[height], 1, &result, 1, 1);
  pile->partial[height] = result;
  pile->blocks++;
}

/* What waits is put together from the last to the first. */
static Number pile_result(Pile *pile) {
  Number result = {0};
  bool begun = false;
  for (size_t height = 0; pile->blocks >> height != 0; height++) {
    if ((pile->blocks >> height & 1) == 0) continue;
    if (begun) pile->pair(&result, &pile->partial[height], 1, &result, 1, 1);
    else result = pile->partial[height];
    begun = true;
  }
  return result;
}

static double number(gr_DType dtype, Number x) {
  return dtype == GR_FLOAT32 ? (double)x.single : x.wide;
}

/* The sum of no more than a block. */
static Number sum_block(const gr_Context *context, gr_DType dtype, gr_Terms terms, const void *a,
                        const void *b, size_t n) {
  const gr_KernelSet *kernels = &context->kernels->of[dtype];
  Number y;
  switch (terms) {
    case GR_PLAIN: kernels->sum(&y, a, n); break;
    case GR_SQUARES: y.wide = kernels->sum_of_squares(a, n); break;
    case GR_SQUARED_ERRORS: kernels->sum_squared_error(&y, a, b, n); break;
    case GR_ABSOLUTE_ERRORS: kernels->sum_absolute_error(&y, a, b, n); break;
  }
  return y;
}

double gr_sum(const gr_Context *context, gr_DType dtype, gr_Terms terms, const void *a,
              const void *b, size_t n) {
  gr_DType type = terms == GR_SQUARES ? GR_FLOAT64 : dtype;  /* of the sums */
  Pile pile;
  pile.pair = context->kernels->of[type].binary[GR_ADD];
  pile.blocks = 0;
  if (n <= GR_BLOCK) return number(type, sum_block(context, dtype, terms, a, b, n));
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);)
    pile_up(&pile, sum_block(context, dtype, terms, at(a, dtype, block.first),
                             at(b, dtype, block.first), block.count));
  return number(type, pile_result(&pile));
}

/* ---- Folds --------------------------------------------------------------------------------- */

void gr_fold_run(const gr_Context *context, const gr_Fold *fold, gr_DType dtype, void *y,
                 const void *x, size_t n) {
  Pile pile;
  Number result;
  if (n <= GR_BLOCK) {
    fold->run(y, x, n);
    return;
  }
  pile.pair = context->kernels->of[dtype].binary[fold->pair];
  pile.blocks = 0;
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);) {
    fold->run(&result, at(x, dtype, block.first), block.count);
    pile_up(&pile, result);
  }
  result = pile_result(&pile);
  memcpy(y, &result, gr_dtype_size(dtype));
}

/* Wide rows are put together one by one; narrow ones the kernel reads best in one go. */
enum { NARROW = 64 };

void gr_fold_rows(const gr_Context *context, const gr_Fold *fold, gr_DType dtype, void *y,
                  const void *x, size_t rows, size_t columns) {
  size_t done = 0;
  if (columns < NARROW || rows <= GR_BLOCK / columns) {
    fold->rows(y, x, rows, columns);
    return;
  }
  for (gr_Block block = {0, 0}; gr_next_block(context, columns, &block);)
    fold->rows(place(y, dtype, block.first), at(x, dtype, block.first), 1, block.count);
  for (size_t i = 1; i < rows && !gr_must_stop_after(context, columns, &done); i++)
    gr_binary_all(context, dtype, fold->pair, y, y, 1, at(x, dtype, i * columns), 1, columns);
}

/* ---- One element at a time ------------------------------------------------------------------ */

void gr_binary_all(const gr_Context *context, gr_DType dtype, gr_Binary f, void *y, const void *a,
                   size_t a_step, const void *b, size_t b_step, size_t n) {
  gr_BinaryKernel *kernel = context->kernels->of[dtype].binary[f];
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);)
    kernel(place(y, dtype, block.first), at(a, dtype, block.first * a_step), a_step,
           at(b, dtype, block.first * b_step), b_step, block.count);
}

void gr_accumulate_all(const gr_Context *context, gr_DType dtype, void *y, const void *x,
                       size_t n) {
  for (gr_Block block = {0, 0}; gr_next_block(context, n, &block);)
    context->kernels->of[dtype].accumulate(place(y, dtype, block.first),
                                           at(x, dtype, block.first), block.count);
}

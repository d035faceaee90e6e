/*
** sums.h: long loops of the kernels, by blocks.
**
** A kernel knows nothing of interrupts. What may be long is handed to it in blocks, between which
** the interrupt is looked at; the bits are those of the kernel called once, since a sum's order
** (kernels_sums.h) puts the sums of whole blocks together pairwise, too. After an interrupt the
** result is none: who called asks gr_must_stop.
*/
#ifndef GR_SUMS_H
#define GR_SUMS_H

#include "kernels.h"

/* What is added up. GR_SQUARES are computed in double, and so is their sum. */
typedef enum gr_Terms { GR_PLAIN, GR_SQUARES, GR_SQUARED_ERRORS, GR_ABSOLUTE_ERRORS } gr_Terms;

/* The sum of n terms of a, or of a and b. */
double gr_sum(const gr_Context *context, gr_DType dtype, gr_Terms terms, const void *a,
              const void *b, size_t n);

/* fold->run and fold->rows, see gr_Fold. */
void gr_fold_run(const gr_Context *context, const gr_Fold *fold, gr_DType dtype, void *y,
                 const void *x, size_t n);
void gr_fold_rows(const gr_Context *context, const gr_Fold *fold, gr_DType dtype, void *y,
                  const void *x, size_t rows, size_t columns);

/* y[i] = f(a[i * a_step], b[i * b_step]); y[i] += x[i]. */
void gr_binary_all(const gr_Context *context, gr_DType dtype, gr_Binary f, void *y, const void *a,
                   size_t a_step, const void *b, size_t b_step, size_t n);
void gr_accumulate_all(const gr_Context *context, gr_DType dtype, void *y, const void *x, size_t n);

#endif

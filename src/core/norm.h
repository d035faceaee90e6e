/*
** norm.h: the length of a vector, computed so that it is finite whenever it can be.
*/
#ifndef GR_NORM_H
#define GR_NORM_H

#include "context.h"

/* The Euclidean norm of n elements at x, in double. The squares of a float32 fit a double; where
** those of a float64 overflow or vanish, they are computed once more, scaled by the largest
** element. A NaN among the elements gives NaN, else an infinity gives infinity. */
double gr_norm(const gr_Context *context, gr_DType dtype, const void *x, size_t n);

/* The same, to the bit, from the kernel's sum of squares. */
double gr_norm_of_squares(const gr_Context *context, gr_DType dtype, const void *x, size_t n,
                          double squares);

/* And from those of each GR_CHUNK elements (the last may be fewer), for whoever goes over them in
** such chunks anyway. The sums are used up. */
enum { GR_CHUNK = 8192 };  /* 1,024 times a power of two, see kernels.h on the order of a sum */
double gr_norm_of_chunks(gr_DType dtype, const void *x, size_t n, double *sums);

/* The norm of a vector in parts whose norms are given: sqrt of the sum of their squares, in order,
** scaled likewise. */
double gr_norm_of_norms(const double *norms, size_t n);

#endif

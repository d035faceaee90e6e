/*
** logarithm.h: the data's logarithm, and the one step of the normal distribution that needs it.
**
** NumPy's normal numbers hold the bits of glibc's double log, so equal data needs an equal log:
** neither a correctly rounded one nor glibc's own without fused multiply-add gives them. This one
** is the same on every machine.
*/
#ifndef GR_LOGARITHM_H
#define GR_LOGARITHM_H

#include <stddef.h>

/* The natural logarithm, within 0.52 units in the last place: the bits of glibc's log (2.28 and
** later) on a processor with fused multiply-add. 0 gives -inf, a negative number a NaN. */
double gr_log(double x);

/* factors[i] = sqrt(-2 log(r2[i]) / r2[i]), the factor of Marsaglia's polar method. Each r2 is a
** normal number above 0 and below 1. factors may be r2. */
void gr_polar_factors(double *factors, const double *r2, size_t n);

/* The same two by the C library's fma, as a processor without the instruction computes them: what
** the tests hold the others to. */
double gr_log_portable(double x);
void gr_polar_factors_portable(double *factors, const double *r2, size_t n);

#endif

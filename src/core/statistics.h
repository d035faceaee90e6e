/*
** statistics.h: what the plots of distributions compute: NumPy's histogram and quantiles, and
** matplotlib's statistics of a box plot. The numbers are those of NumPy 1.24 and matplotlib 3.6,
** to the bit for finite data, but for the mean, whose sum has the fixed order of kernels.h.
*/
#ifndef GR_STATISTICS_H
#define GR_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "context.h"

/* numpy.linspace(first, last, n), both ends included. */
void gr_linspace(double first, double last, double *out, size_t n);

/* numpy.histogram(values, bins, range): how many values lie in each of `bins` > 0 equal intervals,
** each closed on the left and open on the right but for the last, which is closed. counts has room
** for bins, edges for bins + 1. The range holds its two ends, or is NULL for the smallest and the
** largest value (0 and 1 when there are none); ends that are equal are moved by 1/2 each. Values
** outside, and NaN where a range is given, count nowhere. It is an error when the ends are not
** finite, or too near or too far from each other for the bins. */
gr_Status gr_histogram(gr_Context *context, const double *values, size_t n, size_t bins,
                       const double *range, int64_t *counts, double *edges);

/* numpy.quantile(values, q), method "linear", for q from 0 to 1. NaN where there are no values, or
** a value or q is NaN. The values are put in another order. */
double gr_quantile(const gr_Context *context, double *values, size_t n, double q);

/* matplotlib.cbook.boxplot_stats. */
typedef struct gr_BoxStatistics {
  double mean, q1, median, q3;
  double iqr;                       /* q3 - q1 */
  double whisker_low, whisker_high; /* the outermost values within whis * iqr of the box */
  double notch_low, notch_high;     /* median -+ 1.57 iqr / sqrt(n): McGill, Tukey, Larsen 1978 */
  size_t n_fliers;
} gr_BoxStatistics;

/* whis is 1.5 where nothing else is said. fliers has room for n, apart from the values: it gets
** those below the low whisker in their order, then those above the high one. No values: all is
** NaN. */
gr_Status gr_box_statistics(gr_Context *context, const double *values, size_t n, double whis,
                            gr_BoxStatistics *box, double *fliers);

#endif

/*
** regression.h: scikit-learn's make_regression, the data of the tutorials.
**
** The same arguments and the same gr_RandomState give scikit-learn's numbers (checked with 1.2.1
** on NumPy 1.24): X and coef to the bit, unless effective_rank asks for a matrix of low rank, whose
** QR decomposition agrees to 1e-12; y to the rounding of its sums, which NumPy leaves to whatever
** BLAS it finds and which here go over the features in order, with fused multiply-add.
*/
#ifndef GR_REGRESSION_H
#define GR_REGRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "context.h"
#include "random_state.h"

typedef struct gr_RegressionOptions {
  size_t n_samples, n_features;
  size_t n_informative;   /* features that y depends on; more than n_features means all */
  size_t n_targets;
  double bias;
  size_t effective_rank;  /* 0: X is independent normal numbers */
  double tail_strength;   /* from 0 to 1: the weight of the singular values' fat tail */
  double noise;           /* the standard deviation of what is added to y */
  bool shuffle;           /* the samples and the features */
} gr_RegressionOptions;

/* scikit-learn's defaults: 100, 100, 10, 1, 0, none, 0.5, 0, true. */
gr_RegressionOptions gr_regression_defaults(void);

/* Fill X [n_samples, n_features], y [n_samples, n_targets] and coef [n_features, n_targets], the
** coefficients of the model beneath (NULL where they are not wanted). Stops with the error
** "interrupted" soon after gr_must_stop says so. */
gr_Status gr_make_regression(gr_Context *context, gr_RandomState *state,
                             const gr_RegressionOptions *options, double *X, double *y,
                             double *coef);

/* make_low_rank_matrix: X [rows, columns] with singular values that fall off like a bell of
** effective_rank > 0 and a tail, from two random orthogonal bases. */
gr_Status gr_make_low_rank_matrix(gr_Context *context, gr_RandomState *state, size_t rows,
                                  size_t columns, size_t effective_rank, double tail_strength,
                                  double *X);

#endif

/* norm.c: see norm.h. */
#include "norm.h"

#include <math.h>

#include "sums.h"

/* Far enough from the ends that no square overflowed or lost digits. */
static bool is_sound(double norm) { return norm >= 1e-290 && norm <= 1e290; }

/* The largest absolute value; NaN if there is one. */
static double largest(const gr_Context *context, const double *x, size_t n) {
  double most = 0;
  GR_EACH(i, context, n) {
    double size = __builtin_fabs(x[i]);
    if (size != size) return size;
    if (size > most) most = size;
  }
  return most;
}

/* most * sqrt(sum (x / most)^2) */
static double scaled_norm(const gr_Context *context, const double *x, size_t n) {
  double most = largest(context, x, n), sum = 0;
  if (most == 0 || most != most || most > 1.7976931348623157e308) return most;
  GR_EACH(i, context, n) {
    double part = x[i] / most;
    sum += part * part;
  }
  return most * sqrt(sum);
}

double gr_norm_of_squares(const gr_Context *context, gr_DType dtype, const void *x, size_t n,
                          double squares) {
  double norm = sqrt(squares);
  return dtype == GR_FLOAT32 || is_sound(norm) ? norm : scaled_norm(context, x, n);
}

double gr_norm(const gr_Context *context, gr_DType dtype, const void *x, size_t n) {
  return gr_norm_of_squares(context, dtype, x, n, gr_sum(context, dtype, GR_SQUARES, x, NULL, n));
}

double gr_norm_of_chunks(gr_DType dtype, const void *x, size_t n, double *sums) {
  size_t left = (n + GR_CHUNK - 1) / GR_CHUNK;
  for (; left > 1; left = (left + 1) / 2) {
    for (size_t i = 0; i < left / 2; i++) sums[i] = sums[2 * i] + sums[2 * i + 1];
    if (left % 2 == 1) sums[left / 2] = sums[left - 1];
  }
  return gr_norm_of_squares(NULL, dtype, x, n, n == 0 ? 0 : sums[0]);
}

double gr_norm_of_norms(const double *norms, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += norms[i] * norms[i];
  double norm = sqrt(sum);
  return is_sound(norm) ? norm : scaled_norm(NULL, norms, n);
}

/* statistics.c: see statistics.h. */
#include "statistics.h"

#include <math.h>
#include <string.h>

#include "kernels.h"

/* ---- Histogram ----------------------------------------------------------------------------- */

void gr_linspace(double first, double last, double *out, size_t n) {
  if (n == 0) return;
  double range = last - first, parts = (double)(n - 1), step = range / parts;
  for (size_t i = 0; i < n; i++) {
    double place = (double)i;
    /* A step too small for a double would lose the range. */
    double offset = n == 1 ? place * range : step == 0 ? place / parts * range : place * step;
    out[i] = offset + first;
  }
  if (n > 1) out[n - 1] = last;
}

/* A NaN among the values makes both ends NaN. */
static void find_range(const gr_Context *context, const double *values, size_t n,
                       double ends[2]) {
  ends[0] = n == 0 ? 0 : values[0];
  ends[1] = n == 0 ? 1 : values[0];
  GR_EACH(i, context, n) {
    if (values[i] != values[i]) ends[0] = ends[1] = values[i];
    if (values[i] < ends[0]) ends[0] = values[i];
    if (values[i] > ends[1]) ends[1] = values[i];
  }
}

static gr_Status choose_range(gr_Context *context, const double *values, size_t n,
                              const double *range, double ends[2]) {
  if (range != NULL) {
    ends[0] = range[0];
    ends[1] = range[1];
  } else {
    find_range(context, values, n, ends);
  }
  if (!isfinite(ends[0]) || !isfinite(ends[1])) {
    return gr_fail(context, "histogram: the range from %g to %g is not finite", ends[0], ends[1]);
  }
  if (ends[0] > ends[1]) {
    return gr_fail(context, "histogram: the range goes down, from %g to %g", ends[0], ends[1]);
  }
  if (ends[0] == ends[1]) {
    ends[0] -= 0.5;
    ends[1] += 0.5;
  }
  return GR_OK;
}

/* The bin of a value within the edges. The quotient may be one off at an edge; the edges decide. */
static size_t find_bin(double value, double scale, size_t bins, const double *edges) {
  size_t i = (size_t)((value - edges[0]) * scale);
  if (i >= bins) i = bins - 1;
  if (value < edges[i]) i--;
  if (value >= edges[i + 1] && i != bins - 1) i++;
  return i;
}

gr_Status gr_histogram(gr_Context *context, const double *values, size_t n, size_t bins,
                       const double *range, int64_t *counts, double *edges) {
  double ends[2];
  if (bins < 1) return gr_fail(context, "histogram: bins must be at least 1");
  gr_Status status = choose_range(context, values, n, range, ends);
  if (status != GR_OK) return status;
  double scale = (double)bins / (ends[1] - ends[0]);
  if (!isfinite(scale) || scale == 0) {
    return gr_fail(context, "histogram: the range from %g to %g cannot be cut into %zu bins",
                   ends[0], ends[1], bins);
  }
  gr_linspace(ends[0], ends[1], edges, bins + 1);
  memset(counts, 0, bins * sizeof *counts);
  GR_EACH(i, context, n)
    if (values[i] >= ends[0] && values[i] <= ends[1])
      counts[find_bin(values[i], scale, bins, edges)]++;
  return gr_must_stop(context) ? gr_stop(context) : GR_OK;
}

/* ---- Quantiles ----------------------------------------------------------------------------- */

/* Bits that order as the doubles do: negative numbers are turned over, the others moved up. */
static uint64_t ordered_bits(double x) {
  const uint64_t sign = UINT64_C(1) << 63;
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & sign ? ~bits : bits | sign;
}

/* Move the values whose bit is 0 before those whose bit is 1; returns how many there are. */
static size_t part_by_bit(const gr_Context *context, double *values, size_t n, int bit) {
  size_t zeros = 0;
  GR_EACH(i, context, n) {
    double value = values[i];
    values[i] = values[zeros];
    values[zeros] = value;
    zeros += (ordered_bits(value) >> bit & 1) == 0;
  }
  return zeros;
}

/* Put the value that belongs at place k of the sorted order there, nothing larger before it and
** nothing smaller after it: 64 passes at most, over an ever smaller part. */
static double select_place(const gr_Context *context, double *values, size_t n, size_t k) {
  size_t first = 0, end = n;
  for (int bit = 63; bit >= 0 && end - first > 1; bit--) {
    size_t middle = first + part_by_bit(context, values + first, end - first, bit);
    if (k < middle) end = middle;
    else first = middle;
  }
  return values[k];
}

static double smallest(const gr_Context *context, const double *values, size_t n) {
  double least = values[0];
  GR_EACH(i, context, n)
    if (values[i] < least) least = values[i];
  return least;
}

double gr_quantile(const gr_Context *context, double *values, size_t n, double q) {
  if (n == 0 || !(q >= 0 && q <= 1)) return NAN;
  GR_EACH(i, context, n)
    if (values[i] != values[i]) return NAN;
  double place = (double)(n - 1) * q, a, b, t;
  if (place >= (double)(n - 1)) {  /* both neighbours are the last, which NumPy calls place -1 */
    a = b = select_place(context, values, n, n - 1);
    t = place + 1;
  } else {
    size_t i = (size_t)place;
    a = select_place(context, values, n, i);
    b = smallest(context, values + i + 1, n - i - 1);
    t = place - (double)i;
  }
  return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

/* ---- Box plots ----------------------------------------------------------------------------- */

/* The outermost values within the fences; the box's own edge where none lies beyond it. */
static void find_whiskers(const gr_Context *context, const double *values, size_t n, double whis,
                          gr_BoxStatistics *box) {
  double low = box->q1 - whis * box->iqr, high = box->q3 + whis * box->iqr;
  box->whisker_low = box->q1;
  box->whisker_high = box->q3;
  GR_EACH(i, context, n) {
    if (values[i] >= low && values[i] < box->whisker_low) box->whisker_low = values[i];
    if (values[i] <= high && values[i] > box->whisker_high) box->whisker_high = values[i];
  }
}

static size_t find_fliers(const gr_Context *context, const double *values, size_t n,
                          const gr_BoxStatistics *box, double *fliers) {
  size_t found = 0;
  GR_EACH(i, context, n)
    if (values[i] < box->whisker_low) fliers[found++] = values[i];
  GR_EACH(i, context, n)
    if (values[i] > box->whisker_high) fliers[found++] = values[i];
  return found;
}

gr_Status gr_box_statistics(gr_Context *context, const double *values, size_t n, double whis,
                            gr_BoxStatistics *box, double *fliers) {
  double sum;
  context->kernels->of[GR_FLOAT64].sum(&sum, values, n);
  if (n > 0) memcpy(fliers, values, n * sizeof *fliers);
  box->mean = n == 0 ? NAN : sum / (double)n;
  box->q1 = gr_quantile(context, fliers, n, 0.25);
  box->median = gr_quantile(context, fliers, n, 0.5);
  box->q3 = gr_quantile(context, fliers, n, 0.75);
  box->iqr = box->q3 - box->q1;
  double notch = 1.57 * box->iqr / sqrt((double)n);
  box->notch_low = box->median - notch;
  box->notch_high = box->median + notch;
  find_whiskers(context, values, n, whis, box);
  box->n_fliers = find_fliers(context, values, n, box, fliers);
  return gr_must_stop(context) ? gr_stop(context) : GR_OK;
}

/*
** test_statistics.c: histograms and quantiles are NumPy's, box plots matplotlib's.
*/
#include "core/statistics.h"

#include "../golden/statistics_golden.h"

#include "core/random_state.h"
#include "golden.h"

enum { NORMALS = 1001, LADDER = 11 };

static const double ladder[LADDER] = {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
static const double equal[4] = {2.5, 2.5, 2.5, 2.5};

static const double *normals(void) {
  static double x[NORMALS];
  gr_RandomState state;
  gr_random_seed(&state, 1);
  gr_random_fill_gauss(&state, x, NORMALS);
  return x;
}

static void check_histogram(gr_Context *context, const char *what, const double *values, size_t n,
                            size_t bins, const double *range, const int64_t *golden_counts,
                            const double *golden_edges) {
  int64_t counts[40];
  double edges[41];
  gr_Status status = gr_histogram(context, values, n, bins, range, counts, edges);
  check(status == GR_OK, "a histogram of %s: %s", what, context->message);
  check_integers(what, counts, golden_counts, bins);
  check_bits(what, edges, golden_edges, bins + 1);
}

static void test_histograms(gr_Context *context) {
  const double *x = normals();
  check_histogram(context, "normals", x, NORMALS, 10, NULL, golden_counts_normal,
                  golden_edges_normal);
  check_histogram(context, "normals in 37 bins", x, NORMALS, 37, NULL, golden_counts_normal_37,
                  golden_edges_normal_37);
  check_histogram(context, "normals in a range", x, NORMALS, 12, (double[]){-1.5, 2},
                  golden_counts_normal_range, golden_edges_normal_range);
  check_histogram(context, "values at the edges", ladder, LADDER, 10, NULL, golden_counts_ladder,
                  golden_edges_ladder);
  check_histogram(context, "three bins", ladder, LADDER, 3, NULL, golden_counts_ladder_3,
                  golden_edges_ladder_3);
  check_histogram(context, "edges of a range", ladder, LADDER, 7, (double[]){0.1, 0.8},
                  golden_counts_ladder_range, golden_edges_ladder_range);
  check_histogram(context, "equal values", equal, 4, 4, NULL, golden_counts_equal,
                  golden_edges_equal);
  check_histogram(context, "no values", NULL, 0, 5, NULL, golden_counts_empty,
                  golden_edges_empty);
}

static void check_no_histogram(gr_Context *context, const double *values, size_t n, size_t bins,
                               const double *range, const char *message) {
  int64_t counts[10];
  double edges[11];
  gr_Status status = gr_histogram(context, values, n, bins, range, counts, edges);
  check(status == GR_ERROR && strstr(context->message, message) != NULL,
        "an error that says \"%s\", got \"%s\"", message, context->message);
}

static void test_what_has_no_histogram(gr_Context *context) {
  const double with_nan[] = {1, NAN, 2}, with_inf[] = {1, INFINITY};
  check_no_histogram(context, with_nan, 3, 4, NULL, "is not finite");
  check_no_histogram(context, with_inf, 2, 4, NULL, "is not finite");
  check_no_histogram(context, ladder, LADDER, 4, (double[]){0, INFINITY}, "is not finite");
  check_no_histogram(context, ladder, LADDER, 4, (double[]){2, 1}, "goes down");
  check_no_histogram(context, ladder, LADDER, 0, NULL, "bins must be at least 1");
  check_no_histogram(context, ladder, LADDER, 4, (double[]){0, 5e-324}, "cannot be cut");
  check_no_histogram(context, ladder, LADDER, 4, (double[]){-1e308, 1e308}, "cannot be cut");
}

static void test_nan_counts_nowhere_in_a_given_range(gr_Context *context) {
  const double values[] = {0.5, NAN, 1.5, 7, -1, 2};
  int64_t counts[2];
  double edges[3];
  gr_histogram(context, values, 6, 2, (double[]){0, 2}, counts, edges);
  check_integers("bins beside NaN", counts, (int64_t[]){1, 2}, 2);
}

static void test_linspace_keeps_a_range_of_the_smallest_numbers(void) {
  double out[11];
  gr_linspace(0, 5e-324 * 3, out, 11);
  check_bits("linspace", out, golden_linspace_tiny, 11);
  gr_linspace(4, 9, out, 1);
  check(out[0] == 4, "linspace of one is its first end");
}

static void check_quantiles(gr_Context *context, const char *what, const double *values, size_t n,
                            const double *golden) {
  double copy[NORMALS], got;
  for (size_t i = 0; i < COUNT(golden_q); i++) {
    memcpy(copy, values, n * sizeof *copy);
    got = gr_quantile(context, copy, n, golden_q[i]);
    check_bits(what, &got, &golden[i], 1);
  }
  for (size_t i = 0; i < COUNT(golden_q); i++) {
    got = gr_quantile(context, copy, n, golden_q[i]);
    check(same_bits(got, golden[i]), "%s: the order does not matter", what);
  }
}

static void test_quantiles(gr_Context *context) {
  const double *x = normals();
  check_quantiles(context, "normals", x, NORMALS, golden_quantiles);
  check_quantiles(context, "1,000 normals", x, 1000, golden_quantiles_even);
  check_quantiles(context, "a ladder", ladder, LADDER, golden_quantiles_ladder);
  check_quantiles(context, "two values", (double[]){3, -1}, 2, golden_quantiles_two);
  check_quantiles(context, "one value", (double[]){0.1}, 1, golden_quantiles_one);
}

static void test_quantiles_order_all_numbers(gr_Context *context) {
  const double sorted[] = {-1e300, -2, -1e-310, 0, 1e-310, 3, 1e300};
  for (size_t i = 0; i < 7; i++) {
    double values[] = {1e300, -1e-310, -2, 0, 1e-310, 3, -1e300};
    double got = gr_quantile(context, values, 7, (double)i / 6);
    check_bits("a value by its place", &got, &sorted[i], 1);
  }
}

static void test_what_has_no_quantile(gr_Context *context) {
  double values[] = {1, NAN, 2};
  check(isnan(gr_quantile(context, values, 3, 0.5)), "a quantile beside a NaN is a NaN");
  check(isnan(gr_quantile(context, NULL, 0, 0.5)), "the quantile of nothing is a NaN");
  check(isnan(gr_quantile(context, values, 1, 1.5)) && isnan(gr_quantile(context, values, 1, NAN)),
        "a quantile beyond 0 and 1 is a NaN");
}

static void check_box(gr_Context *context, const char *what, const double *values, size_t n,
                      double whis, const double *golden, const double *golden_fliers,
                      size_t n_fliers) {
  gr_BoxStatistics box;
  double fliers[NORMALS];
  gr_Status status = gr_box_statistics(context, values, n, whis, &box, fliers);
  check(status == GR_OK, "a box of %s: %s", what, context->message);
  double got[] = {box.q1, box.median, box.q3, box.iqr, box.whisker_low, box.whisker_high,
                  box.notch_low, box.notch_high};
  check(fabs(box.mean - golden[0]) <= 1e-12, "the mean of %s is %.17g, got %.17g", what,
        golden[0], box.mean);
  check_bits(what, got, golden + 1, COUNT(got));
  check(box.n_fliers == n_fliers, "%s: %zu fliers, got %zu", what, n_fliers, box.n_fliers);
  if (box.n_fliers == n_fliers) check_bits("fliers", fliers, golden_fliers, n_fliers);
}

static void test_boxes(gr_Context *context) {
  const double *x = normals(), skewed[] = {1, 1, 1, 1, 9};
  check_box(context, "normals", x, NORMALS, 1.5, golden_box_normal, golden_fliers_normal,
            golden_n_fliers_normal);
  check_box(context, "a narrow fence", x, 50, 0.4, golden_box_narrow, golden_fliers_narrow,
            golden_n_fliers_narrow);
  check_box(context, "equal values", equal, 4, 1.5, golden_box_equal, golden_fliers_equal,
            golden_n_fliers_equal);
  check_box(context, "a box of no width", skewed, 5, 1.5, golden_box_skewed, golden_fliers_skewed,
            golden_n_fliers_skewed);
}

static void test_a_box_of_nothing(gr_Context *context) {
  gr_BoxStatistics box;
  gr_Status status = gr_box_statistics(context, NULL, 0, 1.5, &box, NULL);
  check(status == GR_OK && isnan(box.mean) && isnan(box.q1) && isnan(box.whisker_low) &&
        isnan(box.notch_high) && box.n_fliers == 0, "a box of no values is NaN all over");
}

int main(void) {
  gr_Context context;
  if (gr_context_init(&context) != GR_OK) return 1;
  test_histograms(&context);
  test_what_has_no_histogram(&context);
  test_nan_counts_nowhere_in_a_given_range(&context);
  test_linspace_keeps_a_range_of_the_smallest_numbers();
  test_quantiles(&context);
  test_quantiles_order_all_numbers(&context);
  test_what_has_no_quantile(&context);
  test_boxes(&context);
  test_a_box_of_nothing(&context);
  gr_context_free(&context);
  return finish();
}

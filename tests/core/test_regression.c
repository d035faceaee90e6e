/*
** test_regression.c: make_regression gives scikit-learn's data.
*/
#include "core/regression.h"

#include "../golden/regression_golden.h"

#include <stdlib.h>

#include "core/statistics.h"
#include "golden.h"

/* The figures are scikit-learn's (tests/golden/regression_golden.h); y is held to 1e-12 of its
** largest value because NumPy leaves its last bits to BLAS. */
static void test_the_tutorial_data(gr_Context *context) {
  static double X[1000 * 20], y[1000], coef[20];
  gr_RegressionOptions options = gr_regression_defaults();
  gr_RandomState state;
  options.n_samples = 1000;
  options.n_features = 20;
  options.noise = 0.1;
  gr_random_seed(&state, 1);
  gr_Status status = gr_make_regression(context, &state, &options, X, y, coef);
  check(status == GR_OK, "the tutorial's data can be made");
  check_digest("the tutorial's X", X, sizeof X, golden_tutorial_X);
  check_digest("the tutorial's coef", coef, sizeof coef, golden_tutorial_coef);
  check_close("the tutorial's y", y, golden_tutorial_y, 1000, 1e-12);

  int64_t counts[10];
  double edges[11], fliers[1000];
  gr_BoxStatistics box;
  gr_histogram(context, y, 1000, 10, NULL, counts, edges);
  check_integers("the tutorial's bins", counts, golden_tutorial_counts, 10);
  gr_box_statistics(context, y, 1000, 1.5, &box, fliers);
  double got[] = {box.mean, box.q1, box.median, box.q3, box.iqr, box.whisker_low,
                  box.whisker_high, box.notch_low, box.notch_high};
  check_close("the tutorial's box", got, golden_tutorial_box, COUNT(got), 1e-12);
  check(box.n_fliers == 5, "the tutorial has 5 fliers, got %zu", box.n_fliers);
  check_close("the tutorial's fliers", fliers, golden_tutorial_fliers, 5, 1e-12);
}

/* The state of case i, as print_golden.py has it. */
static gr_RandomState state_of_case(size_t i) {
  gr_RandomState state;
  gr_random_seed(&state, (uint32_t)(20 + i));
  for (size_t j = 0; j < i; j++) gr_random_gauss(&state);
  return state;
}

static void test_arguments(gr_Context *context) {
  const double *golden_y = golden_case_y;
  for (size_t i = 0; i < COUNT(golden_cases); i++) {
    static double X[2100], y[300], coef[20];
    const gr_RegressionOptions *options = &golden_cases[i].options;
    gr_RandomState state = state_of_case(i);
    size_t width = options->n_features, depth = options->n_targets;
    gr_Status status = gr_make_regression(context, &state, options, X, y, coef);
    check(status == GR_OK, "case %zu can be made", i);
    check_digest("a case's X", X, options->n_samples * width * sizeof *X, golden_cases[i].X);
    check_digest("a case's coef", coef, width * depth * sizeof *coef, golden_cases[i].coef);
    check_close("a case's y", y, golden_y, options->n_samples * depth, 1e-12);
    golden_y += options->n_samples * depth;
    double next = gr_random_sample(&state);
    check_bits("the number after a case", &next, &golden_cases[i].next, 1);
  }
}

/* y's definition: a sum over the features in their first order, each term fused. */
static void test_y_has_a_fixed_order(gr_Context *context) {
  enum { SAMPLES = 50, FEATURES = 6 };
  double X[SAMPLES * FEATURES], y[SAMPLES], coef[FEATURES];
  gr_RegressionOptions options = gr_regression_defaults();
  gr_RandomState state;
  options.n_samples = SAMPLES;
  options.n_features = FEATURES;
  options.bias = 3;
  options.shuffle = false;
  gr_random_seed(&state, 2);
  gr_make_regression(context, &state, &options, X, y, coef);
  for (size_t i = 0; i < SAMPLES; i++) {
    double sum = 0;
    for (size_t j = 0; j < FEATURES; j++) sum = fma(X[i * FEATURES + j], coef[j], sum);
    sum += 3;
    check_bits("y", &y[i], &sum, 1);
  }
}

static void test_low_rank_matrices(gr_Context *context) {
  double X[50], y[10], coef[5];
  gr_RandomState state;
  gr_random_seed(&state, 3);
  gr_make_low_rank_matrix(context, &state, 9, 4, 2, 0.5, X);
  check_close("a tall matrix", X, golden_low_rank_tall, 36, 1e-12);
  gr_random_seed(&state, 4);
  gr_make_low_rank_matrix(context, &state, 4, 9, 3, 0.1, X);
  check_close("a wide matrix", X, golden_low_rank_wide, 36, 1e-12);

  gr_RegressionOptions options = gr_regression_defaults();
  options.n_samples = 10;
  options.n_features = 5;
  options.n_informative = 3;
  options.effective_rank = 2;
  options.tail_strength = 0.7;
  options.noise = 0.1;
  gr_random_seed(&state, 5);
  gr_make_regression(context, &state, &options, X, y, coef);
  check_close("X of low rank", X, golden_low_rank_X, 50, 1e-12);
  check_close("y of low rank", y, golden_low_rank_y, 10, 1e-12);
  check_bits("coef of low rank", coef, golden_low_rank_coef, 5);
}

static void check_refused(gr_Context *context, gr_RegressionOptions options, const char *message) {
  double X[1], y[1];
  gr_RandomState state;
  gr_random_seed(&state, 1);
  gr_Status status = gr_make_regression(context, &state, &options, X, y, NULL);
  check(status == GR_ERROR && strstr(context->message, message) != NULL,
        "an error that says \"%s\", got \"%s\"", message, context->message);
}

static void test_wrong_arguments(gr_Context *context) {
  gr_RegressionOptions options = {.n_samples = 1, .n_features = 1, .n_targets = 1};
  gr_RegressionOptions wrong = options;
  wrong.n_samples = 0;
  check_refused(context, wrong, "n_samples must be at least 1");
  wrong = options;
  wrong.n_features = 0;
  check_refused(context, wrong, "n_features must be at least 1");
  wrong = options;
  wrong.n_targets = 0;
  check_refused(context, wrong, "n_targets must be at least 1");
  wrong = options;
  wrong.noise = -1;
  check_refused(context, wrong, "noise must be 0 or more");
  wrong = options;
  wrong.tail_strength = 1.5;
  check_refused(context, wrong, "tail_strength must be from 0 to 1");
}

typedef struct Countdown { int left, asked; } Countdown;

static bool count_down(void *data) {
  Countdown *countdown = data;
  countdown->asked++;
  return countdown->left-- <= 0;
}

/* Every place that looks at the interrupt, in turn, ends the call with an error; who finds a loop
** broken off looks once more on the way out. */
static void test_interrupts(gr_Context *context, size_t effective_rank, bool shuffle) {
  enum { SAMPLES = 9000, FEATURES = 8 };
  static double X[SAMPLES * FEATURES], y[SAMPLES];
  gr_RegressionOptions options = gr_regression_defaults();
  options.n_samples = SAMPLES;
  options.n_features = FEATURES;
  options.effective_rank = effective_rank;
  options.shuffle = shuffle;
  gr_Status status = GR_ERROR;
  for (int left = 0; status != GR_OK && left < 40000; left = left < 30 ? left + 1 : left * 2) {
    Countdown countdown = {.left = left};
    gr_RandomState state;
    gr_random_seed(&state, 1);
    context->interrupted = count_down;
    context->interrupted_data = &countdown;
    status = gr_make_regression(context, &state, &options, X, y, NULL);
    check(status == GR_OK || (countdown.asked <= left + 3 &&
                              strcmp(context->message, "interrupted") == 0),
          "an interrupt at look %d ends at once, got %d looks", left, countdown.asked);
  }
  check(status == GR_OK, "without an interrupt the data is made");
  context->interrupted = NULL;
}

int main(void) {
  gr_Context context;
  if (gr_context_init(&context) != GR_OK) return 1;
  test_the_tutorial_data(&context);
  test_arguments(&context);
  test_y_has_a_fixed_order(&context);
  test_low_rank_matrices(&context);
  test_wrong_arguments(&context);
  test_interrupts(&context, 0, true);
  test_interrupts(&context, 0, false);
  test_interrupts(&context, 3, true);
  gr_context_free(&context);
  return finish();
}

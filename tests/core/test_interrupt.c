/*
** test_interrupt.c: long operations look at the interrupt, forward and backward, and fail when it
** came; going by blocks changes no bit; what must be done whole is.
*/
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels.h"
#include "core/operation.h"
#include "core/optimizer.h"
#include "core/philox.h"
#include "core/random_state.h"
#include "core/sums.h"
#include "core/tape.h"
#include "testing.h"

/* Somebody who counts how often he is asked, on whatever thread, and says yes from some time on. */
typedef struct Watch {
  atomic_size_t asked;
  size_t patience;
} Watch;

static Watch asked;

static bool ask(void *data) {
  Watch *watch = data;
  return watch->asked++ >= watch->patience;
}

static void watch(gr_Context *context, size_t patience) {
  asked.asked = 0;
  asked.patience = patience;
  context->interrupted = ask;
  context->interrupted_data = &asked;
}

/* ---- Operations ---------------------------------------------------------------------------- */

enum { ROWS = 1100, COLUMNS = 1100, UNITS = 64 };  /* more than a block */

static gr_Tensor *new_tensor(gr_Context *context, int rank, int64_t rows, int64_t columns,
                             double value) {
  const int64_t shape[] = {rows, columns};
  gr_Tensor *tensor;
  if (gr_tensor_new(context, GR_FLOAT32, rank, shape, &tensor) != GR_OK) abort();
  gr_tensor_fill(tensor, value);
  return tensor;
}

/* The inputs of an operation: large ones, the first without gaps, or turned. */
static void make_inputs(gr_Context *context, const gr_Operation *operation, bool turned,
                        gr_Tensor **inputs) {
  for (int i = 0; i < operation->arity; i++)
    inputs[i] = new_tensor(context, 2, ROWS, COLUMNS, 0.75 + i);
  if (turned) {
    inputs[0]->strides[0] = 1;
    inputs[0]->strides[1] = ROWS;
  }
  if (strcmp(operation->name, "dense") == 0) {
    gr_tensor_release(inputs[1]);
    gr_tensor_release(inputs[2]);
    inputs[1] = new_tensor(context, 2, COLUMNS, UNITS, 1);
    inputs[2] = new_tensor(context, 1, UNITS, 0, 1);
  }
  if (strcmp(operation->name, "take") == 0) {
    gr_tensor_release(inputs[1]);
    inputs[1] = new_tensor(context, 1, ROWS, 0, 1);
  }
}

static gr_Attributes usual_attributes(const gr_Operation *operation) {
  gr_Attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.axes_count = -1;
  attributes.fraction = 0.3;
  attributes.has_low = true;
  attributes.dtype = GR_FLOAT64;
  attributes.rank = strcmp(operation->name, "reshape") == 0;
  attributes.shape[0] = -1;
  return attributes;
}

static void check_operation(gr_Context *context, const gr_Operation *operation, bool turned) {
  gr_Tensor *inputs[GR_MAX_INPUTS], *y, *loss;
  gr_Attributes attributes = usual_attributes(operation);
  make_inputs(context, operation, turned, inputs);
  inputs[0]->requires_grad = true;
  watch(context, SIZE_MAX);
  check(gr_apply(context, operation, inputs, &attributes, &y) == GR_OK, "%s: %s", operation->name,
        context->message);
  bool is_view = y->storage == inputs[0]->storage;
  check(is_view || asked.asked >= 2, "%s%s asks %zu times", operation->name,
        turned ? " of turned rows" : "", asked.asked);
  if (operation->backward != NULL &&
      gr_apply(context, gr_operation_named("sum"), &y, &attributes, &loss) == GR_OK) {
    watch(context, SIZE_MAX);
    check(gr_backward(context, loss) == GR_OK, "%s: %s", operation->name, context->message);
    check(asked.asked >= 3, "%s, backward, asks %zu times", operation->name, asked.asked);
    gr_tensor_release(loss);
  }
  gr_tensor_release(y);
  watch(context, 1);
  if (!is_view) {
    check(gr_apply(context, operation, inputs, &attributes, &y) == GR_ERROR &&
          strcmp(context->message, "interrupted") == 0, "%s is interrupted", operation->name);
    check(y == NULL && context->recording == NULL, "%s leaves no result", operation->name);
  }
  for (int i = 0; i < operation->arity; i++) gr_tensor_release(inputs[i]);
}

static void test_operations(gr_Context *context) {
  const gr_Operation *operation;
  for (size_t i = 0; (operation = gr_operation(i)) != NULL; i++) {
    check_operation(context, operation, false);
    if (strcmp(operation->name, "matmul") != 0) check_operation(context, operation, true);
  }
}

static void test_a_copy(gr_Context *context) {
  gr_Tensor *x = new_tensor(context, 2, ROWS, COLUMNS, 1), *y;
  size_t bytes = context->bytes_alive;
  watch(context, 0);
  check(gr_tensor_copy(context, x, GR_FLOAT64, &y) == GR_ERROR && y == NULL, "it is interrupted");
  check(context->bytes_alive == bytes, "and leaves no tensor behind");
  gr_tensor_release(x);
}

/* ---- Bits ---------------------------------------------------------------------------------- */

static const size_t lengths[] = {GR_BLOCK, GR_BLOCK + 1, 2 * GR_BLOCK, 3 * GR_BLOCK + 12345};

static void check_sums(gr_Context *context, gr_DType dtype, const void *a, const void *b) {
  const gr_KernelSet *kernels = &context->kernels->of[dtype];
  const gr_Fold sum = {kernels->sum, kernels->sum_rows, GR_ADD};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    size_t n = lengths[i];
    union { float single; double wide; } y, z;
    double squares = kernels->sum_of_squares(a, n);
    kernels->sum(&y, a, n);
    gr_fold_run(context, &sum, dtype, &z, a, n);
    check(memcmp(&y, &z, gr_dtype_size(dtype)) == 0, "a sum of %zu by blocks", n);
    check(gr_sum(context, dtype, GR_SQUARES, a, NULL, n) == squares, "squares of %zu", n);
    kernels->sum_squared_error(&y, a, b, n);
    check(gr_sum(context, dtype, GR_SQUARED_ERRORS, a, b, n) ==
          (dtype == GR_FLOAT32 ? (double)y.single : y.wide), "squared errors of %zu", n);
    kernels->greatest.run(&y, a, n);
    gr_fold_run(context, &kernels->greatest, dtype, &z, a, n);
    check(memcmp(&y, &z, gr_dtype_size(dtype)) == 0, "the greatest of %zu by blocks", n);
  }
}

/* The rows of two shapes, one of which has rows longer than a block. */
static void check_rows(gr_Context *context, gr_DType dtype, const void *x) {
  const gr_KernelSet *kernels = &context->kernels->of[dtype];
  const gr_Fold folds[] = {{kernels->sum, kernels->sum_rows, GR_ADD}, kernels->greatest,
                           kernels->least};
  const size_t shapes[][2] = {{GR_BLOCK / 700, 1001}, {3, GR_BLOCK + 77}};
  size_t most = (GR_BLOCK + 77) * gr_dtype_size(dtype);
  void *expected = malloc(most), *got = malloc(most);
  for (size_t i = 0; i < 2; i++)
    for (size_t f = 0; f < 3; f++) {
      folds[f].rows(expected, x, shapes[i][0], shapes[i][1]);
      gr_fold_rows(context, &folds[f], dtype, got, x, shapes[i][0], shapes[i][1]);
      check(memcmp(expected, got, shapes[i][1] * gr_dtype_size(dtype)) == 0,
            "fold %zu of %zu rows", f, shapes[i][0]);
    }
  free(expected);
  free(got);
}

static void test_bits(gr_Context *context) {
  size_t n = 4 * GR_BLOCK;
  double *wide = malloc(2 * n * sizeof *wide);
  float *single = malloc(2 * n * sizeof *single);
  gr_Stream stream = gr_stream(1, 2, 3, 4);
  context->interrupted = NULL;
  gr_stream_fill_normal(NULL, &stream, 1, 0, 1, wide, 2 * n);
  for (size_t i = 0; i < 2 * n; i++) single[i] = (float)wide[i];
  check_sums(context, GR_FLOAT64, wide, wide + n);
  check_sums(context, GR_FLOAT32, single, single + n);
  check_rows(context, GR_FLOAT64, wide);
  check_rows(context, GR_FLOAT32, single);
  free(wide);
  free(single);
}

/* ---- What is no operation ------------------------------------------------------------------ */

static void test_random_numbers(gr_Context *context) {
  size_t n = 3 * GR_BLOCK;
  int64_t *order = malloc(n * sizeof *order);
  double *numbers = malloc(n * sizeof *numbers);
  gr_RandomState state;
  gr_Stream stream = gr_stream(1, 2, 3, 4);
  gr_random_seed(&state, 1);
  watch(context, 2);
  gr_random_permutation(context, &state, order, n);
  check(asked.asked > 2 && asked.asked < 6, "a permutation stops (%zu)", asked.asked);
  watch(context, 2);
  gr_stream_permutation(context, &stream, 1, numbers, n);
  check(asked.asked > 2 && asked.asked < 6, "a stream's permutation stops (%zu)", asked.asked);
  watch(context, 2);
  gr_stream_fill_normal(context, &stream, 1, 0, 1, numbers, n);
  check(asked.asked == 3, "a stream's numbers stop (%zu)", asked.asked);
  watch(context, 2);
  check(gr_random_choice(context, &state, n, false, NULL, order, 10) == GR_ERROR, "a choice stops");
  free(order);
  free(numbers);
}

static void test_an_update_is_whole(gr_Context *context) {
  gr_Optimizer optimizer;
  gr_optimizer_init(&optimizer);
  watch(context, SIZE_MAX);
  gr_Tensor *w = new_tensor(context, 2, ROWS, COLUMNS, 1);
  w->grad = new_tensor(context, 2, ROWS, COLUMNS, 2);
  w->grad_is_new = true;
  optimizer.clipnorm = 1;
  watch(context, 0);
  check(gr_optimizer_bind(context, &optimizer, &w, 1) == GR_ERROR, "velocities are whole");
  watch(context, SIZE_MAX);
  check(gr_optimizer_bind(context, &optimizer, &w, 1) == GR_OK, "bind: %s", context->message);
  watch(context, 0);
  check(gr_optimizer_step(context, &optimizer) == GR_OK, "a step is not interrupted");
  check(gr_tensor_get(w, 0) < 1 && gr_tensor_get(w, 0) == gr_tensor_get(w, ROWS * COLUMNS - 1),
        "all weights are updated");
  check(!context->unbroken, "what comes next may be interrupted");
  gr_optimizer_free(&optimizer);
  gr_tensor_release(w);
}

int main(void) {
  gr_Context context;
  if (gr_context_init(&context) != GR_OK) abort();
  test_operations(&context);
  test_a_copy(&context);
  test_bits(&context);
  test_random_numbers(&context);
  test_an_update_is_whole(&context);
  gr_context_free(&context);
  return finish();
}

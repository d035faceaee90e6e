/* test_passes.c: a pass over a large parameter does the same whether it gets the gradient in one
** piece or in some while it is computed; and the optimizer takes the gradients of a replayed step
** that nothing but their update needs, and no other. */
#include <stdlib.h>
#include <string.h>

#include "core/optimizer.h"
#include "core/passes.h"
#include "core/profile.h"
#include "core/recording.h"
#include "core/run.h"
#include "core/threads.h"
#include "testing.h"

enum { N = 3 * GR_CHUNK + 100 };

/* Passes in pieces */

typedef struct Numbers {
  float w[N], v[N], g[N];
} Numbers;

static Numbers whole, pieces;

static void begin(gr_Context *context, gr_Pass *pass, Numbers *numbers, const float *g) {
  gr_pass_init(context, pass, GR_FLOAT32, N);
  for (int i = 0; i < N; i++) {
    numbers->w[i] = (float)(i % 89) * 0.01f - 0.4f;
    numbers->v[i] = (float)(i % 53) * 0.001f;
    numbers->g[i] = g == NULL ? 7 : g[i];
  }
  pass->part = (gr_SgdPart){numbers->w, numbers->v, numbers->g, N};
  pass->measures = pass->updates = true;
  pass->step = (gr_SgdStep){.rate = 0.1, .momentum = 0.9, .low = -1, .high = 1,
                            .clip_value = true};
  pass->scale = 1;
}

/* Take the gradient by pieces of so many elements, each from a place of its own, but for those of
** the piece `missing`, which are stored. */
static void take_pieces(gr_Pass *pass, const float *g, size_t size, size_t missing) {
  for (size_t first = 0; first < N; first += size) {
    size_t count = N - first < size ? N - first : size;
    float *piece = malloc(count * sizeof *piece);
    memcpy(piece, g + first, count * sizeof *piece);
    if (first / size == missing) memcpy(pieces.g + first, piece, count * sizeof *piece);
    else gr_pass_take(pass, piece, first, count);
    free(piece);
  }
}

static void test_pieces(gr_Context *context, size_t size, size_t missing) {
  static float g[N];
  gr_Pass all, some;
  for (int i = 0; i < N; i++) g[i] = (float)(i * 7919 % 1013) * 0.003f - 1.5f;
  begin(context, &all, &whole, g);
  begin(context, &some, &pieces, NULL);
  take_pieces(&some, g, size, missing);
  gr_pass_run(context, &all);
  gr_pass_run(context, &some);
  gr_SgdOutcome expected = gr_pass_outcome(&all), got = gr_pass_outcome(&some);
  check(memcmp(whole.w, pieces.w, sizeof whole.w) == 0 &&
        memcmp(whole.v, pieces.v, sizeof whole.v) == 0, "pieces of %zu: other weights", size);
  check(gr_pass_norm(&all) == gr_pass_norm(&some), "pieces of %zu: another norm", size);
  check(got.cut == expected.cut && got.cut > 0 && got.finite, "pieces of %zu: cut %zu", size,
        got.cut);
  gr_pass_free(&all);
  gr_pass_free(&some);
}

static void test_all_pieces(void) {
  static const size_t sizes[] = {1000, GR_CHUNK, GR_CHUNK + 96, 2 * GR_CHUNK, N};
  gr_Context context;
  gr_context_init(&context);
  for (int threads = 1; threads <= 2; threads++) {
    gr_set_threads(&context, threads);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      test_pieces(&context, sizes[i], N);
      test_pieces(&context, sizes[i], 1);
    }
  }
  gr_context_free(&context);
}

static void test_a_dropped_piece(void) {
  gr_Context context;
  gr_Pass pass;
  static float g[GR_CHUNK];
  gr_context_init(&context);
  begin(&context, &pass, &pieces, NULL);
  gr_pass_take(&pass, g, 0, GR_CHUNK);
  gr_pass_reset(&pass);
  float before = pieces.w[0];
  gr_pass_run(&context, &pass);
  check(pieces.w[0] != before, "what was taken before a failure counts after it");
  gr_pass_free(&pass);
  gr_context_free(&context);
}

/* What is taken of a replayed step */

enum { ROWS = 64, INPUTS = 400, UNITS = 200 };

typedef struct Network {
  gr_Tensor *x, *kernel, *bias, *target, *loss;
  gr_Recording *recording;
  gr_Optimizer optimizer;
} Network;

static gr_Tensor *new_tensor(gr_Context *context, gr_DType dtype, int64_t rows, int64_t columns) {
  int64_t shape[] = {rows, columns};
  gr_Tensor *tensor;
  gr_tensor_new(context, dtype, rows == 0 ? 1 : 2, rows == 0 ? shape + 1 : shape, &tensor);
  gr_tensor_fill(tensor, 0.5);
  return tensor;
}

/* Record the mean squared error of a dense layer, and bind the optimizer to the layer's weights. */
static void record(gr_Context *context, Network *network, gr_DType dtype) {
  gr_Attributes attributes = {.activation = GR_LINEAR};
  gr_Tensor *y;
  network->x = new_tensor(context, dtype, ROWS, INPUTS);
  network->kernel = new_tensor(context, dtype, INPUTS, UNITS);
  network->bias = new_tensor(context, dtype, 0, UNITS);
  network->target = new_tensor(context, dtype, ROWS, UNITS);
  network->kernel->requires_grad = network->bias->requires_grad = true;
  gr_Tensor *weights[] = {network->kernel, network->bias};
  gr_recording_new(context, (gr_Tensor *[]){network->x, network->target}, 2, false,
                   &network->recording);
  gr_recording_begin(context, network->recording);
  gr_apply(context, gr_operation_named("dense"),
           (gr_Tensor *[]){network->x, network->kernel, network->bias}, &attributes, &y);
  gr_apply(context, gr_operation_named("mean_squared_error"),
           (gr_Tensor *[]){network->target, y}, NULL, &network->loss);
  gr_backward(context, network->loss);
  gr_recording_end(context);
  gr_tensor_release(y);
  gr_optimizer_init(&network->optimizer);
  gr_optimizer_bind(context, &network->optimizer, weights, 2);
}

static void release(Network *network) {
  gr_optimizer_free(&network->optimizer);
  gr_recording_free(network->recording);
  gr_tensor_release(network->loss);
  gr_tensor_release(network->x);
  gr_tensor_release(network->kernel);
  gr_tensor_release(network->bias);
  gr_tensor_release(network->target);
}

/* Hands on what it takes, and counts it. */
typedef struct Counter {
  gr_Taker optimizer;
  void *pass;
  size_t count;
} Counter;

static void *find(void *data, const gr_Tensor *gradient) {
  Counter *counter = data;
  counter->pass = counter->optimizer.find(counter->optimizer.data, gradient);
  return counter->pass == NULL ? NULL : counter;
}

static void take(void *data, const void *g, size_t first, size_t count) {
  Counter *counter = data;
  counter->count += count;
  counter->optimizer.take(counter->pass, g, first, count);
}

/* How many elements are taken in a replay. */
static size_t count_taken(gr_Context *context, Network *network, bool waits) {
  Counter counter = {.count = 0};
  if (!gr_optimizer_await(context, &network->optimizer, network->recording->plan,
                          &counter.optimizer))
    return 0;
  gr_Taker taker = {find, take, &counter, waits};
  context->taker = &taker;
  check(gr_recording_replay(context, network->recording) == GR_OK, "no replay");
  context->taker = NULL;
  gr_optimizer_step(context, &network->optimizer);
  return counter.count;
}

static void test_what_is_taken(void) {
  gr_Context context;
  Network network;
  gr_context_init(&context);
  gr_set_threads(&context, 1);
  record(&context, &network, GR_FLOAT32);
  gr_Optimizer *optimizer = &network.optimizer;
  check(count_taken(&context, &network, true) == 0, "taken while it waits");
  check(count_taken(&context, &network, false) == INPUTS * UNITS, "not taken");
  gr_set_threads(&context, 2);
  check(count_taken(&context, &network, false) == 0, "taken, but two threads would not take turns");
  gr_set_threads(&context, 1);
  optimizer->clips_values = true;
  check(count_taken(&context, &network, false) == INPUTS * UNITS, "not taken with clipvalue");
  optimizer->clipnorm = 1;
  check(count_taken(&context, &network, false) == 0, "taken with clipnorm");
  optimizer->clipnorm = 0;
  optimizer->global_clipnorm = 1;
  check(count_taken(&context, &network, false) == 0, "taken with global_clipnorm");
  optimizer->global_clipnorm = 0;
  gr_profile_start(&context);
  check(count_taken(&context, &network, false) == 0, "taken while a profile times it");
  gr_profile_stop(&context);
  release(&network);
  record(&context, &network, GR_FLOAT64);
  check(count_taken(&context, &network, false) == 0, "float64 is taken");
  release(&network);
  gr_context_free(&context);
}

/* Runs that are interrupted */

enum { STEPS = 8 };

/* Says yes from a certain question on. */
typedef struct Patience {
  size_t asked, most;
} Patience;

static bool loses_patience(void *data) {
  Patience *patience = data;
  return patience->asked++ >= patience->most;
}

/* Run up to so many steps; all of them do the same. */
static gr_Status run(gr_Context *context, Network *network, size_t steps, size_t *done) {
  double order[STEPS * ROWS];
  for (size_t i = 0; i < STEPS * ROWS; i++) order[i] = (double)(i % ROWS + 1);
  gr_Run told = {.recording = network->recording, .optimizer = &network->optimizer,
                 .sources = {network->x, network->target}, .order = order, .steps = steps};
  network->optimizer.learning_rate = 1;
  gr_Status status = gr_run_steps(context, &told);
  *done = told.steps_done;
  return status;
}

static bool same_elements(const gr_Tensor *a, const gr_Tensor *b) {
  return memcmp(gr_tensor_data(a), gr_tensor_data(b), gr_tensor_size(a) * sizeof(float)) == 0;
}

/* A run that an interrupt ended, at whatever question, against one of just as many steps. */
static void test_an_interrupt(gr_Context *context, size_t most, size_t *done) {
  Patience patience = {0, most};
  Network interrupted, plain;
  size_t plain_done;
  record(context, &interrupted, GR_FLOAT32);
  record(context, &plain, GR_FLOAT32);
  context->interrupted_data = &patience;
  context->interrupted = loses_patience;
  gr_Status status = run(context, &interrupted, STEPS, done);
  context->interrupted = NULL;
  run(context, &plain, *done, &plain_done);
  check(same_elements(interrupted.kernel, plain.kernel), "interrupted in step %zu: other weights",
        *done + 1);
  check(status != GR_OK || same_elements(interrupted.kernel->grad, plain.kernel->grad),
        "interrupted after step %zu: another gradient", *done);
  check(status == GR_OK || *done == 0, "interrupted after step %zu: broken off", *done);
  release(&interrupted);
  release(&plain);
}

static void test_interrupts(void) {
  gr_Context context;
  size_t done = 0, most = 0;
  bool seen[STEPS + 1] = {false};
  gr_context_init(&context);
  gr_set_threads(&context, 1);
  for (; done < STEPS; most++) {
    test_an_interrupt(&context, most, &done);
    seen[done] = true;
  }
  for (size_t i = 0; i <= STEPS; i++)
    check(seen[i] == (i != 2), "a run ended after step %zu, or none did", i);
  gr_context_free(&context);
}

int main(void) {
  test_all_pieces();
  test_a_dropped_piece();
  test_what_is_taken();
  test_interrupts();
  return finish();
}

/* recording.c: see recording.h. */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "profile.h"

gr_Status gr_recording_new(gr_Context *context, gr_Tensor *const *inputs, int count,
                           bool forward_only, gr_Recording **result) {
  gr_Recording *recording = calloc(1, sizeof *recording);
  *result = recording;
  if (recording == NULL) return gr_fail_memory(context, sizeof *recording);
  for (int i = 0; i < count; i++) recording->inputs[i] = gr_tensor_retain(inputs[i]);
  recording->inputs_count = count;
  recording->forward_only = forward_only;
  return GR_OK;
}

static void forget_step(gr_Recording *recording) {
  gr_calls_clear(&recording->calls);
  for (size_t i = 0; i < recording->count; i++) gr_tensor_release(recording->results[i]);
  free(recording->results);
  gr_backward_plan_free(recording->plan);
  gr_tensor_release(recording->loss);
  free(recording->kept);
  recording->kept = NULL;
  recording->results = NULL;
  recording->count = recording->room = 0;
  recording->plan = NULL;
  recording->loss = NULL;
}

void gr_recording_free(gr_Recording *recording) {
  if (recording == NULL) return;
  forget_step(recording);
  for (int i = 0; i < recording->inputs_count; i++) gr_tensor_release(recording->inputs[i]);
  free(recording);
}

void gr_recording_begin(gr_Context *context, gr_Recording *recording) {
  gr_recording_break(context, "it trained a model");
  recording->has_begun = true;
  recording->outer = context->recording;
  recording->draws_before = context->random_draws;
  context->recording = recording;
}

void gr_recording_break(gr_Context *context, const char *reason) {
  gr_Recording *recording = context->recording;
  if (recording != NULL && recording->broken[0] == '\0')
    snprintf(recording->broken, sizeof recording->broken, "%s", reason);
}

void gr_recording_end(gr_Context *context) {
  gr_Recording *recording = context->recording;
  if (recording == NULL) return;
  if (context->random_draws != recording->draws_before)
    gr_recording_break(context, "it drew random numbers");
  if (recording->plan == NULL && !recording->forward_only)
    gr_recording_break(context, "it had no backward");
  context->recording = recording->outer;
  if (recording->broken[0] != '\0') forget_step(recording);
}

gr_Status gr_recording_note(gr_Context *context, gr_Tensor *result) {
  gr_Recording *recording = context->recording;
  if (recording->count == recording->room) {
    size_t room = recording->room == 0 ? 16 : recording->room * 2;
    gr_Tensor **results = realloc(recording->results, room * sizeof *results);
    if (results == NULL) return gr_fail_memory(context, room * sizeof *results);
    recording->results = results;
    recording->room = room;
  }
  recording->results[recording->count++] = gr_tensor_retain(result);
  return GR_OK;
}

gr_Status gr_recording_backward(gr_Context *context, gr_Tensor *loss) {
  gr_Recording *recording = context->recording;
  gr_BackwardPlan *plan;
  gr_Status status = gr_backward_plan(context, loss, &plan);
  if (status == GR_OK) status = gr_backward_run(context, plan);
  if (status != GR_OK || recording->plan != NULL) {
    if (recording->plan != NULL) gr_recording_break(context, "it had more than one backward");
    gr_backward_plan_free(plan);
    return status;
  }
  recording->plan = plan;
  recording->loss = gr_tensor_retain(loss);
  return GR_OK;
}

gr_Status gr_recording_arrange(gr_Context *context, gr_Tensor **parameters, size_t count) {
  gr_Tensor **gradients = malloc((count + 1) * sizeof *gradients);
  size_t found = 0;
  if (gradients == NULL) return gr_fail_memory(context, count * sizeof *gradients);
  for (size_t i = 0; i < count; i++)
    if (parameters[i]->grad != NULL) gradients[found++] = parameters[i]->grad;
  gr_Status status = gr_tensors_lay_side_by_side(context, gradients, found);
  free(gradients);
  return status;
}

static gr_Status call_forward(gr_Context *context, const gr_Call *call) {
  return gr_node_forward(context, call->as.whole);
}

/* Lay out the step as calls. */
static gr_Status lay_out(gr_Context *context, gr_Recording *recording) {
  gr_Calls *calls = &recording->calls;
  gr_Status status = GR_OK;
  gr_calls_clear(calls);
  for (size_t i = 0; i < recording->count && status == GR_OK; i++) {
    gr_Node *node = recording->results[i]->node;
    if (node->operation->forward != NULL)
      status = gr_calls_lay_out(context, calls, node, NULL, NULL,
                                (gr_Call){call_forward, {.whole = node}});
  }
  recording->rearranged = context->rearranged;
  if (status != GR_OK || recording->forward_only) return status;
  return gr_backward_lay_out(context, recording->plan, calls);
}

gr_Status gr_recording_replay(gr_Context *context, gr_Recording *recording) {
  gr_Status status = GR_OK;
  if (recording->calls.count == 0 || recording->rearranged != context->rearranged)
    status = lay_out(context, recording);
  if (status == GR_OK) status = gr_calls_run(context, &recording->calls);
  else gr_calls_clear(&recording->calls);
  if (status == GR_OK && !recording->forward_only) gr_backward_hand_out(recording->plan);
  return status;
}

/* Tensor i of those that a replay writes: the inputs, then the results; a view of what an operation
** was given has no memory of its own and counts as empty. */
static size_t written(const gr_Recording *recording, size_t i, gr_Tensor **tensor) {
  size_t inputs = (size_t)recording->inputs_count;
  *tensor = i < inputs ? recording->inputs[i] : recording->results[i - inputs];
  if (i >= inputs && (*tensor)->storage == (*tensor)->node->inputs[0]->storage) return 0;
  return gr_tensor_size(*tensor) * gr_dtype_size((*tensor)->dtype);
}

gr_Status gr_recording_keep(gr_Context *context, gr_Recording *recording) {
  size_t count = (size_t)recording->inputs_count + recording->count, bytes = 0;
  gr_Tensor *tensor;
  for (size_t i = 0; i < count; i++) bytes += written(recording, i, &tensor);
  free(recording->kept);
  unsigned char *to = recording->kept = malloc(bytes + 1);
  if (to == NULL) return gr_fail_memory(context, bytes);
  for (size_t i = 0; i < count; i++) {
    size_t size = written(recording, i, &tensor);
    memcpy(to, gr_tensor_data(tensor), size);
    to += size;
  }
  return GR_OK;
}

void gr_recording_put_back(gr_Recording *recording) {
  size_t count = (size_t)recording->inputs_count + recording->count;
  const unsigned char *from = recording->kept;
  for (size_t i = 0; from != NULL && i < count; i++) {
    gr_Tensor *tensor;
    size_t size = written(recording, i, &tensor);
    memcpy(gr_tensor_data(tensor), from, size);
    from += size;
  }
}

/* Runs of steps */

/* A NaN is a greatest and a least number, too. */
static bool are_rows(const gr_Context *context, const double *order, size_t count, int64_t rows) {
  const gr_KernelSet *kernels = &context->kernels->of[GR_FLOAT64];
  double least, greatest;
  if (count == 0) return true;
  kernels->least.run(&least, order, count);
  kernels->greatest.run(&greatest, order, count);
  return least >= 1 && greatest <= (double)rows;
}

static gr_Status check_order(gr_Context *context, const double *order, size_t count,
                             int64_t rows) {
  size_t i = 0;
  if (are_rows(context, order, count, rows)) return GR_OK;
  while (order[i] >= 1 && order[i] <= (double)rows) i++;
  return gr_fail(context, "there is no row %g in %lld rows", order[i], (long long)rows);
}

/* Rows of any layout and type. */
static void gather_cast(const gr_Tensor *source, const double *order, size_t count,
                        size_t columns, gr_Tensor *batch) {
  unsigned char *to = gr_tensor_data(batch);
  gr_Tensor row = *source;
  row.rank--;
  memmove(row.shape, source->shape + 1, (size_t)row.rank * sizeof *row.shape);
  memmove(row.strides, source->strides + 1, (size_t)row.rank * sizeof *row.strides);
  bool even = gr_tensor_is_contiguous(&row);
  for (size_t i = 0; i < count; i++, to += columns * gr_dtype_size(batch->dtype)) {
    row.offset = source->offset + ((ptrdiff_t)order[i] - 1) * source->strides[0];
    if (even)
      gr_convert(source->storage->context, batch->dtype, to, source->dtype, gr_tensor_data(&row),
                 columns);
    else gr_tensor_gather(&row, batch->dtype, to);
  }
}

/* Rows order[0 .. count - 1], which are there. */
static void gather_rows(gr_Context *context, const gr_Tensor *source, const double *order,
                        size_t count, gr_Tensor *batch) {
  double began = gr_profile_begin(context);
  size_t columns = 1;
  bool even = true;  /* a row's elements lie one after the other */
  for (int i = source->rank - 1; i > 0; i--) {
    if (source->shape[i] != 1 && source->strides[i] != (ptrdiff_t)columns) even = false;
    columns *= (size_t)source->shape[i];
  }
  if (even && source->dtype == batch->dtype)
    gr_take_rows(context, source, order, count, columns, gr_tensor_data(batch));
  else gather_cast(source, order, count, columns, batch);
  gr_profile_add(context, "gather rows", false, began);
}

gr_Status gr_gather_rows(gr_Context *context, const gr_Tensor *source, const double *order,
                         size_t count, gr_Tensor *batch) {
  gr_Status status = check_order(context, order, count, source->shape[0]);
  if (status == GR_OK) gather_rows(context, source, order, count, batch);
  return status;
}

static bool is_finite(double x) { return x - x == 0; }

/* Write down the step just done. */
static void log_step(gr_Run *run, double loss) {
  const gr_Optimizer *optimizer = run->optimizer;
  size_t i = run->steps_done;
  if (run->losses != NULL) run->losses[i] = loss;
  if (run->norms != NULL) run->norms[i] = optimizer->norm;
  if (run->scales != NULL) run->scales[i] = optimizer->scale;
  if (run->cuts != NULL) run->cuts[i] = gr_optimizer_cut_share(optimizer);
}

static size_t rows_of(const gr_Recording *recording) {
  return (size_t)recording->inputs[0]->shape[0];
}

static gr_Status run_step(gr_Context *context, gr_Run *run, gr_Recording *recording,
                          double *loss) {
  const double *order = run->order + run->first_row + run->rows_done;
  for (int i = 0; i < recording->inputs_count; i++)
    gather_rows(context, run->sources[i], order, rows_of(recording), recording->inputs[i]);
  gr_Status status = gr_recording_replay(context, recording);
  if (status == GR_OK) status = gr_optimizer_step(context, run->optimizer);
  if (status == GR_OK) *loss = gr_tensor_get(recording->loss, 0);
  return status;
}

/* The rows of the run must be there in every source. */
static gr_Status check_rows(gr_Context *context, const gr_Run *run) {
  size_t count = run->steps * rows_of(run->recording);
  int64_t rows = run->sources[0]->shape[0];
  if (run->rest != NULL) count += rows_of(run->rest);
  for (int i = 1; i < run->recording->inputs_count; i++)
    if (run->sources[i]->shape[0] < rows) rows = run->sources[i]->shape[0];
  return check_order(context, run->order + run->first_row, count, rows);
}

/* Whether something ends the run after a step, and what. */
static bool must_end(gr_Context *context, gr_Run *run, double loss, double began) {
  if (run->stop_at_not_finite && !(is_finite(loss) && run->optimizer->finite))
    run->end = GR_RUN_NOT_FINITE;
  else if (gr_interrupted(context)) run->end = GR_RUN_INTERRUPTED;
  else if (run->seconds > 0 && gr_now() - began > run->seconds) run->end = GR_RUN_PROGRESS_DUE;
  return run->end != GR_RUN_COMPLETE;
}

gr_Status gr_recording_run(gr_Context *context, gr_Run *run) {
  size_t steps = run->steps + (run->rest != NULL);
  gr_Status status = check_rows(context, run);
  double began = run->seconds > 0 ? gr_now() : 0;
  run->steps_done = run->rows_done = 0;
  run->end = GR_RUN_COMPLETE;
  while (status == GR_OK && run->steps_done < steps) {
    gr_Recording *recording = run->steps_done < run->steps ? run->recording : run->rest;
    double loss;
    status = run_step(context, run, recording, &loss);
    if (status != GR_OK) break;
    log_step(run, loss);
    run->steps_done++;
    run->rows_done += rows_of(recording);
    run->loss_sum += loss * (double)rows_of(recording);
    if (must_end(context, run, loss, began)) break;
  }
  return status;
}

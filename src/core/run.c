/* run.c: see run.h. */
#include "run.h"

#include <string.h>

#include "kernels.h"
#include "profile.h"

/* Rows */

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

/* Steps */

static bool is_finite(double x) { return x - x == 0; }

/* Write down the step just done. */
static void log_step(gr_Run *run, double loss) {
  const gr_Optimizer *optimizer = run->optimizer;
  if (run->not_finite == 0 && !(is_finite(loss) && optimizer->finite))
    run->not_finite = run->steps_done + 1;
  if (run->log == NULL) return;
  double *log = run->log + run->steps_done;
  log[GR_LOG_LOSS * run->room] = loss;
  log[GR_LOG_NORM * run->room] = optimizer->norm;
  log[GR_LOG_SCALE * run->room] = optimizer->scale;
  log[GR_LOG_CUT * run->room] = gr_optimizer_cut_share(optimizer);
}

static size_t rows_of(const gr_Recording *recording) {
  return (size_t)recording->inputs[0]->shape[0];
}

/* Replay a step, and let the optimizer take gradients where it may. */
static gr_Status replay(gr_Context *context, gr_Run *run, gr_Recording *recording, bool takes) {
  context->taker = takes ? &run->taker : NULL;
  gr_Status status = gr_recording_replay(context, recording);
  context->taker = NULL;
  run->lost = takes && gr_optimizer_has_taken(run->optimizer);
  if (run->lost && status != GR_OK) gr_optimizer_drop_taken(run->optimizer);
  return status;
}

static gr_Status run_step(gr_Context *context, gr_Run *run, bool takes) {
  gr_Recording *recording = run->steps_done < run->steps ? run->recording : run->rest;
  const double *order = run->order + run->first_row + run->rows_done;
  for (int i = 0; i < recording->inputs_count; i++)
    gather_rows(context, run->sources[i], order, rows_of(recording), recording->inputs[i]);
  gr_Status status = replay(context, run, recording, takes);
  if (status == GR_OK) status = gr_optimizer_step(context, run->optimizer);
  if (status != GR_OK) return status;
  double loss = gr_tensor_get(recording->loss, 0);
  log_step(run, loss);
  run->steps_done++;
  run->rows_done += rows_of(recording);
  run->loss_sum += loss * (double)rows_of(recording);
  return GR_OK;
}

size_t gr_run_rows(const gr_Run *run) {
  return run->steps * rows_of(run->recording) + (run->rest == NULL ? 0 : rows_of(run->rest));
}

/* The rows of the run must be there in every source. */
static gr_Status check_rows(gr_Context *context, const gr_Run *run) {
  int64_t rows = run->sources[0]->shape[0];
  for (int i = 1; i < run->recording->inputs_count; i++)
    if (run->sources[i]->shape[0] < rows) rows = run->sources[i]->shape[0];
  return check_order(context, run->order + run->first_row, gr_run_rows(run), rows);
}

static bool is_time_up(const gr_Run *run, double began) {
  return run->seconds > 0 && gr_now() - began > run->seconds;
}

/* All rows of the run are there. It ends with a step whose gradients are not lost, since they can
** be seen then; where some are or may be, an interrupt waits, and none are where a step may fail. */
static gr_Status run_steps(gr_Context *context, gr_Run *run) {
  size_t steps = run->steps + (run->rest != NULL);
  gr_Status status = GR_OK;
  double began = run->seconds > 0 ? gr_now() : 0;
  bool was_unbroken = context->unbroken, ends = false;  /* it was asked to */
  bool awaits = run->steps > 2 && !gr_recording_may_fail(run->recording) &&
                gr_optimizer_await(context, run->optimizer, run->recording->plan, &run->taker);
  run->steps_done = run->rows_done = run->not_finite = 0;
  run->lost = false;
  while (status == GR_OK && run->steps_done < steps && (!ends || run->lost)) {
    bool takes = awaits && !ends && run->steps_done + 1 < run->steps;
    run->taker.waits = run->steps_done == 0;
    context->unbroken = was_unbroken || run->lost || (takes && !run->taker.waits);
    status = run_step(context, run, takes);
    awaits = awaits && (run->taker.waits || run->lost);  /* none was: so it will be */
    ends = status == GR_OK && (gr_interrupted(context) || is_time_up(run, began));
  }
  context->unbroken = was_unbroken;
  return status;
}

gr_Status gr_run_steps(gr_Context *context, gr_Run *run) {
  gr_Status status = check_rows(context, run);
  return status == GR_OK ? run_steps(context, run) : status;
}

/* Epochs */

static gr_Status evaluate(gr_Context *context, gr_Recording *recording, double *loss) {
  gr_Status status = gr_recording_replay(context, recording);
  *loss = gr_tensor_get(recording->loss, 0);
  return status;
}

gr_Status gr_run_epochs(gr_Context *context, gr_Epochs *epochs) {
  gr_Run *run = &epochs->run;
  gr_Status status = GR_OK;
  size_t steps = run->steps + (run->rest != NULL), rows = gr_run_rows(run);
  epochs->done = epochs->steps_done = epochs->not_finite = 0;
  while (status == GR_OK && epochs->done < epochs->count && !gr_interrupted(context)) {
    if (epochs->stream != NULL)
      gr_stream_permutation(context, epochs->stream, ++epochs->shuffle, run->order, rows);
    run->loss_sum = 0;
    /* A shuffle changes the order of the rows that the first epoch was checked for. */
    status = epochs->done == 0 ? gr_run_steps(context, run) : run_steps(context, run);
    if (epochs->not_finite == 0 && run->not_finite != 0)
      epochs->not_finite = epochs->steps_done + run->not_finite;
    epochs->steps_done += run->steps_done;
    if (status != GR_OK || run->steps_done < steps) break;
    if (run->log != NULL) run->log += steps;
    epochs->losses[epochs->done] = run->loss_sum / (double)rows;
    if (epochs->evaluation != NULL)
      status = evaluate(context, epochs->evaluation, &epochs->val_losses[epochs->done]);
    epochs->done++;
    if (epochs->watches && epochs->not_finite != 0) break;
  }
  return status;
}

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
  recording->has_begun = recording->listens = true;
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
  recording->listens = false;
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
  if (status != GR_OK || recording->plan != NULL || recording->forward_only) {
    if (recording->forward_only) gr_recording_break(context, "it had a backward");
    else if (recording->plan != NULL) gr_recording_break(context, "it had more than one backward");
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

/* An index may be no row. */
bool gr_recording_may_fail(const gr_Recording *recording) {
  for (size_t i = 0; i < recording->count; i++)
    if (recording->results[i]->node->operation == &gr_shape_operations[GR_TAKE]) return true;
  return false;
}

/* What the tensors that a replay writes held: the inputs, then the results. */
typedef struct gr_Kept {
  size_t count;
  size_t sizes[];  /* in bytes, then the bytes */
} Kept;

static gr_Tensor *written_tensor(const gr_Recording *recording, size_t i) {
  size_t inputs = (size_t)recording->inputs_count;
  return i < inputs ? recording->inputs[i] : recording->results[i - inputs];
}

/* A view of what an operation was given has no memory of its own and counts as empty. */
static size_t written_size(const gr_Recording *recording, size_t i) {
  const gr_Tensor *tensor = written_tensor(recording, i);
  bool is_input = i < (size_t)recording->inputs_count;
  if (!is_input && tensor->storage == tensor->node->inputs[0]->storage) return 0;
  return gr_tensor_size(tensor) * gr_dtype_size(tensor->dtype);
}

gr_Status gr_recording_keep(gr_Context *context, gr_Recording *recording) {
  size_t count = (size_t)recording->inputs_count + recording->count;
  size_t bytes = sizeof(Kept) + count * sizeof(size_t);
  for (size_t i = 0; i < count; i++) bytes += written_size(recording, i);
  free(recording->kept);
  Kept *kept = recording->kept = malloc(bytes);
  if (kept == NULL) return gr_fail_memory(context, bytes);
  kept->count = count;
  unsigned char *to = (unsigned char *)&kept->sizes[count];
  for (size_t i = 0; i < count; i++) {
    size_t size = kept->sizes[i] = written_size(recording, i);
    memcpy(to, gr_tensor_data(written_tensor(recording, i)), size);
    to += size;
  }
  return GR_OK;
}

void gr_recording_put_back(gr_Recording *recording) {
  const Kept *kept = recording->kept;
  if (kept == NULL) return;
  const unsigned char *from = (const unsigned char *)&kept->sizes[kept->count];
  for (size_t i = 0; i < kept->count; i++) {
    memcpy(gr_tensor_data(written_tensor(recording, i)), from, kept->sizes[i]);
    from += kept->sizes[i];
  }
}

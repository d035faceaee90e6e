/* tape.c: see tape.h. */
#include "tape.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "profile.h"
#include "recording.h"
#include "sums.h"

/* Running one operation */

/* Describe, allocate and compute the output of `node`. */
static gr_Status run_node(gr_Context *context, gr_Node *node) {
  gr_Status status = node->operation->shape(context, node);
  if (status == GR_OK && node->output->storage == NULL)
    status = gr_tensor_allocate(context, node->output);
  if (status == GR_OK && node->operation->forward != NULL)
    status = gr_node_forward(context, node);
  if (status == GR_OK && gr_must_stop(context)) status = gr_stop(context);
  return status;
}

static size_t node_size(const gr_Node *node) {
  return sizeof *node + (node->attributes == NULL ? 0 : sizeof *node->attributes);
}

/* Give the output a node of its own, a copy of the one on the stack. */
static gr_Status keep_node(gr_Context *context, const gr_Node *node) {
  size_t size = node_size(node);
  gr_Node *kept = malloc(size);
  if (kept == NULL) return gr_fail_memory(context, size);
  *kept = *node;
  if (node->attributes != NULL) {
    gr_Attributes *attributes = (gr_Attributes *)(kept + 1);
    *attributes = *node->attributes;
    kept->attributes = attributes;
  }
  gr_count_bytes(context, size);
  kept->output_version = kept->output->storage->version;
  for (int i = 0; i < kept->operation->arity; i++) {
    gr_tensor_retain(kept->inputs[i]);
    kept->versions[i] = kept->inputs[i]->storage->version;
  }
  kept->output->node = kept;
  return GR_OK;
}

void gr_node_free(gr_Node *node) {
  node->output->context->bytes_taken -= node_size(node);
  free(node);
}

/* Inputs of one type: run the operation. */
static gr_Status apply_typed(gr_Context *context, const gr_Operation *operation,
                             gr_Tensor *const *inputs, const gr_Attributes *attributes,
                             gr_Tensor **result) {
  gr_Node node;
  gr_Tensor *output = gr_tensor_blank(context);
  bool gradient = false;
  *result = NULL;
  if (output == NULL) return gr_fail_memory(context, sizeof *output);
  node.operation = operation;
  node.output = output;
  node.attributes = attributes;
  for (int i = 0; i < operation->arity; i++) {
    node.inputs[i] = inputs[i];
    gradient |= inputs[i]->requires_grad;
  }
  gradient &= context->grad_enabled && operation->backward != NULL;
  gr_Status status = run_node(context, &node);
  if (status == GR_OK && (gradient || context->recording != NULL)) {
    node.sequence = context->next_sequence++;
    node.is_recorded = context->recording != NULL;
    output->requires_grad = gradient;
    status = keep_node(context, &node);
    if (status == GR_OK && context->recording != NULL)
      status = gr_recording_note(context, output);
  }
  if (status == GR_OK) *result = output;
  else gr_tensor_release(output);
  return status;
}

gr_Status gr_apply_cast(gr_Context *context, gr_Tensor *tensor, gr_DType dtype,
                        gr_Tensor **result) {
  gr_Attributes attributes;
  attributes.dtype = dtype;
  return gr_apply(context, &gr_shape_operations[GR_CAST], &tensor, &attributes, result);
}

/* float64 as soon as one is; of tensors with axes, where there are any. */
static gr_DType common_type(gr_Tensor *const *inputs, int count) {
  gr_DType dtype = GR_FLOAT32, of_numbers = GR_FLOAT32;
  bool has_axes = false;
  for (int i = 0; i < count; i++) {
    if (inputs[i]->rank > 0) has_axes = true;
    if (inputs[i]->dtype == GR_FLOAT64) *(inputs[i]->rank > 0 ? &dtype : &of_numbers) = GR_FLOAT64;
  }
  return has_axes ? dtype : of_numbers;
}

static bool are_of_one_type(gr_Tensor *const *inputs, int count) {
  for (int i = 1; i < count; i++)
    if (inputs[i]->dtype != inputs[0]->dtype) return false;
  return true;
}

/* Cast the inputs to `dtype`, and run the operation. */
static gr_Status apply_cast(gr_Context *context, const gr_Operation *operation,
                            gr_Tensor *const *inputs, gr_DType dtype,
                            const gr_Attributes *attributes, gr_Tensor **result) {
  gr_Tensor *typed[GR_MAX_INPUTS];
  gr_Status status = GR_OK;
  int ready = 0;
  *result = NULL;
  while (ready < operation->arity && status == GR_OK) {
    if (inputs[ready]->dtype == dtype) typed[ready] = gr_tensor_retain(inputs[ready]);
    else status = gr_apply_cast(context, inputs[ready], dtype, &typed[ready]);
    if (status == GR_OK) ready++;
  }
  if (status == GR_OK) status = gr_apply(context, operation, typed, attributes, result);
  while (ready > 0) gr_tensor_release(typed[--ready]);
  return status;
}

gr_Status gr_apply(gr_Context *context, const gr_Operation *operation, gr_Tensor *const *inputs,
                   const gr_Attributes *attributes, gr_Tensor **result) {
  int typed_by = operation->typed_by;
  if (typed_by == GR_OWN_TYPES || are_of_one_type(inputs, operation->arity))
    return apply_typed(context, operation, inputs, attributes, result);
  gr_DType dtype = typed_by == GR_COMMON_TYPE ? common_type(inputs, operation->arity)
                                              : inputs[typed_by]->dtype;
  return apply_cast(context, operation, inputs, dtype, attributes, result);
}

/* The way back */

typedef struct BackwardStep {
  gr_Node *node;
  gr_Tensor *output;               /* owns the node */
  gr_Tensor *dy;                   /* the output's gradient, complete when the step runs */
  gr_Tensor *dx[GR_MAX_INPUTS];    /* where backward writes, NULL where not wanted */
  gr_Tensor *sum[GR_MAX_INPUTS];   /* what dx is added to, where the input was used before */
} BackwardStep;

typedef struct Leaf {
  gr_Tensor *tensor;
  gr_Tensor *gradient;
} Leaf;

struct gr_BackwardPlan {
  gr_Tensor *loss;
  gr_Tensor *seed;       /* d loss / d loss: one */
  BackwardStep *steps;
  size_t steps_count;
  Leaf *leaves;
  size_t leaves_count, leaves_room;
};

/* The gradients under way, found by their tensor's address in a small open hash. */
typedef struct Slot {
  const gr_Tensor *tensor;
  gr_Tensor *gradient;
} Slot;

typedef struct Slots {
  Slot *entries;
  size_t room, used;  /* room is a power of two, at most half of it used */
} Slots;

static size_t slot_index(const Slots *slots, const gr_Tensor *tensor) {
  size_t i = ((uintptr_t)tensor >> 4) * 0x9E3779B97F4A7C15u;
  i = (i ^ i >> 29) & (slots->room - 1);
  while (slots->entries[i].tensor != NULL && slots->entries[i].tensor != tensor)
    i = (i + 1) & (slots->room - 1);
  return i;
}

static bool slots_grow(Slots *slots) {
  Slots larger = {NULL, slots->room == 0 ? 64 : slots->room * 2, slots->used};
  larger.entries = calloc(larger.room, sizeof *larger.entries);
  if (larger.entries == NULL) return false;
  for (size_t i = 0; i < slots->room; i++)
    if (slots->entries[i].tensor != NULL)
      larger.entries[slot_index(&larger, slots->entries[i].tensor)] = slots->entries[i];
  free(slots->entries);
  *slots = larger;
  return true;
}

/* The entry of a tensor, made empty if there is none; NULL: no memory. */
static Slot *slot_of(Slots *slots, const gr_Tensor *tensor) {
  if (slots->used * 2 >= slots->room && !slots_grow(slots)) return NULL;
  Slot *slot = &slots->entries[slot_index(slots, tensor)];
  if (slot->tensor == NULL) {
    slot->tensor = tensor;
    slots->used++;
  }
  return slot;
}

static int newest_first(const void *a, const void *b) {
  uint64_t left = (*(gr_Node *const *)a)->sequence, right = (*(gr_Node *const *)b)->sequence;
  return left < right ? 1 : left > right ? -1 : 0;
}

/* All nodes behind `loss` that carry a gradient, newest first; NULL: no memory. */
static gr_Node **collect_nodes(gr_Tensor *loss, size_t *count) {
  Slots seen = {NULL, 0, 0};
  size_t room = 64, used = 0;
  gr_Node **nodes = malloc(room * sizeof *nodes);
  if (nodes == NULL || slot_of(&seen, loss) == NULL) goto no_memory;
  nodes[used++] = loss->node;
  for (size_t next = 0; next < used; next++) {
    gr_Node *node = nodes[next];
    for (int i = 0; i < node->operation->arity; i++) {
      gr_Tensor *input = node->inputs[i];
      size_t before = seen.used;
      if (!input->requires_grad || input->node == NULL) continue;
      if (slot_of(&seen, input) == NULL) goto no_memory;
      if (seen.used == before) continue;
      if (used == room) {
        gr_Node **more = realloc(nodes, (room *= 2) * sizeof *nodes);
        if (more == NULL) goto no_memory;
        nodes = more;
      }
      nodes[used++] = input->node;
    }
  }
  free(seen.entries);
  qsort(nodes, used, sizeof *nodes, newest_first);
  *count = used;
  return nodes;
no_memory:
  free(seen.entries);
  free(nodes);
  return NULL;
}

static void note_leaf(gr_Tensor *leaf, gr_Tensor *const *tensors, size_t count, bool *leads,
                      gr_Tensor **other) {
  size_t i = 0;
  while (i < count && tensors[i] != leaf) i++;
  if (i < count) leads[i] = true;
  else *other = leaf;
}

gr_Status gr_find_leaves(gr_Context *context, gr_Tensor *loss, gr_Tensor *const *tensors,
                         size_t count, bool *leads, gr_Tensor **other) {
  size_t nodes_count = 0;
  memset(leads, 0, count * sizeof *leads);
  *other = NULL;
  if (!loss->requires_grad) return GR_OK;
  if (loss->node == NULL) note_leaf(loss, tensors, count, leads, other);
  gr_Node **nodes = loss->node == NULL ? NULL : collect_nodes(loss, &nodes_count);
  if (loss->node != NULL && nodes == NULL) return gr_fail_memory(context, 64 * sizeof *nodes);
  for (size_t n = 0; n < nodes_count; n++)
    for (int i = 0; i < nodes[n]->operation->arity; i++) {
      gr_Tensor *input = nodes[n]->inputs[i];
      if (input->requires_grad && input->node == NULL)
        note_leaf(input, tensors, count, leads, other);
    }
  free(nodes);
  return GR_OK;
}

static gr_Status gradient_like(gr_Context *context, const gr_Tensor *tensor, gr_Tensor **result) {
  return gr_tensor_new(context, tensor->dtype, tensor->rank, tensor->shape, result);
}

static gr_Status add_leaf(gr_Context *context, gr_BackwardPlan *plan, gr_Tensor *tensor,
                          gr_Tensor *gradient) {
  if (plan->leaves_count == plan->leaves_room) {
    size_t room = plan->leaves_room == 0 ? 8 : plan->leaves_room * 2;
    Leaf *leaves = realloc(plan->leaves, room * sizeof *leaves);
    if (leaves == NULL) return gr_fail_memory(context, room * sizeof *leaves);
    plan->leaves = leaves;
    plan->leaves_room = room;
  }
  gradient->is_rewritten = context->recording != NULL;
  plan->leaves[plan->leaves_count].tensor = gr_tensor_retain(tensor);
  plan->leaves[plan->leaves_count++].gradient = gr_tensor_retain(gradient);
  return GR_OK;
}

/* Input i of the step's node wants a gradient: the first use writes it, a later one is added. */
static gr_Status plan_input(gr_Context *context, gr_BackwardPlan *plan, Slots *slots,
                            BackwardStep *step, int i) {
  gr_Tensor *input = step->node->inputs[i];
  Slot *slot = slot_of(slots, input);
  if (slot == NULL) return gr_fail_memory(context, sizeof *slot);
  gr_Status status = gradient_like(context, input, &step->dx[i]);
  if (status != GR_OK) return status;
  if (slot->gradient != NULL) {
    step->sum[i] = gr_tensor_retain(slot->gradient);
    return GR_OK;
  }
  slot->gradient = step->dx[i];
  return input->node == NULL ? add_leaf(context, plan, input, slot->gradient) : GR_OK;
}

static gr_Status plan_steps(gr_Context *context, gr_BackwardPlan *plan, gr_Node **nodes,
                            Slots *slots) {
  Slot *first = slot_of(slots, plan->loss);
  if (first == NULL) return gr_fail_memory(context, sizeof *first);
  first->gradient = plan->seed;
  for (size_t n = 0; n < plan->steps_count; n++) {
    BackwardStep *step = &plan->steps[n];
    step->node = nodes[n];
    step->output = gr_tensor_retain(nodes[n]->output);
    Slot *own = slot_of(slots, nodes[n]->output);
    if (own == NULL) return gr_fail_memory(context, sizeof *own);
    step->dy = gr_tensor_retain(own->gradient);
    for (int i = 0; i < nodes[n]->operation->arity; i++) {
      if (!nodes[n]->inputs[i]->requires_grad) continue;
      gr_Status status = plan_input(context, plan, slots, step, i);
      if (status != GR_OK) return status;
    }
  }
  return GR_OK;
}

static gr_Status check_loss(gr_Context *context, const gr_Tensor *loss) {
  char text[GR_SHAPE_TEXT];
  if (gr_tensor_size(loss) != 1)
    return gr_fail(context, "a loss must have one element, got a tensor of shape %s",
                   gr_tensor_shape_text(text, loss));
  if (loss->graph_freed)
    return gr_fail(context, "an earlier backward has freed this graph: compute the loss again");
  if (!loss->requires_grad)
    return gr_fail(context, "no tensor that requires a gradient leads to this loss");
  return GR_OK;
}

static gr_Status check_node_versions(gr_Context *context, const gr_Node *node) {
  for (int i = 0; i < node->operation->arity; i++) {
    const gr_Tensor *input = node->inputs[i];
    if (input->graph_freed)
      return gr_fail(context, "an earlier backward has freed a part of this graph");
    if (input->storage->version != node->versions[i])
      return gr_fail(context, "a tensor that %s needs was written to after it was used",
                     node->operation->name);
  }
  if (node->output->storage->version != node->output_version)
    return gr_fail(context, "the result of %s was written to, and its gradient needs it",
                   node->operation->name);
  return GR_OK;
}

static gr_Status check_versions(gr_Context *context, gr_Node *const *nodes, size_t count) {
  gr_Status status = GR_OK;
  for (size_t n = 0; n < count && status == GR_OK; n++)
    status = check_node_versions(context, nodes[n]);
  return status;
}

gr_Status gr_backward_plan(gr_Context *context, gr_Tensor *loss, gr_BackwardPlan **result) {
  gr_Status status = check_loss(context, loss);
  *result = NULL;
  if (status != GR_OK) return status;
  gr_BackwardPlan *plan = calloc(1, sizeof *plan);
  if (plan == NULL) return gr_fail_memory(context, sizeof *plan);
  plan->loss = gr_tensor_retain(loss);
  Slots slots = {NULL, 0, 0};
  gr_Node **nodes = NULL;
  status = gradient_like(context, loss, &plan->seed);
  if (status == GR_OK) gr_tensor_fill(plan->seed, 1);
  if (status == GR_OK && loss->node == NULL) {  /* the loss is itself a leaf */
    status = add_leaf(context, plan, loss, plan->seed);
  } else if (status == GR_OK) {
    size_t count = 0;
    nodes = collect_nodes(loss, &count);
    if (nodes == NULL) status = gr_fail_memory(context, 64 * sizeof *nodes);
    if (status == GR_OK) status = check_versions(context, nodes, count);
    if (status == GR_OK) {
      plan->steps = calloc(count, sizeof *plan->steps);
      if (plan->steps == NULL) status = gr_fail_memory(context, count * sizeof *plan->steps);
      else plan->steps_count = count;
    }
    if (status == GR_OK) status = plan_steps(context, plan, nodes, &slots);
  }
  free(slots.entries);
  free(nodes);
  if (status == GR_OK) *result = plan;
  else gr_backward_plan_free(plan);
  return status;
}

static gr_Status run_step(gr_Context *context, const BackwardStep *step) {
  gr_Status status = gr_node_backward(context, step->node, step->dy, step->dx);
  if (status != GR_OK) return status;
  if (gr_must_stop(context)) return gr_stop(context);
  for (int i = 0; i < step->node->operation->arity; i++)
    if (step->sum[i] != NULL)
      gr_accumulate_all(context, step->sum[i]->dtype, gr_tensor_data(step->sum[i]),
                        gr_tensor_data(step->dx[i]), gr_tensor_size(step->sum[i]));
  return GR_OK;
}

gr_Status gr_backward_run(gr_Context *context, gr_BackwardPlan *plan) {
  gr_Status status = GR_OK;
  for (size_t n = 0; n < plan->steps_count && status == GR_OK; n++)
    status = run_step(context, &plan->steps[n]);
  if (status == GR_OK) gr_backward_hand_out(plan);
  return status;
}

static gr_Status call_step(gr_Context *context, const gr_Call *call) {
  return run_step(context, call->as.whole);
}

gr_Status gr_backward_lay_out(gr_Context *context, gr_BackwardPlan *plan, gr_Calls *calls) {
  for (size_t n = 0; n < plan->steps_count; n++) {
    BackwardStep *step = &plan->steps[n];
    gr_Call whole = {call_step, {.whole = step}};
    bool adds_up = false;
    for (int i = 0; i < step->node->operation->arity; i++) adds_up |= step->sum[i] != NULL;
    if (adds_up && !gr_calls_add(calls, whole)) return gr_fail_memory(context, sizeof whole);
    if (adds_up) continue;
    gr_Status status = gr_calls_lay_out(context, calls, step->node, step->dy, step->dx, whole);
    if (status != GR_OK) return status;
  }
  return GR_OK;
}

void gr_backward_hand_out(gr_BackwardPlan *plan) {
  for (size_t i = 0; i < plan->leaves_count; i++) {
    Leaf *leaf = &plan->leaves[i];
    leaf->tensor->grad_is_new = true;
    if (leaf->tensor->grad == leaf->gradient) continue;
    gr_tensor_release(leaf->tensor->grad);
    leaf->tensor->grad = gr_tensor_retain(leaf->gradient);
  }
}

/* How many of the step's inputs may have elements of the leaf. */
static int count_reads(const BackwardStep *step, const gr_Tensor *leaf) {
  int reads = 0;
  for (int i = 0; i < step->node->operation->arity; i++)
    reads += gr_tensors_meet(step->node->inputs[i], leaf);
  return reads;
}

gr_Tensor *gr_backward_sole_gradient(const gr_BackwardPlan *plan, const gr_Tensor *leaf) {
  gr_Tensor *gradient = NULL;
  int reads = 0;
  for (size_t n = 0; n < plan->steps_count; n++)
    reads += count_reads(&plan->steps[n], leaf);
  for (size_t i = 0; i < plan->leaves_count; i++)
    if (plan->leaves[i].tensor == leaf) gradient = plan->leaves[i].gradient;
  return reads == 1 ? gradient : NULL;
}

void gr_backward_plan_free(gr_BackwardPlan *plan) {
  if (plan == NULL) return;
  for (size_t n = 0; n < plan->steps_count; n++) {
    gr_tensor_release(plan->steps[n].output);
    gr_tensor_release(plan->steps[n].dy);
    for (int i = 0; i < GR_MAX_INPUTS; i++) {
      gr_tensor_release(plan->steps[n].dx[i]);
      gr_tensor_release(plan->steps[n].sum[i]);
    }
  }
  for (size_t i = 0; i < plan->leaves_count; i++) {
    gr_tensor_release(plan->leaves[i].tensor);
    gr_tensor_release(plan->leaves[i].gradient);
  }
  free(plan->steps);
  free(plan->leaves);
  gr_tensor_release(plan->seed);
  gr_tensor_release(plan->loss);
  free(plan);
}

void gr_tensor_detach(gr_Tensor *tensor) {
  gr_Node *node = tensor->node;
  tensor->node = NULL;
  if (node == NULL) return;
  for (int i = 0; i < node->operation->arity; i++) gr_tensor_release(node->inputs[i]);
  gr_node_free(node);
}

/* The plan still holds every tensor of the graph, so that none dies while it is taken apart. */
static void free_graph(gr_BackwardPlan *plan) {
  for (size_t n = 0; n < plan->steps_count; n++) {
    if (plan->steps[n].node->is_recorded) continue;
    plan->steps[n].output->graph_freed = true;
    gr_tensor_detach(plan->steps[n].output);
  }
}

gr_Status gr_backward(gr_Context *context, gr_Tensor *loss) {
  gr_BackwardPlan *plan;
  if (context->recording != NULL) return gr_recording_backward(context, loss);
  gr_Status status = gr_backward_plan(context, loss, &plan);
  if (status == GR_OK) status = gr_backward_run(context, plan);
  if (status == GR_OK) free_graph(plan);
  gr_backward_plan_free(plan);
  return status;
}

/* optimizer.c: see optimizer.h. */
#include "optimizer.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "norm.h"
#include "passes.h"
#include "profile.h"

void gr_optimizer_init(gr_Optimizer *optimizer) {
  memset(optimizer, 0, sizeof *optimizer);
  optimizer->learning_rate = 0.01;
  optimizer->scale = 1;
}

static void release_all(gr_Tensor **tensors, size_t count) {
  for (size_t i = 0; tensors != NULL && i < count; i++) gr_tensor_release(tensors[i]);
  free(tensors);
}

/* Let go of what the optimizer is bound to. */
static void release_binding(gr_Optimizer *optimizer) {
  release_all(optimizer->parameters, optimizer->count);
  release_all(optimizer->velocities, optimizer->count);
  release_all(optimizer->gradients, optimizer->count);
  for (size_t i = 0; optimizer->passes != NULL && i < optimizer->count; i++)
    gr_pass_free(&optimizer->passes[i]);
  free(optimizer->parts);
  free(optimizer->passes);
  free(optimizer->norms);
  free(optimizer->scales);
}

static void release_known(gr_Velocity *known) {
  gr_tensor_release(known->parameter);
  gr_tensor_release(known->velocity);
}

void gr_optimizer_free(gr_Optimizer *optimizer) {
  release_binding(optimizer);
  for (size_t i = 0; i < optimizer->known_count; i++) release_known(&optimizer->known[i]);
  free(optimizer->known);
  gr_optimizer_init(optimizer);
}

/* The velocity of a parameter, or NULL. The search begins at *place, and leaves there where the
** next parameter of a binding that was there before is found. */
static gr_Tensor *known_velocity(const gr_Optimizer *optimizer, const gr_Tensor *parameter,
                                 size_t *place) {
  for (size_t i = 0; i < optimizer->known_count; i++) {
    size_t at = (*place + i) % optimizer->known_count;
    if (optimizer->known[at].parameter != parameter) continue;
    *place = at + 1;
    return optimizer->known[at].velocity;
  }
  return NULL;
}

/* A velocity of zeros for a parameter that is new. */
static gr_Status new_velocity(gr_Context *context, gr_Optimizer *optimizer, gr_Tensor *parameter,
                              gr_Tensor **velocity) {
  if (optimizer->known_count == optimizer->known_room) {
    size_t room = optimizer->known_room == 0 ? 8 : optimizer->known_room * 2;
    gr_Velocity *known = realloc(optimizer->known, room * sizeof *known);
    if (known == NULL) return gr_fail_memory(context, room * sizeof *known);
    optimizer->known = known;
    optimizer->known_room = room;
  }
  gr_Status status = gr_tensor_new(context, parameter->dtype, parameter->rank, parameter->shape,
                                   velocity);
  if (status != GR_OK) return status;
  gr_tensor_fill(*velocity, 0);
  if (gr_must_stop(context)) {
    gr_tensor_release(*velocity);
    return gr_stop(context);
  }
  optimizer->known[optimizer->known_count++] =
      (gr_Velocity){gr_tensor_retain(parameter), *velocity};
  return GR_OK;
}

/* Forget the parameters that nobody but `known` holds: their model is gone. */
static void forget_lost(gr_Optimizer *optimizer) {
  size_t kept = 0;
  for (size_t i = 0; i < optimizer->known_count; i++) {
    if (optimizer->known[i].parameter->references == 1) release_known(&optimizer->known[i]);
    else optimizer->known[kept++] = optimizer->known[i];
  }
  optimizer->known_count = kept;
}

static bool is_bound_to(const gr_Optimizer *optimizer, gr_Tensor **parameters, size_t count) {
  return optimizer->count == count &&
         memcmp(optimizer->parameters, parameters, count * sizeof *parameters) == 0;
}

/* Allocate the arrays of `bound` for `count` parameters. */
static gr_Status allocate_binding(gr_Context *context, gr_Optimizer *bound, size_t count) {
  bound->count = count;
  bound->parameters = calloc(count, sizeof *bound->parameters);
  bound->velocities = calloc(count, sizeof *bound->velocities);
  bound->gradients = calloc(count, sizeof *bound->gradients);
  bound->parts = calloc(count, sizeof *bound->parts);
  bound->passes = calloc(count, sizeof *bound->passes);
  bound->norms = calloc(count, sizeof *bound->norms);
  bound->scales = calloc(count, sizeof *bound->scales);
  if (bound->parameters == NULL || bound->velocities == NULL || bound->gradients == NULL ||
      bound->parts == NULL || bound->passes == NULL || bound->norms == NULL ||
      bound->scales == NULL)
    return gr_fail_memory(context, count * (5 * sizeof(double) + sizeof *bound->parts +
                                            sizeof *bound->passes));
  return GR_OK;
}

static void take_binding(gr_Optimizer *optimizer, const gr_Optimizer *bound) {
  optimizer->count = bound->count;
  optimizer->parameters = bound->parameters;
  optimizer->velocities = bound->velocities;
  optimizer->gradients = bound->gradients;
  optimizer->parts = bound->parts;
  optimizer->passes = bound->passes;
  optimizer->rearranged = bound->rearranged;
  optimizer->norms = bound->norms;
  optimizer->scales = bound->scales;
}

/* Find out where the elements are; they stay there until something is rearranged. */
static void find_parts(const gr_Context *context, gr_Optimizer *optimizer) {
  for (size_t i = 0; i < optimizer->count; i++) {
    gr_SgdPart *part = &optimizer->parts[i];
    part->w = gr_tensor_data(optimizer->parameters[i]);
    part->v = gr_tensor_data(optimizer->velocities[i]);
    part->g = gr_tensor_data_or_null(optimizer->gradients[i]);
  }
  optimizer->rearranged = context->rearranged;
}

/* An update is a pass over memory without gaps, in one type. */
static gr_Status check_parameters(gr_Context *context, gr_Tensor **parameters, size_t count) {
  char text[GR_SHAPE_TEXT];
  if (count == 0) return gr_fail(context, "expected at least one trainable parameter, got none");
  for (size_t i = 0; i < count; i++) {
    if (parameters[i]->dtype != parameters[0]->dtype)
      return gr_fail(context, "expected parameters of one type, got float32 and float64");
    if (!gr_tensor_is_contiguous(parameters[i]))
      return gr_fail(context, "a parameter must have its elements side by side, got a view of "
                     "shape %s: x:clone() has none but its own",
                     gr_tensor_shape_text(text, parameters[i]));
  }
  return GR_OK;
}

gr_Status gr_optimizer_bind(gr_Context *context, gr_Optimizer *optimizer, gr_Tensor **parameters,
                            size_t count) {
  gr_Status checked = check_parameters(context, parameters, count);
  if (checked != GR_OK || is_bound_to(optimizer, parameters, count)) return checked;
  gr_Optimizer bound = {0};
  size_t place = 0;
  gr_Status status = allocate_binding(context, &bound, count);
  for (size_t i = 0; i < count && status == GR_OK; i++) {
    gr_Tensor *velocity = known_velocity(optimizer, parameters[i], &place);
    if (velocity == NULL) status = new_velocity(context, optimizer, parameters[i], &velocity);
    if (status != GR_OK) break;
    bound.parameters[i] = gr_tensor_retain(parameters[i]);
    bound.velocities[i] = gr_tensor_retain(velocity);
    size_t n = bound.parts[i].n = gr_tensor_size(velocity);
    if (gr_is_large(n))
      status = gr_pass_init(context, &bound.passes[i], velocity->dtype, n);
  }
  if (status == GR_OK) status = gr_tensors_lay_side_by_side(context, bound.velocities, count);
  if (status != GR_OK) {
    release_binding(&bound);
    return status;
  }
  find_parts(context, &bound);
  release_binding(optimizer);
  take_binding(optimizer, &bound);
  forget_lost(optimizer);
  return GR_OK;
}

/* Clipping */

/* Pascanu et al. 2013, algorithm 1; a NaN norm gives a NaN scale, so that training shows it. */
static double scale_for(double norm, double threshold) {
  if (norm != norm) return norm;
  return norm > threshold ? threshold / norm : 1;
}

/* Take the new gradients; false when there is none. */
static bool take_gradients(gr_Optimizer *optimizer) {
  bool any = false;
  for (size_t i = 0; i < optimizer->count; i++) {
    gr_Tensor *parameter = optimizer->parameters[i];
    gr_Tensor *gradient = parameter->grad_is_new ? parameter->grad : NULL;
    parameter->grad_is_new = false;
    if (gradient != NULL) any = true;
    if (optimizer->gradients[i] == gradient) continue;
    gr_tensor_release(optimizer->gradients[i]);
    optimizer->gradients[i] = gradient == NULL ? NULL : gr_tensor_retain(gradient);
    optimizer->parts[i].g = gr_tensor_data_or_null(gradient);
  }
  return any;
}

static bool is_small(const gr_SgdPart *part) { return part->g != NULL && !gr_is_large(part->n); }

static bool scales_by_norm(const gr_Optimizer *optimizer) {
  return optimizer->clipnorm != 0 || optimizer->global_clipnorm != 0;
}

static const gr_KernelSet *kernels_of(const gr_Context *context, const gr_Optimizer *optimizer) {
  return gr_kernels_for(context, optimizer->parameters[0]);
}

static void take_outcome(gr_Optimizer *optimizer, gr_SgdOutcome outcome) {
  optimizer->cut += outcome.cut;
  optimizer->finite = optimizer->finite && outcome.finite;
}

static gr_SgdStep sgd_step(const gr_Optimizer *optimizer) {
  return (gr_SgdStep){optimizer->learning_rate, optimizer->momentum, optimizer->clip_low,
                      optimizer->clip_high, optimizer->weight_decay, optimizer->nesterov,
                      optimizer->clips_values};
}

/* How the update goes over parameter i, which is large: where no scale depends on the norms, they
** are measured on the way. */
static gr_Pass *update_pass(const gr_Optimizer *optimizer, size_t i) {
  gr_Pass *pass = &optimizer->passes[i];
  pass->part = optimizer->parts[i];
  pass->scale = optimizer->scales[i];
  pass->step = sgd_step(optimizer);
  pass->measures = !scales_by_norm(optimizer);
  pass->updates = true;
  return pass;
}

static void update_large(gr_Context *context, gr_Optimizer *optimizer, size_t i) {
  gr_Pass *pass = update_pass(optimizer, i);
  gr_pass_run(context, pass);
  if (pass->measures) optimizer->norms[i] = gr_pass_norm(pass);
  take_outcome(optimizer, gr_pass_outcome(pass));
}

static double norm_of_squares(const gr_Optimizer *optimizer, size_t i, double squares) {
  const gr_SgdPart *part = &optimizer->parts[i];
  return gr_norm_of_squares(NULL, optimizer->parameters[i]->dtype, part->g, part->n, squares);
}

static double measured_norm(gr_Context *context, gr_Optimizer *optimizer, size_t i) {
  const gr_SgdPart *part = &optimizer->parts[i];
  if (!gr_is_large(part->n))
    return norm_of_squares(optimizer, i,
                           kernels_of(context, optimizer)->sum_of_squares(part->g, part->n));
  gr_Pass *pass = &optimizer->passes[i];
  pass->part = *part;
  pass->measures = true;
  pass->updates = false;
  gr_pass_run(context, pass);
  return gr_pass_norm(pass);
}

/* The norms, where they decide on a scale; or else the update measures them on the way. */
static void measure_gradients(gr_Context *context, gr_Optimizer *optimizer) {
  bool before = scales_by_norm(optimizer);
  for (size_t i = 0; i < optimizer->count; i++)
    if (optimizer->parts[i].g == NULL) optimizer->norms[i] = 0;
    else if (before) optimizer->norms[i] = measured_norm(context, optimizer, i);
  if (before) optimizer->norm = gr_norm_of_norms(optimizer->norms, optimizer->count);
}

static void choose_scales(gr_Optimizer *optimizer) {
  double common = optimizer->global_clipnorm == 0
                      ? 1 : scale_for(optimizer->norm, optimizer->global_clipnorm);
  double least = common;
  for (size_t i = 0; i < optimizer->count; i++) {
    double scale = optimizer->clipnorm == 0 ? common
                                            : scale_for(optimizer->norms[i], optimizer->clipnorm);
    optimizer->scales[i] = scale;
    if (scale < least || scale != scale) least = scale;
  }
  optimizer->scale = least;
}

/* Updates */

/* Update small parameters from i on, as many as there are before another one; the end. */
static size_t update_small(gr_Context *context, gr_Optimizer *optimizer, size_t i,
                           const gr_SgdStep *step) {
  double *squares = scales_by_norm(optimizer) ? NULL : &optimizer->norms[i];
  size_t end = i;
  while (end < optimizer->count && is_small(&optimizer->parts[end])) end++;
  if (end == i) return i;
  take_outcome(optimizer, kernels_of(context, optimizer)->sgd(
      &optimizer->parts[i], &optimizer->scales[i], squares, end - i, step));
  for (; squares != NULL && i < end; i++)
    optimizer->norms[i] = norm_of_squares(optimizer, i, optimizer->norms[i]);
  return end;
}

/* Count the values that were updated, and say that they were written to. */
static void note_updates(gr_Optimizer *optimizer) {
  optimizer->values = 0;
  for (size_t i = 0; i < optimizer->count; i++) {
    if (optimizer->gradients[i] == NULL) continue;
    optimizer->parameters[i]->storage->version++;
    optimizer->values += optimizer->parts[i].n;
  }
}

static void update_parameters(gr_Context *context, gr_Optimizer *optimizer) {
  gr_SgdStep step = sgd_step(optimizer);
  optimizer->cut = 0;
  optimizer->finite = true;
  for (size_t i = 0; i < optimizer->count; i++) {
    i = update_small(context, optimizer, i, &step);
    if (i < optimizer->count && optimizer->parts[i].g != NULL)
      update_large(context, optimizer, i);
  }
  note_updates(optimizer);
  if (!scales_by_norm(optimizer))
    optimizer->norm = gr_norm_of_norms(optimizer->norms, optimizer->count);
}

/* Updates while backward runs */

/* Whether what is done with a gradient depends on it alone. A float64 one may have to be read once
** more, to measure it without overflow. A profile wants to know what takes how long. */
static bool may_take(const gr_Context *context, const gr_Optimizer *optimizer) {
  return optimizer->count > 0 && !scales_by_norm(optimizer) &&
         optimizer->parameters[0]->dtype == GR_FLOAT32 && context->profile == NULL;
}

static void *find_awaited(void *data, const gr_Tensor *gradient) {
  const gr_Optimizer *optimizer = data;
  for (size_t i = 0; i < optimizer->count; i++)
    if (optimizer->passes[i].awaited == gradient) return &optimizer->passes[i];
  return NULL;
}

bool gr_optimizer_await(gr_Context *context, gr_Optimizer *optimizer,
                        const gr_BackwardPlan *plan, gr_Taker *taker) {
  bool may = may_take(context, optimizer), awaits = false;
  if (optimizer->rearranged != context->rearranged) find_parts(context, optimizer);
  for (size_t i = 0; i < optimizer->count; i++) {
    gr_Pass *pass = &optimizer->passes[i];
    pass->awaited = NULL;
    if (may && gr_is_large(optimizer->parts[i].n))
      pass->awaited = gr_backward_sole_gradient(plan, optimizer->parameters[i]);
    if (pass->awaited == NULL) continue;
    optimizer->scales[i] = 1;
    update_pass(optimizer, i)->part.g = gr_tensor_data(pass->awaited);
    awaits = true;
  }
  *taker = (gr_Taker){find_awaited, gr_pass_take, optimizer, false};
  return awaits;
}

bool gr_optimizer_has_taken(const gr_Optimizer *optimizer) {
  for (size_t i = 0; i < optimizer->count; i++)
    if (gr_pass_has_begun(&optimizer->passes[i])) return true;
  return false;
}

void gr_optimizer_drop_taken(gr_Optimizer *optimizer) {
  for (size_t i = 0; i < optimizer->count; i++) gr_pass_reset(&optimizer->passes[i]);
}

gr_Status gr_optimizer_step(gr_Context *context, gr_Optimizer *optimizer) {
  double began = gr_profile_begin(context);
  bool was_unbroken = context->unbroken;
  if (!take_gradients(optimizer))
    return gr_fail(context, "no parameter has a new gradient: call loss:backward() first");
  if (optimizer->rearranged != context->rearranged) find_parts(context, optimizer);
  context->unbroken = true;  /* all weights are updated, or none */
  measure_gradients(context, optimizer);
  choose_scales(optimizer);
  update_parameters(context, optimizer);
  context->unbroken = was_unbroken;
  optimizer->iterations++;
  gr_profile_add(context, "optimizer step", false, began);
  return GR_OK;
}

double gr_optimizer_cut_share(const gr_Optimizer *optimizer) {
  return optimizer->values == 0 ? 0 : (double)optimizer->cut / (double)optimizer->values;
}

gr_Status gr_optimizer_clipped_norm(gr_Context *context, const gr_Optimizer *optimizer, size_t i,
                                    double *norm) {
  const gr_Tensor *gradient = optimizer->gradients[i];
  *norm = 0;
  if (gradient == NULL) return GR_OK;
  const gr_KernelSet *kernels = gr_kernels_for(context, gradient);
  size_t n = gr_tensor_size(gradient), bytes = n * gr_dtype_size(gradient->dtype);
  void *clipped = gr_scratch(context, bytes);
  if (clipped == NULL) return gr_fail_memory(context, bytes);
  float single = (float)optimizer->scales[i];
  const void *scale = gradient->dtype == GR_FLOAT32 ? (const void *)&single
                                                    : &optimizer->scales[i];
  kernels->binary[GR_MULTIPLY](clipped, gr_tensor_data(gradient), 1, scale, 0, n);
  if (optimizer->clips_values)
    kernels->clip(clipped, clipped, optimizer->clip_low, optimizer->clip_high, n);
  *norm = gr_norm(context, gradient->dtype, clipped, n);
  return gr_must_stop(context) ? gr_stop(context) : GR_OK;
}

/* optimizer.c: see optimizer.h. */
#include "optimizer.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "norm.h"
#include "operation.h"
#include "profile.h"
#include "threads.h"

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
  free(optimizer->sizes);
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
  bound->sizes = calloc(count, sizeof *bound->sizes);
  bound->norms = calloc(count, sizeof *bound->norms);
  bound->scales = calloc(count, sizeof *bound->scales);
  if (bound->parameters == NULL || bound->velocities == NULL || bound->gradients == NULL ||
      bound->sizes == NULL || bound->norms == NULL || bound->scales == NULL)
    return gr_fail_memory(context, count * 6 * sizeof(double));
  return GR_OK;
}

static void take_binding(gr_Optimizer *optimizer, const gr_Optimizer *bound) {
  optimizer->count = bound->count;
  optimizer->parameters = bound->parameters;
  optimizer->velocities = bound->velocities;
  optimizer->gradients = bound->gradients;
  optimizer->sizes = bound->sizes;
  optimizer->largest = bound->largest;
  optimizer->norms = bound->norms;
  optimizer->scales = bound->scales;
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
    bound.sizes[i] = gr_tensor_size(velocity);
    if (bound.sizes[i] > bound.largest) bound.largest = bound.sizes[i];
  }
  if (status == GR_OK) status = gr_tensors_lay_side_by_side(context, bound.velocities, count);
  if (status != GR_OK) {
    release_binding(&bound);
    return status;
  }
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
  }
  return any;
}

/* A large parameter is gone over by itself, in chunks and on several threads: where no scale
** depends on the norms, they are measured on the way. */
static bool is_large(size_t size) { return size > GR_CHUNK; }

static bool scales_by_norm(const gr_Optimizer *optimizer) {
  return optimizer->clipnorm != 0 || optimizer->global_clipnorm != 0;
}

typedef struct Pass {
  const gr_KernelSet *kernels;
  size_t size;              /* bytes of an element */
  unsigned char *w, *v;
  const unsigned char *g;
  const gr_SgdStep *step;   /* NULL: nothing is updated */
  double *squares;          /* of each chunk, or NULL where they are not wanted */
  gr_SgdOutcome *outcomes;  /* of each chunk */
} Pass;

static void pass_chunks(void *data, size_t first, size_t count, size_t part) {
  const Pass *pass = data;
  (void)part;
  for (size_t i = first; i < first + count; i += GR_CHUNK) {
    size_t n = first + count - i < GR_CHUNK ? first + count - i : GR_CHUNK, place = i * pass->size;
    if (pass->squares != NULL)
      pass->squares[i / GR_CHUNK] = pass->kernels->sum_of_squares(pass->g + place, n);
    if (pass->step != NULL)
      pass->outcomes[i / GR_CHUNK] = pass->kernels->sgd(pass->w + place, pass->g + place,
                                                        pass->v + place, pass->step, n);
  }
}

static size_t count_chunks(size_t size) { return (size + GR_CHUNK - 1) / GR_CHUNK; }

/* The bytes for what a pass finds out of each chunk of the largest parameter. */
static size_t room_for_chunks(const gr_Optimizer *optimizer) {
  return count_chunks(optimizer->largest) * (sizeof(double) + sizeof(gr_SgdOutcome));
}

/* Go over parameter i: measure its gradient, or update by `step`, or both. */
static void go_over(gr_Context *context, gr_Optimizer *optimizer, size_t i, double *room,
                    const gr_SgdStep *step, bool measures) {
  enum { GRAIN = 4 * GR_CHUNK };
  const gr_Tensor *w = optimizer->parameters[i], *g = optimizer->gradients[i];
  size_t n = optimizer->sizes[i], chunks = count_chunks(n);
  double *squares = room;
  gr_SgdOutcome *outcomes = (gr_SgdOutcome *)(squares + chunks);
  Pass pass = {gr_kernels_for(context, w), gr_dtype_size(w->dtype), gr_tensor_data(w),
               gr_tensor_data(optimizer->velocities[i]), gr_tensor_data(g), step,
               measures ? squares : NULL, outcomes};
  gr_parallel(context, n, GR_CHUNK, GRAIN, pass_chunks, &pass);
  if (measures) optimizer->norms[i] = gr_norm_of_chunks(g->dtype, pass.g, n, squares);
  for (size_t c = 0; step != NULL && c < chunks; c++) {
    optimizer->cut += outcomes[c].cut;
    optimizer->finite = optimizer->finite && outcomes[c].finite;
  }
}

static double small_norm(const gr_Context *context, const gr_Tensor *x, size_t n) {
  const void *data = gr_tensor_data(x);
  double squares = gr_kernels_for(context, x)->sum_of_squares(data, n);
  return gr_norm_of_chunks(x->dtype, data, n, &squares);
}

/* The norms that are wanted before the update. */
static void measure_gradients(gr_Context *context, gr_Optimizer *optimizer, double *room) {
  for (size_t i = 0; i < optimizer->count; i++) {
    const gr_Tensor *gradient = optimizer->gradients[i];
    if (gradient == NULL)
      optimizer->norms[i] = 0;
    else if (!is_large(optimizer->sizes[i]))
      optimizer->norms[i] = small_norm(context, gradient, optimizer->sizes[i]);
    else if (scales_by_norm(optimizer))
      go_over(context, optimizer, i, room, NULL, true);
  }
  optimizer->norm = gr_norm_of_norms(optimizer->norms, optimizer->count);
}

static void choose_scales(gr_Optimizer *optimizer) {
  double common = optimizer->global_clipnorm == 0
                      ? 1 : scale_for(optimizer->norm, optimizer->global_clipnorm);
  optimizer->scale = common;
  for (size_t i = 0; i < optimizer->count; i++) {
    double scale = optimizer->clipnorm == 0 ? common
                                            : scale_for(optimizer->norms[i], optimizer->clipnorm);
    optimizer->scales[i] = scale;
    if (scale < optimizer->scale || scale != scale) optimizer->scale = scale;
  }
}

/* Updates */

/* Parameters i to end - 1, which are small, lie side by side and share a scale: the end. *n has the
** elements of the first, and then of all. */
static size_t end_of_run(const gr_Optimizer *optimizer, size_t i, size_t *n) {
  size_t end = i + 1;
  while (end < optimizer->count && optimizer->gradients[end] != NULL &&
         optimizer->scales[end] == optimizer->scales[i] && !is_large(optimizer->sizes[end])) {
    const gr_Tensor *const rows[2][2] = {
      {optimizer->parameters[end - 1], optimizer->parameters[end]},
      {optimizer->gradients[end - 1], optimizer->gradients[end]}
    };
    for (int r = 0; r < 2; r++)
      if (rows[r][0]->storage != rows[r][1]->storage ||
          rows[r][0]->offset + (ptrdiff_t)optimizer->sizes[end - 1] != rows[r][1]->offset)
        return end;
    *n += optimizer->sizes[end++];
  }
  return end;
}

/* Which scale a step has follows for each parameter. */
static gr_SgdStep sgd_step(const gr_Optimizer *optimizer) {
  return (gr_SgdStep){optimizer->learning_rate, optimizer->momentum, 1, optimizer->clip_low,
                      optimizer->clip_high, optimizer->weight_decay, optimizer->nesterov,
                      optimizer->clips_values};
}

/* One pass over the n elements of parameters from i on, which are small and lie side by side. */
static void update_run(gr_Context *context, gr_Optimizer *optimizer, size_t i, size_t n,
                       const gr_SgdStep *step) {
  gr_Tensor *w = optimizer->parameters[i];
  gr_SgdOutcome outcome = gr_kernels_for(context, w)->sgd(
      gr_tensor_data(w), gr_tensor_data(optimizer->gradients[i]),
      gr_tensor_data(optimizer->velocities[i]), step, n);
  optimizer->cut += outcome.cut;
  optimizer->finite = optimizer->finite && outcome.finite;
}

static void update_parameters(gr_Context *context, gr_Optimizer *optimizer, double *room) {
  gr_SgdStep step = sgd_step(optimizer);
  optimizer->cut = optimizer->values = 0;
  optimizer->finite = true;
  for (size_t i = 0, end; i < optimizer->count; i = end) {
    size_t n = optimizer->sizes[i];
    end = i + 1;
    if (optimizer->gradients[i] == NULL) continue;
    step.scale = optimizer->scales[i];
    if (is_large(n)) {
      go_over(context, optimizer, i, room, &step, !scales_by_norm(optimizer));
    } else {
      end = end_of_run(optimizer, i, &n);
      update_run(context, optimizer, i, n, &step);
    }
    optimizer->parameters[i]->storage->version++;
    optimizer->values += n;
  }
  if (!scales_by_norm(optimizer))
    optimizer->norm = gr_norm_of_norms(optimizer->norms, optimizer->count);
}

gr_Status gr_optimizer_step(gr_Context *context, gr_Optimizer *optimizer) {
  double began = gr_profile_begin(context);
  bool was_unbroken = context->unbroken;
  double *room = gr_scratch(context, room_for_chunks(optimizer));
  if (room == NULL) return gr_fail_memory(context, room_for_chunks(optimizer));
  if (!take_gradients(optimizer))
    return gr_fail(context, "no parameter has a new gradient: call loss:backward() first");
  context->unbroken = true;  /* all weights are updated, or none */
  measure_gradients(context, optimizer, room);
  choose_scales(optimizer);
  update_parameters(context, optimizer, room);
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

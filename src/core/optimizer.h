/*
** optimizer.h: from gradients to new weights.
**
** It clips gradients, updates the weights as SGD does (gr_SgdStep), keeps the velocity of each
** parameter, and reports on the last step.
**
** A step, in this order: the norm of each gradient as backward left it; the scale from clipnorm
** (for each variable; Keras 3's meaning) or global_clipnorm (one norm over all; Pascanu et al.
** 2013, algorithm 1): scale = norm > threshold ? threshold / norm : 1; then each value is clipped
** to [clip_low, clip_high]; then the update. Gradients themselves are only read.
*/
#ifndef GR_OPTIMIZER_H
#define GR_OPTIMIZER_H

#include "tape.h"

struct gr_Pass;

/* A velocity stays with its parameter whatever the optimizer is bound to in between. */
typedef struct gr_Velocity {
  gr_Tensor *parameter, *velocity;  /* references to both */
} gr_Velocity;

typedef struct gr_Optimizer {
  /* Read at each step, so a change acts from the next one. 0 turns a threshold off. */
  double learning_rate, momentum, weight_decay;
  bool nesterov;
  double clipnorm, global_clipnorm;
  bool clips_values;
  double clip_low, clip_high;

  /* Every parameter that it was bound to and that somebody else holds, too. */
  size_t known_count, known_room;
  gr_Velocity *known;

  /* What it is bound to: one entry a parameter; the optimizer holds references. */
  size_t count;
  gr_Tensor **parameters;
  gr_Tensor **velocities;  /* the known ones, side by side */
  gr_Tensor **gradients;   /* those of the last step, NULL where a parameter had none */
  gr_SgdPart *parts;       /* where the elements of all three are */
  uint64_t rearranged;     /* what context->rearranged was when that was found out */
  struct gr_Pass *passes;  /* over those that are large, see passes.h */

  /* The last step. */
  uint64_t iterations;     /* steps done */
  double *norms, *scales;  /* of each parameter's gradient before clipping */
  double norm, scale;      /* over all; the smallest scale */
  size_t cut, values;      /* values that clipping by value changed, of how many */
  bool finite;             /* whether every new weight is finite */
} gr_Optimizer;

/* SGD with Keras's defaults: learning_rate 0.01, everything else off. */
void gr_optimizer_init(gr_Optimizer *optimizer);
void gr_optimizer_free(gr_Optimizer *optimizer);

/* Work on these parameters from now on; one known before keeps its velocity. Those that nobody else
** holds any more are forgotten. */
gr_Status gr_optimizer_bind(gr_Context *context, gr_Optimizer *optimizer, gr_Tensor **parameters,
                            size_t count);

/* One step over all parameters with a new gradient (see gr_Tensor.grad_is_new). An error when no
** parameter has one. Allocates nothing. */
gr_Status gr_optimizer_step(gr_Context *context, gr_Optimizer *optimizer);

/* The same, part of which is done while backward runs: where nothing but a parameter's gradient
** decides on its update, the gradient need not be stored, and each weight is read and written while
** its gradient is near. This says, for some steps of one plan during which no setting changes,
** whether there may be such gradients; the taker is to be context->taker while backward runs,
** before gr_optimizer_step. For all weights to be updated, or none, it must wait in the first step,
** which makes room, and nothing may break off the others. */
bool gr_optimizer_await(gr_Context *context, gr_Optimizer *optimizer, const gr_BackwardPlan *plan,
                        gr_Taker *taker);

/* After backward: whether gradients were taken, and are lost; and, where it failed, forget it. */
bool gr_optimizer_has_taken(const gr_Optimizer *optimizer);
void gr_optimizer_drop_taken(gr_Optimizer *optimizer);

/* The share of the values that clipping by value changed in the last step. */
double gr_optimizer_cut_share(const gr_Optimizer *optimizer);

/* The norm of the last step's gradient i after clipping, computed when asked. */
gr_Status gr_optimizer_clipped_norm(gr_Context *context, const gr_Optimizer *optimizer, size_t i,
                                    double *norm);

#endif

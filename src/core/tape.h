/*
** tape.h: running operations, and differentiating what was run.
**
** gr_apply runs one operation. When a gradient is wanted, or a recording listens, the result keeps
** the node. gr_backward walks the nodes that lead from trainable leaves to a loss, newest first,
** and leaves a fresh gradient in each leaf. The walk is laid out beforehand as a gr_BackwardPlan, a
** flat list of steps with all their memory: an eager backward runs its plan once and drops it, a
** recording keeps its plan and runs it at every step. So there is one way to differentiate, and
** eager and replayed steps give the same bits.
*/
#ifndef GR_TAPE_H
#define GR_TAPE_H

#include "calls.h"
#include "operation.h"

/* Run `operation` on `inputs` (operation->arity of them), cast to one type first, as the
** operation's row says. `attributes` may be NULL where the operation has none. */
gr_Status gr_apply(gr_Context *context, const gr_Operation *operation, gr_Tensor *const *inputs,
                   const gr_Attributes *attributes, gr_Tensor **result);

/* The operation "cast" on a tensor. */
gr_Status gr_apply_cast(gr_Context *context, gr_Tensor *tensor, gr_DType dtype,
                        gr_Tensor **result);

/* Differentiate `loss`, of one element, with respect to every leaf that requires a gradient:
** leaf->grad is replaced. The graph is freed; a second backward on it is an error. */
gr_Status gr_backward(gr_Context *context, gr_Tensor *loss);

/* For each of these tensors whether it is a leaf that leads to `loss` and requires a gradient; and
** one such leaf that is none of them, or NULL. */
gr_Status gr_find_leaves(gr_Context *context, gr_Tensor *loss, gr_Tensor *const *tensors,
                         size_t count, bool *leads, gr_Tensor **other);

/* Free a node whose inputs have been released, while its output is still there. */
void gr_node_free(gr_Node *node);

/* Forget the graph behind a tensor: it becomes a leaf that holds its numbers. */
void gr_tensor_detach(gr_Tensor *tensor);

typedef struct gr_BackwardPlan gr_BackwardPlan;

/* Lay out the way back from `loss`. The plan holds the loss and so the graph. */
gr_Status gr_backward_plan(gr_Context *context, gr_Tensor *loss, gr_BackwardPlan **plan);
/* Run it: allocates nothing. Every leaf's gradient is then in leaf->grad, which lies in the plan's
** memory. */
gr_Status gr_backward_run(gr_Context *context, gr_BackwardPlan *plan);
/* The same in parts: the steps as calls, and afterwards the gradients to the leaves. */
gr_Status gr_backward_lay_out(gr_Context *context, gr_BackwardPlan *plan, gr_Calls *calls);
void gr_backward_hand_out(gr_BackwardPlan *plan);
/* Where the plan writes the gradient of a leaf whose elements one step alone reads, so that they
** may change once that step has read them; else NULL. */
gr_Tensor *gr_backward_sole_gradient(const gr_BackwardPlan *plan, const gr_Tensor *leaf);
void gr_backward_plan_free(gr_BackwardPlan *plan);

#endif

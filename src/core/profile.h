/*
** profile.h: where the time goes, by operation.
**
** While a context has a profile, each forward and each backward of an operation, each gather of a
** batch and each step of an optimizer is timed and added to the row of its name. Without one it
** costs a branch an operation.
*/
#ifndef GR_PROFILE_H
#define GR_PROFILE_H

#include "operation.h"

typedef struct gr_ProfileRow {
  const char *name;   /* a constant string; rows are told apart by its address and the way */
  bool is_backward;
  uint64_t calls;
  double seconds;
} gr_ProfileRow;

typedef struct gr_Profile {
  gr_ProfileRow *rows;  /* in the order of their first use */
  size_t count, room;
  double began;         /* when it was started */
} gr_Profile;

/* Time from here on, beginning at zero; and stop, which forgets what was measured. */
gr_Status gr_profile_start(gr_Context *context);
void gr_profile_stop(gr_Context *context);

/* Seconds on a clock that only goes forward. */
double gr_now(void);

/* Add to a row the time since `began`. Does nothing without a profile. */
void gr_profile_add(gr_Context *context, const char *name, bool is_backward, double began);

/* What gr_profile_add wants as `began`. */
static inline double gr_profile_begin(const gr_Context *context) {
  return context->profile == NULL ? 0 : gr_now();
}

/* Run a node forward or backward, timed where there is a profile. */
gr_Status gr_profile_forward(gr_Context *context, gr_Node *node);
gr_Status gr_profile_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                              gr_Tensor *const *dx);

static inline gr_Status gr_node_forward(gr_Context *context, gr_Node *node) {
  if (context->profile != NULL) return gr_profile_forward(context, node);
  return node->operation->forward(context, node);
}

static inline gr_Status gr_node_backward(gr_Context *context, const gr_Node *node,
                                         const gr_Tensor *dy, gr_Tensor *const *dx) {
  if (context->profile != NULL) return gr_profile_backward(context, node, dy, dx);
  return node->operation->backward(context, node, dy, dx);
}

#endif

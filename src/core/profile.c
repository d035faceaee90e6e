/* profile.c: see profile.h. */
#include "profile.h"

#include <stdlib.h>
#include <time.h>

double gr_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

gr_Status gr_profile_start(gr_Context *context) {
  gr_profile_stop(context);
  gr_Profile *profile = calloc(1, sizeof *profile);
  if (profile == NULL) return gr_fail_memory(context, sizeof *profile);
  profile->began = gr_now();
  context->profile = profile;
  context->rearranged++;
  return GR_OK;
}

void gr_profile_stop(gr_Context *context) {
  if (context->profile == NULL) return;
  free(context->profile->rows);
  free(context->profile);
  context->profile = NULL;
  context->rearranged++;
}

/* The row of a name, made when it is first met; NULL: no memory. A script uses a dozen operations,
** so that looking through them costs little. */
static gr_ProfileRow *find_row(gr_Profile *profile, const char *name, bool is_backward) {
  for (size_t i = 0; i < profile->count; i++)
    if (profile->rows[i].name == name && profile->rows[i].is_backward == is_backward)
      return &profile->rows[i];
  if (profile->count == profile->room) {
    size_t room = profile->room == 0 ? 32 : profile->room * 2;
    gr_ProfileRow *rows = realloc(profile->rows, room * sizeof *rows);
    if (rows == NULL) return NULL;
    profile->rows = rows;
    profile->room = room;
  }
  gr_ProfileRow *row = &profile->rows[profile->count++];
  *row = (gr_ProfileRow){name, is_backward, 0, 0};
  return row;
}

void gr_profile_add(gr_Context *context, const char *name, bool is_backward, double began) {
  if (context->profile == NULL) return;
  double seconds = gr_now() - began;
  gr_ProfileRow *row = find_row(context->profile, name, is_backward);
  if (row == NULL) return;
  row->calls++;
  row->seconds += seconds;
}

gr_Status gr_profile_forward(gr_Context *context, gr_Node *node) {
  double began = gr_now();
  gr_Status status = node->operation->forward(context, node);
  gr_profile_add(context, node->operation->name, false, began);
  return status;
}

gr_Status gr_profile_backward(gr_Context *context, const gr_Node *node, const gr_Tensor *dy,
                              gr_Tensor *const *dx) {
  double began = gr_now();
  gr_Status status = node->operation->backward(context, node, dy, dx);
  gr_profile_add(context, node->operation->name, true, began);
  return status;
}

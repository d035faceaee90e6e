/*
** recording.h: a training step, recorded once and replayed.
**
** While a recording listens (between gr_recording_begin and gr_recording_end) every operation of
** the step is noted with its result, and backward keeps its plan. Afterwards the step is a list:
** gr_recording_replay runs each operation again, on the same memory, and then the plan. Nothing is
** allocated and no Lua runs. The recording's inputs are the tensors of the batch, whose storages
** are refilled before each replay, and the weights, which the optimizer writes in place.
**
** A step that did something which a replay could not repeat (it read a number out of a tensor, drew
** random numbers, wrote into a tensor) breaks the recording: gr_recording_break notes why, and the
** step stays eager. So does a step inside which another one is recorded.
*/
#ifndef GR_RECORDING_H
#define GR_RECORDING_H

#include "tape.h"

enum { GR_RECORDING_INPUTS = 4 };

typedef struct gr_Recording {
  gr_Tensor **results;          /* of every operation, in order; each owns its node */
  size_t count, room;
  gr_Tensor *loss;
  gr_BackwardPlan *plan;
  gr_Calls calls;               /* of the whole step, good until something is rearranged */
  uint64_t rearranged;
  bool forward_only;            /* an evaluation: its loss is wanted, no gradient */
  bool has_begun, listens;      /* it listens once */
  int inputs_count;
  gr_Tensor *inputs[GR_RECORDING_INPUTS];
  struct gr_Kept *kept;         /* see gr_recording_keep, or NULL */
  uint64_t draws_before;
  struct gr_Recording *outer;   /* listened before this one began */
  char broken[GR_MESSAGE_SIZE]; /* why it cannot be replayed; "" when it can */
} gr_Recording;

/* A recording of a step, or of an evaluation, over these batch tensors, of which it keeps
** references. */
gr_Status gr_recording_new(gr_Context *context, gr_Tensor *const *inputs, int count,
                           bool forward_only, gr_Recording **recording);
void gr_recording_free(gr_Recording *recording);

/* Listen, and stop listening. After the end the recording is replayable unless it is broken. */
void gr_recording_begin(gr_Context *context, gr_Recording *recording);
void gr_recording_end(gr_Context *context);

/* Note a result (gr_apply calls it); run a backward and keep its plan (gr_backward calls it). */
gr_Status gr_recording_note(gr_Context *context, gr_Tensor *result);
gr_Status gr_recording_backward(gr_Context *context, gr_Tensor *loss);

/* The running step cannot be replayed, because `reason`. Nothing happens when none is recorded. */
void gr_recording_break(gr_Context *context, const char *reason);

/* Let the gradients of these parameters lie side by side, so that an update is one pass. */
gr_Status gr_recording_arrange(gr_Context *context, gr_Tensor **parameters, size_t count);

/* Run the operations and the way back, if there is one, once more on what the inputs hold now. */
gr_Status gr_recording_replay(gr_Context *context, gr_Recording *recording);

/* Whether a replay may fail by what its tensors hold. */
bool gr_recording_may_fail(const gr_Recording *recording);

/* Copy aside what the inputs and results hold, and put it back: a tensor of the step that Lua code
** has kept then shows nothing of the replays in between. */
gr_Status gr_recording_keep(gr_Context *context, gr_Recording *recording);
void gr_recording_put_back(gr_Recording *recording);

#endif

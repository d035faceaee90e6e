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

#include "optimizer.h"
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
  bool has_begun;               /* to listen, which it does once */
  int inputs_count;
  gr_Tensor *inputs[GR_RECORDING_INPUTS];
  unsigned char *kept;          /* see gr_recording_keep, or NULL */
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

/* Copy aside what the inputs and results hold, and put it back: a tensor of the step that Lua code
** has kept then shows nothing of the replays in between. */
gr_Status gr_recording_keep(gr_Context *context, gr_Recording *recording);
void gr_recording_put_back(gr_Recording *recording);

/* What a run of steps needs, and what it reports. */
typedef enum gr_RunEnd {
  GR_RUN_COMPLETE,
  GR_RUN_NOT_FINITE,   /* a loss or a weight, for the first time */
  GR_RUN_INTERRUPTED,
  GR_RUN_PROGRESS_DUE
} gr_RunEnd;

typedef struct gr_Run {
  gr_Recording *recording;  /* of `steps` batches */
  gr_Recording *rest;       /* of one more after them, maybe of other size, or NULL */
  gr_Optimizer *optimizer;
  gr_Tensor *sources[GR_RECORDING_INPUTS];  /* all rows; input i's batch is taken from source i */
  const double *order;      /* row numbers, from 1, in the order of the epoch */
  size_t first_row, steps;  /* where in the order to begin, and how many batches to do */
  bool stop_at_not_finite;
  double seconds;           /* return after this long, for progress; 0: never */
  /* for each step, if not NULL: */
  double *losses, *norms, *scales, *cuts;
  double loss_sum;          /* each batch's loss times its rows is added, in order */
  /* results */
  size_t steps_done, rows_done;
  gr_RunEnd end;
} gr_Run;

/* Gather a batch, replay, update; for all batches, or until something ends the run early. */
gr_Status gr_recording_run(gr_Context *context, gr_Run *run);

/* Write rows order[0 .. count - 1] of `source` (numbers from 1; cast) into `batch`. */
gr_Status gr_gather_rows(gr_Context *context, const gr_Tensor *source, const double *order,
                         size_t count, gr_Tensor *batch);

#endif

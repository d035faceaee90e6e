/*
** run.h: training in the core, from shuffled rows to updated weights.
**
** A run takes batches of rows, one after the other: it gathers each, replays the recorded step on
** it (see recording.h), updates the weights and writes down what the step did. Whole epochs follow
** each other likewise, with a shuffle before each and an evaluation after it. Nothing is allocated
** and no Lua runs in between; so one run is what nobody wants to be told of until it ends.
*/
#ifndef GR_RUN_H
#define GR_RUN_H

#include "optimizer.h"
#include "philox.h"
#include "recording.h"

/* The rows of a log: a step's loss, its gradient's norm, the scale from clipping by norm, and the
** share of the elements that clipping by value changed. */
enum { GR_LOG_LOSS, GR_LOG_NORM, GR_LOG_SCALE, GR_LOG_CUT, GR_LOG_ROWS };

typedef struct gr_Run {
  gr_Recording *recording;  /* of `steps` batches */
  gr_Recording *rest;       /* of one more after them, maybe of other size, or NULL */
  gr_Optimizer *optimizer;
  gr_Tensor *sources[GR_RECORDING_INPUTS];  /* all rows; input i's batch is taken from source i */
  double *order;            /* row numbers, from 1, in the order of the epoch */
  size_t first_row, steps;  /* where in the order to begin, and how many batches to do */
  double seconds;           /* end after this long, for progress; 0: never */
  double *log;              /* what each step did, or NULL: four rows of `room`, see above */
  size_t room;
  double loss_sum;          /* each batch's loss times its rows is added, in order */
  gr_Taker taker;           /* of gradients, while backward runs */
  bool lost;                /* those of the last step were taken */
  /* results */
  size_t steps_done, rows_done;
  size_t not_finite;        /* the first step whose loss or new weights were not, from 1; 0: none */
} gr_Run;

/* The rows of all steps. */
size_t gr_run_rows(const gr_Run *run);

/* All steps, or those until time is up or an interrupt comes, and one more where the last one's
** gradients are lost. */
gr_Status gr_run_steps(gr_Context *context, gr_Run *run);

typedef struct gr_Epochs {
  gr_Run run;                /* of one epoch; each logs behind the last one */
  size_t count;
  const gr_Stream *stream;   /* of shuffles of the run's order, or NULL: the rows stay in it */
  uint64_t shuffle;          /* the number of the last shuffle */
  gr_Recording *evaluation;  /* or NULL */
  double *losses, *val_losses;  /* of each epoch */
  bool watches;              /* end after an epoch in which something was not finite */
  /* results */
  size_t done, steps_done;   /* whole epochs, and the steps of all */
  size_t not_finite;         /* the first step of them that was not, from 1; 0: none */
} gr_Epochs;

/* All epochs, or those until an interrupt comes. */
gr_Status gr_run_epochs(gr_Context *context, gr_Epochs *epochs);

/* Write rows order[0 .. count - 1] of `source` (numbers from 1; cast) into `batch`. */
gr_Status gr_gather_rows(gr_Context *context, const gr_Tensor *source, const double *order,
                         size_t count, gr_Tensor *batch);

#endif

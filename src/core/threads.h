/*
** threads.h: a small pool of threads for large work.
**
** Work is cut into ranges that write to different places. Each thread takes those of its own part
** of the elements first, so that it meets what lies in its caches, and then helps others with
** theirs. The arithmetic of an element is what it would be in one piece, so the number of threads
** changes the speed and never a bit. Small work is a plain call. The pool belongs to a context. It
** starts when it is first needed, and again in a child after fork, where the parent's threads do
** not exist.
*/
#ifndef GR_THREADS_H
#define GR_THREADS_H

#include "context.h"

enum { GR_MAX_THREADS = 256 };

/* What gr_parallel calls where there may be more ranges than one. */
void gr_spread(gr_Context *context, size_t n, size_t unit, size_t grain, gr_Range *run, void *data);

/* Cut elements 0 to n - 1 into ranges that begin at multiples of `unit` and have `grain` elements
** or more (both from 1 on; the last range may have fewer). Call `run` on each, on this thread,
** which is worker 0, and on the pool's, and return when all are done. Of the context they may ask
** gr_must_stop and nothing else. */
static inline void gr_parallel(gr_Context *context, size_t n, size_t unit, size_t grain,
                               gr_Range *run, void *data) {
  if (context->threads < 2 || n < 2 * grain) run(data, 0, n, 0);
  else gr_spread(context, n, unit, grain, run, data);
}

/* How many threads large work is spread over, the calling one included: 1 to GR_MAX_THREADS. */
gr_Status gr_set_threads(gr_Context *context, int threads);

/* The number of processors that this process may run on. */
int gr_count_processors(void);

/* End the pool's threads, if there are any. */
void gr_pool_free(gr_Context *context);

#endif

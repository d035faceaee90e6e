/*
** context.h: what one Lua state (or one program) has of its own.
**
** Everything in the core hangs off a gr_Context: the text of the last error, the default element
** type, whether gradients are wanted, the recording that listens, the kernels that this processor
** runs, and the scratch memory. There is no file-level state, so two contexts never meet.
**
** Errors: a function that can fail returns a gr_Status. It has then written one sentence into
** context->message through gr_fail; the caller hands the status on. The core never exits, never
** prints and never jumps.
*/
#ifndef GR_CONTEXT_H
#define GR_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spares.h"

typedef enum gr_Status {
  GR_OK = 0,
  GR_ERROR,     /* the arguments do not fit together: context->message says how */
  GR_NO_MEMORY  /* an allocation failed; everything made so far has been given back */
} gr_Status;

typedef enum gr_DType { GR_FLOAT32, GR_FLOAT64, GR_DTYPE_COUNT } gr_DType;

/* Work on elements first to first + count - 1 of `data`, as worker number `worker`: no two work at
** the same time by the same number. See threads.h. */
typedef void gr_Range(void *data, size_t first, size_t count, size_t worker);

struct gr_Kernels;
struct gr_Pool;
struct gr_Profile;
struct gr_Recording;
struct gr_Taker;

enum { GR_MESSAGE_SIZE = 512 };

/* The lines of 64 bytes that a small storage has at most, its head included; see spares.h. */
enum { GR_SMALL_LINES = 3 };

typedef struct gr_Context {
  char message[GR_MESSAGE_SIZE];
  gr_DType floatx;                   /* the type of what is made without naming one */
  bool grad_enabled;                 /* false inside no_grad */
  uint64_t next_sequence;            /* nodes are numbered in the order they are made */
  struct gr_Recording *recording;    /* listens to each operation, or NULL */
  struct gr_Profile *profile;        /* times each operation, or NULL */
  const struct gr_Taker *taker;      /* of gradients, while a recording is replayed, or NULL */
  const struct gr_Kernels *kernels;  /* the best set that the processor runs */
  void *scratch;                     /* see gr_scratch */
  size_t scratch_size;
  void *product_scratch;             /* see gr_product_scratch */
  size_t product_scratch_size;
  gr_Spares tensors;
  gr_Spares storages[GR_SMALL_LINES];  /* for those of one line, of two and of three */
  gr_LargeSpares medium, large;      /* for storages that are not small for malloc */
  int threads;                       /* that large work is spread over, see threads.h */
  struct gr_Pool *pool;              /* the other threads, or NULL */
  uint64_t rearranged;               /* how often calls laid out before became stale, see calls.h */
  size_t bytes_made;                 /* for tensors and graphs since the collector was last told */
  size_t bytes_alive;                /* in storages now */
  size_t bytes_taken;                /* by tensors and graphs now, all in all */
  size_t bytes_allowed;              /* of those, before all garbage is collected at once */
  uint64_t seed;                     /* the script's one root of randomness */
  uint64_t random_states_made;       /* without a seed, since the seed was set */
  uint64_t random_draws;             /* numbers drawn so far: a recorded step must draw none */
  bool (*interrupted)(void *data);   /* polled by long loops, on any thread; NULL: never */
  void *interrupted_data;
  bool unbroken;                     /* what runs is brought to its end: an interrupt waits */
} gr_Context;

/* Count bytes that are taken for a tensor or a graph. */
static inline void gr_count_bytes(gr_Context *context, size_t bytes) {
  context->bytes_made += bytes;
  context->bytes_taken += bytes;
}

/* Make a context with float32 as its default type, and free it. */
gr_Status gr_context_init(gr_Context *context);
void gr_context_free(gr_Context *context);

/* Write the sentence that says what is wrong, as printf does; returns GR_ERROR. */
gr_Status gr_fail(gr_Context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Say that memory ran out; returns GR_NO_MEMORY. */
gr_Status gr_fail_memory(gr_Context *context, size_t bytes);

/* What gr_scratch calls where there is less. */
void *gr_grow_scratch(gr_Context *context, size_t bytes);

/* At least `bytes` bytes of memory, 64-byte aligned, good until the next call: one operation's
** working space. NULL when there is no memory. It grows to the largest need and stays, so that a
** replayed step allocates nothing. */
static inline void *gr_scratch(gr_Context *context, size_t bytes) {
  if (bytes <= context->scratch_size && context->scratch != NULL) return context->scratch;
  return gr_grow_scratch(context, bytes);
}

/* The same for the copies that products make, beside the memory of gr_scratch. */
void *gr_product_scratch(gr_Context *context, size_t bytes);

/* True when somebody asked the running loop to stop. */
static inline bool gr_interrupted(const gr_Context *context) {
  return context->interrupted != NULL && context->interrupted(context->interrupted_data);
}

/* True when the operation that runs should break off: what it has written is then no result, and
** who called it fails with gr_stop. It stays true until that has been told. NULL: never. */
static inline bool gr_must_stop(const gr_Context *context) {
  return context != NULL && !context->unbroken && gr_interrupted(context);
}

/* Say that the operation broke off; returns GR_ERROR. */
gr_Status gr_stop(gr_Context *context);

/* Every loop that may become long goes by blocks, between which it asks whether it must stop:
**
**   for (gr_Block block = {0}; gr_next_block(context, n, &block);)
**     work(x + block.first, block.count);
**
** A block takes a fraction of a millisecond, or some tens of them where all its memory is touched
** for the first time on a machine that must find it first; asking costs a few nanoseconds. */
enum { GR_BLOCK = 1 << 17 };  /* elements: 1,024 times a power of two, see kernels.h on sums */

typedef struct gr_Block {
  size_t first, count;
} gr_Block;

static inline bool gr_next_block(const gr_Context *context, size_t n, gr_Block *block) {
  block->first += block->count;
  if (block->first >= n || (n > GR_BLOCK && gr_must_stop(context))) return false;
  block->count = n - block->first < GR_BLOCK ? n - block->first : GR_BLOCK;
  return true;
}

/* for (i = 0; i < n; i++), by blocks; `break` would leave a block only. */
#define GR_EACH(i, context, n)                                            \
  for (gr_Block block = {0, 0}; gr_next_block((context), (n), &block);)   \
    for (size_t i = block.first, end = block.first + block.count; i < end; i++)

/* The same for loops over things of `size` elements each: count them, and ask after a block's
** worth. */
static inline bool gr_must_stop_after(const gr_Context *context, size_t size, size_t *done) {
  *done += size;
  if (*done < GR_BLOCK) return false;
  *done = 0;
  return gr_must_stop(context);
}

/* "float32", "float64"; the bytes of one element. */
const char *gr_dtype_name(gr_DType dtype);
static inline size_t gr_dtype_size(gr_DType dtype) {
  return dtype == GR_FLOAT32 ? sizeof(float) : sizeof(double);
}

#endif

/*
** spares.h: blocks of one size that were given back, kept for the next time.
**
** A script that computes with small tensors makes and drops millions of them, in bursts of
** thousands between two cycles of the collector: too many for the C library's own caches. Where
** memory is watched (AddressSanitizer), nothing is kept, so that a use after the end is seen.
*/
#ifndef GR_SPARES_H
#define GR_SPARES_H

#include <stddef.h>

typedef struct gr_Spares {
  size_t bytes;  /* of each block */
  size_t room;   /* how many are kept at most; 0: none any more */
  size_t count;
  void *first;   /* a block begins with the address of the next */
} gr_Spares;

/* A block, aligned to 64 bytes; NULL: no memory. */
void *gr_spares_take(gr_Spares *spares);
void gr_spares_give(gr_Spares *spares, void *block);

/* Free what is kept, and keep nothing from now on. */
void gr_spares_close(gr_Spares *spares);

#endif

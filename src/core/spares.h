/*
** spares.h: blocks of memory that were given back, kept for the next time: small ones of one size,
** and large ones.
**
** A script that computes with small tensors makes and drops millions of them, in bursts of
** thousands between two cycles of the collector: too many for the C library's own caches. Of large
** ones there are few, but each costs more to be given by the system, which fills it with zeros,
** than to be computed. Where memory is watched (AddressSanitizer), nothing is kept, so that a use
** after the end is seen.
*/
#ifndef GR_SPARES_H
#define GR_SPARES_H

#include <stdbool.h>
#include <stddef.h>

#if defined __SANITIZE_ADDRESS__
#define GR_MEMORY_IS_WATCHED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define GR_MEMORY_IS_WATCHED 1
#endif
#endif
#if !defined GR_MEMORY_IS_WATCHED
#define GR_MEMORY_IS_WATCHED 0
#endif

/* Small blocks come from regions of many, which lie side by side: what is made one after the other
** is found one after the other. A region is freed when none of its blocks is in use. */
typedef struct gr_Spares {
  size_t block;  /* the bytes of each block, whole lines of 64 */
  size_t room;   /* how many bytes are kept at most in regions of which nothing is in use */
  size_t bytes;  /* in those */
  bool singly;   /* each block is new, and freed when it is given back */
  struct gr_Region *first;  /* of those that have a block to give */
} gr_Spares;

gr_Spares gr_spares_of(size_t block, size_t room);

/* Blocks of each kind that are worth keeping, of tensors, of their userdata, of small storages of
** each size: as many as a script with a few megabytes of Lua's own makes between two cycles of the
** collector. They have at most 25 megabytes, which were in use at once. */
enum { GR_SPARES = 32768 };

/* A block, aligned to 64 bytes; NULL: no memory. */
void *gr_spares_take(gr_Spares *spares);
void gr_spares_give(gr_Spares *spares, void *block);

/* Free what is kept, and keep nothing from now on. */
void gr_spares_close(gr_Spares *spares);

/* From GR_MEDIUM on, malloc has a block from the system, and gives it back. From GR_LARGE on it is
** large: so many bytes are one page, where the system has large pages. */
enum { GR_MEDIUM = 128 * 1024, GR_LARGE = 2 * 1024 * 1024 };

typedef struct gr_LargeSpares {
  size_t unit;   /* blocks have whole ones, and begin one, or a page: a power of two */
  size_t room;   /* how many bytes are kept at most */
  size_t bytes;  /* in those that are kept */
  struct gr_LargeSpare *first;  /* the last one given back */
} gr_LargeSpares;

/* A block of at least `size` bytes; NULL: no memory. */
void *gr_large_take(gr_LargeSpares *spares, size_t size);
/* `size` is what the block was taken with. */
void gr_large_give(gr_LargeSpares *spares, void *block, size_t size);
void gr_large_close(gr_LargeSpares *spares);

#endif

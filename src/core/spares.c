/* spares.c: see spares.h. */
#include "spares.h"

#include <stdlib.h>
#include <string.h>
#if defined __linux__
#include <sys/mman.h>
#endif

void *gr_spares_new(const gr_Spares *spares) {
  return aligned_alloc(64, (spares->bytes + 63) / 64 * 64);
}

void gr_spares_give(gr_Spares *spares, void *block) {
  if (GR_MEMORY_IS_WATCHED || spares->count >= spares->room) {
    free(block);
    return;
  }
  memcpy(block, &spares->first, sizeof spares->first);
  spares->first = block;
  spares->count++;
}

void gr_spares_close(gr_Spares *spares) {
  spares->room = 0;
  while (spares->first != NULL) free(gr_spares_take(spares));
}

/* Large blocks */

/* What such a block begins with. */
typedef struct gr_LargeSpare {
  size_t size;
  struct gr_LargeSpare *next;
} gr_LargeSpare;

static size_t whole_pages(size_t size) { return (size + GR_LARGE - 1) / GR_LARGE * GR_LARGE; }

/* In large pages, where the system has them: of small ones, each costs more to be given than to be
** filled, and so many are slow to be found again. The end that fills less than half a large page
** comes in small ones: no block takes much more memory than it was asked for. */
static void *large_new(size_t size) {
  void *block = aligned_alloc(GR_LARGE, whole_pages(size));
#ifdef MADV_HUGEPAGE
  if (block != NULL) madvise(block, (size + GR_LARGE / 2) / GR_LARGE * GR_LARGE, MADV_HUGEPAGE);
#endif
  return block;
}

static gr_LargeSpare *unlink_spare(gr_LargeSpares *spares, gr_LargeSpare **place) {
  gr_LargeSpare *spare = *place;
  *place = spare->next;
  spares->bytes -= spare->size;
  return spare;
}

/* Free those that were kept longest, until no more than `room` bytes are kept. */
static void large_shrink(gr_LargeSpares *spares, size_t room) {
  while (spares->bytes > room) {
    gr_LargeSpare **place = &spares->first;
    while ((*place)->next != NULL) place = &(*place)->next;
    free(unlink_spare(spares, place));
  }
}

void *gr_large_take(gr_LargeSpares *spares, size_t size) {
  for (gr_LargeSpare **place = &spares->first; *place != NULL; place = &(*place)->next)
    if ((*place)->size == whole_pages(size)) return unlink_spare(spares, place);
  void *block = large_new(size);
  if (block != NULL || spares->first == NULL) return block;
  large_shrink(spares, 0);
  return large_new(size);
}

void gr_large_give(gr_LargeSpares *spares, void *block, size_t size) {
  gr_LargeSpare *spare = block;
  if (GR_MEMORY_IS_WATCHED || whole_pages(size) > spares->room) {
    free(block);
    return;
  }
  *spare = (gr_LargeSpare){whole_pages(size), spares->first};
  spares->first = spare;
  spares->bytes += spare->size;
  large_shrink(spares, spares->room);
}

void gr_large_close(gr_LargeSpares *spares) {
  spares->room = 0;
  large_shrink(spares, 0);
}

/* spares.c: see spares.h. */
#include "spares.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined __linux__
#include <sys/mman.h>
#endif

/* Small blocks */

enum { PAGE = 4096, PAGES = 16, LINE = 64 };

/* The first line of each page. That of a region's first page tells of the region. */
typedef struct gr_Region {
  struct gr_Region *region;  /* the page's */
  struct gr_Region *next;    /* in the list of those that have a block to give */
  struct gr_Region **place;  /* what points to it there */
  void *first;               /* a block begins with the address of the next; NULL: there is none */
  size_t used;
  size_t pages;              /* that have been cut into blocks */
} gr_Region;

static void *next_of(const void *block) {
  void *next;
  memcpy(&next, block, sizeof next);
  return next;
}

static void push(gr_Region *region, void *block) {
  memcpy(block, &region->first, sizeof region->first);
  region->first = block;
}

static void link_region(gr_Spares *spares, gr_Region *region) {
  region->next = spares->first;
  region->place = &spares->first;
  if (region->next != NULL) region->next->place = &region->next;
  spares->first = region;
}

static void unlink_region(gr_Region *region) {
  *region->place = region->next;
  if (region->next != NULL) region->next->place = region->place;
}

/* Cut the next page, which nothing has touched, into blocks: the last one first, so that they are
** taken in the order in which they lie. false: there is none. */
static bool cut_page(gr_Region *region, size_t block) {
  if (region->pages == PAGES) return false;
  unsigned char *page = (unsigned char *)region + region->pages++ * PAGE;
  ((gr_Region *)page)->region = region;
  for (size_t i = (PAGE - LINE) / block; i > 0; i--) push(region, page + LINE + (i - 1) * block);
  return true;
}

/* A region in the list, none of which is in use. */
static gr_Region *region_new(gr_Spares *spares) {
  gr_Region *region = aligned_alloc(PAGE, PAGES * PAGE);
  if (region == NULL) return NULL;
  region->first = NULL;
  region->used = region->pages = 0;
  cut_page(region, spares->block);
  link_region(spares, region);
  spares->bytes += PAGES * PAGE;
  return region;
}

static void region_free(gr_Spares *spares, gr_Region *region) {
  unlink_region(region);
  spares->bytes -= PAGES * PAGE;
  free(region);
}

gr_Spares gr_spares_of(size_t block, size_t room) {
  return (gr_Spares){(block + LINE - 1) / LINE * LINE, room, 0, GR_MEMORY_IS_WATCHED, NULL};
}

void *gr_spares_take(gr_Spares *spares) {
  if (spares->singly) return aligned_alloc(LINE, spares->block);
  gr_Region *region = spares->first == NULL ? region_new(spares) : spares->first;
  if (region == NULL) return NULL;
  void *block = region->first;
  region->first = next_of(block);
  if (region->first == NULL && !cut_page(region, spares->block)) unlink_region(region);
  if (region->used++ == 0) spares->bytes -= PAGES * PAGE;
  return block;
}

void gr_spares_give(gr_Spares *spares, void *block) {
  if (spares->singly) {
    free(block);
    return;
  }
  gr_Region *region = ((gr_Region *)((uintptr_t)block / PAGE * PAGE))->region;
  if (region->first == NULL) link_region(spares, region);
  push(region, block);
  if (--region->used > 0) return;
  spares->bytes += PAGES * PAGE;
  if (spares->bytes > spares->room) region_free(spares, region);
}

void gr_spares_close(gr_Spares *spares) {
  spares->room = 0;
  for (gr_Region *region = spares->first, *next; region != NULL; region = next) {
    next = region->next;
    if (region->used == 0) region_free(spares, region);
  }
}

/* Large blocks */

/* What such a block begins with. */
typedef struct gr_LargeSpare {
  size_t size;
  struct gr_LargeSpare *next;
} gr_LargeSpare;

static size_t whole_units(const gr_LargeSpares *spares, size_t size) {
  return (size + spares->unit - 1) / spares->unit * spares->unit;
}

/* Large ones in large pages, where the system has them: of small ones, each costs more to be given
** than to be filled, and so many are slow to be found again. The end that fills less than half a
** large page comes in small ones: no block takes much more memory than it was asked for. */
static void *large_new(const gr_LargeSpares *spares, size_t size) {
  void *block = aligned_alloc(spares->unit, whole_units(spares, size));
#ifdef MADV_HUGEPAGE
  if (block != NULL && spares->unit == GR_LARGE)
    madvise(block, (size + GR_LARGE / 2) / GR_LARGE * GR_LARGE, MADV_HUGEPAGE);
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
    if ((*place)->size == whole_units(spares, size)) return unlink_spare(spares, place);
  void *block = large_new(spares, size);
  if (block != NULL || spares->first == NULL) return block;
  large_shrink(spares, 0);
  return large_new(spares, size);
}

void gr_large_give(gr_LargeSpares *spares, void *block, size_t size) {
  gr_LargeSpare *spare = block;
  if (GR_MEMORY_IS_WATCHED || whole_units(spares, size) > spares->room) {
    free(block);
    return;
  }
  *spare = (gr_LargeSpare){whole_units(spares, size), spares->first};
  spares->first = spare;
  spares->bytes += spare->size;
  large_shrink(spares, spares->room);
}

void gr_large_close(gr_LargeSpares *spares) {
  spares->room = 0;
  large_shrink(spares, 0);
}

/* spares.c: see spares.h. */
#include "spares.h"

#include <stdlib.h>
#include <string.h>

#if defined __SANITIZE_ADDRESS__
#define MEMORY_IS_WATCHED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define MEMORY_IS_WATCHED 1
#endif
#endif
#if !defined MEMORY_IS_WATCHED
#define MEMORY_IS_WATCHED 0
#endif

void *gr_spares_take(gr_Spares *spares) {
  void *block = spares->first;
  if (block == NULL) return aligned_alloc(64, (spares->bytes + 63) / 64 * 64);
  memcpy(&spares->first, block, sizeof spares->first);
  spares->count--;
  return block;
}

void gr_spares_give(gr_Spares *spares, void *block) {
  if (MEMORY_IS_WATCHED || spares->count >= spares->room) {
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

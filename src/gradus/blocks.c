/* blocks.c: see blocks.h. */
#include "blocks.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "core/spares.h"

/* What such a block begins with. */
typedef struct gr_SpareBlock {
  struct gr_SpareBlock *next;
} gr_SpareBlock;

/* The bytes that are kept: what lies in a near cache. Beyond that the C library is quicker, as it
** joins neighbours; the order in which a list has them is that of chance. */
enum { MOST = 256 * 1024 };

static void free_all(gr_Blocks *blocks) {
  for (size_t size = 0; size <= GR_LARGEST_KEPT; size++)
    while (blocks->first[size] != NULL) {
      gr_SpareBlock *block = blocks->first[size];
      blocks->first[size] = block->next;
      free(block);
    }
  blocks->bytes = 0;
}

/* A block, or NULL, with another size. Where memory runs out, what is kept makes room. */
static void *resize(gr_Blocks *blocks, void *block, size_t size) {
  void *resized = realloc(block, size);
  if (resized != NULL || blocks->bytes == 0) return resized;
  free_all(blocks);
  return realloc(block, size);
}

static void *take(gr_Blocks *blocks, size_t size) {
  gr_SpareBlock *block = size <= GR_LARGEST_KEPT ? blocks->first[size] : NULL;
  if (block == NULL) return resize(blocks, NULL, size);
  blocks->first[size] = block->next;
  blocks->bytes -= size;
  return block;
}

static void give(gr_Blocks *blocks, void *given, size_t size) {
  gr_SpareBlock *block = given;
  if (GR_MEMORY_IS_WATCHED || size < sizeof *block || size > GR_LARGEST_KEPT ||
      blocks->bytes + size > MOST) {
    free(block);
    return;
  }
  block->next = blocks->first[size];
  blocks->first[size] = block;
  blocks->bytes += size;
}

/* A lua_Alloc. */
static void *allocate(void *blocks, void *block, size_t old_size, size_t size) {
  if (block == NULL) return size == 0 ? NULL : take(blocks, size);
  if (size > 0) return resize(blocks, block, size);
  give(blocks, block, old_size);
  return NULL;
}

lua_State *gr_state_new(gr_Blocks *blocks) {
  lua_State *L = luaL_newstate();
  if (L != NULL) lua_setallocf(L, allocate, blocks);
  return L;
}

void gr_state_close(lua_State *L, gr_Blocks *blocks) {
  lua_close(L);
  free_all(blocks);
}

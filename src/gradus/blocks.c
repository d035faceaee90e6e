/* blocks.c: see blocks.h. */
#include "blocks.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "core/spares.h"

/* What such a block begins with. */
typedef struct gr_SpareBlock {
  struct gr_SpareBlock *next;
} gr_SpareBlock;

/* The bytes that are kept: what lies in a near cache. Beyond that the C library is quicker, as it
** joins neighbours; the order in which a list has them is that of chance. */
enum { MOST = 256 * 1024 };

/* The bytes of the room: the small blocks of the library's modules fit in. */
enum { ROOM = 256 * 1024, ALIGNMENT = 8 };

static bool is_in_room(const gr_Blocks *blocks, const void *block) {
  return blocks->room != NULL && (uintptr_t)block - (uintptr_t)blocks->room < ROOM;
}

/* The end of a block. Where it lies in the room, its place stays empty. */
static void end_block(const gr_Blocks *blocks, void *block) {
  if (!is_in_room(blocks, block)) free(block);
}

static void end_all(gr_Blocks *blocks) {
  for (size_t size = 0; size <= GR_LARGEST_KEPT; size++)
    while (blocks->first[size] != NULL) {
      gr_SpareBlock *block = blocks->first[size];
      blocks->first[size] = block->next;
      end_block(blocks, block);
    }
  blocks->bytes = 0;
}

/* As realloc does. Where memory runs out, what is kept makes room. */
static void *reallocate(gr_Blocks *blocks, void *block, size_t size) {
  void *resized = realloc(block, size);
  if (resized != NULL || blocks->bytes == 0) return resized;
  end_all(blocks);
  return realloc(block, size);
}

/* The next block of the room; NULL: it is too large for what is left. */
static void *carve(gr_Blocks *blocks, size_t size) {
  size_t taken = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (size > GR_LARGEST_KEPT || taken > blocks->left) return NULL;
  void *block = blocks->room + (ROOM - blocks->left);
  blocks->left -= taken;
  return block;
}

static void *take(gr_Blocks *blocks, size_t size) {
  gr_SpareBlock *block = size <= GR_LARGEST_KEPT ? blocks->first[size] : NULL;
  if (block == NULL) {
    void *carved = carve(blocks, size);
    return carved != NULL ? carved : reallocate(blocks, NULL, size);
  }
  blocks->first[size] = block->next;
  blocks->bytes -= size;
  return block;
}

static void give(gr_Blocks *blocks, void *given, size_t size) {
  gr_SpareBlock *block = given;
  if (GR_MEMORY_IS_WATCHED || size < sizeof *block || size > GR_LARGEST_KEPT ||
      blocks->bytes + size > MOST) {
    end_block(blocks, block);
    return;
  }
  block->next = blocks->first[size];
  blocks->first[size] = block;
  blocks->bytes += size;
}

static void *resize(gr_Blocks *blocks, void *block, size_t old_size, size_t size) {
  if (!is_in_room(blocks, block)) return reallocate(blocks, block, size);
  if (size <= old_size) return block;
  void *moved = take(blocks, size);
  if (moved == NULL) return NULL;
  memcpy(moved, block, old_size);
  give(blocks, block, old_size);
  return moved;
}

/* A lua_Alloc. */
static void *allocate(void *blocks, void *block, size_t old_size, size_t size) {
  if (block == NULL) return size == 0 ? NULL : take(blocks, size);
  if (size > 0) return resize(blocks, block, old_size, size);
  give(blocks, block, old_size);
  return NULL;
}

lua_State *gr_state_new(gr_Blocks *blocks) {
  lua_State *L = luaL_newstate();
  if (L == NULL) return NULL;
  if (!GR_MEMORY_IS_WATCHED) blocks->room = malloc(ROOM);
  if (blocks->room != NULL) blocks->left = ROOM;
  lua_setallocf(L, allocate, blocks);
  return L;
}

void gr_state_close(lua_State *L, gr_Blocks *blocks) {
  lua_close(L);
  end_all(blocks);
  free(blocks->room);
}

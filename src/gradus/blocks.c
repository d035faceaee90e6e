/* blocks.c: see blocks.h. */
#include "blocks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "core/spares.h"

/* What takes long stands apart, so that what is done most, with the lists, saves no register. */
#define APART static __attribute__((noinline))

/* What such a block begins with. */
typedef struct gr_SpareBlock {
  struct gr_SpareBlock *next;
} gr_SpareBlock;

/* The bytes that are kept: what lies in a near cache. Beyond that the C library is quicker, as it
** joins neighbours; the order in which a list has them is that of chance. */
enum { MOST = 256 * 1024 };

/* The bytes of the room: the small blocks of the library's modules fit in. They are aligned as
** malloc's are, which modules in C may rely on. */
enum { ROOM = 256 * 1024, ALIGNMENT = _Alignof(max_align_t) };

static bool is_in_room(const gr_Blocks *blocks, const void *block) {
  return blocks->room != NULL && (uintptr_t)block - (uintptr_t)blocks->room < ROOM;
}

/* The end of a block. Where it lies in the room, its place stays empty, as it does when such a
** block grows. */
APART void end_block(const gr_Blocks *blocks, void *block) {
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

/* A block that was not there: the next one of the room, or the C library's. */
APART void *block_new(gr_Blocks *blocks, size_t size) {
  size_t taken = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (size > GR_LARGEST_KEPT || taken > blocks->left) return reallocate(blocks, NULL, size);
  void *block = blocks->room + (ROOM - blocks->left);
  blocks->left -= taken;
  return block;
}

static void *take(gr_Blocks *blocks, size_t size) {
  gr_SpareBlock *block = size <= GR_LARGEST_KEPT ? blocks->first[size] : NULL;
  if (block == NULL) return block_new(blocks, size);
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

APART void *resize(gr_Blocks *blocks, void *block, size_t old_size, size_t size) {
  if (!is_in_room(blocks, block)) return reallocate(blocks, block, size);
  if (size <= old_size) return block;
  void *moved = block_new(blocks, size);
  if (moved != NULL) memcpy(moved, block, old_size);
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

/* blocks.c: see blocks.h. */
#include "blocks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

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

/* Holders */

/* Each has a line of memory, in which it begins at OFFSET: there no other block of its size does.
** (Some stand-ins for malloc place blocks of 8 bytes anywhere.) */
enum { LINE = 64, OFFSET = ALIGNMENT / 2 };

static bool is_holder(const gr_Blocks *blocks, const void *block, size_t size) {
  return (uintptr_t)block % ALIGNMENT == OFFSET && size == blocks->holder_size;
}

_Static_assert(OFFSET % 8 == 0, "what Lua puts there is aligned");

/* What it holds are its last bytes: nothing yet, in case that Lua frees it before it is filled. */
static void *take_holder(gr_Blocks *blocks, size_t size) {
  unsigned char *block = size > LINE - OFFSET ? NULL : blocks->next_holder;
  blocks->next_holder = NULL;
  blocks->holder_size = size;
  if (block != NULL) memset(block + size - GR_HELD, 0, GR_HELD);
  return block;
}

static void give_holder(gr_Blocks *blocks, unsigned char *block, size_t size) {
  blocks->end(block + size - GR_HELD);
  gr_spares_give(&blocks->holders, block - OFFSET);
}

/* Have a holder ready to be taken. It is taken by the next call of the allocator whatever that is
** for, so nothing that can fail may come in between. */
static bool prepare_holder(gr_Blocks *blocks) {
  unsigned char *line = gr_spares_take(&blocks->holders);
  if (line == NULL) return false;
  blocks->next_holder = line + OFFSET;
  return true;
}

void *gr_push_holder(lua_State *L) {
  gr_Blocks *blocks = gr_blocks_of(L);
  if (blocks != NULL && !prepare_holder(blocks)) {
    lua_gc(L, LUA_GCCOLLECT);
    if (!prepare_holder(blocks)) {
      lua_pushliteral(L, "not enough memory");
      lua_error(L);
    }
  }
  return lua_newuserdatauv(L, GR_HELD, 0);
}

/* States */

/* A lua_Alloc. */
static void *allocate(void *data, void *block, size_t old_size, size_t size) {
  gr_Blocks *blocks = data;
  if (block == NULL && blocks->next_holder != NULL) return take_holder(blocks, size);
  if (block == NULL) return size == 0 ? NULL : take(blocks, size);
  if (size > 0) return resize(blocks, block, old_size, size);
  if (is_holder(blocks, block, old_size)) give_holder(blocks, block, old_size);
  else give(blocks, block, old_size);
  return NULL;
}

gr_Blocks *gr_blocks_of(lua_State *L) {
  void *blocks;
  return lua_getallocf(L, &blocks) == allocate ? blocks : NULL;
}

lua_State *gr_state_new(gr_Blocks *blocks) {
  lua_State *L = luaL_newstate();
  if (L == NULL) return NULL;
  memset(blocks, 0, sizeof *blocks);
  if (!GR_MEMORY_IS_WATCHED) blocks->room = malloc(ROOM);
  if (blocks->room != NULL) blocks->left = ROOM;
  blocks->holders = gr_spares_of(LINE, GR_SPARES * LINE);
  lua_setallocf(L, allocate, blocks);
  return L;
}

void gr_state_close(lua_State *L, gr_Blocks *blocks) {
  lua_close(L);
  gr_context_free(&blocks->context);
  end_all(blocks);
  gr_spares_close(&blocks->holders);
  free(blocks->room);
}

/* test_blocks.c: a state's blocks where malloc, as some of its stand-ins do, places blocks of 8 bytes
** and less at multiples of 8 only: none of them is taken for a tensor's userdata, which is known by
** where it lies. The allocations come here by the linker's --wrap (see the Makefile). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua/blocks.h"
#include "lua/library.h"
#include "testing.h"

void *__real_malloc(size_t size), *__wrap_malloc(size_t size);
void *__real_realloc(void *block, size_t size), *__wrap_realloc(void *block, size_t size);
void __real_free(void *block), __wrap_free(void *block);

enum { SMALL = 8, PLACES = 1 << 16 };

static _Alignas(16) unsigned char places[PLACES][16];
static size_t taken;

static bool is_small(const void *block) {
  return (uintptr_t)block - (uintptr_t)places < sizeof places;
}

void *__wrap_malloc(size_t size) {
  return size > SMALL || taken == PLACES ? __real_malloc(size) : places[taken++] + 8;
}

void __wrap_free(void *block) {
  if (!is_small(block)) __real_free(block);
}

void *__wrap_realloc(void *block, size_t size) {
  if (block == NULL) return __wrap_malloc(size);
  if (!is_small(block)) return __real_realloc(block, size);
  void *moved = __wrap_malloc(size);
  if (moved != NULL) memcpy(moved, block, size < SMALL ? size : SMALL);
  return moved;
}

/* More functions than fit in the room for the first blocks. The numbers of their few lines, and what
** they close over, take 8 bytes and less. */
static const char chunk[] =
  "local sum = 0\n"
  "for round = 1, 3 do\n"
  "  local functions = {}\n"
  "  for i = 1, 3000 do\n"
  "    functions[i] = load('local a = ' .. i .. ' return function() return a end')()\n"
  "    local x = gradus.ones(3) * i\n"
  "    sum = sum + x[3] - functions[i]()\n"
  "  end\n"
  "  functions = nil\n"
  "  collectgarbage()\n"
  "end\n"
  "return sum\n";

static void test_small_blocks_are_no_holders(void) {
  static gr_Blocks blocks;
  lua_State *L = gr_state_new(&blocks);
  luaL_openlibs(L);
  luaL_requiref(L, "gradus", luaopen_gradus, 1);
  bool succeeded = luaL_dostring(L, chunk) == LUA_OK;
  const char *came = luaL_tolstring(L, -1, NULL);
  check(succeeded && strcmp(came, "0.0") == 0, "the functions and tensors give %s", came);
  check(taken > 1000, "%zu blocks were small", taken);
  gr_state_close(L, &blocks);
  check(blocks.context.bytes_taken == 0, "%zu bytes of tensors are left",
        blocks.context.bytes_taken);
}

int main(void) {
  test_small_blocks_are_no_holders();
  return finish();
}

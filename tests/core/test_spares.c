/* test_spares.c: large blocks are kept and come again, up to the room that there is. Where memory
** is watched nothing is kept, and these facts hold, too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/spares.h"
#include "testing.h"

static void *take(gr_LargeSpares *spares, size_t size) {
  void *block = gr_large_take(spares, size);
  if (block == NULL) abort();
  check((uintptr_t)block % GR_LARGE == 0, "a block of %zu bytes begins with a large page", size);
  memset(block, 1, size);
  return block;
}

static void test_what_was_given_back_comes_again(void) {
  gr_LargeSpares spares = {4 * GR_LARGE, 0, NULL};
  void *block = take(&spares, GR_LARGE + 1);
  gr_large_give(&spares, block, GR_LARGE + 1);
  bool keeps = spares.bytes > 0;
  check(!keeps || spares.bytes == 2 * GR_LARGE, "%zu bytes are kept", spares.bytes);
  void *larger = take(&spares, 2 * GR_LARGE + 1);
  check(!keeps || larger != block, "a block that is too small stays");
  void *again = take(&spares, 2 * GR_LARGE);
  check(!keeps || again == block, "a size of as many pages is the same size");
  check(spares.bytes == 0, "what is taken is not kept");
  gr_large_give(&spares, larger, 2 * GR_LARGE + 1);
  gr_large_give(&spares, again, 2 * GR_LARGE);
  gr_large_close(&spares);
  check(spares.bytes == 0 && spares.first == NULL, "all is free at the end");
}

static void test_the_room_is_kept_to(void) {
  enum { COUNT = 5 };
  gr_LargeSpares spares = {3 * GR_LARGE, 0, NULL};
  void *blocks[COUNT];
  for (int i = 0; i < COUNT; i++) blocks[i] = take(&spares, GR_LARGE);
  void *huge = take(&spares, 4 * GR_LARGE);
  for (int i = 0; i < COUNT; i++) {
    gr_large_give(&spares, blocks[i], GR_LARGE);
    check(spares.bytes <= spares.room, "%zu bytes are kept", spares.bytes);
  }
  gr_large_give(&spares, huge, 4 * GR_LARGE);
  check(spares.bytes <= spares.room, "with a large one %zu bytes are kept", spares.bytes);
  void *last = take(&spares, GR_LARGE);
  gr_large_close(&spares);
  gr_large_give(&spares, last, GR_LARGE);
  check(spares.bytes == 0, "what comes after the end is not kept");
}

static void test_more_than_there_is(void) {
  gr_LargeSpares spares = {3 * GR_LARGE, 0, NULL};
  gr_large_give(&spares, take(&spares, GR_LARGE), GR_LARGE);
  check(gr_large_take(&spares, SIZE_MAX / 4) == NULL, "so much memory there is not");
  check(spares.bytes == 0, "for want of memory nothing is kept");
  gr_large_close(&spares);
}

int main(void) {
  test_what_was_given_back_comes_again();
  test_the_room_is_kept_to();
  test_more_than_there_is();
  return finish();
}

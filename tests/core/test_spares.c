/* test_spares.c: blocks are kept and come again, up to the room that there is. Where memory is
** watched nothing is kept, and these facts hold, too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/spares.h"
#include "testing.h"

/* Small blocks */

enum { SIZE = 320, MANY = 3000, ROOM = 256 * 1024 };

static void take_small(gr_Spares *spares, uint64_t **block, uint64_t mark) {
  *block = gr_spares_take(spares);
  if (*block == NULL) abort();
  check((uintptr_t)*block % 64 == 0, "a block begins a line");
  for (size_t i = 0; i < SIZE / sizeof **block; i++) (*block)[i] = mark;
}

static void give_small(gr_Spares *spares, uint64_t *block, uint64_t mark) {
  size_t whole = 0;
  for (size_t i = 0; i < SIZE / sizeof *block; i++) whole += block[i] == mark;
  check(whole == SIZE / sizeof *block, "block %llu is nobody else's", (unsigned long long)mark);
  gr_spares_give(spares, block);
}

static void test_small_blocks_come_and_go(void) {
  static uint64_t *blocks[MANY];
  gr_Spares spares = gr_spares_of(SIZE, ROOM);
  for (uint64_t i = 0; i < MANY; i++) take_small(&spares, &blocks[i], i);
  for (size_t step = 1; step < 8; step++) {  /* given back in an order and taken in another one */
    for (uint64_t i = step; i < MANY; i += step) give_small(&spares, blocks[i], i);
    for (uint64_t i = step; i < MANY; i += step) take_small(&spares, &blocks[i], i);
  }
  for (uint64_t i = 0; i < MANY; i++) give_small(&spares, blocks[i], i);
  check(spares.bytes <= ROOM, "%zu bytes are kept", spares.bytes);
  take_small(&spares, &blocks[0], 0);
  gr_spares_close(&spares);
  check(spares.bytes == 0, "after the end %zu bytes are kept", spares.bytes);
  give_small(&spares, blocks[0], 0);
  check(spares.bytes == 0 && spares.first == NULL, "what comes after the end is not kept");
}

/* Large blocks */

static void *take(gr_LargeSpares *spares, size_t size) {
  void *block = gr_large_take(spares, size);
  if (block == NULL) abort();
  check((uintptr_t)block % spares->unit == 0, "a block of %zu bytes begins a unit", size);
  memset(block, 1, size);
  return block;
}

static void test_what_was_given_back_comes_again(size_t unit) {
  gr_LargeSpares spares = {unit, 4 * unit, 0, NULL};
  void *block = take(&spares, unit + 1);
  gr_large_give(&spares, block, unit + 1);
  bool keeps = spares.bytes > 0;
  check(!keeps || spares.bytes == 2 * unit, "%zu bytes are kept", spares.bytes);
  void *larger = take(&spares, 2 * unit + 1);
  check(!keeps || larger != block, "a block that is too small stays");
  void *again = take(&spares, 2 * unit);
  check(!keeps || again == block, "a size of as many units is the same size");
  check(spares.bytes == 0, "what is taken is not kept");
  gr_large_give(&spares, larger, 2 * unit + 1);
  gr_large_give(&spares, again, 2 * unit);
  gr_large_close(&spares);
  check(spares.bytes == 0 && spares.first == NULL, "all is free at the end");
}

static void test_the_room_is_kept_to(size_t unit) {
  enum { COUNT = 5 };
  gr_LargeSpares spares = {unit, 3 * unit, 0, NULL};
  void *blocks[COUNT];
  for (int i = 0; i < COUNT; i++) blocks[i] = take(&spares, unit);
  void *huge = take(&spares, 4 * unit);
  for (int i = 0; i < COUNT; i++) {
    gr_large_give(&spares, blocks[i], unit);
    check(spares.bytes <= spares.room, "%zu bytes are kept", spares.bytes);
  }
  gr_large_give(&spares, huge, 4 * unit);
  check(spares.bytes <= spares.room, "with a large one %zu bytes are kept", spares.bytes);
  void *last = take(&spares, unit);
  gr_large_close(&spares);
  gr_large_give(&spares, last, unit);
  check(spares.bytes == 0, "what comes after the end is not kept");
}

static void test_more_than_there_is(size_t unit) {
  gr_LargeSpares spares = {unit, 3 * unit, 0, NULL};
  gr_large_give(&spares, take(&spares, unit), unit);
  check(gr_large_take(&spares, SIZE_MAX / 4) == NULL, "so much memory there is not");
  check(spares.bytes == 0, "for want of memory nothing is kept");
  gr_large_close(&spares);
}

int main(void) {
  static const size_t units[] = {GR_LARGE, GR_MEDIUM / 8};
  test_small_blocks_come_and_go();
  for (int i = 0; i < 2; i++) {
    test_what_was_given_back_comes_again(units[i]);
    test_the_room_is_kept_to(units[i]);
    test_more_than_there_is(units[i]);
  }
  return finish();
}

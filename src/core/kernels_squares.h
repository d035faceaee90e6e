/*
** kernels_squares.h: the sum of squares, for norms. It is computed in double, in the order that
** kernels_sums.h lays down. Included for float and for double.
*/

#define plus_square NAME(plus_square)
#define add_squares NAME(add_squares)
#define add_last_squares NAME(add_last_squares)
#define squares_block NAME(squares_block)
#define squares_blocks NAME(squares_blocks)
#define many_squares NAME(many_squares)

/* One multiply-add where that rounds as a product and a sum do. */
WORD vector_double plus_square(vector_double sum, vector_double x) {
  if (sizeof(ELEMENT) == sizeof(float)) return plus_exact_square(sum, x);
  return sum + x * x;
}

/* Add the squares of 16 elements to their lanes. */
WORD void add_squares(vector_double *lanes, const ELEMENT *x) {
  UNROLLED for (int j = 0; j < LANE_VECTORS_double; j++)
    lanes[j] = plus_square(lanes[j], LOAD_WIDE(x + j * LANES_double));
}

/* And of the last n < 16. An absent element counts as 0 and changes no lane. */
WORD void add_last_squares(vector_double *lanes, const ELEMENT *x, size_t n) {
  ELEMENT rest[16];
  if (n == 0) return;
  for (size_t j = 0; j < 16; j += LANES) {
    const size_t at = smaller(j, n);
    store(rest + j, load_part(x + at, smaller(n - at, LANES)));
  }
  add_squares(lanes, rest);
}

/* The only block, or the last one, of n <= 1,024. */
WORD double squares_block(const ELEMENT *x, size_t n) {
  vector_double lanes[LANE_VECTORS_double];
  size_t i;
  for (int j = 0; j < LANE_VECTORS_double; j++) lanes[j] = splat_double(0);
  for (i = 0; i + 16 <= n; i += 16) add_squares(lanes, x + i);
  add_last_squares(lanes, x + i, n - i);
  return lanes_sum_double(lanes);
}

/* `blocks` whole blocks, no more than SIDE_BY_SIDE_double. */
WORD void squares_blocks(Pile_double *pile, const ELEMENT *x, const int blocks) {
  vector_double lanes[SIDE_BY_SIDE_double][LANE_VECTORS_double];
  UNROLLED for (int k = 0; k < blocks; k++)
    UNROLLED for (int j = 0; j < LANE_VECTORS_double; j++) lanes[k][j] = splat_double(0);
  for (size_t i = 0; i < 1024; i += 16)
    UNROLLED for (int k = 0; k < blocks; k++) {
      const ELEMENT *here = x + (size_t)k * 1024 + i;
      fetch_ahead(here);
      add_squares(lanes[k], here);
    }
  for (int k = 0; k < blocks; k++) pile_add_double(pile, lanes_sum_double(lanes[k]));
}

APART double many_squares(const ELEMENT *x, size_t n) {
  enum { SOME = SIDE_BY_SIDE_double * 1024 };
  Pile_double pile;
  pile.blocks = 0;
  for (; n >= SOME; n -= SOME, x += SOME) squares_blocks(&pile, x, SIDE_BY_SIDE_double);
  for (; n >= 1024; n -= 1024, x += 1024) squares_blocks(&pile, x, 1);
  if (n > 0) pile_add_double(&pile, squares_block(x, n));
  return pile_sum_double(&pile);
}

static double NAME(sum_of_squares)(const void *x, size_t n) {
  return n <= 1024 ? squares_block(x, n) : many_squares(x, n);
}

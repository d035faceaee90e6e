/*
** kernels_squares.h: the sum of squares, for norms. It is computed in double, in the order that
** kernels_sums.h lays down. Included for float and for double.
*/

#define plus_square NAME(plus_square)
#define squares_block NAME(squares_block)
#define many_squares NAME(many_squares)

/* One multiply-add where that rounds as a product and a sum do. */
WORD vector_double plus_square(vector_double sum, vector_double x) {
  if (sizeof(ELEMENT) == sizeof(float)) return plus_exact_square(sum, x);
  return sum + x * x;
}

WORD double squares_block(const ELEMENT *x, size_t n, const bool far) {
  enum { VECTORS = 16 / LANES_double };
  vector_double sums[VECTORS];
  size_t i;
  for (int j = 0; j < VECTORS; j++) sums[j] = splat_double(0);
  for (i = 0; i + 16 <= n; i += 16) {
    if (far) fetch_ahead(x + i);
    for (int j = 0; j < VECTORS; j++) {
      sums[j] = plus_square(sums[j], LOAD_WIDE(x + i + j * LANES_double));
    }
  }
  if (i < n) {  /* an absent element counts as 0 and changes no lane */
    ELEMENT rest[16];
    for (size_t j = 0; j < 16; j += LANES) {
      const size_t at = i + smaller(j, n - i);
      store(rest + j, load_part(x + at, smaller(n - at, LANES)));
    }
    for (int j = 0; j < VECTORS; j++) {
      sums[j] = plus_square(sums[j], LOAD_WIDE(rest + j * LANES_double));
    }
  }
  return lanes_sum_double(sums);
}

APART double many_squares(const ELEMENT *x, size_t n) {
  Pile_double pile;
  pile.blocks = 0;
  for (; n >= 1024; n -= 1024, x += 1024) pile_add_double(&pile, squares_block(x, 1024, true));
  if (n > 0) pile_add_double(&pile, squares_block(x, n, true));
  return pile_sum_double(&pile);
}

static double NAME(sum_of_squares)(const void *x, size_t n) {
  return n <= 1024 ? squares_block(x, n, false) : many_squares(x, n);
}

/*
** kernels_sums.h: sums in the fixed order that kernels.h promises. Included for float and for
** double.
**
** The order in full. The n terms are cut into blocks of 1,024, the last one shorter. In a block
** the 16 lanes start at +0 and term i is added to lane i mod 16, in turn. Then lanes 2i and 2i + 1
** are added, for each i, and of the 8 sums again neighbours, of the 4, of the 2. The sums of the
** blocks are added in the same way, neighbours first; where their number is odd the last one is
** taken up unchanged. (So many blocks are cut at the greatest power of two below their number.)
** The sum of nothing is +0, and no sum is -0.
*/

#define Pile NAME(Pile)
#define pile_add NAME(pile_add)
#define pile_sum NAME(pile_sum)
#define lanes_sum NAME(lanes_sum)
#define join_lanes NAME(join_lanes)
#define blocks_sum NAME(blocks_sum)
#define short_block_sum NAME(short_block_sum)
#define columns_sum NAME(columns_sum)
#define all_columns_sum NAME(all_columns_sum)
#define terms_sum NAME(terms_sum)
#define term_plain NAME(term_plain)
#define term_squared_error NAME(term_squared_error)
#define term_absolute_error NAME(term_absolute_error)
#define number NAME(number)

/* So many vectors make up the 16 lanes, and so many blocks are summed side by side: as the
** additions of one lane wait for each other, four or more vectors at a time. */
enum { NAME(LANE_VECTORS) = 16 / LANES, NAME(SIDE_BY_SIDE) = LANES < 8 ? 1 : LANES / 4 };
#define LANE_VECTORS NAME(LANE_VECTORS)
#define SIDE_BY_SIDE NAME(SIDE_BY_SIDE)

/* The sums of blocks that wait for their neighbours: partial[h], the sum of 2^h blocks, is there
** where bit h of `blocks` is set. */
typedef struct Pile {
  size_t blocks;
  number partial[8 * sizeof(size_t)];
} Pile;

static void pile_add(Pile *pile, number sum) {
  size_t height = 0;
  for (; pile->blocks >> height & 1; height++) sum = pile->partial[height] + sum;
  pile->partial[height] = sum;
  pile->blocks++;
}

/* What waits is added from the last to the first. */
static number pile_sum(const Pile *pile) {
  size_t height = 0, blocks = pile->blocks;
  number sum;
  if (blocks == 0) return 0;
  for (; (blocks >> height & 1) == 0; height++) ;
  sum = pile->partial[height];
  for (height++; blocks >> height != 0; height++)
    if (blocks >> height & 1) sum = pile->partial[height] + sum;
  return sum;
}

/* The 16 lanes, pairwise. Uses them up. */
WORD number lanes_sum(vector *lanes) {
  UNROLLED for (int level = 1; level < 4; level++)
    UNROLLED for (int i = 0; i < LANE_VECTORS >> level; i++)
      lanes[i] = neighbours(lanes[2 * i], lanes[2 * i + 1]);
  UNROLLED for (int level = 0; level < 4; level++)
    if (LANES >> level > 1) lanes[0] = neighbours(lanes[0], lanes[0]);
  return lanes[0][0];
}

WORD vector term_plain(vector a, vector b) { (void)b; return a; }
WORD vector term_squared_error(vector a, vector b) { return (a - b) * (a - b); }
WORD vector term_absolute_error(vector a, vector b) { return magnitude(a - b); }

/* The last block, of n < 1,024 terms. An absent element counts as 0 and changes no lane. */
WORD number short_block_sum(const number *a, const number *b, size_t n,
                                  vector term(vector, vector)) {
  vector lanes[LANE_VECTORS];
  size_t i;
  for (int j = 0; j < LANE_VECTORS; j++) lanes[j] = splat(0);
  for (i = 0; i + 16 <= n; i += 16)
    for (int j = 0; j < LANE_VECTORS; j++)
      lanes[j] += term(load(a + i + j * LANES), load(b + i + j * LANES));
  for (int j = 0; j < LANE_VECTORS && i < n; j++, i += LANES) {
    size_t count = n - i < LANES ? n - i : LANES;
    lanes[j] += term(load_part(a + i, count), load_part(b + i, count));
  }
  return lanes_sum(lanes);
}

/* `blocks` whole blocks, no more than SIDE_BY_SIDE. */
WORD void blocks_sum(Pile *pile, const number *a, const number *b, const int blocks,
                     vector term(vector, vector)) {
  vector lanes[SIDE_BY_SIDE][LANE_VECTORS];
  UNROLLED for (int k = 0; k < blocks; k++)
    UNROLLED for (int j = 0; j < LANE_VECTORS; j++) lanes[k][j] = splat(0);
  for (size_t i = 0; i < 1024; i += 16)
    UNROLLED for (int k = 0; k < blocks; k++)
      UNROLLED for (int j = 0; j < LANE_VECTORS; j++) {
        size_t at = (size_t)k * 1024 + i + (size_t)j * LANES;
        lanes[k][j] += term(load(a + at), load(b + at));
      }
  for (int k = 0; k < blocks; k++) pile_add(pile, lanes_sum(lanes[k]));
}

WORD number terms_sum(const number *a, const number *b, size_t n, vector term(vector, vector)) {
  Pile pile;
  if (n < 1024) return short_block_sum(a, b, n, term);
  pile.blocks = 0;
  for (; n >= SIDE_BY_SIDE * 1024; n -= SIDE_BY_SIDE * 1024) {
    blocks_sum(&pile, a, b, SIDE_BY_SIDE, term);
    a += SIDE_BY_SIDE * 1024;
    b += SIDE_BY_SIDE * 1024;
  }
  for (; n >= 1024; n -= 1024, a += 1024, b += 1024) blocks_sum(&pile, a, b, 1, term);
  if (n > 0) pile_add(&pile, short_block_sum(a, b, n, term));
  return pile_sum(&pile);
}

static void NAME(sum)(void *y, const void *x, size_t n) {
  *(number *)y = terms_sum(x, x, n, term_plain);
}

static void NAME(sum_squared_error)(void *y, const void *a, const void *b, size_t n) {
  *(number *)y = terms_sum(a, b, n, term_squared_error);
}

static void NAME(sum_absolute_error)(void *y, const void *a, const void *b, size_t n) {
  *(number *)y = terms_sum(a, b, n, term_absolute_error);
}

/* Rows are added in order to sums that start at +0, or at y where it resumes; `vectors` of them
** stand side by side, as the additions of one wait for each other. `part`: the last is not whole. */
WORD void columns_sum(number *y, const number *x, size_t rows, size_t row, size_t columns,
                      bool resumes, const int vectors, const bool part) {
  const size_t rest = columns - (size_t)(vectors - 1) * LANES;
  const int whole = part ? vectors - 1 : vectors;
  vector sums[4];
  UNROLLED for (int j = 0; j < vectors; j++) sums[j] = splat(0);
  if (resumes) {
    UNROLLED for (int j = 0; j < whole; j++) sums[j] = load(y + (size_t)j * LANES);
    if (part) sums[vectors - 1] = load_part(y + (size_t)whole * LANES, rest);
  }
  BY_FOUR for (; rows > 0; rows--, x += row) {
    UNROLLED for (int j = 0; j < whole; j++) sums[j] += load(x + (size_t)j * LANES);
    if (part) sums[vectors - 1] += load_part(x + (size_t)whole * LANES, rest);
  }
  UNROLLED for (int j = 0; j < whole; j++) store(y + j * LANES, sums[j]);
  if (part) store_part(y + whole * LANES, sums[vectors - 1], rest);
}

/* From one row to the next it is `row` elements. */
static void all_columns_sum(number *y, const number *x, size_t rows, size_t row, size_t columns,
                            bool resumes) {
  for (; columns >= 4 * LANES; columns -= 4 * LANES, x += 4 * LANES, y += 4 * LANES)
    columns_sum(y, x, rows, row, 4 * LANES, resumes, 4, false);
  if (columns > 3 * LANES) columns_sum(y, x, rows, row, columns, resumes, 4, true);
  else if (columns > 2 * LANES) columns_sum(y, x, rows, row, columns, resumes, 3, true);
  else if (columns > LANES) columns_sum(y, x, rows, row, columns, resumes, 2, true);
  else if (columns > 0) columns_sum(y, x, rows, row, columns, resumes, 1, true);
}

static void NAME(sum_rows)(void *y, const void *x, size_t rows, size_t columns) {
  all_columns_sum(y, x, rows, columns, columns, false);
}

#undef LANE_VECTORS
#undef SIDE_BY_SIDE

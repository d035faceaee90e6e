/*
** kernels_product.h: C = act(A . B + bias). Included for float and for double.
**
** All the work is done by tiles: up to TILE_ROWS rows and two vectors of columns of C (or eight
** vectors of one row) are held in registers while k runs from first to last, so each element is its
** own chain of fused multiply-adds, whatever the blocking. A tile reads A by any strides, but B
** along rows.
**
** What surrounds the tiles only chooses where they read. Small products read A and B where they
** are. Large ones, and those whose B does not lie along rows, copy blocks of B (and of A) into
** scratch: BLOCK_DEPTH steps of k at a time, which the tile adds to what C holds so far. A matrix
** times a vector is turned so that the vectors run along what is contiguous, or else goes row by
** row with one number for each.
*/

#define number NAME(number)
#define Tile NAME(Tile)
#define tile NAME(tile)
#define run_tile NAME(run_tile)
#define run_panel NAME(run_panel)
#define run_row NAME(run_row)
#define run_tiles NAME(run_tiles)
#define dot_tile NAME(dot_tile)
#define dot_products NAME(dot_products)
#define add_bias NAME(add_bias)
#define activate NAME(activate)
#define copy_panel NAME(copy_panel)
#define columns_room NAME(columns_room)
#define run_block NAME(run_block)
#define run_columns NAME(run_columns)
#define run_blocks NAME(run_blocks)
#define reads_in_place NAME(reads_in_place)
#define turned_tile NAME(turned_tile)
#define matrix_in_blocks NAME(matrix_in_blocks)
#define matrix_by_column NAME(matrix_by_column)
#define row_by_columns NAME(row_by_columns)
#define PANEL (2 * LANES)

typedef struct Tile {
  size_t rows, columns;  /* of C: at most TILE_ROWS and PANEL in one tile */
  size_t k;
  const number *a;
  ptrdiff_t a_row, a_column;
  const number *b;
  ptrdiff_t b_row;
  number *c;
  ptrdiff_t c_row;
  const number *bias;    /* NULL for none */
  bool resumes;          /* C holds the sum over the k before these */
  bool rectifies;
} Tile;

/* One tile, unfolded for each number of rows and of vectors; `part`: the last vector is not
** whole. Rows of A are reached from every third one, which is as far as an address goes. */
WORD void tile(const Tile *t, const int rows, const int vectors, const bool part) {
  const size_t rest = t->columns - (size_t)(vectors - 1) * LANES;
  const int last = part ? vectors - 1 : vectors;  /* the vector that is not whole */
  const number *a[(TILE_ROWS + 2) / 3], *b = t->b;
  const ptrdiff_t a_row = t->a_row, a_column = t->a_column, b_row = t->b_row;
  const ptrdiff_t c_row = t->c_row;
  number *const c = t->c;
  vector sums[TILE_ROWS][8], along[8];
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int j = 0; j < vectors; j++) sums[i][j] = splat(0);
  if (t->resumes)
    UNROLLED for (int i = 0; i < rows; i++)
      UNROLLED for (int j = 0; j < vectors; j++)
        sums[i][j] = j == last ? load_part(c + i * c_row + j * LANES, rest)
                               : load(c + i * c_row + j * LANES);
  UNROLLED for (int i = 0; i < rows; i += 3) a[i / 3] = t->a + i * a_row;
  for (size_t k = t->k; k > 0; k--) {
    UNROLLED for (int j = 0; j < vectors; j++)
      along[j] = j == last ? load_part(b + j * LANES, rest) : load(b + j * LANES);
    UNROLLED for (int i = 0; i < rows; i++) {
      vector down = splat(a[i / 3][i % 3 * a_row]);
      UNROLLED for (int j = 0; j < vectors; j++) sums[i][j] = fused(down, along[j], sums[i][j]);
    }
    UNROLLED for (int i = 0; i < rows; i += 3) a[i / 3] += a_column;
    b += b_row;
  }
  if (t->bias)
    UNROLLED for (int j = 0; j < vectors; j++) {
      const number *bias = t->bias + j * LANES;
      vector offset = j == last ? load_part(bias, rest) : load(bias);
      UNROLLED for (int i = 0; i < rows; i++) sums[i][j] += offset;
    }
  if (t->rectifies)
    UNROLLED for (int i = 0; i < rows; i++)
      UNROLLED for (int j = 0; j < vectors; j++) sums[i][j] = rectified(sums[i][j]);
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int j = 0; j < vectors; j++)
      if (j == last) store_part(c + i * c_row + j * LANES, sums[i][j], rest);
      else store(c + i * c_row + j * LANES, sums[i][j]);
}

#define TILE_OF(rows) \
  static void NAME(tile_of_##rows)(const Tile *t) { \
    if (t->columns == PANEL) tile(t, rows, 2, false); \
    else if (t->columns > LANES) tile(t, rows, 2, true); \
    else if (t->columns == LANES) tile(t, rows, 1, false); \
    else tile(t, rows, 1, true); \
  }

TILE_OF(1)
TILE_OF(2)
TILE_OF(3)
TILE_OF(4)
#if TILE_ROWS >= 6
TILE_OF(5)
TILE_OF(6)
#endif
#if TILE_ROWS >= 8
TILE_OF(7)
TILE_OF(8)
#endif
#undef TILE_OF

static void run_tile(const Tile *t) {
  switch (t->rows) {
    case 1: NAME(tile_of_1)(t); break;
    case 2: NAME(tile_of_2)(t); break;
    case 3: NAME(tile_of_3)(t); break;
    case 4: NAME(tile_of_4)(t); break;
#if TILE_ROWS >= 6
    case 5: NAME(tile_of_5)(t); break;
    case 6: NAME(tile_of_6)(t); break;
#endif
#if TILE_ROWS >= 8
    case 7: NAME(tile_of_7)(t); break;
    case 8: NAME(tile_of_8)(t); break;
#endif
  }
}

/* All rows of one panel of columns; *t is put back as it was. */
static void run_panel(Tile *t) {
  const size_t rows = t->rows;
  const number *const a = t->a;
  number *const c = t->c;
  for (size_t i = 0; i < rows; i += TILE_ROWS) {
    t->rows = smaller(TILE_ROWS, rows - i);
    t->a = a + (ptrdiff_t)i * t->a_row;
    t->c = c + (ptrdiff_t)i * t->c_row;
    run_tile(t);
  }
  t->rows = rows;
  t->a = a;
  t->c = c;
}

/* Eight vectors of the one row there is. */
static void run_row(const Tile *t) { tile(t, 1, 8, false); }

/* All of C, reading A and B where they are; uses up *t. */
static void run_tiles(Tile *t) {
  size_t rest = t->columns;
  while (rest > 0) {
    const bool wide = t->rows == 1 && rest >= 8 * LANES;
    t->columns = wide ? 8 * LANES : smaller(rest, PANEL);
    if (wide) run_row(t);
    else run_panel(t);
    t->b += t->columns;
    t->c += t->columns;
    if (t->bias) t->bias += t->columns;
    rest -= t->columns;
  }
}

/* -- copies ---------------------------------------------------------------------------------- */

/* The shape of the copied blocks: one of B fills most of a second-level cache, one of A a part of
** it, and a panel of B or a tile's rows of A about a first-level one. */
enum {
  NAME(BLOCK_DEPTH) = 384,
  NAME(BLOCK_ROWS) = 16 * TILE_ROWS,
  NAME(BLOCK_COLUMNS) = 2048 / sizeof(ELEMENT)
};
#define BLOCK_DEPTH NAME(BLOCK_DEPTH)
#define BLOCK_ROWS NAME(BLOCK_ROWS)
#define BLOCK_COLUMNS NAME(BLOCK_COLUMNS)

/* One panel of B: k rows of PANEL numbers. What stands in absent columns is never read. */
static void copy_panel(number *to, const number *b, ptrdiff_t b_row, ptrdiff_t b_column,
                       size_t k, size_t columns) {
  if (b_column != 1 || columns < PANEL) {
    turn(to, PANEL, k, columns, b, b_column, b_row);
    return;
  }
  for (; k > 0; k--, to += PANEL, b += b_row) {
    store(to, load(b));
    store(to + LANES, load(b + LANES));
  }
}

/* Elements of scratch for one block of B; for that and one of A, in bytes. */
static size_t columns_room(size_t n, size_t k) {
  return rounded_up(smaller(n, BLOCK_COLUMNS), PANEL) * smaller(k, BLOCK_DEPTH);
}

/* The shape of the blocks of a matrix that are turned for a vector: in a first-level cache. */
enum { NAME(TURNED_ROWS) = 64, NAME(TURNED_DEPTH) = 256 / sizeof(ELEMENT) };
#define TURNED_ROWS NAME(TURNED_ROWS)
#define TURNED_DEPTH NAME(TURNED_DEPTH)

static size_t NAME(product_scratch)(size_t m, size_t n, size_t k) {
  size_t rows = rounded_up(smaller(m, BLOCK_ROWS), TILE_ROWS) * smaller(k, BLOCK_DEPTH);
  if (n == 1) return TURNED_ROWS * smaller(k, TURNED_DEPTH) * sizeof(number);
  return m <= 1 ? 0 : (columns_room(n, k) + rows) * sizeof(number);
}

/* Some rows of C, from a copied block of B. The rows of A are copied too where they are used often
** enough. */
static void run_block(const Tile *block, number *rows_room, const number *panels) {
  const bool copies = block->columns > 2 * PANEL;
  Tile t = *block;
  for (size_t i = 0; copies && i < block->rows; i += TILE_ROWS)
    turn(rows_room + i * t.k, TILE_ROWS, t.k, smaller(TILE_ROWS, block->rows - i),
         block->a + (ptrdiff_t)i * block->a_row, block->a_row, block->a_column);
  if (copies) {
    t.a_row = 1;
    t.a_column = TILE_ROWS;
  }
  t.b_row = PANEL;
  for (size_t j = 0; j < block->columns; j += PANEL) {
    t.b = panels + j * t.k;
    t.columns = smaller(PANEL, block->columns - j);
    t.bias = block->bias ? block->bias + j : NULL;
    for (size_t i = 0; i < block->rows; i += TILE_ROWS) {
      t.a = copies ? rows_room + i * t.k : block->a + (ptrdiff_t)i * block->a_row;
      t.c = block->c + (ptrdiff_t)i * t.c_row + j;
      t.rows = smaller(TILE_ROWS, block->rows - i);
      run_tile(&t);
    }
  }
}

/* Some columns of C and one block of k. */
static void run_columns(const Tile *columns, ptrdiff_t b_column, number *scratch) {
  number *rows_room = scratch + columns_room(columns->columns, columns->k);
  Tile t = *columns;
  for (size_t j = 0; j < t.columns; j += PANEL)
    copy_panel(scratch + j * t.k, t.b + (ptrdiff_t)j * b_column, t.b_row, b_column, t.k,
               smaller(PANEL, t.columns - j));
  for (size_t i = 0; i < columns->rows; i += BLOCK_ROWS) {
    t.rows = smaller(BLOCK_ROWS, columns->rows - i);
    t.a = columns->a + (ptrdiff_t)i * columns->a_row;
    t.c = columns->c + (ptrdiff_t)i * columns->c_row;
    run_block(&t, rows_room, scratch);
  }
}

/* All of C, from copies. */
APART void run_blocks(const Tile *whole, const gr_Product *p) {
  for (size_t j = 0; j < whole->columns; j += BLOCK_COLUMNS)
    for (size_t k = 0; k < whole->k; k += BLOCK_DEPTH) {
      Tile t = *whole;
      const bool ends = k + BLOCK_DEPTH >= whole->k;
      t.columns = smaller(BLOCK_COLUMNS, whole->columns - j);
      t.k = smaller(BLOCK_DEPTH, whole->k - k);
      t.a += (ptrdiff_t)k * t.a_column;
      t.b += (ptrdiff_t)k * t.b_row + (ptrdiff_t)j * p->b_column;
      t.c += j;
      t.resumes = k > 0;
      t.rectifies = ends && whole->rectifies;
      t.bias = ends && whole->bias ? whole->bias + j : NULL;
      run_columns(&t, p->b_column, p->scratch);
      if (p->must_stop != NULL && p->must_stop(p->data)) return;
    }
}

/* -- a matrix times a vector ----------------------------------------------------------------- */

/* c[i c_step] = the sum over k of a[i][k] b[k b_step] for `rows` rows, one number for each: a tile
** without vectors. */
WORD void dot_tile(const Tile *t, size_t first, const int rows, ptrdiff_t b_step,
                   ptrdiff_t c_step) {
  const ptrdiff_t a_row = t->a_row, a_column = t->a_column;
  const number *a[3], *b = t->b;
  number sums[8], *c = t->c + (ptrdiff_t)first * c_step;
  UNROLLED for (int i = 0; i < rows; i++) sums[i] = 0;
  UNROLLED for (int i = 0; i < rows; i += 3) a[i / 3] = t->a + ((ptrdiff_t)first + i) * a_row;
  for (size_t k = t->k; k > 0; k--, b += b_step) {
    UNROLLED for (int i = 0; i < rows; i++)
      sums[i] = fused_one(a[i / 3][i % 3 * a_row], *b, sums[i]);
    UNROLLED for (int i = 0; i < rows; i += 3) a[i / 3] += a_column;
  }
  UNROLLED for (int i = 0; i < rows; i++) c[i * c_step] = sums[i];
}

/* The same for all rows; eight sums side by side, as the additions of one wait for each other. */
APART void dot_products(const Tile *t, ptrdiff_t b_step, ptrdiff_t c_step) {
  size_t i = 0;
  for (; i + 8 <= t->rows; i += 8) dot_tile(t, i, 8, b_step, c_step);
  for (; i + 4 <= t->rows; i += 4) dot_tile(t, i, 4, b_step, c_step);
  for (; i < t->rows; i++) dot_tile(t, i, 1, b_step, c_step);
}

APART void add_bias(const gr_Product *p) {
  number *c = p->c;
  const number *bias = p->bias;
  if (p->n == 1 && p->c_row == 1) {
    NAME(add_kernel)(c, c, 1, bias, 0, p->m);
    return;
  }
  for (size_t i = 0; i < p->m; i++, c += p->c_row)
    for (size_t j = 0; j < p->n; j++) c[j] += bias[j];
}

/* A^T takes the part of B, the vector that of the one row of A: so vectors run along C. */
static Tile turned_tile(const Tile *t) {
  return (Tile){
    .rows = 1, .columns = t->rows, .k = t->k, .a = t->b, .a_column = t->b_row, .b = t->a,
    .b_row = t->a_column, .c = t->c
  };
}

/* The same where A lies along its rows: a block of A at a time is turned in scratch. */
APART void matrix_in_blocks(const Tile *whole, number *scratch) {
  for (size_t i = 0; i < whole->rows; i += TURNED_ROWS)
    for (size_t k = 0; k < whole->k; k += TURNED_DEPTH) {
      Tile t = turned_tile(whole);
      t.columns = smaller(TURNED_ROWS, whole->rows - i);
      t.k = smaller(TURNED_DEPTH, whole->k - k);
      turn(scratch, TURNED_ROWS, t.k, t.columns, whole->a + (ptrdiff_t)i * whole->a_row + k,
           whole->a_row, 1);
      t.a += (ptrdiff_t)k * whole->b_row;
      t.b = scratch;
      t.b_row = TURNED_ROWS;
      t.c += i;
      t.resumes = k > 0;
      run_tiles(&t);
    }
}

/* n = 1: along the rows of C where they are contiguous, or else one by one. */
static void matrix_by_column(const gr_Product *p, const Tile *whole) {
  Tile turned = turned_tile(whole);
  const bool along_c = p->c_row == 1 && p->m >= LANES;
  if (p->c_row == 1 && p->a_row == 1) run_tiles(&turned);
  else if (along_c && p->a_column == 1 && p->k >= 4) matrix_in_blocks(whole, p->scratch);
  else dot_products(whole, p->b_row, p->c_row);
  if (p->bias) add_bias(p);
}

/* m = 1 and B does not lie along rows: its columns take the part of A's rows. */
static void row_by_columns(const gr_Product *p) {
  Tile turned = {
    .rows = p->n, .columns = 1, .k = p->k, .a = p->b, .a_row = p->b_column,
    .a_column = p->b_row, .b = p->a, .c = p->c
  };
  dot_products(&turned, p->a_column, 1);
  if (p->bias) add_bias(p);
}

/* -- the product ----------------------------------------------------------------------------- */

/* The activations that a tile does not apply itself. */
APART void activate(const gr_Product *p) {
  static gr_UnaryKernel *const functions[GR_UNARY_COUNT] = UNARY_KERNELS(ELEMENT);
  gr_UnaryKernel *f = functions[p->activation];
  number *c = p->c;
  if (p->c_row == (ptrdiff_t)p->n) { f(c, c, p->m * p->n); return; }
  for (size_t i = 0; i < p->m; i++, c += p->c_row) f(c, c, p->n);
}

/* Few rows, few columns or a small B do not pay for copies. */
static bool reads_in_place(const gr_Product *p) {
  return p->m <= 36 || p->n <= PANEL || p->n * p->k <= 64 * 64;
}

static void NAME(product)(const gr_Product *p) {
  Tile whole = {
    .rows = p->m, .columns = p->n, .k = p->k, .a = p->a, .a_row = p->a_row,
    .a_column = p->a_column, .b = p->b, .b_row = p->b_row, .c = p->c, .c_row = p->c_row,
    .bias = p->bias
  };
  const bool along_rows = p->b_column == 1 || p->k == 0;
  if (p->m == 0 || p->n == 0) return;
  if (p->k == 0) whole.a = whole.b = p->c;  /* never read, but moved along: it must not be NULL */
  if (p->n == 1) matrix_by_column(p, &whole);
  else if (p->m == 1 && !along_rows) row_by_columns(p);
  else {
    whole.rectifies = p->activation == GR_RELU;
    if (along_rows && reads_in_place(p)) run_tiles(&whole);
    else run_blocks(&whole, p);
    if (whole.rectifies) return;
  }
  if (p->activation != GR_LINEAR) activate(p);
}

#undef PANEL
#undef TURNED_ROWS
#undef TURNED_DEPTH
#undef BLOCK_DEPTH
#undef BLOCK_ROWS
#undef BLOCK_COLUMNS

/*
** kernels_product.h: C = act(A . B + bias). Included for float and for double.
**
** All the work is done by tiles: STRIP_ROWS rows and PANEL_VECTORS vectors of columns of C, or what
** these leave over: up to TILE_ROWS rows and two vectors, or eight vectors of one row. They are held
** in registers while k runs from first to last, so each element is its own chain of fused
** multiply-adds, whatever the blocking. A tile reads A by any strides, but B along rows.
**
** What surrounds the tiles only chooses where they read. Small products read A and B where they
** are. Large ones, and those whose B does not lie along rows, copy blocks of B into scratch, and of
** A unless that lies along rows: some hundred steps of k at a time, which the tile adds to what C
** holds so far. The blocks of one factor are shared by all workers, who first copy and then read
** them; those of the other are each worker's own, and so are rows of C that are handed on when they
** are done, instead of being written to where C is. A matrix times a vector has the vectors run
** along the results, and A is turned in registers where it lies the other way; or else it goes row
** by row with one number for each.
*/

#define number NAME(number)
#define Tile NAME(Tile)
#define tile NAME(tile)
#define tiles NAME(tiles)
#define any_tiles NAME(any_tiles)
#define run_stack NAME(run_stack)
#define pass_columns NAME(pass_columns)
#define fetch_c NAME(fetch_c)
#define whole_tiles NAME(whole_tiles)
#define run_panel NAME(run_panel)
#define run_panels NAME(run_panels)
#define run_copied_panel NAME(run_copied_panel)
#define run_row NAME(run_row)
#define run_tiles NAME(run_tiles)
#define dot_tile NAME(dot_tile)
#define dot_products NAME(dot_products)
#define dot_tiles NAME(dot_tiles)
#define tile_of NAME(tile_of)
#define run_narrow NAME(run_narrow)
#define run_wide NAME(run_wide)
#define run_in_place NAME(run_in_place)
#define run_vector NAME(run_vector)
#define add_bias NAME(add_bias)
#define activates_apart NAME(activates_apart)
#define activate NAME(activate)
#define copy_panels NAME(copy_panels)
#define copy_columns NAME(copy_columns)
#define copy_b NAME(copy_b)
#define copy_strips NAME(copy_strips)
#define Round NAME(Round)
#define Shape NAME(Shape)
#define shape_of NAME(shape_of)
#define shared_depths NAME(shared_depths)
#define run_block NAME(run_block)
#define share_out NAME(share_out)
#define copy_shared_b NAME(copy_shared_b)
#define run_rows NAME(run_rows)
#define copy_shared_a NAME(copy_shared_a)
#define run_columns NAME(run_columns)
#define equal_parts NAME(equal_parts)
#define shared_copy NAME(shared_copy)
#define own_copy NAME(own_copy)
#define own_rows NAME(own_rows)
#define is_page_apart NAME(is_page_apart)
#define hands_rows_on NAME(hands_rows_on)
#define handed_rows NAME(handed_rows)
#define stops NAME(stops)
#define steps_of NAME(steps_of)
#define move_rows NAME(move_rows)
#define move_columns NAME(move_columns)
#define run_blocks NAME(run_blocks)
#define lies_along_rows NAME(lies_along_rows)
#define reads_in_place NAME(reads_in_place)
#define add_columns NAME(add_columns)
#define columns_tile NAME(columns_tile)
#define column_products NAME(column_products)
#define matrix_by_column NAME(matrix_by_column)
#define row_by_columns NAME(row_by_columns)
#define TILE_COLUMNS (2 * LANES)
#define PANEL (PANEL_VECTORS * LANES)

typedef struct Tile {
  size_t rows, columns;  /* of C */
  size_t k;
  const number *a;
  ptrdiff_t a_row, a_column;
  ptrdiff_t a_tile;      /* from one tile's rows of A to those of the next */
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
  ptrdiff_t c_row = t->c_row;
  number *c = t->c;
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
  FORGET(c);
  FORGET(c_row);
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

/* `count` tiles, one beneath the other. */
WORD void tiles(const Tile *first, size_t count, const int rows, const int vectors,
                const bool part) {
  Tile t = *first;
  for (; count > 0; count--, t.a += t.a_tile, t.c += rows * t.c_row) tile(&t, rows, vectors, part);
}

/* The same of any number of columns, up to TILE_COLUMNS. */
WORD void any_tiles(const Tile *t, size_t count, const int rows) {
  if (t->columns == TILE_COLUMNS) tiles(t, count, rows, 2, false);
  else if (t->columns > LANES) tiles(t, count, rows, 2, true);
  else if (t->columns == LANES) tiles(t, count, rows, 1, false);
  else tiles(t, count, rows, 1, true);
}

#define TILES(rows) \
  static void NAME(tiles_of_##rows)(const Tile *t, size_t count) { any_tiles(t, count, rows); }

TILES(1)
TILES(2)
TILES(3)
TILES(4)
#if TILE_ROWS >= 6
TILES(5)
TILES(6)
#endif
#if TILE_ROWS >= 8
TILES(7)
TILES(8)
#endif
#undef TILES

#define TILES_OF(rows) TILES_NAMED(rows)  /* once `rows` is a number */
#define TILES_NAMED(rows) NAME(tiles_of_##rows)

/* All rows of TILE_COLUMNS columns, or fewer. The stack is not copied, as what was just written
** field by field cannot be read at once by wider loads; it is left as it was. */
static void run_stack(Tile *stack) {
  const size_t count = stack->rows / TILE_ROWS, done = count * TILE_ROWS;
  const number *const a = stack->a;
  number *const c = stack->c;
  if (count > 0) TILES_OF(TILE_ROWS)(stack, count);
  if (done == stack->rows) return;
  stack->a += (ptrdiff_t)count * stack->a_tile;
  stack->c += (ptrdiff_t)done * stack->c_row;
  switch (stack->rows - done) {
    case 1: NAME(tiles_of_1)(stack, 1); break;
    case 2: NAME(tiles_of_2)(stack, 1); break;
    case 3: NAME(tiles_of_3)(stack, 1); break;
#if TILE_ROWS >= 6
    case 4: NAME(tiles_of_4)(stack, 1); break;
    case 5: NAME(tiles_of_5)(stack, 1); break;
#endif
#if TILE_ROWS >= 8
    case 6: NAME(tiles_of_6)(stack, 1); break;
    case 7: NAME(tiles_of_7)(stack, 1); break;
#endif
  }
  stack->a = a;
  stack->c = c;
}

/* Eight vectors of the one row there is. */
static void run_row(const Tile *t) { tile(t, 1, 8, false); }

/* On to the columns behind. */
WORD void pass_columns(Tile *t) {
  t->b += t->columns;
  t->c += t->columns;
  if (t->bias) t->bias += t->columns;
}

/* All columns by small tiles; uses up *t. */
static void run_tiles(Tile *t) {
  size_t rest = t->columns;
  while (rest > 0) {
    const bool wide = t->rows == 1 && rest >= 8 * LANES;
    t->columns = wide ? 8 * LANES : smaller(rest, TILE_COLUMNS);
    if (wide) run_row(t);
    else run_stack(t);
    rest -= t->columns;
    pass_columns(t);
  }
}

/* Ask for what C holds where the next tile adds to it. */
WORD void fetch_c(const number *c, ptrdiff_t c_row) {
  UNROLLED for (int i = 0; i < STRIP_ROWS; i++)
    UNROLLED for (int j = 0; j < PANEL; j += LANES)
      __builtin_prefetch(c + i * c_row + j, 1);
}

static void move_rows(Tile *t, size_t first, size_t count) {
  t->rows = count;
  t->a += (ptrdiff_t)first * t->a_row;
  t->c += (ptrdiff_t)first * t->c_row;
}

/* Whole tiles of a panel, one beneath the other. */
static void whole_tiles(const Tile *first, size_t count) {
  Tile t = *first;
  for (; count > 0; count--, t.a += t.a_tile, t.c += STRIP_ROWS * t.c_row) {
    if (count > 1) fetch_c(t.c + STRIP_ROWS * t.c_row, t.c_row);
    tile(&t, STRIP_ROWS, PANEL_VECTORS, false);
  }
}

/* All rows of one panel of columns, or of fewer. The rows that are left are as many as a tile takes,
** rather than one or two, whose multiply-adds would wait for each other. */
static void run_panel(const Tile *panel) {
  Tile t = *panel;
  if (t.columns == PANEL) {
    size_t count = t.rows / STRIP_ROWS, rest = t.rows % STRIP_ROWS;
    if (count > 0 && rest > 0 && rest + STRIP_ROWS <= TILE_ROWS) count--;
    t.a_tile = STRIP_ROWS * t.a_row;
    whole_tiles(&t, count);
    move_rows(&t, count * STRIP_ROWS, t.rows - count * STRIP_ROWS);
    t.a_tile = TILE_ROWS * t.a_row;
  }
  run_tiles(&t);
}

/* All of C, where A and B lie; uses up *t. */
static void run_panels(Tile *t) {
  size_t rest = t->columns;
  if (t->rows >= STRIP_ROWS)
    for (; rest >= PANEL; rest -= PANEL, pass_columns(t)) {
      t->columns = PANEL;
      run_panel(t);
    }
  t->columns = rest;
  run_tiles(t);
}

/* -- copies ---------------------------------------------------------------------------------- */

/* `panels` whole panels of B that lies along rows: a row of them all at a time, as the next row may
** lie in another page. */
WORD void copy_panels(number *to, const number *b, ptrdiff_t b_row, size_t k, const int panels) {
  const size_t panel = k * PANEL;
  for (; k > 0; k--, to += PANEL, b += b_row)
    UNROLLED for (int i = 0; i < panels; i++)
      UNROLLED for (int j = 0; j < PANEL; j += LANES)
        store(to + (size_t)i * panel + j, load(b + i * PANEL + j));
}

/* B as panels, each of k rows of PANEL numbers. What stands in absent columns is never read. */
static void copy_columns(number *to, const number *b, ptrdiff_t b_row, ptrdiff_t b_column,
                         size_t k, size_t columns) {
  size_t j = 0;
  if (b_column == 1) {
    for (; j + 4 * PANEL <= columns; j += 4 * PANEL) copy_panels(to + j * k, b + j, b_row, k, 4);
    for (; j + PANEL <= columns; j += PANEL) copy_panels(to + j * k, b + j, b_row, k, 1);
  }
  for (; j < columns; j += PANEL)
    turn(to + j * k, PANEL, k, smaller(PANEL, columns - j), b + (ptrdiff_t)j * b_column, b_column,
         b_row);
}

/* The rows of a block of A as strips, each of k steps of STRIP_ROWS numbers. Where they lie side
** by side, a step of all strips is copied at a time, as the next step may lie in another page. */
static void copy_strips(number *to, const Tile *block) {
  const size_t k = block->k, strip = STRIP_ROWS * k;
  const size_t whole = block->a_row == 1 ? block->rows / STRIP_ROWS * STRIP_ROWS : 0;
  const number *a = block->a;
  for (size_t step = 0; whole > 0 && step < k; step++, a += block->a_column)
    for (size_t i = 0; i < whole; i += STRIP_ROWS)
      memcpy(to + i * k + step * STRIP_ROWS, a + i, STRIP_ROWS * sizeof(number));
  to += whole * k;
  for (size_t i = whole; i < block->rows; i += STRIP_ROWS, to += strip)
    turn(to, STRIP_ROWS, k, smaller(STRIP_ROWS, block->rows - i),
         block->a + (ptrdiff_t)i * block->a_row, block->a_row, block->a_column);
}

/* All rows of one panel of columns, from copies of A and B. */
static void run_copied_panel(const Tile *panel) {
  const size_t count = panel->rows / STRIP_ROWS, done = count * STRIP_ROWS;
  Tile t = *panel;
  size_t rest = panel->columns;
  if (rest == PANEL) whole_tiles(&t, count);
  else for (; rest > 0; rest -= t.columns, pass_columns(&t)) {
    t.columns = smaller(rest, TILE_COLUMNS);
    TILES_OF(STRIP_ROWS)(&t, count);
  }
  if (done == panel->rows) return;
  t = *panel;
  t.rows -= done;
  t.a += (ptrdiff_t)count * t.a_tile;
  t.a_tile = TILE_ROWS;
  t.c += (ptrdiff_t)done * t.c_row;
  run_tiles(&t);
}

/* What of C lies in `block`, from copies of its part of B, and of A where `strips` is not NULL. */
static void run_block(const Tile *block, const number *strips, const number *panels) {
  Tile t = *block;
  if (strips != NULL) {
    t.a = strips;
    t.a_row = 1;
    t.a_column = STRIP_ROWS;
    t.a_tile = STRIP_ROWS * (ptrdiff_t)t.k;
  }
  t.b_row = PANEL;
  for (size_t j = 0; j < block->columns; j += PANEL) {
    t.b = panels + j * t.k;
    t.columns = smaller(PANEL, block->columns - j);
    t.bias = block->bias ? block->bias + j : NULL;
    t.c = block->c + j;
    if (strips != NULL) run_copied_panel(&t);
    else run_panel(&t);
  }
}

/* Whether the activation is one that tiles do not apply. */
static bool activates_apart(const gr_Product *p) {
  return p->activation != GR_LINEAR && p->activation != GR_RELU;
}

/* Apply the activation to a part of C, where no tile did. */
APART void activate(const gr_Product *p, number *c, size_t rows, size_t columns) {
  static gr_UnaryKernel *const functions[GR_UNARY_COUNT] = UNARY_KERNELS(ELEMENT);
  gr_UnaryKernel *f = functions[p->activation];
  if (p->c_row == (ptrdiff_t)columns) { f(c, c, rows * columns); return; }
  for (size_t i = 0; i < rows; i++, c += p->c_row) f(c, c, columns);
}

/* -- blocks ---------------------------------------------------------------------------------- */

/* The size of the parts into which n is cut, all equal but for the last, in whole units and at most
** `most`, a multiple of the unit. */
static size_t equal_parts(size_t n, size_t most, size_t unit) {
  const size_t parts = (n + most - 1) / most;
  return rounded_up((n + parts - 1) / parts, unit);
}

/* How a product is cut into blocks. Panels of B stream through the nearest cache, so that blocks
** may be deep, which saves reading and writing C.
**
** Where C has many rows, B's wide blocks are shared, and each worker takes some rows: of A, it
** takes as many at a time as a near cache holds. Where C has few, A's block is shared, which has
** all rows, and each worker takes some columns: of B, it copies narrow blocks, which are used while
** they are near. But B is shared, too, where it is narrow, and for several workers where C is
** higher than wide.
**
** A is read where it is if it lies along rows, or if its copy would not be used enough. */
typedef struct Shape {
  bool shares_b, copies_a;
  bool hands_on;        /* rows of C, which each worker has room for */
  size_t depth;         /* steps of k in a block; all are of equal depth, but for the last */
  size_t shared_depth;  /* steps of k of which there is a shared copy at a time */
  size_t rows, columns; /* of a block */
  size_t shared, own;   /* numbers of scratch, for all workers and for each */
} Shape;

/* Several workers share as many depths of A as a near cache holds, so as to wait for each other
** less often. */
static size_t shared_depths(const gr_Product *p, size_t rows, size_t depth) {
  enum { NEAR = (1 << 19) / sizeof(number) };
  const size_t near = NEAR / (rows * depth), all = (p->k + depth - 1) / depth;
  return p->workers < 2 || near < 2 ? 1 : smaller(near, all);
}

/* Steps of k in a block, its rows of A that are copied together, and the columns of a wide one and a
** narrow one, at most; C has many rows from so many on. */
enum {
  NAME(DEPTH) = 304,
  NAME(ROWS) = 72,
  NAME(WIDE) = 8192 / sizeof(number),
  NAME(NARROW) = 1024 / sizeof(number),
  NAME(MANY_ROWS) = 384
};

/* Rows of C that are handed on together: so many that there is something to do with them. */
static size_t handed_rows(const gr_Product *p) {
  enum { UNIT = 48, MOST = 192, ELEMENTS = 1 << 14 };
  _Static_assert(UNIT % STRIP_ROWS == 0, "a block of A is whole strips");
  return smaller(rounded_up(ELEMENTS / p->n, UNIT), MOST);
}

/* Rows are handed on where C has many, with enough of them for each worker to take turns, and where
** one block has them whole. */
static bool hands_rows_on(const gr_Product *p) {
  const size_t turns = 4 * (p->workers > 1 ? p->workers : 1);
  return p->take != NULL && p->k <= NAME(DEPTH) && p->n <= NAME(WIDE) &&
         p->m >= NAME(MANY_ROWS) && p->m >= turns * handed_rows(p) &&
         p->c_row == (ptrdiff_t)p->n;
}

/* Whether rows are whole pages apart: then many do not stay near, as they meet in the same places
** of a cache. */
static bool is_page_apart(ptrdiff_t row) { return row * (ptrdiff_t)sizeof(number) % 4096 == 0; }

static Shape shape_of(const gr_Product *p) {
  enum { LITTLE = 1 << 16 };
  _Static_assert(STRIP_ROWS <= TILE_ROWS, "what strips leave over is one tile");
  _Static_assert(NAME(ROWS) % STRIP_ROWS == 0, "a block of A is whole strips");
  const bool narrow = p->n <= 2 * TILE_COLUMNS, little = narrow && p->m * p->k <= LITTLE;
  Shape s = { .hands_on = hands_rows_on(p), .depth = equal_parts(p->k, NAME(DEPTH), 4) };
  s.shares_b = p->m >= NAME(MANY_ROWS) || narrow || (p->workers > 1 && p->m > p->n);
  s.copies_a = !little && (p->a_column != 1 || (!s.shares_b && is_page_apart(p->a_row)));
  s.rows = s.hands_on ? handed_rows(p) : s.shares_b ? NAME(ROWS) : rounded_up(p->m, STRIP_ROWS);
  s.columns = rounded_up(smaller(p->n, s.shares_b ? NAME(WIDE) : NAME(NARROW)), PANEL);
  s.shared_depth = s.shares_b ? s.depth
                 : s.copies_a ? s.depth * shared_depths(p, s.rows, s.depth) : p->k;
  const size_t strips = s.copies_a ? s.rows * s.shared_depth : 0, panels = s.columns * s.depth;
  s.shared = rounded_up(s.shares_b ? panels : strips, LANES);
  s.own = rounded_up(s.shares_b ? strips : panels, LANES);
  if (s.hands_on) s.own += rounded_up(s.rows * p->n, LANES);
  return s;
}

/* B lies along rows. */
static bool lies_along_rows(const gr_Product *p) { return p->b_column == 1 || p->k == 0; }

/* Vectors need no copies, and few rows, few columns or a small B do not pay for them. But B is read
** once for each tile of rows, by columns, which is slow where it does not stay near. */
static bool reads_in_place(const gr_Product *p) {
  enum { MOST_READ = (6 << 20) / sizeof(number), SMALL = 1 << 12, MEDIUM = 1 << 14 };
  if (p->m <= 1 || p->n <= 1) return true;
  if (!lies_along_rows(p)) return false;
  if (p->n <= TILE_COLUMNS) return true;
  const size_t size = p->n * p->k, times = (p->m + TILE_ROWS - 1) / TILE_ROWS;
  const bool few = times == 1 || (p->m <= GR_FEW_ROWS && times * size <= MOST_READ);
  return few || size <= SMALL || (size <= MEDIUM && p->m <= 192);
}

static size_t NAME(product_scratch)(const gr_Product *p) {
  if (reads_in_place(p)) return 0;
  const Shape shape = shape_of(p);
  return (shape.shared + (p->workers > 1 ? p->workers : 1) * shape.own) * sizeof(number);
}

/* What the workers compute from one shared copy. */
typedef struct Round {
  const gr_Product *p;
  Shape shape;
  Tile all;        /* the rows and columns of C, and the steps of k */
  bool activates;  /* the sums are whole then, and the activation follows */
} Round;

static number *shared_copy(const Round *round) { return round->p->scratch; }

static number *own_copy(const Round *round, size_t worker) {
  return shared_copy(round) + round->shape.shared + worker * round->shape.own;
}

/* Behind it, where a worker computes the rows that it hands on. */
static number *own_rows(const Round *round, size_t worker) {
  return own_copy(round, worker + 1) - rounded_up(round->shape.rows * round->p->n, LANES);
}

static bool stops(const gr_Product *p) { return p->must_stop != NULL && p->must_stop(p->data); }

/* Have the workers do ranges of n rows or columns. One of these takes `work` multiply-adds, or
** moves so many numbers; `least` are worth a range. */
static void share_out(Round *round, size_t n, size_t unit, size_t work, size_t least,
                      gr_Range *run) {
  const gr_Product *p = round->p;
  if (p->spread != NULL) p->spread(p->data, n, unit, least / work + 1, run, round);
  else run(round, 0, n, 0);
}

/* All of C, from A and B where they lie. */
WORD Tile tile_of(const gr_Product *p) {
  const bool reads = p->k > 0;  /* or else A and B are moved along, and must not be NULL */
  return (Tile){
    .rows = p->m, .columns = p->n, .k = p->k, .a = reads ? p->a : p->c, .a_row = p->a_row,
    .a_column = p->a_column, .a_tile = TILE_ROWS * p->a_row, .b = reads ? p->b : p->c,
    .b_row = p->b_row, .c = p->c, .c_row = p->c_row, .bias = p->bias,
    .rectifies = p->activation == GR_RELU
  };
}

/* Up to `depth` steps of `whole`, from `first` on. */
static Tile steps_of(const Tile *whole, size_t first, size_t depth) {
  Tile t = *whole;
  t.k = smaller(depth, whole->k - first);
  t.a += (ptrdiff_t)first * t.a_column;
  t.b += (ptrdiff_t)first * t.b_row;
  t.resumes = whole->resumes || first > 0;
  if (first + t.k < whole->k) {
    t.bias = NULL;
    t.rectifies = false;
  }
  return t;
}

static void move_columns(Tile *t, ptrdiff_t b_column, size_t first, size_t count) {
  t->columns = count;
  t->b += (ptrdiff_t)first * b_column;
  t->c += first;
  if (t->bias) t->bias += first;
}

/* The panels of a part of B, and what they add to its columns' sums where these are wanted. */
static void copy_b(const gr_Product *p, const Tile *t, number *panels) {
  number *sums = p->b_sums;
  copy_columns(panels, t->b, t->b_row, p->b_column, t->k, t->columns);
  if (sums == NULL) return;
  sums += t->c - (number *)p->c;  /* the first of the columns, as C is not moved by rows yet */
  for (size_t j = 0; j < t->columns; j += PANEL)
    all_columns_sum(sums + j, panels + j * t->k, t->k, PANEL, smaller(PANEL, t->columns - j),
                    t->resumes);
}

static void copy_shared_b(void *data, size_t first, size_t count, size_t worker) {
  const Round *round = data;
  Tile t = round->all;
  (void)worker;
  move_columns(&t, round->p->b_column, first, count);
  copy_b(round->p, &t, shared_copy(round) + first * t.k);
}

/* Some rows from the shared copy of B; in blocks of A of equal height, but for those handed on. */
static void run_rows(void *data, size_t first, size_t count, size_t worker) {
  const Round *round = data;
  const Shape *shape = &round->shape;
  const gr_Product *p = round->p;
  number *strips = shape->copies_a ? own_copy(round, worker) : NULL;
  const size_t height = shape->hands_on ? shape->rows
                                        : equal_parts(count, shape->rows, STRIP_ROWS);
  const size_t end = first + count;
  for (; first < end && !stops(p); first += height) {
    Tile t = round->all;
    move_rows(&t, first, smaller(height, end - first));
    if (shape->hands_on) t.c = own_rows(round, worker);
    if (strips != NULL) copy_strips(strips, &t);
    run_block(&t, strips, shared_copy(round));
    if (round->activates) activate(p, t.c, t.rows, t.columns);
    if (shape->hands_on) p->take(p->taker, t.c, first * p->n, t.rows * p->n);
  }
}

static void copy_shared_a(void *data, size_t first, size_t count, size_t worker) {
  const Round *round = data;
  const size_t depth = round->shape.depth, end = first + count;
  (void)worker;
  for (size_t k = 0; k < round->all.k; k += depth)
    for (size_t i = first; i < end; i += NAME(ROWS)) {
      Tile t = steps_of(&round->all, k, depth);
      move_rows(&t, i, smaller(NAME(ROWS), end - i));
      copy_strips(shared_copy(round) + k * round->shape.rows + i * t.k, &t);
    }
}

/* Some columns from the shared copy of A. */
static void run_columns(void *data, size_t first, size_t count, size_t worker) {
  const Round *round = data;
  const ptrdiff_t b_column = round->p->b_column;
  const size_t depth = round->shape.depth, width = round->shape.columns, end = first + count;
  const number *strips = round->shape.copies_a ? shared_copy(round) : NULL;
  number *panels = own_copy(round, worker);
  for (; first < end; first += width) {
    const size_t here = smaller(width, end - first);
    for (size_t k = 0; k < round->all.k && !stops(round->p); k += depth) {
      Tile t = steps_of(&round->all, k, depth);
      move_columns(&t, b_column, first, here);
      copy_b(round->p, &t, panels);
      run_block(&t, strips == NULL ? NULL : strips + k * round->shape.rows, panels);
    }
    if (round->activates) activate(round->p, round->all.c + first, round->all.rows, here);
  }
}

/* All of C, from copies. */
static void run_blocks(const gr_Product *p) {
  enum { COPY = 1 << 13, MULTIPLY = 1 << 18 };  /* worth a range */
  enum { COPYING = 16 };  /* multiply-adds that take as long as copying one number */
  const Tile whole = tile_of(p);
  Round round = { p, shape_of(p), whole, false };
  const Shape *shape = &round.shape;
  const size_t width = shape->shares_b ? shape->columns : whole.columns;  /* of a round */
  for (size_t k = 0; k < whole.k; k += shape->shared_depth)
    for (size_t j = 0; j < whole.columns && !stops(p); j += width) {
      Tile *t = &round.all;
      *t = steps_of(&whole, k, shape->shared_depth);
      round.activates = activates_apart(p) && k + t->k == whole.k;
      move_columns(t, p->b_column, j, smaller(width, whole.columns - j));
      if (shape->shares_b) {
        share_out(&round, t->columns, PANEL, t->k, COPY, copy_shared_b);
        share_out(&round, t->rows, shape->hands_on ? shape->rows : STRIP_ROWS,
                  (t->columns + COPYING) * t->k, MULTIPLY, run_rows);
      } else {
        if (shape->copies_a)
          share_out(&round, t->rows, STRIP_ROWS, t->k, COPY, copy_shared_a);
        share_out(&round, t->columns, PANEL, (t->rows + COPYING) * t->k, MULTIPLY, run_columns);
      }
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
  UNROLLED for (int i = 0; i < rows; i++) sums[i] = t->resumes ? c[i * c_step] : 0;
  UNROLLED for (int i = 0; i < rows; i += 3) a[i / 3] = t->a + ((ptrdiff_t)first + i) * a_row;
  for (size_t k = t->k; k > 0; k--, b += b_step) {
    UNROLLED for (int i = 0; i < rows; i++)
      sums[i] = fused_one(a[i / 3][i % 3 * a_row], *b, sums[i]);
    UNROLLED for (int i = 0; i < rows; i += 3) a[i / 3] += a_column;
  }
  UNROLLED for (int i = 0; i < rows; i++) c[i * c_step] = sums[i];
}

/* The same for all rows; eight sums side by side, as the additions of one wait for each other. */
APART void dot_tiles(const Tile *t, ptrdiff_t b_step, ptrdiff_t c_step) {
  size_t i = 0;
  for (; i + 8 <= t->rows; i += 8) dot_tile(t, i, 8, b_step, c_step);
  for (; i + 4 <= t->rows; i += 4) dot_tile(t, i, 4, b_step, c_step);
  for (; i < t->rows; i++) dot_tile(t, i, 1, b_step, c_step);
}

enum { NAME(DOT_DEPTH) = 1 << 20 };

/* A long k is cut, to look at the interrupt. */
static void dot_products(const gr_Product *p, const Tile *whole, ptrdiff_t b_step,
                         ptrdiff_t c_step) {
  Tile t = *whole;
  for (size_t left = whole->k; left > NAME(DOT_DEPTH); left -= NAME(DOT_DEPTH)) {
    t.k = NAME(DOT_DEPTH);
    dot_tiles(&t, b_step, c_step);
    t.resumes = true;
    t.a += NAME(DOT_DEPTH) * t.a_column;
    t.b += NAME(DOT_DEPTH) * b_step;
    t.k = left - NAME(DOT_DEPTH);
    if (stops(p)) return;
  }
  dot_tiles(&t, b_step, c_step);
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

/* *sum += columns `first` to `count` - 1 of the LANES rows at a, times b, in order; of `count` of
** them, 1 to 4. */
WORD void add_columns(vector *sum, const number *a, ptrdiff_t a_row, const number *b,
                      ptrdiff_t b_step, const size_t first, const size_t count) {
  vector columns[4];
  load_columns(columns, a, a_row, count);
  UNROLLED for (size_t j = 0; j < 4; j++)
    if (j >= first && j < count) *sum = fused(columns[j], splat(b[(ptrdiff_t)j * b_step]), *sum);
}

/* c[i] = the sum over k of a[i][k] b[k b_step] for some blocks of LANES rows, a vector each. A's
** columns are taken four at a time; the last four may hold some that are done. */
WORD void columns_tile(const Tile *t, const number *a, number *c, const int blocks,
                       ptrdiff_t b_step) {
  const ptrdiff_t a_row = t->a_row, block = LANES * a_row;
  const number *b = t->b;
  vector sums[2];
  size_t k = t->k;
  UNROLLED for (int i = 0; i < blocks; i++) sums[i] = splat(0);
  for (; k >= 4; k -= 4, a += 4, b += 4 * b_step)
    UNROLLED for (int i = 0; i < blocks; i++)
      add_columns(&sums[i], a + i * block, a_row, b, b_step, 0, 4);
  if (k > 0 && t->k >= 4) {
    a -= 4 - k;
    b -= (ptrdiff_t)(4 - k) * b_step;
    UNROLLED for (int i = 0; i < blocks; i++)
      add_columns(&sums[i], a + i * block, a_row, b, b_step, 4 - k, 4);
  } else if (k > 0) {
    UNROLLED for (int i = 0; i < blocks; i++)
      add_columns(&sums[i], a + i * block, a_row, b, b_step, 0, k);
  }
  UNROLLED for (int i = 0; i < blocks; i++) store(c + i * LANES, sums[i]);
}

/* The same for all rows, LANES or more, where A lies along them. The last block may do some rows
** once more. */
APART void column_products(const Tile *t, ptrdiff_t b_step) {
  const size_t rows = t->rows;
  size_t i = 0;
  for (; i + 2 * LANES <= rows; i += 2 * LANES)
    columns_tile(t, t->a + (ptrdiff_t)i * t->a_row, t->c + i, 2, b_step);
  for (; i < rows; i += LANES) {
    size_t at = smaller(i, rows - LANES);
    columns_tile(t, t->a + (ptrdiff_t)at * t->a_row, t->c + at, 1, b_step);
  }
}

/* n = 1: along the rows of C where they are contiguous, or else one by one. */
WORD void matrix_by_column(const gr_Product *p) {
  const Tile whole = tile_of(p);
  if (p->c_row == 1 && p->a_row == 1) {  /* A^T takes the part of B, the vector that of A's row */
    Tile turned = {
      .rows = 1, .columns = p->m, .k = p->k, .a = whole.b, .a_column = p->b_row, .b = whole.a,
      .b_row = p->a_column, .c = p->c
    };
    run_tiles(&turned);
  }
  else if (p->c_row == 1 && p->a_column == 1 && p->m >= LANES) column_products(&whole, p->b_row);
  else dot_products(p, &whole, p->b_row, p->c_row);
}

/* m = 1 and B does not lie along rows: its columns take the part of A's rows. */
static void row_by_columns(const gr_Product *p) {
  Tile turned = {
    .rows = p->n, .columns = 1, .k = p->k, .a = p->b, .a_row = p->b_column,
    .a_column = p->b_row, .b = p->a, .c = p->c
  };
  dot_products(p, &turned, p->a_column, 1);
}

APART void run_vector(const gr_Product *p) {
  if (p->n == 1) matrix_by_column(p);
  else row_by_columns(p);
  if (p->bias) add_bias(p);
  if (p->activation != GR_LINEAR) activate(p, p->c, p->m, p->n);
}

/* -- the product ----------------------------------------------------------------------------- */

/* One stack of whole tiles. Its code is here, so that the Tile need not be written to memory and read
** again, for which there is no time in small products. */
APART void run_narrow(const gr_Product *p) {
  const Tile t = tile_of(p);
  any_tiles(&t, t.rows / TILE_ROWS, TILE_ROWS);
}

APART void run_wide(const gr_Product *p) {
  Tile t = tile_of(p);
  run_panels(&t);
}

static void run_in_place(const gr_Product *p) {
  if (p->n <= TILE_COLUMNS && p->m % TILE_ROWS == 0) run_narrow(p);
  else run_wide(p);
  if (activates_apart(p)) activate(p, p->c, p->m, p->n);
}

static void NAME(product)(const gr_Product *p) {
  if (p->m == 0 || p->n == 0) return;
  if (p->n == 1 || (p->m == 1 && !lies_along_rows(p))) run_vector(p);
  else if (reads_in_place(p)) run_in_place(p);
  else run_blocks(p);
}

#undef TILES_OF
#undef TILES_NAMED
#undef TILE_COLUMNS
#undef PANEL

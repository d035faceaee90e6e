/*
** kernels_rows.h: rows of a matrix, picked by their numbers: how a batch is gathered from shuffled
** data. Included for float and for double.
*/

#define number NAME(number)
#define copy_row NAME(copy_row)
#define take_each NAME(take_each)

/* A row of LANES elements or more: the last vector may overlap the one before it. `next` is the row
** that is copied after it, which may lie anywhere: a wide one is fetched meanwhile. */
WORD void copy_row(number *y, const number *x, const number *next, size_t columns) {
  const size_t last = columns - LANES;
  for (size_t j = 0; j < last; j += LANES) {
    if (columns > 2 * LANES) __builtin_prefetch(next + j);
    store(y + j, load(x + j));
  }
  store(y + last, load(x + last));
}

/* Row i begins at first + i * x_row. It is unfolded for what is known of `columns`. */
WORD void take_each(number *y, const number *first, ptrdiff_t x_row, const double *rows,
                    size_t count, size_t columns) {
  for (size_t i = 0; i < count; i++, y += columns) {
    const number *x = first + (ptrdiff_t)rows[i] * x_row;
    const double after = rows[i + 1 < count ? i + 1 : i];
    if (columns == 1) *y = *x;
    else if (columns < LANES) store_part(y, load_part(x, columns), columns);
    else copy_row(y, x, first + (ptrdiff_t)after * x_row, columns);
  }
}

/* Rows count from 1; row i begins at x + (i - 1) * x_row. */
static void NAME(take_rows)(void *y, const void *x, ptrdiff_t x_row, const double *rows,
                            size_t count, size_t columns) {
  const number *first = (const number *)x - x_row;
  if (columns == 1) take_each(y, first, x_row, rows, count, 1);
  else if (columns < LANES) take_each(y, first, x_row, rows, count, columns);
  else if (columns <= 2 * LANES) take_each(y, first, x_row, rows, count, columns);
  else take_each(y, first, x_row, rows, count, columns);
}

/*
** kernels_rows.h: rows of a matrix, picked by their numbers: how a batch is gathered from shuffled
** data. Included for float and for double.
*/

#define number NAME(number)
#define copy_row NAME(copy_row)

WORD void copy_row(number *y, const number *x, size_t columns) {
  size_t j = 0;
  for (; j + LANES <= columns; j += LANES) store(y + j, load(x + j));
  if (j < columns) store_part(y + j, load_part(x + j, columns - j), columns - j);
}

/* Rows count from 1; row i begins at x + (i - 1) * x_row. */
static void NAME(take_rows)(void *y, const void *x, ptrdiff_t x_row, const double *rows,
                            size_t count, size_t columns) {
  number *to = y;
  const number *first = (const number *)x - x_row;
  if (columns == 1) {
    for (size_t i = 0; i < count; i++) to[i] = first[(ptrdiff_t)rows[i] * x_row];
    return;
  }
  for (size_t i = 0; i < count; i++, to += columns)
    copy_row(to, first + (ptrdiff_t)rows[i] * x_row, columns);
}

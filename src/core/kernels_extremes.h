/*
** kernels_extremes.h: the greatest and the least of many elements. Included for float and for
** double.
**
** The formula is most = x[0], then most = maximum(most, x[i]) for i from the first to the last: a
** NaN is handed on, and of elements that are equal the first is the result. That matters for +0 and
** -0 alone, so any order will do, and where the result is a zero the first one is looked up.
*/

#define number NAME(number)
#define maximum_one NAME(maximum_one)
#define minimum_one NAME(minimum_one)
#define extreme_of NAME(extreme_of)
#define extreme_of_few_columns NAME(extreme_of_few_columns)
#define extreme_of_rows NAME(extreme_of_rows)

WORD number maximum_one(number a, number b) { return b <= a ? a : a < b ? b : a + b; }
WORD number minimum_one(number a, number b) { return a <= b ? a : b < a ? b : a + b; }

/* Four vectors side by side, as one waits for its last step, and from two places, as memory then
** gives more. All begin with the first elements, and the last ones may come twice: an element
** changes nothing when it comes again. */
WORD number extreme_of(const number *x, size_t n, vector f(vector, vector),
                       number one(number, number)) {
  number best = x[0], lanes[LANES];
  if (n < LANES) {
    for (size_t i = 1; i < n; i++) best = one(best, x[i]);
  } else {
    const size_t half = n / (4 * LANES) * (2 * LANES);
    vector v[4];
    UNROLLED for (int j = 0; j < 4; j++) v[j] = load(x);
    for (size_t i = 0; i < half; i += 2 * LANES)
      UNROLLED for (int j = 0; j < 2; j++) {
        v[j] = f(v[j], load(x + i + (size_t)j * LANES));
        v[2 + j] = f(v[2 + j], load(x + half + i + (size_t)j * LANES));
      }
    for (size_t i = 2 * half; i + LANES <= n; i += LANES) v[0] = f(v[0], load(x + i));
    v[0] = f(v[0], load(x + n - LANES));
    store(lanes, f(f(v[0], v[1]), f(v[2], v[3])));
    best = lanes[0];
    for (int j = 1; j < LANES; j++) best = one(best, lanes[j]);
  }
  for (size_t i = 0; best == 0 && i < n; i++)
    if (x[i] == 0) return x[i];
  return best;
}

/* x is [rows, columns]; no more than four vectors of columns stay in registers. */
WORD void extreme_of_few_columns(number *y, const number *x, size_t rows, size_t columns,
                                 const int vectors, vector f(vector, vector)) {
  const size_t whole = (size_t)(vectors - 1) * LANES, rest = columns - whole;
  vector v[4];
  UNROLLED for (int j = 0; j < vectors - 1; j++) v[j] = load(x + (size_t)j * LANES);
  v[vectors - 1] = load_part(x + whole, rest);
  for (x += columns; rows > 1; rows--, x += columns) {
    UNROLLED for (int j = 0; j < vectors - 1; j++) v[j] = f(v[j], load(x + (size_t)j * LANES));
    v[vectors - 1] = f(v[vectors - 1], load_part(x + whole, rest));
  }
  UNROLLED for (int j = 0; j < vectors - 1; j++) store(y + (size_t)j * LANES, v[j]);
  store_part(y + whole, v[vectors - 1], rest);
}

/* More columns go by blocks that stay in the nearest cache. */
WORD void extreme_of_rows(number *y, const number *x, size_t rows, size_t columns,
                          vector f(vector, vector)) {
  if (columns == 0) return;
  if (columns <= LANES) { extreme_of_few_columns(y, x, rows, columns, 1, f); return; }
  if (columns <= 2 * LANES) { extreme_of_few_columns(y, x, rows, columns, 2, f); return; }
  if (columns <= 3 * LANES) { extreme_of_few_columns(y, x, rows, columns, 3, f); return; }
  if (columns <= 4 * LANES) { extreme_of_few_columns(y, x, rows, columns, 4, f); return; }
  for (size_t first = 0, count; first < columns; first += count) {
    count = smaller(columns - first, 1024);
    memcpy(y + first, x + first, count * sizeof *y);
    for (size_t i = 1; i < rows; i++) {
      const number *row = x + i * columns + first;
      size_t j = 0;
      for (; j + LANES <= count; j += LANES)
        store(y + first + j, f(load(y + first + j), load(row + j)));
      if (j < count)
        store_part(y + first + j, f(load_part(y + first + j, count - j),
                                    load_part(row + j, count - j)), count - j);
    }
  }
}

static void NAME(greatest)(void *y, const void *x, size_t n) {
  *(number *)y = extreme_of(x, n, NAME(maximum), maximum_one);
}

static void NAME(greatest_of_rows)(void *y, const void *x, size_t rows, size_t columns) {
  extreme_of_rows(y, x, rows, columns, NAME(maximum));
}

static void NAME(least)(void *y, const void *x, size_t n) {
  *(number *)y = extreme_of(x, n, NAME(minimum), minimum_one);
}

static void NAME(least_of_rows)(void *y, const void *x, size_t rows, size_t columns) {
  extreme_of_rows(y, x, rows, columns, NAME(minimum));
}

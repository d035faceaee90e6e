/*
** kernels_turn.h: the transposition of a small block, by which copies of A and B are turned.
** Included for float and for double.
*/

#define turn_block NAME(turn_block)
#define turn_pair NAME(turn_pair)
#define turn_half NAME(turn_half)
#define turn_rows NAME(turn_rows)
#define copy_rows NAME(copy_rows)
#define turn NAME(turn)
#define number NAME(number)

enum { NAME(TURNED) = 4 };
#define TURNED NAME(TURNED)

/* to[i * to_row + j] = from[j * from_row + i] for i and j below 4. A pair has j below 8, a half has
** j below 2. */
#if defined __AVX__ && !defined GR_KERNELS_TURN_H
#define GR_KERNELS_TURN_H

WORD void turn_block_float(float *to, ptrdiff_t to_row, const float *from, ptrdiff_t from_row) {
  __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + from_row);
  __m128 c = _mm_loadu_ps(from + 2 * from_row), d = _mm_loadu_ps(from + 3 * from_row);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(to, a);
  _mm_storeu_ps(to + to_row, b);
  _mm_storeu_ps(to + 2 * to_row, c);
  _mm_storeu_ps(to + 3 * to_row, d);
}

WORD void turn_half_float(float *to, ptrdiff_t to_row, const float *from, ptrdiff_t from_row) {
  __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + from_row);
  __m128 low = _mm_unpacklo_ps(a, b), high = _mm_unpackhi_ps(a, b);
  _mm_storel_pi((__m64 *)to, low);
  _mm_storeh_pi((__m64 *)(to + to_row), low);
  _mm_storel_pi((__m64 *)(to + 2 * to_row), high);
  _mm_storeh_pi((__m64 *)(to + 3 * to_row), high);
}

/* Rows j and j + 4 of `from`, side by side. */
WORD __m256 two_narrow_rows(const float *from, ptrdiff_t from_row) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)),
                              _mm_loadu_ps(from + 4 * from_row), 1);
}

WORD void turn_pair_float(float *to, ptrdiff_t to_row, const float *from, ptrdiff_t from_row) {
  __m256 a = two_narrow_rows(from, from_row), b = two_narrow_rows(from + from_row, from_row);
  __m256 c = two_narrow_rows(from + 2 * from_row, from_row);
  __m256 d = two_narrow_rows(from + 3 * from_row, from_row);
  __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
  __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
  _mm256_storeu_ps(to, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
  _mm256_storeu_ps(to + to_row, _mm256_shuffle_ps(ab_low, cd_low, 0xee));
  _mm256_storeu_ps(to + 2 * to_row, _mm256_shuffle_ps(ab_high, cd_high, 0x44));
  _mm256_storeu_ps(to + 3 * to_row, _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

WORD void turn_block_double(double *to, ptrdiff_t to_row, const double *from,
                            ptrdiff_t from_row) {
  __m256d a = _mm256_loadu_pd(from), b = _mm256_loadu_pd(from + from_row);
  __m256d c = _mm256_loadu_pd(from + 2 * from_row), d = _mm256_loadu_pd(from + 3 * from_row);
  __m256d ab_even = _mm256_unpacklo_pd(a, b), ab_odd = _mm256_unpackhi_pd(a, b);
  __m256d cd_even = _mm256_unpacklo_pd(c, d), cd_odd = _mm256_unpackhi_pd(c, d);
  _mm256_storeu_pd(to, _mm256_permute2f128_pd(ab_even, cd_even, 0x20));
  _mm256_storeu_pd(to + to_row, _mm256_permute2f128_pd(ab_odd, cd_odd, 0x20));
  _mm256_storeu_pd(to + 2 * to_row, _mm256_permute2f128_pd(ab_even, cd_even, 0x31));
  _mm256_storeu_pd(to + 3 * to_row, _mm256_permute2f128_pd(ab_odd, cd_odd, 0x31));
}

WORD void turn_pair_double(double *to, ptrdiff_t to_row, const double *from,
                           ptrdiff_t from_row) {
  turn_block_double(to, to_row, from, from_row);
  turn_block_double(to + 4, to_row, from + 4 * from_row, from_row);
}

WORD void turn_half_double(double *to, ptrdiff_t to_row, const double *from,
                           ptrdiff_t from_row) {
  __m256d a = _mm256_loadu_pd(from), b = _mm256_loadu_pd(from + from_row);
  __m256d even = _mm256_unpacklo_pd(a, b), odd = _mm256_unpackhi_pd(a, b);
  _mm_storeu_pd(to, _mm256_castpd256_pd128(even));
  _mm_storeu_pd(to + to_row, _mm256_castpd256_pd128(odd));
  _mm_storeu_pd(to + 2 * to_row, _mm256_extractf128_pd(even, 1));
  _mm_storeu_pd(to + 3 * to_row, _mm256_extractf128_pd(odd, 1));
}

#elif !defined __AVX__

WORD void turn_block(number *to, ptrdiff_t to_row, const number *from, ptrdiff_t from_row) {
  for (int i = 0; i < TURNED; i++)
    for (int j = 0; j < TURNED; j++) to[i * to_row + j] = from[j * from_row + i];
}

WORD void turn_pair(number *to, ptrdiff_t to_row, const number *from, ptrdiff_t from_row) {
  turn_block(to, to_row, from, from_row);
  turn_block(to + TURNED, to_row, from + TURNED * from_row, from_row);
}

WORD void turn_half(number *to, ptrdiff_t to_row, const number *from, ptrdiff_t from_row) {
  for (int i = 0; i < TURNED; i++)
    for (int j = 0; j < TURNED / 2; j++) to[i * to_row + j] = from[j * from_row + i];
}

#endif

/* `width` rows of `from`, one of the blocks above wide, its elements side by side. */
WORD void turn_rows(number *to, ptrdiff_t to_row, size_t rows, const number *from,
                    ptrdiff_t from_row, const int width) {
  size_t i = 0;
  for (; i + TURNED <= rows; i += TURNED) {
    number *place = to + (ptrdiff_t)i * to_row;
    if (width == TURNED / 2) turn_half(place, to_row, from + i, from_row);
    else if (width == TURNED) turn_block(place, to_row, from + i, from_row);
    else turn_pair(place, to_row, from + i, from_row);
  }
  for (; i < rows; i++)
    for (int j = 0; j < width; j++)
      to[(ptrdiff_t)i * to_row + j] = from[j * from_row + (ptrdiff_t)i];
}

/* Nothing to turn: rows of `columns` numbers, copied; a tile's rows of A as one piece each. */
WORD void copy_rows(number *to, ptrdiff_t to_row, size_t rows, size_t columns, const number *from,
                    ptrdiff_t from_column) {
  const bool whole = columns == STRIP_ROWS;
  for (; rows > 0; rows--, to += to_row, from += from_column)
    if (whole) memcpy(to, from, STRIP_ROWS * sizeof(number));
    else memcpy(to, from, columns * sizeof(number));
}

/* to[i * to_row + j] = from[j * from_row + i * from_column] for i < rows and j < columns; by blocks
** where from_column is 1. */
APART void turn(number *to, ptrdiff_t to_row, size_t rows, size_t columns, const number *from,
                ptrdiff_t from_row, ptrdiff_t from_column) {
  size_t j = 0;
  if (from_row == 1 && from_column != 1) {
    copy_rows(to, to_row, rows, columns, from, from_column);
    return;
  }
  if (from_column == 1) {
    for (; j + 2 * TURNED <= columns; j += 2 * TURNED)
      turn_rows(to + j, to_row, rows, from + (ptrdiff_t)j * from_row, from_row, 2 * TURNED);
    for (; j + TURNED <= columns; j += TURNED)
      turn_rows(to + j, to_row, rows, from + (ptrdiff_t)j * from_row, from_row, TURNED);
    for (; j + TURNED / 2 <= columns; j += TURNED / 2)
      turn_rows(to + j, to_row, rows, from + (ptrdiff_t)j * from_row, from_row, TURNED / 2);
  }
  for (; j < columns; j++)
    for (size_t i = 0; i < rows; i++)
      to[(ptrdiff_t)i * to_row + (ptrdiff_t)j] =
          from[(ptrdiff_t)j * from_row + (ptrdiff_t)i * from_column];
}

#undef TURNED

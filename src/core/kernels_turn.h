/*
** kernels_turn.h: the transposition of a small block, by which copies of A and B are turned.
** Included for float and for double.
*/

#define turn_block NAME(turn_block)
#define turn NAME(turn)
#define number NAME(number)

enum { NAME(TURNED) = 4 };
#define TURNED NAME(TURNED)

/* to[i * to_row + j] = from[j * from_row + i] for i and j below 4. */
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

#elif !defined __AVX__

WORD void turn_block(number *to, ptrdiff_t to_row, const number *from, ptrdiff_t from_row) {
  for (int i = 0; i < TURNED; i++)
    for (int j = 0; j < TURNED; j++) to[i * to_row + j] = from[j * from_row + i];
}

#endif

/* to[i * to_row + j] = from[j * from_row + i * from_column] for i < rows and j < columns; by blocks
** where from_column is 1. */
static void turn(number *to, ptrdiff_t to_row, size_t rows, size_t columns, const number *from,
                 ptrdiff_t from_row, ptrdiff_t from_column) {
  size_t j = 0;
  for (; from_column == 1 && j + TURNED <= columns; j += TURNED) {
    const number *source = from + (ptrdiff_t)j * from_row;
    size_t i = 0;
    for (; i + TURNED <= rows; i += TURNED)
      turn_block(to + (ptrdiff_t)i * to_row + j, to_row, source + i, from_row);
    for (; i < rows; i++)
      for (int k = 0; k < TURNED; k++)
        to[(ptrdiff_t)i * to_row + (ptrdiff_t)j + k] = source[k * from_row + (ptrdiff_t)i];
  }
  for (; j < columns; j++)
    for (size_t i = 0; i < rows; i++)
      to[(ptrdiff_t)i * to_row + (ptrdiff_t)j] =
          from[(ptrdiff_t)j * from_row + (ptrdiff_t)i * from_column];
}

#undef TURNED

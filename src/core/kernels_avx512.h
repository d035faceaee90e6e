/*
** kernels_avx512.h: the vectors of the level avx512, 64 bytes wide.
**
** The words that every level defines, here and in kernels_avx2.h and kernels_portable.h, for float
** and for double (the name ends in the type):
**
**   vector, bits       LANES elements, and the same bytes as unsigned integers; + - * / & | << >>
**                      and casts between the two are those of the compiler's vector extension
**   splat              one number in all lanes
**   load, store        from and to memory, with any alignment
**   load_part          the first `count` lanes (0 to LANES) from memory, 0 in the others
**   store_part         the first `count` lanes to memory, nothing else touched
**   fused              a * b + c, rounded once
**   fused_one          the same for one number
**   plus_exact_square  sum + x * x where x * x is exact, as that of a float is in double
**   root               the square root, correctly rounded
**   less, less_equal, equal    a mask; false where there is a NaN
**   both, either       of two masks
**   choose             mask ? yes : no, lane by lane
**   lower, higher      a < b ? a : b and a > b ? a : b: b where either is a NaN
**   scaled             x * 2^n rounded once, for whole n; only where HAS_SCALED is 1
**   count_lanes        how many lanes of a mask hold
**   first_lanes        the mask of the first `count` lanes
**   neighbours         the sums of lanes 0 and 1, 2 and 3, ... of a, and then of b
**   load_wide          LANES_double floats, as doubles; store_narrow: back, each rounded once
**   load_columns       out[j] = column j of LANES rows of memory, `row` elements apart, for the
**                      first `count` (1 to 4) columns; nothing else is read, and out has 4 places
**
** Each lane's result is IEEE's, so all levels agree to the bit.
*/
#ifndef GR_KERNELS_AVX512_H
#define GR_KERNELS_AVX512_H

#include <immintrin.h>

enum { LANES_float = 16, LANES_double = 8 };
#define STRIP_ROWS 6     /* of a product, held in registers at once, */
#define PANEL_VECTORS 4  /* and how many vectors wide */
#define TILE_ROWS 8      /* the same with two vectors or fewer */

typedef __m512 vector_float;
typedef __m512d vector_double;
typedef uint32_t bits_float __attribute__((vector_size(64), may_alias));
typedef uint64_t bits_double __attribute__((vector_size(64), may_alias));
typedef __mmask16 mask_float;
typedef __mmask8 mask_double;

WORD mask_float first_lanes_float(size_t count) { return (mask_float)((1u << count) - 1); }
WORD mask_double first_lanes_double(size_t count) { return (mask_double)((1u << count) - 1); }

WORD vector_float splat_float(float x) { return _mm512_set1_ps(x); }
WORD vector_double splat_double(double x) { return _mm512_set1_pd(x); }

WORD vector_float load_float(const float *p) { return _mm512_loadu_ps(p); }
WORD vector_double load_double(const double *p) { return _mm512_loadu_pd(p); }

WORD void store_float(float *p, vector_float x) { _mm512_storeu_ps(p, x); }
WORD void store_double(double *p, vector_double x) { _mm512_storeu_pd(p, x); }

WORD vector_float load_part_float(const float *p, size_t count) {
  return _mm512_maskz_loadu_ps(first_lanes_float(count), p);
}
WORD vector_double load_part_double(const double *p, size_t count) {
  return _mm512_maskz_loadu_pd(first_lanes_double(count), p);
}

WORD void store_part_float(float *p, vector_float x, size_t count) {
  _mm512_mask_storeu_ps(p, first_lanes_float(count), x);
}
WORD void store_part_double(double *p, vector_double x, size_t count) {
  _mm512_mask_storeu_pd(p, first_lanes_double(count), x);
}

WORD vector_float fused_float(vector_float a, vector_float b, vector_float c) {
  return _mm512_fmadd_ps(a, b, c);
}
WORD vector_double fused_double(vector_double a, vector_double b, vector_double c) {
  return _mm512_fmadd_pd(a, b, c);
}

WORD vector_double plus_exact_square(vector_double sum, vector_double x) {
  return fused_double(x, x, sum);
}

WORD float fused_one_float(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
WORD double fused_one_double(double a, double b, double c) { return __builtin_fma(a, b, c); }

WORD vector_float root_float(vector_float x) { return _mm512_sqrt_ps(x); }
WORD vector_double root_double(vector_double x) { return _mm512_sqrt_pd(x); }

WORD mask_float less_float(vector_float a, vector_float b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
WORD mask_double less_double(vector_double a, vector_double b) {
  return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
/* Turned round, as a compiler then leaves `a` in memory: `b` is most often a constant. */
WORD mask_float less_equal_float(vector_float a, vector_float b) {
  return _mm512_cmp_ps_mask(b, a, _CMP_GE_OQ);
}
WORD mask_double less_equal_double(vector_double a, vector_double b) {
  return _mm512_cmp_pd_mask(b, a, _CMP_GE_OQ);
}
WORD mask_float equal_float(vector_float a, vector_float b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
WORD mask_double equal_double(vector_double a, vector_double b) {
  return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

WORD mask_float both_float(mask_float a, mask_float b) { return a & b; }
WORD mask_double both_double(mask_double a, mask_double b) { return a & b; }
WORD mask_float either_float(mask_float a, mask_float b) { return a | b; }
WORD mask_double either_double(mask_double a, mask_double b) { return a | b; }

WORD vector_float choose_float(mask_float mask, vector_float yes, vector_float no) {
  return _mm512_mask_blend_ps(mask, no, yes);
}
WORD vector_double choose_double(mask_double mask, vector_double yes, vector_double no) {
  return _mm512_mask_blend_pd(mask, no, yes);
}

WORD vector_float lower_float(vector_float a, vector_float b) { return _mm512_min_ps(a, b); }
WORD vector_double lower_double(vector_double a, vector_double b) { return _mm512_min_pd(a, b); }
WORD vector_float higher_float(vector_float a, vector_float b) { return _mm512_max_ps(a, b); }
WORD vector_double higher_double(vector_double a, vector_double b) { return _mm512_max_pd(a, b); }

#define HAS_SCALED 1
WORD vector_float scaled_float(vector_float x, vector_float n) { return _mm512_scalef_ps(x, n); }
WORD vector_double scaled_double(vector_double x, vector_double n) {
  return _mm512_scalef_pd(x, n);
}

WORD size_t count_lanes_float(mask_float mask) { return (size_t)__builtin_popcount(mask); }
WORD size_t count_lanes_double(mask_double mask) { return (size_t)__builtin_popcount(mask); }

WORD vector_float neighbours_float(vector_float a, vector_float b) {
  const __m512i even =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_permutex2var_ps(a, even, b) + _mm512_permutex2var_ps(a, odd, b);
}
WORD vector_double neighbours_double(vector_double a, vector_double b) {
  const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  return _mm512_permutex2var_pd(a, even, b) + _mm512_permutex2var_pd(a, odd, b);
}

WORD vector_double load_wide(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
WORD void store_narrow(float *p, vector_double x) { _mm256_storeu_ps(p, _mm512_cvtpd_ps(x)); }

/* Four rows of `count` numbers, 4 * row elements apart, side by side. */
WORD vector_float four_rows(const float *p, ptrdiff_t row, size_t count) {
  const __mmask8 here = (__mmask8)first_lanes_float(count);
  vector_float x = _mm512_castps128_ps512(_mm_maskz_loadu_ps(here, p));
  x = _mm512_insertf32x4(x, _mm_maskz_loadu_ps(here, p + 4 * row), 1);
  x = _mm512_insertf32x4(x, _mm_maskz_loadu_ps(here, p + 8 * row), 2);
  return _mm512_insertf32x4(x, _mm_maskz_loadu_ps(here, p + 12 * row), 3);
}
WORD void load_columns_float(vector_float out[4], const float *p, ptrdiff_t row, size_t count) {
  vector_float a = four_rows(p, row, count), b = four_rows(p + row, row, count);
  vector_float c = four_rows(p + 2 * row, row, count), d = four_rows(p + 3 * row, row, count);
  vector_float ab_low = _mm512_unpacklo_ps(a, b), ab_high = _mm512_unpackhi_ps(a, b);
  vector_float cd_low = _mm512_unpacklo_ps(c, d), cd_high = _mm512_unpackhi_ps(c, d);
  out[0] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
  out[1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
  out[2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
  out[3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
}

/* Two rows of `count` numbers, 4 * row elements apart, side by side. */
WORD vector_double two_wide_rows(const double *p, ptrdiff_t row, size_t count) {
  const __mmask8 here = first_lanes_double(count);
  return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_maskz_loadu_pd(here, p)),
                            _mm256_maskz_loadu_pd(here, p + 4 * row), 1);
}
WORD void load_columns_double(vector_double out[4], const double *p, ptrdiff_t row,
                              size_t count) {
  vector_double a = two_wide_rows(p, row, count), b = two_wide_rows(p + row, row, count);
  vector_double c = two_wide_rows(p + 2 * row, row, count);
  vector_double d = two_wide_rows(p + 3 * row, row, count);
  vector_double ab_even = _mm512_unpacklo_pd(a, b), ab_odd = _mm512_unpackhi_pd(a, b);
  vector_double cd_even = _mm512_unpacklo_pd(c, d), cd_odd = _mm512_unpackhi_pd(c, d);
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  const __m512i high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  out[0] = _mm512_permutex2var_pd(ab_even, low, cd_even);
  out[1] = _mm512_permutex2var_pd(ab_odd, low, cd_odd);
  out[2] = _mm512_permutex2var_pd(ab_even, high, cd_even);
  out[3] = _mm512_permutex2var_pd(ab_odd, high, cd_odd);
}

#endif

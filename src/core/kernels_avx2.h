/*
** kernels_avx2.h: the vectors of the level avx2, 32 bytes wide. The words are those that
** kernels_avx512.h explains.
*/
#ifndef GR_KERNELS_AVX2_H
#define GR_KERNELS_AVX2_H

#include <immintrin.h>

enum { LANES_float = 8, LANES_double = 4 };
#define STRIP_ROWS 6     /* of a product, held in registers at once, */
#define PANEL_VECTORS 2  /* and how many vectors wide */
#define TILE_ROWS 6      /* the same with two vectors or fewer */

typedef __m256 vector_float;
typedef __m256d vector_double;
typedef uint32_t bits_float __attribute__((vector_size(32), may_alias));
typedef uint64_t bits_double __attribute__((vector_size(32), may_alias));
typedef __m256 mask_float;    /* all bits of a lane, or none */
typedef __m256d mask_double;

/* The mask of the first `count` lanes begins `count` places before the middle. */
static const int32_t lanes_then_none_float[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
static const int64_t lanes_then_none_double[8] = { -1, -1, -1, -1 };

WORD __m256i first_lanes_bits_float(size_t count) {
  return _mm256_loadu_si256((const __m256i *)(lanes_then_none_float + 8 - count));
}
WORD __m256i first_lanes_bits_double(size_t count) {
  return _mm256_loadu_si256((const __m256i *)(lanes_then_none_double + 4 - count));
}
WORD mask_float first_lanes_float(size_t count) {
  return _mm256_castsi256_ps(first_lanes_bits_float(count));
}
WORD mask_double first_lanes_double(size_t count) {
  return _mm256_castsi256_pd(first_lanes_bits_double(count));
}

WORD vector_float splat_float(float x) { return _mm256_set1_ps(x); }
WORD vector_double splat_double(double x) { return _mm256_set1_pd(x); }

WORD vector_float load_float(const float *p) { return _mm256_loadu_ps(p); }
WORD vector_double load_double(const double *p) { return _mm256_loadu_pd(p); }

WORD void store_float(float *p, vector_float x) { _mm256_storeu_ps(p, x); }
WORD void store_double(double *p, vector_double x) { _mm256_storeu_pd(p, x); }

WORD vector_float load_part_float(const float *p, size_t count) {
  return _mm256_maskload_ps(p, first_lanes_bits_float(count));
}
WORD vector_double load_part_double(const double *p, size_t count) {
  return _mm256_maskload_pd(p, first_lanes_bits_double(count));
}

/* Some processors take tens of cycles over a masked store: halves, quarters, eighths. */
WORD void store_part_float(float *p, vector_float x, size_t count) {
  __m128 rest = _mm256_castps256_ps128(x);
  if (count & 8) { _mm256_storeu_ps(p, x); return; }
  if (count & 4) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(x, 1);
    p += 4;
  }
  if (count & 2) {
    _mm_storel_pi((__m64 *)p, rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if (count & 1) _mm_store_ss(p, rest);
}
WORD void store_part_double(double *p, vector_double x, size_t count) {
  __m128d rest = _mm256_castpd256_pd128(x);
  if (count & 4) { _mm256_storeu_pd(p, x); return; }
  if (count & 2) {
    _mm_storeu_pd(p, rest);
    rest = _mm256_extractf128_pd(x, 1);
    p += 2;
  }
  if (count & 1) _mm_store_sd(p, rest);
}

WORD vector_float fused_float(vector_float a, vector_float b, vector_float c) {
  return _mm256_fmadd_ps(a, b, c);
}
WORD vector_double fused_double(vector_double a, vector_double b, vector_double c) {
  return _mm256_fmadd_pd(a, b, c);
}

WORD vector_double plus_exact_square(vector_double sum, vector_double x) {
  return fused_double(x, x, sum);
}

WORD float fused_one_float(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
WORD double fused_one_double(double a, double b, double c) { return __builtin_fma(a, b, c); }

WORD vector_float root_float(vector_float x) { return _mm256_sqrt_ps(x); }
WORD vector_double root_double(vector_double x) { return _mm256_sqrt_pd(x); }

WORD mask_float less_float(vector_float a, vector_float b) {
  return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
WORD mask_double less_double(vector_double a, vector_double b) {
  return _mm256_cmp_pd(a, b, _CMP_LT_OQ);
}
WORD mask_float less_equal_float(vector_float a, vector_float b) {
  return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
WORD mask_double less_equal_double(vector_double a, vector_double b) {
  return _mm256_cmp_pd(a, b, _CMP_LE_OQ);
}
WORD mask_float equal_float(vector_float a, vector_float b) {
  return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
WORD mask_double equal_double(vector_double a, vector_double b) {
  return _mm256_cmp_pd(a, b, _CMP_EQ_OQ);
}

WORD mask_float both_float(mask_float a, mask_float b) { return _mm256_and_ps(a, b); }
WORD mask_double both_double(mask_double a, mask_double b) { return _mm256_and_pd(a, b); }
WORD mask_float either_float(mask_float a, mask_float b) { return _mm256_or_ps(a, b); }
WORD mask_double either_double(mask_double a, mask_double b) { return _mm256_or_pd(a, b); }

WORD vector_float choose_float(mask_float mask, vector_float yes, vector_float no) {
  return _mm256_blendv_ps(no, yes, mask);
}
WORD vector_double choose_double(mask_double mask, vector_double yes, vector_double no) {
  return _mm256_blendv_pd(no, yes, mask);
}

WORD vector_float lower_float(vector_float a, vector_float b) { return _mm256_min_ps(a, b); }
WORD vector_double lower_double(vector_double a, vector_double b) { return _mm256_min_pd(a, b); }
WORD vector_float higher_float(vector_float a, vector_float b) { return _mm256_max_ps(a, b); }
WORD vector_double higher_double(vector_double a, vector_double b) { return _mm256_max_pd(a, b); }
#define HAS_SCALED 0

WORD size_t count_lanes_float(mask_float mask) {
  return (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(mask));
}
WORD size_t count_lanes_double(mask_double mask) {
  return (size_t)__builtin_popcount((unsigned)_mm256_movemask_pd(mask));
}

WORD vector_float neighbours_float(vector_float a, vector_float b) {
  __m256d halves = _mm256_castps_pd(_mm256_hadd_ps(a, b));
  return _mm256_castpd_ps(_mm256_permute4x64_pd(halves, 0xd8));
}
WORD vector_double neighbours_double(vector_double a, vector_double b) {
  return _mm256_permute4x64_pd(_mm256_hadd_pd(a, b), 0xd8);
}

WORD vector_double load_wide(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
WORD void store_narrow(float *p, vector_double x) { _mm_storeu_ps(p, _mm256_cvtpd_ps(x)); }

/* The first `count` of four numbers. */
WORD __m128 load_four(const float *p, size_t count) {
  if (count == 4) return _mm_loadu_ps(p);
  return _mm_maskload_ps(p, _mm256_castsi256_si128(first_lanes_bits_float(count)));
}
/* Two rows of `count` numbers, 4 * row elements apart, side by side. */
WORD vector_float two_rows(const float *p, ptrdiff_t row, size_t count) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(load_four(p, count)),
                              load_four(p + 4 * row, count), 1);
}
WORD void load_columns_float(vector_float out[4], const float *p, ptrdiff_t row, size_t count) {
  vector_float a = two_rows(p, row, count), b = two_rows(p + row, row, count);
  vector_float c = two_rows(p + 2 * row, row, count), d = two_rows(p + 3 * row, row, count);
  vector_float ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
  vector_float cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
  out[0] = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
  out[1] = _mm256_shuffle_ps(ab_low, cd_low, 0xee);
  out[2] = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
  out[3] = _mm256_shuffle_ps(ab_high, cd_high, 0xee);
}

WORD vector_double load_four_double(const double *p, size_t count) {
  return count == 4 ? load_double(p) : load_part_double(p, count);
}
WORD void load_columns_double(vector_double out[4], const double *p, ptrdiff_t row,
                              size_t count) {
  vector_double a = load_four_double(p, count), b = load_four_double(p + row, count);
  vector_double c = load_four_double(p + 2 * row, count), d = load_four_double(p + 3 * row, count);
  vector_double ab_even = _mm256_unpacklo_pd(a, b), ab_odd = _mm256_unpackhi_pd(a, b);
  vector_double cd_even = _mm256_unpacklo_pd(c, d), cd_odd = _mm256_unpackhi_pd(c, d);
  out[0] = _mm256_permute2f128_pd(ab_even, cd_even, 0x20);
  out[1] = _mm256_permute2f128_pd(ab_odd, cd_odd, 0x20);
  out[2] = _mm256_permute2f128_pd(ab_even, cd_even, 0x31);
  out[3] = _mm256_permute2f128_pd(ab_odd, cd_odd, 0x31);
}

#endif

/*
** kernels_avx2.h: the vectors of the level avx2, 32 bytes wide. The words are those that
** kernels_avx512.h explains.
*/
#ifndef GR_KERNELS_AVX2_H
#define GR_KERNELS_AVX2_H

#include <immintrin.h>

enum { LANES_float = 8, LANES_double = 4 };
#define TILE_ROWS 6  /* of a product, held in registers at once */

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

WORD size_t count_lanes_float(mask_float mask) {
  return (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(mask));
}
WORD size_t count_lanes_double(mask_double mask) {
  return (size_t)__builtin_popcount((unsigned)_mm256_movemask_pd(mask));
}

WORD vector_double load_wide(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
WORD void store_narrow(float *p, vector_double x) { _mm_storeu_ps(p, _mm256_cvtpd_ps(x)); }

#endif

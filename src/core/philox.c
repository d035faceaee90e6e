/*
** philox.c: see philox.h.
**
** Blocks are made LANES at a time, a lane for each counter. The four words of a block lie in four
** arrays of 64-bit lanes, of which a round reads the low halves only: a product then lands where
** it is wanted, and a round is two multiplications, two shifts and two exclusive ors.
*/
#include "philox.h"

#include <math.h>
#include <string.h>

#include "logarithm.h"
#include "processor.h"

enum {
  ROUNDS = 10,
  LANES = 16,
  SAMPLES = 2 * LANES  /* the numbers that LANES blocks make */
};

static const uint32_t multiplier[2] = {0xD2511F53, 0xCD9E8D57};
static const uint32_t key_step[2] = {0x9E3779B9, 0xBB67AE85};  /* golden ratio, sqrt(3) - 1 */

GR_INLINE uint32_t high_half(uint64_t product) { return (uint32_t)(product >> 32); }

void gr_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t x[4] = {counter[0], counter[1], counter[2], counter[3]};
  uint32_t k[2] = {key[0], key[1]};
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t left = (uint64_t)multiplier[0] * x[0], right = (uint64_t)multiplier[1] * x[2];
    x[0] = high_half(right) ^ x[1] ^ k[0];
    x[2] = high_half(left) ^ x[3] ^ k[1];
    x[1] = (uint32_t)right;
    x[3] = (uint32_t)left;
    k[0] += key_step[0];
    k[1] += key_step[1];
  }
  memcpy(out, x, sizeof x);
}

/* The block at (step, block): the counter is these two, low words first. */
GR_INLINE void block_at(const gr_Stream *stream, uint64_t step, uint64_t block, uint32_t out[4]) {
  uint32_t counter[4] = {(uint32_t)block, high_half(block), (uint32_t)step, high_half(step)};
  gr_philox(counter, stream->key, out);
}

/* ---- Many blocks at a time ----------------------------------------------------------------- */

/* x[w][l] is word w of the block in lane l, with anything in the upper half. */
typedef struct Lanes {
  _Alignas(64) uint64_t x[4][LANES];
} Lanes;

/* Make the LANES blocks from `block` on. */
typedef void MakeLanes(Lanes *lanes, const gr_Stream *stream, uint64_t step, uint64_t block);

#if defined(GR_X86)

#include <immintrin.h>

typedef uint64_t Vector4 __attribute__((vector_size(32)));
typedef uint64_t Vector8 __attribute__((vector_size(64)));

/* The product of the low halves of each lane; compilers do not find this instruction reliably. */
#define MULTIPLY_AVX2(x, m) (Vector4)_mm256_mul_epu32((__m256i)(x), _mm256_set1_epi64x(m))
#define MULTIPLY_AVX512(x, m) (Vector8)_mm512_mul_epu32((__m512i)(x), _mm512_set1_epi64(m))

#define STAMP_LANES(name, target, Vector, MULTIPLY) \
  target static void name(Lanes *lanes, const gr_Stream *stream, uint64_t step, \
                          uint64_t block) { \
    enum { WIDTH = sizeof(Vector) / 8 }; \
    Vector count = {0}; \
    for (int i = 0; i < WIDTH; i++) count[i] = block + (unsigned)i; \
    for (int l = 0; l < LANES; l += WIDTH, count += WIDTH) { \
      Vector zero = {0}, x0 = count, x1 = count >> 32, x2 = zero + step, x3 = zero + (step >> 32); \
      Vector k0 = zero + stream->key[0], k1 = zero + stream->key[1]; \
      for (int round = 0; round < ROUNDS; round++) { \
        Vector left = MULTIPLY(x0, multiplier[0]), right = MULTIPLY(x2, multiplier[1]); \
        x0 = (right >> 32) ^ x1 ^ k0; \
        x2 = (left >> 32) ^ x3 ^ k1; \
        x1 = right; \
        x3 = left; \
        k0 += key_step[0]; \
        k1 += key_step[1]; \
      } \
      memcpy(lanes->x[0] + l, &x0, sizeof x0); \
      memcpy(lanes->x[1] + l, &x1, sizeof x1); \
      memcpy(lanes->x[2] + l, &x2, sizeof x2); \
      memcpy(lanes->x[3] + l, &x3, sizeof x3); \
    } \
  }

STAMP_LANES(make_lanes_avx2, GR_AVX2, Vector4, MULTIPLY_AVX2)
STAMP_LANES(make_lanes_avx512, GR_AVX512, Vector8, MULTIPLY_AVX512)

#endif

static void make_lanes_plain(Lanes *lanes, const gr_Stream *stream, uint64_t step,
                             uint64_t block) {
  for (unsigned l = 0; l < LANES; l++) {
    uint32_t words[4];
    block_at(stream, step, block + l, words);
    for (int w = 0; w < 4; w++) lanes->x[w][l] = words[w];
  }
}

static MakeLanes *best_make_lanes(void) {
#if defined(GR_X86)
  if (gr_has_avx512()) return make_lanes_avx512;
  if (gr_has_avx2()) return make_lanes_avx2;
#endif
  return make_lanes_plain;
}

/* ---- Streams ------------------------------------------------------------------------------- */

gr_Stream gr_stream(uint64_t seed, uint64_t model, uint32_t place, uint32_t purpose) {
  uint32_t key[2] = {(uint32_t)seed, high_half(seed)};
  uint32_t counter[4] = {(uint32_t)model, high_half(model), place, purpose}, words[4];
  gr_philox(counter, key, words);
  return (gr_Stream){{words[0], words[1]}};
}

/* The 53 bits of a number: 27 of the first word and 26 of the second. */
GR_INLINE int64_t bits53(uint64_t first, uint64_t second) {
  return (int64_t)((first & 0xFFFFFFE0) << 21 | (uint32_t)second >> 6);
}

static int64_t bits_at(const gr_Stream *stream, uint64_t step, uint64_t element) {
  uint32_t words[4];
  block_at(stream, step, element / 2, words);
  return element % 2 == 0 ? bits53(words[0], words[1]) : bits53(words[2], words[3]);
}

static void bits_of_lanes(const Lanes *lanes, int64_t bits[SAMPLES]) {
  for (int l = 0; l < LANES; l++) {
    bits[2 * l] = bits53(lanes->x[0][l], lanes->x[1][l]);
    bits[2 * l + 1] = bits53(lanes->x[2][l], lanes->x[3][l]);
  }
}

double gr_stream_uniform(const gr_Stream *stream, uint64_t step, uint64_t element) {
  return (double)bits_at(stream, step, element) * 0x1p-53;
}

void gr_stream_fill_uniform(const gr_Context *context, const gr_Stream *stream, uint64_t step,
                            double low, double high, double *out, size_t n) {
  MakeLanes *make_lanes = best_make_lanes();
  double range = high - low;
  for (size_t i = 0, done = 0; i < n; i += SAMPLES) {
    Lanes lanes;
    int64_t bits[SAMPLES];
    make_lanes(&lanes, stream, step, i / 2);
    bits_of_lanes(&lanes, bits);
    size_t count = n - i < SAMPLES ? n - i : SAMPLES;
    for (size_t j = 0; j < count; j++) out[i + j] = low + range * ((double)bits[j] * 0x1p-53);
    if (gr_must_stop_after(context, SAMPLES, &done)) return;
  }
}

/* ---- Normal numbers ------------------------------------------------------------------------ */

/* The normal distribution's quantile function by rational approximations, to about 1e-16: Wichura
** 1988, "Algorithm AS 241: the percentage points of the normal distribution", PPND16, whose
** figures these are. Highest power first. */
typedef struct Rational {
  double numerator[8], denominator[8];
} Rational;

static const Rational central = {
  {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
   4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
   1.3314166789178437745e+2, 3.3871328727963666080e+0},
  {5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4,
   2.1213794301586595867e+4, 5.3941960214247511077e+3, 6.8718700749205790830e+2,
   4.2313330701600911252e+1, 1.0}
};
static const Rational middle = {
  {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
   1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
   4.63033784615654529590e+0, 1.42343711074968357734e+0},
  {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
   1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e+0,
   2.05319162663775882187e+0, 1.0}
};
static const Rational tail = {
  {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
   2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
   5.46378491116411436990e+0, 6.65790464350110377720e+0},
  {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
   7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
   5.99832206555887937690e-1, 1.0}
};

static const double central_width = 0.425;  /* |q| up to here is central */

GR_INLINE double polynomial(const double c[8], double r) {
  return ((((((c[0] * r + c[1]) * r + c[2]) * r + c[3]) * r + c[4]) * r + c[5]) * r + c[6]) * r +
         c[7];
}

/* q is the probability minus 1/2, from -1/2 to 1/2, both excluded. */
GR_INLINE double central_quantile(double q) {
  double r = 0.180625 - q * q;  /* central_width squared */
  return q * polynomial(central.numerator, r) / polynomial(central.denominator, r);
}

static double outer_quantile(double q) {
  double r = sqrt(-gr_log(0.5 - fabs(q)));
  const Rational *rational = r <= 5.0 ? &middle : &tail;
  r -= r <= 5.0 ? 1.6 : 5.0;
  double z = polynomial(rational->numerator, r) / polynomial(rational->denominator, r);
  return q < 0 ? -z : z;
}

/* The middles of 2^52 equal parts, minus 1/2: exact, symmetric, and never at an end. */
GR_INLINE double centred(int64_t bits) {
  return ((double)(bits >> 1) + 0.5) * 0x1p-52 - 0.5;
}

double gr_stream_normal(const gr_Stream *stream, uint64_t step, uint64_t element) {
  double q = centred(bits_at(stream, step, element));
  return fabs(q) <= central_width ? central_quantile(q) : outer_quantile(q);
}

static void normals_of_lanes(const Lanes *lanes, double z[SAMPLES]) {
  int64_t bits[SAMPLES];
  double q[SAMPLES];
  bits_of_lanes(lanes, bits);
  for (int i = 0; i < SAMPLES; i++) q[i] = centred(bits[i]);
  for (int i = 0; i < SAMPLES; i++) z[i] = central_quantile(q[i]);
  for (int i = 0; i < SAMPLES; i++) {
    if (!(fabs(q[i]) <= central_width)) z[i] = outer_quantile(q[i]);
  }
}

void gr_stream_fill_normal(const gr_Context *context, const gr_Stream *stream, uint64_t step,
                           double mean, double deviation, double *out, size_t n) {
  MakeLanes *make_lanes = best_make_lanes();
  for (size_t i = 0, done = 0; i < n; i += SAMPLES) {
    Lanes lanes;
    double z[SAMPLES];
    make_lanes(&lanes, stream, step, i / 2);
    normals_of_lanes(&lanes, z);
    size_t count = n - i < SAMPLES ? n - i : SAMPLES;
    for (size_t j = 0; j < count; j++) out[i + j] = mean + deviation * z[j];
    if (gr_must_stop_after(context, 4 * SAMPLES, &done)) return;
  }
}

/* ---- Permutations -------------------------------------------------------------------------- */

/* Of the first `left` places, fill the last one by one word, and return how many are left then. The
** word times `left` has the index in its high half; the few words whose low half would favour some
** indices are passed over. */
GR_INLINE size_t exchange(double *x, size_t left, uint32_t word) {
  uint64_t product = (uint64_t)word * left;
  if ((uint32_t)product < left && (uint32_t)product < (uint32_t)-left % left) return left;
  size_t j = product >> 32;
  double value = x[left - 1];
  x[left - 1] = x[j];
  x[j] = value;
  return left - 1;
}

/* Until one place is left, or to the end of the words; returns how many are left. Where there are
** more than four, a block's words come to no end. */
static size_t exchange_all(double *x, size_t left, const Lanes *lanes) {
  int l = 0;
  for (; l < LANES && left > 4; l++) {
    left = exchange(x, left, (uint32_t)lanes->x[0][l]);
    left = exchange(x, left, (uint32_t)lanes->x[1][l]);
    left = exchange(x, left, (uint32_t)lanes->x[2][l]);
    left = exchange(x, left, (uint32_t)lanes->x[3][l]);
  }
  for (; l < LANES; l++)
    for (int w = 0; w < 4 && left > 1; w++) left = exchange(x, left, (uint32_t)lanes->x[w][l]);
  return left;
}

/* 1, 2, ... n, eight at a time, which compilers turn into vectors. */
static void count_up(const gr_Context *context, double *out, size_t n) {
  GR_EACH(eight, context, n / 8)
    for (int j = 0; j < 8; j++) out[8 * eight + (size_t)j] = (double)(int64_t)(8 * eight) + (j + 1);
  for (size_t i = n / 8 * 8; i < n; i++) out[i] = (double)(int64_t)(i + 1);
}

enum { EXCHANGE_WORK = 16 };  /* what one takes far from the cache, in elements of a block */

void gr_stream_permutation(const gr_Context *context, const gr_Stream *stream, uint64_t step,
                           double *out, size_t n) {
  MakeLanes *make_lanes = best_make_lanes();
  count_up(context, out, n);
  size_t left = n, done = 0;
  for (uint64_t block = 0; left > 1; block += LANES) {
    Lanes lanes;
    make_lanes(&lanes, stream, step, block);
    left = exchange_all(out, left, &lanes);
    if (gr_must_stop_after(context, 4 * LANES * EXCHANGE_WORK, &done)) return;
  }
}

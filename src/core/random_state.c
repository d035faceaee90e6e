/*
** random_state.c: see random_state.h.
**
** The words of the generator come in blocks of 624; what takes time (the recurrence, tempering,
** and the polar method's candidates) goes by whole blocks in loops that compile to vectors for
** AVX2 and AVX-512. Everything in those loops is integer arithmetic or exact or a single rounded
** operation, so a fill gives the bits of one draw after another.
*/
#include "random_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "logarithm.h"
#include "processor.h"

enum {
  WORDS = GR_TWISTER_WORDS,
  SHIFT = 397,             /* the recurrence joins words i, i + 1 and i + SHIFT (mod WORDS) */
  FOLD = WORDS - SHIFT,
  SAMPLES = WORDS / 2,     /* uniform numbers in a block */
  CANDIDATES = WORDS / 4,  /* points of the polar method in a block */
  WIDEST = 16              /* words in the widest vector */
};

/* ---- The generator ------------------------------------------------------------------------- */

void gr_random_seed(gr_RandomState *state, uint32_t seed) {
  uint32_t *key = state->key;
  key[0] = seed;
  for (uint32_t i = 1; i < WORDS; i++) {
    key[i] = UINT32_C(1812433253) * (key[i - 1] ^ (key[i - 1] >> 30)) + i;
  }
  state->position = WORDS;
  state->has_gauss = false;
  state->gauss = 0;
}

/* init_by_array of the 2002 version of mt19937ar.c. */
void gr_random_seed_list(gr_RandomState *state, const uint32_t *seeds, size_t n) {
  gr_random_seed(state, 19650218);
  uint32_t *key = state->key;
  size_t i = 1, j = 0;
  for (size_t round = n > WORDS ? n : WORDS; round > 0; round--) {
    uint32_t mixed = (key[i - 1] ^ (key[i - 1] >> 30)) * UINT32_C(1664525);
    key[i] = (key[i] ^ mixed) + seeds[j] + (uint32_t)j;
    if (++i == WORDS) { key[0] = key[WORDS - 1]; i = 1; }
    if (++j == n) j = 0;
  }
  for (size_t round = WORDS - 1; round > 0; round--) {
    uint32_t mixed = (key[i - 1] ^ (key[i - 1] >> 30)) * UINT32_C(1566083941);
    key[i] = (key[i] ^ mixed) - (uint32_t)i;
    if (++i == WORDS) { key[0] = key[WORDS - 1]; i = 1; }
  }
  key[0] = UINT32_C(0x80000000);
}

GR_INLINE uint32_t recurrence(uint32_t high, uint32_t low, uint32_t far) {
  uint32_t y = (high & UINT32_C(0x80000000)) | (low & UINT32_C(0x7fffffff));
  return far ^ (y >> 1) ^ (-(y & 1) & UINT32_C(0x9908b0df));
}

GR_INLINE uint32_t temper(uint32_t y) {
  y ^= y >> 11;
  y ^= (y << 7) & UINT32_C(0x9d2c5680);
  y ^= (y << 15) & UINT32_C(0xefc60000);
  return y ^ (y >> 18);
}

/* The next block of words. Each loop that goes by whole vectors has a short one for the rest. */
GR_INLINE void twist(uint32_t *key) {
  enum { FIRST = FOLD / WIDEST * WIDEST, SECOND = (SHIFT - 1) / WIDEST * WIDEST };
  for (size_t i = 0; i < FIRST; i++) key[i] = recurrence(key[i], key[i + 1], key[i + SHIFT]);
  for (size_t i = FIRST; i < FOLD; i++) key[i] = recurrence(key[i], key[i + 1], key[i + SHIFT]);
  uint32_t *rest = key + FOLD;
  for (size_t i = 0; i < SECOND; i++) rest[i] = recurrence(rest[i], rest[i + 1], key[i]);
  for (size_t i = SECOND; i < SHIFT - 1; i++) rest[i] = recurrence(rest[i], rest[i + 1], key[i]);
  key[WORDS - 1] = recurrence(key[WORDS - 1], key[0], key[SHIFT - 1]);
}

/* Pairs of drawn words to uniform numbers: 27 bits of the first, 26 of the second. Each half is
** turned into a double by the bits of 2^52 + half, which all instruction sets can; all exact. */
GR_INLINE void samples(double out[SAMPLES], const uint32_t words[WORDS]) {
  uint32_t tempered[WORDS];
  for (size_t i = 0; i < WORDS; i++) tempered[i] = temper(words[i]);
  const uint64_t bits_2_52 = UINT64_C(0x4330000000000000);
  uint64_t high[SAMPLES], low[SAMPLES];
  for (size_t i = 0; i < SAMPLES; i++) {
    high[i] = bits_2_52 | (tempered[2 * i] >> 5);
    low[i] = bits_2_52 | (tempered[2 * i + 1] >> 6);
  }
  double a[SAMPLES], b[SAMPLES];
  memcpy(a, high, sizeof a);
  memcpy(b, low, sizeof b);
  for (size_t i = 0; i < SAMPLES; i++) {
    out[i] = ((a[i] - 0x1p52) * 0x1p26 + (b[i] - 0x1p52)) * 0x1p-53;
  }
}

/* The points that a block's words make: coordinates in (-1, 1), and their squared distances. */
GR_INLINE void candidates(double x[SAMPLES], double r2[CANDIDATES], const uint32_t words[WORDS]) {
  double u[SAMPLES];
  samples(u, words);
  for (size_t i = 0; i < SAMPLES; i++) x[i] = 2.0 * u[i] - 1.0;
  for (size_t i = 0; i < CANDIDATES; i++) {
    r2[i] = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1];
  }
}

/* The three loops above, for one instruction set. */
typedef struct Blocks {
  void (*twist)(uint32_t *key);
  void (*samples)(double *out, const uint32_t *words);
  void (*candidates)(double *x, double *r2, const uint32_t *words);
} Blocks;

#define STAMP(level, target) \
  target static void twist_##level(uint32_t *key) { twist(key); } \
  target static void samples_##level(double *out, const uint32_t *words) { samples(out, words); } \
  target static void candidates_##level(double *x, double *r2, const uint32_t *words) { \
    candidates(x, r2, words); \
  } \
  static const Blocks blocks_##level = {twist_##level, samples_##level, candidates_##level};

STAMP(plain, )

#if defined(GR_X86)

STAMP(avx2, GR_AVX2)
STAMP(avx512, GR_AVX512)

static const Blocks *blocks(void) {
  return gr_has_avx512() ? &blocks_avx512 : gr_has_avx2() ? &blocks_avx2 : &blocks_plain;
}

#else

static const Blocks *blocks(void) { return &blocks_plain; }

#endif

uint32_t gr_random_uint32(gr_RandomState *state) {
  if (state->position >= WORDS) {
    blocks()->twist(state->key);
    state->position = 0;
  }
  return temper(state->key[state->position++]);
}

uint64_t gr_random_uint64(gr_RandomState *state) {
  uint64_t high = gr_random_uint32(state);
  return high << 32 | gr_random_uint32(state);
}

/* The next 624 words, not yet tempered, wherever in the block the state stands. */
static const uint32_t *next_words(gr_RandomState *state, const Blocks *level,
                                  uint32_t words[WORDS]) {
  unsigned old = WORDS - state->position;
  memcpy(words, state->key + state->position, old * sizeof *words);
  level->twist(state->key);
  if (old == 0) {
    state->position = WORDS;
    return state->key;
  }
  memcpy(words + old, state->key, (WORDS - old) * sizeof *words);
  state->position = WORDS - old;
  return words;
}

/* ---- Real numbers -------------------------------------------------------------------------- */

double gr_random_sample(gr_RandomState *state) {
  uint64_t high = gr_random_uint32(state) >> 5;
  return (double)(high << 26 | gr_random_uint32(state) >> 6) * 0x1p-53;
}

void gr_random_fill_sample(gr_RandomState *state, double *out, size_t n) {
  const Blocks *level = blocks();
  uint32_t words[WORDS];
  size_t i = 0;
  for (; n - i >= SAMPLES; i += SAMPLES) level->samples(out + i, next_words(state, level, words));
  for (; i < n; i++) out[i] = gr_random_sample(state);
}

void gr_random_fill_uniform(gr_RandomState *state, double low, double high, double *out,
                            size_t n) {
  double range = high - low;
  gr_random_fill_sample(state, out, n);
  for (size_t i = 0; i < n; i++) out[i] = low + range * out[i];
}

/* The next point inside the unit circle, as a factor and its coordinates. */
static double polar_point(gr_RandomState *state, double *x1, double *x2) {
  double r2;
  do {
    *x1 = 2.0 * gr_random_sample(state) - 1.0;
    *x2 = 2.0 * gr_random_sample(state) - 1.0;
    r2 = *x1 * *x1 + *x2 * *x2;
  } while (r2 >= 1.0 || r2 == 0.0);
  return sqrt(-2.0 * gr_log(r2) / r2);
}

double gr_random_gauss(gr_RandomState *state) {
  if (state->has_gauss) {
    double kept = state->gauss;
    state->has_gauss = false;
    state->gauss = 0;
    return kept;
  }
  double x1, x2, factor = polar_point(state, &x1, &x2);
  state->gauss = factor * x1;
  state->has_gauss = true;
  return factor * x2;
}

/* The normal numbers of one block of words, two for each point inside the circle; returns how
** many. out has room for 2 * CANDIDATES. */
static size_t block_of_gauss(const Blocks *level, const uint32_t *words, double *out) {
  double x[SAMPLES], r2[CANDIDATES], inside[CANDIDATES + 1], factors[CANDIDATES];
  level->candidates(x, r2, words);
  size_t n = 0;
  for (size_t i = 0; i < CANDIDATES; i++) {
    inside[n] = r2[i];
    out[2 * n] = x[2 * i + 1];
    out[2 * n + 1] = x[2 * i];
    n += r2[i] < 1.0 && r2[i] != 0.0;
  }
  gr_polar_factors(factors, inside, n);
  for (size_t i = 0; i < n; i++) {
    out[2 * i] *= factors[i];
    out[2 * i + 1] *= factors[i];
  }
  return 2 * n;
}

void gr_random_fill_gauss(gr_RandomState *state, double *out, size_t n) {
  const Blocks *level = blocks();
  uint32_t words[WORDS];
  size_t i = 0;
  if (n > 0 && state->has_gauss) out[i++] = gr_random_gauss(state);
  /* A block makes at most SAMPLES numbers, so none is drawn that is not used. */
  while (n - i >= SAMPLES) {
    i += block_of_gauss(level, next_words(state, level, words), out + i);
  }
  for (; i < n; i++) out[i] = gr_random_gauss(state);
}

void gr_random_fill_normal(gr_RandomState *state, double mean, double deviation, double *out,
                           size_t n) {
  gr_random_fill_gauss(state, out, n);
  for (size_t i = 0; i < n; i++) out[i] = mean + deviation * out[i];
}

/* ---- Integers ------------------------------------------------------------------------------ */

/* All ones, as wide as max. */
static uint64_t mask_covering(uint64_t max) {
  for (unsigned shift = 1; shift < 64; shift *= 2) max |= max >> shift;
  return max;
}

uint64_t gr_random_bounded(gr_RandomState *state, uint64_t max) {
  uint64_t mask = mask_covering(max), value;
  if (max == 0) return 0;
  do {
    value = max <= UINT32_MAX ? gr_random_uint32(state) : gr_random_uint64(state);
    value &= mask;
  } while (value > max);
  return value;
}

void gr_random_fill_integers(const gr_Context *context, gr_RandomState *state, int64_t low,
                             int64_t high, int64_t *out, size_t n) {
  uint64_t max = (uint64_t)high - (uint64_t)low - 1;
  GR_EACH(i, context, n) out[i] = (int64_t)((uint64_t)low + gr_random_bounded(state, max));
}

/* What reading and writing at random places takes, in elements of a block. */
enum { FAR = 16 };

void gr_random_shuffle(const gr_Context *context, gr_RandomState *state, int64_t *x, size_t n) {
  for (size_t i = n, done = 0; i-- > 1 && !gr_must_stop_after(context, FAR, &done); ) {
    size_t j = gr_random_bounded(state, i);
    int64_t value = x[i];
    x[i] = x[j];
    x[j] = value;
  }
}

gr_Status gr_random_shuffle_rows(gr_Context *context, gr_RandomState *state, void *rows, size_t n,
                                 size_t row_bytes) {
  if (n < 2 || row_bytes == 0) return GR_OK;
  char *x = rows, *row = malloc(row_bytes);
  if (row == NULL) return gr_fail_memory(context, row_bytes);
  for (size_t i = n, done = 0; i-- > 1 && !gr_must_stop_after(context, FAR + row_bytes, &done); ) {
    size_t j = gr_random_bounded(state, i);
    if (i == j) continue;
    memcpy(row, x + i * row_bytes, row_bytes);
    memcpy(x + i * row_bytes, x + j * row_bytes, row_bytes);
    memcpy(x + j * row_bytes, row, row_bytes);
  }
  free(row);
  return gr_must_stop(context) ? gr_stop(context) : GR_OK;
}

void gr_random_permutation(const gr_Context *context, gr_RandomState *state, int64_t *out,
                           size_t n) {
  GR_EACH(i, context, n) out[i] = (int64_t)i;
  gr_random_shuffle(context, state, out, n);
}

/* ---- Choice -------------------------------------------------------------------------------- */

/* As NumPy: the sum is Kahan's, and may miss 1 by the square root of double's epsilon. */
static gr_Status check_probabilities(gr_Context *context, const double *p, size_t n) {
  double sum = 0, lost = 0;
  GR_EACH(i, context, n) {
    if (p[i] != p[i]) return gr_fail(context, "probabilities contain NaN");
    if (p[i] < 0) return gr_fail(context, "probabilities are not non-negative");
  }
  GR_EACH(i, context, n) {
    double y = p[i] - lost, t = sum + y;
    lost = (t - sum) - y;
    sum = t;
  }
  if (gr_must_stop(context)) return gr_stop(context);
  if (!(fabs(sum - 1) <= 0x1p-26)) {
    return gr_fail(context, "probabilities sum to %.9g, not to 1", sum);
  }
  return GR_OK;
}

/* cdf[i] = (p[0] + ... + p[i]) / the whole sum */
static void cumulate(const gr_Context *context, double *cdf, const double *p, size_t n) {
  double sum = 0;
  GR_EACH(i, context, n) cdf[i] = sum += p[i];
  GR_EACH(i, context, n) cdf[i] /= sum;
}

/* How many of the ascending cdf are not above u: searchsorted(u, side = 'right'). */
static size_t count_not_above(const double *cdf, size_t n, double u) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (cdf[middle] <= u) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* What such a search takes, in elements of a block. */
enum { SEARCH = 64 };

static gr_Status choose_with_replacement(gr_Context *context, gr_RandomState *state,
                                         size_t population, const double *p, int64_t *out,
                                         size_t n) {
  if (p == NULL) {
    gr_random_fill_integers(context, state, 0, (int64_t)population, out, n);
    return GR_OK;
  }
  double *cdf = malloc(population * sizeof *cdf);
  if (cdf == NULL) return gr_fail_memory(context, population * sizeof *cdf);
  cumulate(context, cdf, p, population);
  for (size_t i = 0, done = 0; i < n && !gr_must_stop_after(context, SEARCH, &done); i++)
    out[i] = (int64_t)count_not_above(cdf, population, gr_random_sample(state));
  free(cdf);
  return GR_OK;
}

static gr_Status choose_from_permutation(gr_Context *context, gr_RandomState *state,
                                         size_t population, int64_t *out, size_t n) {
  int64_t *permutation = malloc(population * sizeof *permutation);
  if (permutation == NULL) return gr_fail_memory(context, population * sizeof *permutation);
  gr_random_permutation(context, state, permutation, population);
  memcpy(out, permutation, n * sizeof *out);
  free(permutation);
  return GR_OK;
}

/* Rounds: as many draws as are missing, of which the first of each index is kept; then what has
** been found gets the probability 0. A kept index is marked by a negative entry in left. */
static void choose_in_rounds(const gr_Context *context, gr_RandomState *state, size_t population,
                             double *left, double *cdf, int64_t *out, size_t n) {
  size_t done = 0;
  for (size_t found = 0; found < n && !gr_must_stop(context); ) {
    cumulate(context, cdf, left, population);
    size_t before = found;
    for (size_t missing = n - found; missing > 0; missing--) {
      if (gr_must_stop_after(context, SEARCH, &done)) return;
      size_t i = count_not_above(cdf, population, gr_random_sample(state));
      if (left[i] < 0) continue;
      left[i] = -1;
      out[found++] = (int64_t)i;
    }
    for (size_t i = before; i < found; i++) left[out[i]] = 0;
  }
}

static gr_Status choose_without_replacement(gr_Context *context, gr_RandomState *state,
                                            size_t population, const double *p, int64_t *out,
                                            size_t n) {
  size_t possible = 0, bytes = 2 * population * sizeof(double);
  GR_EACH(i, context, population) possible += p[i] > 0;
  if (gr_must_stop(context)) return gr_stop(context);
  if (possible < n) {
    return gr_fail(context, "fewer probabilities above 0 (%zu) than numbers wanted (%zu)",
                   possible, n);
  }
  double *left = malloc(bytes);
  if (left == NULL) return gr_fail_memory(context, bytes);
  memcpy(left, p, population * sizeof *left);
  choose_in_rounds(context, state, population, left, left + population, out, n);
  free(left);
  return GR_OK;
}

static gr_Status choose(gr_Context *context, gr_RandomState *state, size_t population,
                        bool replace, const double *p, int64_t *out, size_t n) {
  if (n == 0) return GR_OK;
  if (population == 0) return gr_fail(context, "there is nothing to choose from");
  if (p != NULL) {
    gr_Status status = check_probabilities(context, p, population);
    if (status != GR_OK) return status;
  }
  if (replace) return choose_with_replacement(context, state, population, p, out, n);
  if (n > population) {
    return gr_fail(context, "cannot choose %zu of %zu without replacement", n, population);
  }
  if (p == NULL) return choose_from_permutation(context, state, population, out, n);
  return choose_without_replacement(context, state, population, p, out, n);
}

gr_Status gr_random_choice(gr_Context *context, gr_RandomState *state, size_t population,
                           bool replace, const double *p, int64_t *out, size_t n) {
  gr_Status status = choose(context, state, population, replace, p, out, n);
  return status == GR_OK && gr_must_stop(context) ? gr_stop(context) : status;
}

/*
** random_state.h: NumPy's legacy RandomState, to the bit.
**
** The generator is MT19937 (Matsumoto and Nishimura 1998). The ways from its 32-bit words to
** numbers are those of numpy/random/mtrand.pyx and legacy-distributions.c as NumPy 1.24 has them,
** which its RandomState promises never to change: the same seed and the same calls give the same
** numbers in the same order. Indices count from 0 on this level.
*/
#ifndef GR_RANDOM_STATE_H
#define GR_RANDOM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context.h"

enum { GR_TWISTER_WORDS = 624 };

/* The words from `position` on are still to be drawn. A normal number that was made along with
** the last one waits in `gauss`. To save and restore a state, copy the structure. */
typedef struct gr_RandomState {
  uint32_t key[GR_TWISTER_WORDS];
  unsigned position;
  bool has_gauss;
  double gauss;
} gr_RandomState;

/* RandomState(seed) with 0 <= seed < 2^32, and RandomState(list) with n > 0 such numbers.
** Seeding drops the waiting normal number. */
void gr_random_seed(gr_RandomState *state, uint32_t seed);
void gr_random_seed_list(gr_RandomState *state, const uint32_t *seeds, size_t n);

/* The next 32 and 64 bits (high word first). */
uint32_t gr_random_uint32(gr_RandomState *state);
uint64_t gr_random_uint64(gr_RandomState *state);

/* random_sample(): uniform in [0, 1) with 53 bits. The fill is random_sample(n). */
double gr_random_sample(gr_RandomState *state);
void gr_random_fill_sample(gr_RandomState *state, double *out, size_t n);

/* uniform(low, high, n) = low + (high - low) * random_sample(n) */
void gr_random_fill_uniform(gr_RandomState *state, double low, double high, double *out, size_t n);

/* standard_normal(): Marsaglia's polar method, two numbers at a time. The fill is
** standard_normal(n), randn(n). */
double gr_random_gauss(gr_RandomState *state);
void gr_random_fill_gauss(gr_RandomState *state, double *out, size_t n);

/* normal(mean, deviation, n) = mean + deviation * standard_normal(n) */
void gr_random_fill_normal(gr_RandomState *state, double mean, double deviation, double *out,
                           size_t n);

/* A uniform integer from 0 to max, max included: draws of 32 bits (64 when max needs them) are
** masked to max's width until one is not above max. max = 0 draws nothing. */
uint64_t gr_random_bounded(gr_RandomState *state, uint64_t max);

/* randint(low, high, n) with the default dtype, int64: high is excluded; low < high. */
void gr_random_fill_integers(const gr_Context *context, gr_RandomState *state, int64_t low,
                             int64_t high, int64_t *out, size_t n);

/* shuffle(x) for an array of n integers, and for the n rows of row_bytes bytes each of an array
** of more axes: the same exchanges. GR_NO_MEMORY when there is none for one row. */
void gr_random_shuffle(const gr_Context *context, gr_RandomState *state, int64_t *x, size_t n);
gr_Status gr_random_shuffle_rows(gr_Context *context, gr_RandomState *state, void *rows, size_t n,
                                 size_t row_bytes);

/* permutation(n): 0 .. n-1, shuffled. */
void gr_random_permutation(const gr_Context *context, gr_RandomState *state, int64_t *out,
                           size_t n);

/* choice(population, n, replace, p): n indices from 0 to population - 1. p holds a probability
** for each, or is NULL when all are alike. It is an error to ask for more than there are without
** replacement, and for p not to be probabilities that sum to 1 (to 1.5e-8, as NumPy holds it). */
gr_Status gr_random_choice(gr_Context *context, gr_RandomState *state, size_t population,
                           bool replace, const double *p, int64_t *out, size_t n);

#endif

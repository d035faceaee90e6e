/*
** philox.h: the random numbers of everything that is not NumPy's: initial weights, dropout, noise,
** the order of the batches.
**
** Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2,
** 3") turns a counter of 128 bits under a key of 64 bits into 128 random bits. It has no state, so
** each number has an address and can be made at any time, in any order, by any thread: eager,
** replayed and resumed steps draw the same.
**
** A gr_Stream is a key; it follows from
**
**     (the script's seed, the model's number in the script, the layer's place, the purpose)
**
** as the first two words of Philox under the key `seed` at the counter (model, place, purpose);
** numbers of 64 bits are given low word first. Within a stream a number's address is
** (step, element).
** Elements 2b and 2b + 1 share the block at the counter (b, step): its words 0 and 1, read as NumPy
** reads two words, are the uniform number of element 2b, its words 2 and 3 that of 2b + 1. A normal
** number is the normal distribution's quantile of its element's uniform number (52 bits of it, and
** a half), so that no element ever needs a second draw.
*/
#ifndef GR_PHILOX_H
#define GR_PHILOX_H

#include <stddef.h>
#include <stdint.h>

#include "context.h"

/* out = Philox4x32-10(counter, key) */
void gr_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

typedef struct gr_Stream {
  uint32_t key[2];
} gr_Stream;

gr_Stream gr_stream(uint64_t seed, uint64_t model, uint32_t place, uint32_t purpose);

/* The number at (step, element): uniform in [0, 1) with 53 bits; normal with mean 0 and
** deviation 1, from -8.3 to 8.3. */
double gr_stream_uniform(const gr_Stream *stream, uint64_t step, uint64_t element);
double gr_stream_normal(const gr_Stream *stream, uint64_t step, uint64_t element);

/* out[i] = low + (high - low) * the uniform number at (step, i) */
void gr_stream_fill_uniform(const gr_Context *context, const gr_Stream *stream, uint64_t step,
                            double low, double high, double *out, size_t n);

/* out[i] = mean + deviation * the normal number at (step, i) */
void gr_stream_fill_normal(const gr_Context *context, const gr_Stream *stream, uint64_t step,
                           double mean, double deviation, double *out, size_t n);

/* A permutation of 1 .. n that depends on (stream, step, n); n < 2^32. Fisher and Yates from the
** last place down, each index an unbiased integer by Lemire's method (2019) from the words of the
** blocks 0, 1, 2, ... in order. A stream that makes permutations should make nothing else. */
void gr_stream_permutation(const gr_Context *context, const gr_Stream *stream, uint64_t step,
                           double *out, size_t n);

#endif

/*
** golden.h: how the tests hold numbers to golden ones: to the bit, or to so much of the largest.
*/
#ifndef GOLDEN_H
#define GOLDEN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "sha256.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Equal to the bit, any NaN equal to any other. */
static inline bool same_bits(double a, double b) {
  return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

static inline void check_bits(const char *what, const double *got, const double *golden, size_t n) {
  for (size_t i = 0; i < n; i++) {
    check(same_bits(got[i], golden[i]), "%s[%zu] is %a (%.17g), got %a (%.17g)", what, i,
          golden[i], golden[i], got[i], got[i]);
  }
}

static inline void check_close(const char *what, const double *got, const double *golden, size_t n,
                               double tolerance) {
  double largest = 0;
  for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(golden[i]));
  for (size_t i = 0; i < n; i++) {
    check(fabs(got[i] - golden[i]) <= tolerance * largest, "%s[%zu] is %.17g, got %.17g", what, i,
          golden[i], got[i]);
  }
}

static inline void check_integers(const char *what, const int64_t *got, const int64_t *golden,
                                  size_t n) {
  for (size_t i = 0; i < n; i++) {
    check(got[i] == golden[i], "%s[%zu] is %lld, got %lld", what, i, (long long)golden[i],
          (long long)got[i]);
  }
}

static inline void check_digest(const char *what, const void *data, size_t bytes,
                                const char *golden) {
  char text[65];
  sha256(data, bytes, text);
  check(strcmp(text, golden) == 0, "the SHA-256 of %s is %s, got %s", what, golden, text);
}

#endif

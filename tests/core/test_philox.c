/*
** test_philox.c: Philox gives its published answers; streams are addressable, apart from each
** other, and distributed as they should be.
*/
#include <math.h>
#include <stdlib.h>

#include "core/philox.h"
#include "golden.h"

/* Random123's tests/kat_vectors, the lines of philox4x32 with 10 rounds. */
static const struct {
  uint32_t counter[4], key[2], answer[4];
} known[] = {
  {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
  {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
   {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
  {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
   {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}
};

static void test_known_answers(void) {
  for (size_t i = 0; i < COUNT(known); i++) {
    uint32_t out[4];
    gr_philox(known[i].counter, known[i].key, out);
    for (int w = 0; w < 4; w++) {
      check(out[w] == known[i].answer[w], "word %d of answer %zu is %08x, got %08x", w, i,
            known[i].answer[w], out[w]);
    }
  }
}

/* philox.h's definition of a uniform number, written once more. */
static double uniform_by_definition(uint64_t seed, uint64_t model, uint32_t place,
                                    uint32_t purpose, uint64_t step, uint64_t element) {
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, words[4], counter[4] = {
    (uint32_t)model, (uint32_t)(model >> 32), place, purpose
  };
  gr_philox(counter, key, words);
  uint32_t stream_key[2] = {words[0], words[1]}, address[4] = {
    (uint32_t)(element / 2), (uint32_t)(element / 2 >> 32), (uint32_t)step, (uint32_t)(step >> 32)
  };
  gr_philox(address, stream_key, words);
  uint32_t a = words[element % 2 * 2] >> 5, b = words[element % 2 * 2 + 1] >> 6;
  return (a * 67108864.0 + b) / 9007199254740992.0;
}

static void test_addresses(void) {
  const uint64_t steps[] = {0, 1, 5000000000u, UINT64_MAX};
  const uint64_t elements[] = {0, 1, 2, 31, 32, 33, 8589934591u, 8589934592u, UINT64_MAX};
  gr_Stream stream = gr_stream(0x123456789abcdef0, 0x1122334455, 3, 4);
  for (size_t i = 0; i < COUNT(steps); i++) {
    for (size_t j = 0; j < COUNT(elements); j++) {
      double got = gr_stream_uniform(&stream, steps[i], elements[j]);
      double golden = uniform_by_definition(0x123456789abcdef0, 0x1122334455, 3, 4, steps[i],
                                            elements[j]);
      check_bits("the number at an address", &got, &golden, 1);
    }
  }
}

static void test_fills_are_their_elements(void) {
  gr_Stream stream = gr_stream(1, 2, 3, 4);
  const size_t lengths[] = {0, 1, 2, 31, 32, 33, 800};
  for (size_t i = 0; i < COUNT(lengths); i++) {
    size_t n = lengths[i];
    double uniform[801], normal[801];
    uniform[n] = normal[n] = 77;
    gr_stream_fill_uniform(NULL, &stream, 9, -1.5, 2.0, uniform, n);
    gr_stream_fill_normal(NULL, &stream, 9, 4.0, 0.5, normal, n);
    for (size_t j = 0; j < n; j++) {
      double u = -1.5 + 3.5 * gr_stream_uniform(&stream, 9, j);
      double z = 4.0 + 0.5 * gr_stream_normal(&stream, 9, j);
      check_bits("a filled uniform number", &uniform[j], &u, 1);
      check_bits("a filled normal number", &normal[j], &z, 1);
    }
    check(uniform[n] == 77 && normal[n] == 77, "a fill of %zu writes no more", n);
  }
}

static void test_each_part_of_the_key_counts(void) {
  const gr_Stream streams[] = {
    gr_stream(1, 1, 1, 1), gr_stream(2, 1, 1, 1), gr_stream(1, 2, 1, 1), gr_stream(1, 1, 2, 1),
    gr_stream(1, 1, 1, 2), gr_stream((uint64_t)1 << 32 | 1, 1, 1, 1),
    gr_stream(1, (uint64_t)1 << 32 | 1, 1, 1)
  };
  for (size_t i = 0; i < COUNT(streams); i++) {
    for (size_t j = 0; j < i; j++) {
      check(gr_stream_uniform(&streams[i], 0, 0) != gr_stream_uniform(&streams[j], 0, 0),
            "streams %zu and %zu draw the same", i, j);
    }
  }
}

/* A normal number is the quantile of its uniform number, of which it uses 52 bits. */
static void test_normal_numbers_are_quantiles(void) {
  gr_Stream stream = gr_stream(7, 0, 0, 0);
  double sum = 0, squares = 0, cubes = 0, fourths = 0, worst = 0;
  enum { MANY = 200000 };
  for (uint64_t i = 0; i < MANY; i++) {
    double z = gr_stream_normal(&stream, 3, i), u = gr_stream_uniform(&stream, 3, i);
    double tail = u < 0.5 ? u : 1 - u, back = 0.5 * erfc(fabs(z) / sqrt(2.0));
    worst = fmax(worst, fabs(back - tail) - 0x1p-53);
    check((z < 0) == (u < 0.5), "the sign of the normal number at %g", u);
    sum += z;
    squares += z * z;
    cubes += z * z * z;
    fourths += z * z * z * z;
  }
  check(worst < 3e-16, "a normal number is its uniform number's quantile; worst miss %g", worst);
  check(fabs(sum / MANY) < 0.01, "their mean is 0, got %g", sum / MANY);
  check(fabs(squares / MANY - 1) < 0.015, "their variance is 1, got %g", squares / MANY);
  check(fabs(cubes / MANY) < 0.03, "their skew is 0, got %g", cubes / MANY);
  check(fabs(fourths / MANY - 3) < 0.1, "their fourth moment is 3, got %g", fourths / MANY);
}

/* What this machine draws, every machine draws. */
static void test_draws_never_change(void) {
  static double out[3000];
  static int64_t order[1000];
  gr_Stream stream = gr_stream(42, 1, 2, 3);
  gr_stream_fill_uniform(NULL, &stream, 5, 0, 1, out, 1500);
  gr_stream_fill_normal(NULL, &stream, 5, 0, 1, out + 1500, 1500);
  check_digest("draws", out, sizeof out,
               "7396301302684b4e8963c7a20e50c99a2da92dd5f031adee93329420d94ada01");
  gr_stream_permutation(NULL, &stream, 5, out, COUNT(order));
  for (size_t i = 0; i < COUNT(order); i++) order[i] = (int64_t)out[i] - 1;
  check_digest("a permutation", order, sizeof order,
               "ea9e9ebbd9fbcaf80c987ff95aa94ec101b83ef5ba7cedda29e52bd902f792a2");
}

static void check_is_permutation(const double *order, size_t n) {
  bool *seen = calloc(n + 1, sizeof *seen);
  if (seen == NULL) return;
  for (size_t i = 0; i < n; i++) {
    size_t number = order[i] >= 1 && order[i] <= (double)n ? (size_t)order[i] : 0;
    bool fits = number > 0 && (double)number == order[i] && !seen[number];
    check(fits, "%g comes twice or not at all in a permutation of %zu", order[i], n);
    if (fits) seen[number] = true;
  }
  free(seen);
}

static void test_permutations_are_permutations(void) {
  static double order[5001];
  const size_t lengths[] = {0, 1, 2, 3, 64, 65, 66, 500, 5000};
  gr_Stream stream = gr_stream(1, 0, 0, 5);
  for (size_t i = 0; i < COUNT(lengths); i++) {
    order[lengths[i]] = -7;
    gr_stream_permutation(NULL, &stream, i, order, lengths[i]);
    check_is_permutation(order, lengths[i]);
    check(order[lengths[i]] == -7, "a permutation of %zu writes no more", lengths[i]);
  }
}

/* Each of the 24 orders of four, over 48,000 steps: chi squared with 23 degrees of freedom is above
** 60 once in 40,000 times. */
static void test_orders_are_equally_likely(void) {
  gr_Stream stream = gr_stream(11, 0, 0, 5);
  double counts[256] = {0}, chi_squared = 0;
  for (uint64_t step = 0; step < 48000; step++) {
    double order[4];
    int code = 0;
    gr_stream_permutation(NULL, &stream, step, order, 4);
    for (int i = 0; i < 4; i++) code = 4 * code + (int)order[i] - 1;
    counts[code]++;
  }
  for (size_t i = 0; i < COUNT(counts); i++) {
    if (counts[i] > 0) chi_squared += (counts[i] - 2000) * (counts[i] - 2000) / 2000;
  }
  check(chi_squared < 60, "the orders of four differ in number: chi squared is %g", chi_squared);
}

int main(void) {
  test_known_answers();
  test_addresses();
  test_fills_are_their_elements();
  test_each_part_of_the_key_counts();
  test_normal_numbers_are_quantiles();
  test_draws_never_change();
  test_permutations_are_permutations();
  test_orders_are_equally_likely();
  return finish();
}

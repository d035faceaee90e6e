/*
** test_random.c: RandomState gives NumPy's numbers to the bit, and the logarithm beneath it gives
** those of glibc.
*/
#include "../golden/random_golden.h"

#include <math.h>
#include <stdlib.h>

#include "core/logarithm.h"
#include "core/random_state.h"
#include "golden.h"

static gr_RandomState seeded(uint32_t seed) {
  gr_RandomState state;
  gr_random_seed(&state, seed);
  return state;
}

static void test_sha256_gives_the_published_digests(void) {
  check_digest("nothing", "", 0,
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  check_digest("abc", "abc", 3,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  check_digest("56 letters", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_seeds(void) {
  const uint32_t seeds[] = {0, 1, 42, UINT32_MAX};
  for (size_t i = 0; i < COUNT(seeds); i++) {
    gr_RandomState state = seeded(seeds[i]);
    for (size_t j = 0; j < 3; j++) {
      double sample = gr_random_sample(&state);
      check_bits("a seed's sample", &sample, &golden_seed_samples[3 * i + j], 1);
    }
  }
}

static void check_list(const uint32_t *seeds, size_t n, const double *golden) {
  gr_RandomState state;
  double samples[3];
  gr_random_seed_list(&state, seeds, n);
  gr_random_fill_sample(&state, samples, 3);
  check_bits("a list's sample", samples, golden, 3);
}

static void test_seeds_from_lists(void) {
  uint32_t many[700];
  for (uint32_t i = 0; i < 700; i++) many[i] = i * 7919;
  check_list((uint32_t[]){0}, 1, golden_list_samples);
  check_list((uint32_t[]){1, 2, 3}, 3, golden_list_samples + 3);
  check_list((uint32_t[]){UINT32_MAX, 7}, 2, golden_list_samples + 6);
  check_list(many, 700, golden_list_samples + 9);
}

static void test_normal_numbers(void) {
  gr_RandomState state = seeded(3);
  double gauss[COUNT(golden_gauss)], uniform[5], normal[5];
  for (size_t i = 0; i < COUNT(gauss); i++) gauss[i] = gr_random_gauss(&state);
  check_bits("gauss", gauss, golden_gauss, COUNT(gauss));
  state = seeded(4);
  gr_random_fill_uniform(&state, -2.5, 7.0, uniform, 5);
  check_bits("uniform", uniform, golden_uniform, 5);
  gr_random_fill_normal(&state, 10.0, 0.25, normal, 5);
  check_bits("normal", normal, golden_normal, 5);
}

static void test_seeding_drops_the_kept_number(void) {
  gr_RandomState state = seeded(3);
  gr_random_gauss(&state);
  gr_random_seed(&state, 3);
  double first = gr_random_gauss(&state);
  check_bits("the first after seeding", &first, golden_gauss, 1);
}

/* Fills of all lengths, which take whole blocks where they can, against NumPy. */
static void test_fills_of_all_lengths(void) {
  static double out[100000];
  gr_RandomState state = seeded(5);
  size_t n = 0;
  for (size_t i = 0; i < 60; i++) {
    int64_t integers[4];
    size_t normals = i * 17 % 701 + 1, samples = i * 29 % 907;
    gr_random_fill_gauss(&state, out + n, normals);
    n += normals;
    gr_random_fill_integers(NULL, &state, 0, 1000, integers, i % 5);
    for (size_t j = 0; j < i % 5; j++) out[n++] = (double)integers[j];
    gr_random_fill_sample(&state, out + n, samples);
    n += samples;
  }
  check_digest("a mixture of fills", out, n * sizeof *out, golden_mixture);
}

static void test_many_normal_numbers(void) {
  enum { MANY = 200001 };
  static double fill[MANY];
  gr_RandomState state = seeded(6), other = seeded(6);
  gr_random_fill_gauss(&state, fill, MANY);
  check_digest("many normal numbers", fill, sizeof fill, golden_many_gauss);
  size_t differ = 0;
  for (size_t i = 0; i < MANY; i++) differ += !same_bits(fill[i], gr_random_gauss(&other));
  check(differ == 0, "%zu of %d normal numbers differ when drawn one by one", differ, MANY);
  check(gr_random_uint32(&state) == gr_random_uint32(&other), "the two ways end elsewhere");
}

static void test_integers(void) {
  gr_RandomState state = seeded(7);
  int64_t got[6];
  for (size_t i = 0; i < COUNT(golden_ranges) / 2; i++) {
    gr_random_fill_integers(NULL, &state, golden_ranges[2 * i], golden_ranges[2 * i + 1], got, 6);
    check_integers("randint", got, golden_integers + 6 * i, 6);
  }
}

static void test_permutations(void) {
  static int64_t order[5000];
  gr_RandomState state = seeded(8);
  gr_Context context = {.floatx = GR_FLOAT32};
  int64_t rows[21];
  gr_random_permutation(NULL, &state, order, 20);
  check_integers("permutation", order, golden_permutation, 20);
  gr_random_permutation(NULL, &state, order, 5000);
  check_digest("a permutation of 5,000", order, sizeof order, golden_long_permutation);
  for (int64_t i = 0; i < 21; i++) rows[i] = i;
  gr_Status status = gr_random_shuffle_rows(&context, &state, rows, 7, 3 * sizeof *rows);
  check(status == GR_OK, "rows can be shuffled");
  check_integers("shuffled rows", rows, golden_rows, 21);
}

static void test_choice(void) {
  gr_RandomState state = seeded(9);
  gr_Context context = {.floatx = GR_FLOAT32};
  const double *p = golden_probabilities;
  int64_t got[12];
  gr_random_choice(&context, &state, 7, true, NULL, got, 12);
  check_integers("choice", got, golden_choice, 12);
  gr_random_choice(&context, &state, 12, false, NULL, got, 7);
  check_integers("choice without replacement", got, golden_choice_without, 7);
  gr_random_choice(&context, &state, 7, true, p, got, 12);
  check_integers("choice by p", got, golden_choice_p, 12);
  for (size_t i = 0; i < 5; i++) {
    gr_random_choice(&context, &state, 7, false, p, got, 6);
    check_integers("choice by p without replacement", got, golden_choice_without_p + 6 * i, 6);
  }
  double after = gr_random_sample(&state);
  check_bits("the next sample", &after, golden_after_choice, 1);
}

static void check_refused(size_t population, bool replace, const double *p, size_t n,
                          const char *message) {
  gr_RandomState state = seeded(1);
  gr_Context context = {.floatx = GR_FLOAT32};
  int64_t got[8];
  gr_Status status = gr_random_choice(&context, &state, population, replace, p, got, n);
  check(status == GR_ERROR && strstr(context.message, message) != NULL,
        "a choice is refused with \"%s\", got \"%s\"", message, context.message);
}

static void test_choice_refuses_what_is_not_a_probability(void) {
  check_refused(0, true, NULL, 1, "nothing to choose from");
  check_refused(3, false, NULL, 4, "cannot choose 4 of 3");
  check_refused(2, true, (double[]){0.5, 0.4}, 1, "sum to 0.9");
  check_refused(2, true, (double[]){1.5, -0.5}, 1, "not non-negative");
  check_refused(2, true, (double[]){NAN, 0.5}, 1, "contain NaN");
  check_refused(3, false, (double[]){0.5, 0.5, 0}, 3, "fewer probabilities above 0");
}

static void test_logarithm(void) {
  for (size_t i = 0; i < COUNT(golden_logs); i++) {
    double got = gr_log(golden_log_arguments[i]);
    check_bits("log", &got, &golden_logs[i], 1);
  }
  check(gr_log(0.0) == -INFINITY && gr_log(-0.0) == -INFINITY, "log 0 is -inf");
  check(gr_log(INFINITY) == INFINITY, "log inf is inf");
  check(isnan(gr_log(-1.0)) && isnan(gr_log(NAN)) && isnan(gr_log(-INFINITY)),
        "log of a negative number or NaN is NaN");
}

static void test_many_logarithms(void) {
  enum { HALF = 100000 };
  static double x[2 * HALF], logs[2 * HALF];
  gr_RandomState state = seeded(10);
  size_t differ = 0;
  gr_random_fill_sample(&state, x, HALF);
  gr_random_fill_uniform(&state, 0.9, 1.1, x + HALF, HALF);
  for (size_t i = 0; i < 2 * HALF; i++) {
    logs[i] = gr_log(x[i]);
    differ += !same_bits(logs[i], gr_log_portable(x[i]));
  }
  check_digest("many logarithms", logs, sizeof logs, golden_many_logs);
  check(differ == 0, "%zu logarithms have other bits without the instruction", differ);
}

static void test_polar_factors(void) {
  enum { MANY = 20003 };
  static double r2[MANY], best[MANY], portable[MANY];
  gr_RandomState state = seeded(11);
  size_t differ = 0;
  gr_random_fill_sample(&state, r2, MANY);
  gr_polar_factors(best, r2, MANY);
  gr_polar_factors_portable(portable, r2, MANY);
  for (size_t i = 0; i < MANY; i++) {
    double factor = sqrt(-2.0 * gr_log(r2[i]) / r2[i]);
    differ += !same_bits(best[i], factor) || !same_bits(portable[i], factor);
  }
  check(differ == 0, "%zu factors have other bits than their formula", differ);
}

int main(void) {
  test_sha256_gives_the_published_digests();
  test_seeds();
  test_seeds_from_lists();
  test_normal_numbers();
  test_seeding_drops_the_kept_number();
  test_fills_of_all_lengths();
  test_many_normal_numbers();
  test_integers();
  test_permutations();
  test_choice();
  test_choice_refuses_what_is_not_a_probability();
  test_logarithm();
  test_many_logarithms();
  test_polar_factors();
  return finish();
}

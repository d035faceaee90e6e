/* functions.c: exp, tanh and log of a million floats into memory that is already there, by our
** kernels at each level and by a plain loop over libm. Each line: level, function, microseconds of
** ours and of libm's (medians of repeats in turns), and the median over the repeats of how many
** times faster ours is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/kernels.h"

enum { N = 1000000, REPEATS = 15 };

static float x[N], y[N];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

static double time_ours(gr_UnaryKernel *kernel) {
  double began = now();
  kernel(y, x, N);
  return now() - began;
}

static double time_libm(float f(float)) {
  double began = now();
  for (int i = 0; i < N; i++) y[i] = f(x[i]);
  return now() - began;
}

static void compare(const gr_Kernels *kernels, const char *name, gr_Unary ours, float libm(float)) {
  double times[3][REPEATS];
  for (int i = 0; i < REPEATS; i++) {
    times[0][i] = time_ours(kernels->of[GR_FLOAT32].unary[ours]);
    times[1][i] = time_libm(libm);
    times[2][i] = times[1][i] / times[0][i];
  }
  for (int k = 0; k < 3; k++) qsort(times[k], REPEATS, sizeof **times, ascending);
  printf("%s %s %.1f %.1f %.3f\n", kernels->level, name, times[0][REPEATS / 2],
         times[1][REPEATS / 2], times[2][REPEATS / 2]);
}

int main(void) {
  static const char *const levels[] = {"avx512", "avx2", "portable"};
  for (size_t l = 0; l < 3; l++) {
    const gr_Kernels *kernels = gr_kernels_choose(levels[l]);
    if (kernels == NULL) continue;
    for (int i = 0; i < N; i++) x[i] = (float)(i % 4001) * 0.01f - 20;
    compare(kernels, "exp", GR_EXP, expf);
    for (int i = 0; i < N; i++) x[i] = (float)(i % 4001) * 0.002f - 4;
    compare(kernels, "tanh", GR_TANH, tanhf);
    for (int i = 0; i < N; i++) x[i] = (float)(i % 4001 + 1) * 0.05f;
    compare(kernels, "log", GR_LOG, logf);
  }
  return 0;
}

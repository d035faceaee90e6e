/* network.c: the time of the matrix products alone of one training step of a network of dense
** layers, by the core's kernels. The batch and the network's widths are arguments:
**
**   network 128 784 512 512 10
**
** prints milliseconds a step (median). The first layer's input needs no gradient. */
#include <stdio.h>
#include <stdlib.h>

#include "core/kernels.h"
#include "core/profile.h"

enum { REPEATS = 25, MOST = 16 };

static float *numbers(size_t n) {
  float *block = aligned_alloc(64, (n * sizeof *block + 127) / 64 * 64);
  if (block == NULL) exit(EXIT_FAILURE);
  for (size_t i = 0; i < n; i++) block[i] = (float)(i % 97) * 0.01f - 0.5f;
  return block;
}

typedef struct Layer {
  size_t inputs, units;
  float *x, *kernel, *dkernel, *y, *dx;
} Layer;

static void *scratch;
static size_t scratch_bytes;

/* One product; a first round, without scratch, only finds out how much of it is wanted. */
static void multiply(const gr_KernelSet *k, size_t m, size_t n, size_t depth, const float *a,
                     ptrdiff_t a_row, ptrdiff_t a_column, const float *b, ptrdiff_t b_row,
                     ptrdiff_t b_column, float *c) {
  gr_Product product = {
    .m = m, .n = n, .k = depth, .a = a, .a_row = a_row, .a_column = a_column, .b = b,
    .b_row = b_row, .b_column = b_column, .c = c, .c_row = (ptrdiff_t)n, .scratch = scratch};
  if (scratch != NULL) k->product(&product);
  else if (k->product_scratch(&product) > scratch_bytes)
    scratch_bytes = k->product_scratch(&product);
}

/* y = x . kernel forward; dkernel = x^T . dy and dx = dy . kernel^T back (y stands for dy). */
static void step(const gr_KernelSet *k, const Layer *layers, int depth, size_t batch) {
  for (int i = 0; i < depth; i++) {
    const Layer *l = &layers[i];
    multiply(k, batch, l->units, l->inputs, l->x, (ptrdiff_t)l->inputs, 1, l->kernel,
             (ptrdiff_t)l->units, 1, l->y);
  }
  for (int i = depth - 1; i >= 0; i--) {
    const Layer *l = &layers[i];
    if (i > 0)
      multiply(k, batch, l->inputs, l->units, l->y, (ptrdiff_t)l->units, 1, l->kernel, 1,
               (ptrdiff_t)l->units, l->dx);
    multiply(k, l->inputs, l->units, batch, l->x, 1, (ptrdiff_t)l->inputs, l->y,
             (ptrdiff_t)l->units, 1, l->dkernel);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  const gr_Kernels *kernels = gr_kernels_choose(getenv("GRADUS_SIMD"));
  const gr_KernelSet *k = &kernels->of[GR_FLOAT32];
  Layer layers[MOST];
  double times[REPEATS];
  if (count < 4 || count > MOST) return EXIT_FAILURE;
  size_t batch = (size_t)atoi(arguments[1]);
  int depth = count - 3;
  for (int i = 0; i < depth; i++) {
    size_t inputs = (size_t)atoi(arguments[i + 2]), units = (size_t)atoi(arguments[i + 3]);
    layers[i] = (Layer){inputs, units, numbers(batch * inputs), numbers(inputs * units),
                        numbers(inputs * units), numbers(batch * units), numbers(batch * inputs)};
  }
  step(k, layers, depth, batch);
  scratch = aligned_alloc(64, (scratch_bytes + 127) / 64 * 64);
  for (int i = 0; i < 3; i++) step(k, layers, depth, batch);
  for (int i = 0; i < REPEATS; i++) {
    double began = gr_now();
    step(k, layers, depth, batch);
    times[i] = (gr_now() - began) * 1e3;
  }
  qsort(times, REPEATS, sizeof *times, ascending);
  printf("%.4f\n", times[REPEATS / 2]);
  return 0;
}

/* functions.c: exp, tanh and log of a million floats into a tensor that is already there, by our
** kernels at each level and by a plain loop over libm. They take turns of equal length, in which
** each is repeated: a call of ours is over before the processor has settled. Each line: level,
** function, microseconds of ours and of libm's (medians over the turns), and the median of how many
** times faster ours is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/kernels.h"
#include "core/profile.h"
#include "core/tensor.h"

enum { N = 1000000, TURNS = 15 };

static const double turn = 20e-3;  /* seconds */

/* y = f(x), by one of ours or of libm's. */
typedef struct Function {
  gr_UnaryKernel *kernel;
  float (*scalar)(float);
} Function;

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

static void apply(Function f, float *y, const float *x) {
  if (f.kernel != NULL) f.kernel(y, x, N);
  else for (int i = 0; i < N; i++) y[i] = f.scalar(x[i]);
}

/* Microseconds of one call, in a turn of them. */
static double time_turn(Function f, float *y, const float *x) {
  double began = gr_now(), passed = 0;
  int calls = 0;
  for (; passed < turn; calls++, passed = gr_now() - began) apply(f, y, x);
  return passed * 1e6 / calls;
}

static void compare(const gr_Kernels *kernels, const char *name, gr_Unary ours,
                    float libm(float), float *y, const float *x) {
  double times[3][TURNS];
  for (int i = 0; i < TURNS; i++) {
    times[0][i] = time_turn((Function){kernels->of[GR_FLOAT32].unary[ours], NULL}, y, x);
    times[1][i] = time_turn((Function){NULL, libm}, y, x);
    times[2][i] = times[1][i] / times[0][i];
  }
  for (int k = 0; k < 3; k++) qsort(times[k], TURNS, sizeof **times, ascending);
  printf("%s %s %.1f %.1f %.3f\n", kernels->level, name, times[0][TURNS / 2],
         times[1][TURNS / 2], times[2][TURNS / 2]);
}

static float *new_floats(gr_Context *context) {
  const int64_t shape[] = {N};
  gr_Tensor *tensor;
  if (gr_tensor_new(context, GR_FLOAT32, 1, shape, &tensor) != GR_OK) abort();
  gr_tensor_fill(tensor, 0);
  return gr_tensor_data(tensor);
}

/* x goes through 4001 numbers from `first` on, again and again. */
static void fill(float *x, float first, float step) {
  for (int i = 0; i < N; i++) x[i] = first + (float)(i % 4001) * step;
}

int main(void) {
  static const char *const levels[] = {"avx512", "avx2", "portable"};
  gr_Context context;
  if (gr_context_init(&context) != GR_OK) abort();
  float *x = new_floats(&context), *y = new_floats(&context);
  for (size_t l = 0; l < 3; l++) {
    const gr_Kernels *kernels = gr_kernels_choose(levels[l]);
    if (kernels == NULL) continue;
    fill(x, -20, 0.01f);
    compare(kernels, "exp", GR_EXP, expf, y, x);
    fill(x, -4, 0.002f);
    compare(kernels, "tanh", GR_TANH, tanhf, y, x);
    fill(x, 0.05f, 0.05f);
    compare(kernels, "log", GR_LOG, logf, y, x);
  }
  return 0;
}

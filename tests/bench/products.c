/* products.c: the core's matrix product against OpenBLAS's, both called from C on one thread.
**
** OpenBLAS is looked for while the program runs; its kernels are those that it chooses, or that
** OPENBLAS_CORETYPE names. Its results are held to ours, since old versions compute wrongly on new
** processors. Each line: what, type, m, n, k, which of A and B are transposed, GFLOP/s of ours and
** of theirs (medians of repeats in turns), and the median over the repeats of how many times faster
** ours is. Exit status 3: no OpenBLAS; 4: its results are wrong. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels.h"
#include "core/profile.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112, REPEATS = 41 };

typedef void Sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int,
                   float, float *, int);
typedef void Dgemm(int, int, int, int, int, int, double, const double *, int, const double *, int,
                   double, double *, int);

static Sgemm *sgemm;
static Dgemm *dgemm;

typedef struct Case {
  gr_DType t;
  int m, n, k;
  int turns_a, turns_b;  /* stored by columns */
  void *a, *b, *ours, *theirs, *scratch;
  const gr_KernelSet *kernels;
} Case;

static void *numbers(gr_DType t, size_t n) {
  static unsigned long long state = 88172645463325252ull;
  void *block = aligned_alloc(64, (n * gr_dtype_size(t) + 127) / 64 * 64);
  if (block == NULL) exit(EXIT_FAILURE);
  for (size_t i = 0; i < n; i++) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    double x = (double)(long long)state * 0x1p-63;
    if (t == GR_FLOAT32) ((float *)block)[i] = (float)x;
    else ((double *)block)[i] = x;
  }
  return block;
}

static gr_Product product_of(const Case *c) {
  return (gr_Product){
    .m = (size_t)c->m, .n = (size_t)c->n, .k = (size_t)c->k, .a = c->a,
    .a_row = c->turns_a ? 1 : c->k, .a_column = c->turns_a ? c->m : 1, .b = c->b,
    .b_row = c->turns_b ? 1 : c->n, .b_column = c->turns_b ? c->k : 1, .c = c->ours,
    .c_row = c->n, .scratch = c->scratch};
}

static void run_ours(const Case *c) {
  gr_Product product = product_of(c);
  c->kernels->product(&product);
}

static void run_theirs(const Case *c) {
  int form_a = c->turns_a ? TRANSPOSED : PLAIN, form_b = c->turns_b ? TRANSPOSED : PLAIN;
  int row_a = c->turns_a ? c->m : c->k, row_b = c->turns_b ? c->k : c->n;
  if (c->t == GR_FLOAT32)
    sgemm(ROW_MAJOR, form_a, form_b, c->m, c->n, c->k, 1, c->a, row_a, c->b, row_b, 0, c->theirs,
          c->n);
  else
    dgemm(ROW_MAJOR, form_a, form_b, c->m, c->n, c->k, 1, c->a, row_a, c->b, row_b, 0, c->theirs,
          c->n);
}

static void check(const Case *c) {
  double tolerance = (c->t == GR_FLOAT32 ? 1e-6 : 1e-15) * (10 + c->k);
  for (int i = 0; i < c->m * c->n; i++) {
    double x = c->t == GR_FLOAT32 ? ((float *)c->ours)[i] : ((double *)c->ours)[i];
    double y = c->t == GR_FLOAT32 ? ((float *)c->theirs)[i] : ((double *)c->theirs)[i];
    if (!(fabs(x - y) <= tolerance)) {
      fprintf(stderr, "products: %d x %d x %d: %g and %g\n", c->m, c->n, c->k, x, y);
      exit(4);
    }
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double seconds_of(const Case *c, void run(const Case *), int calls) {
  double began = gr_now();
  for (int i = 0; i < calls; i++) run(c);
  return (gr_now() - began) / calls;
}

static void compare(const gr_Kernels *kernels, const char *what, gr_DType t, int m, int n, int k,
                    int turns_a, int turns_b) {
  double ours[REPEATS], theirs[REPEATS], ratios[REPEATS], work = 2e-9 * m * n * k;
  Case c = {t, m, n, k, turns_a, turns_b, numbers(t, (size_t)m * (size_t)k),
            numbers(t, (size_t)k * (size_t)n), numbers(t, (size_t)m * (size_t)n),
            numbers(t, (size_t)m * (size_t)n), NULL, &kernels->of[t]};
  gr_Product product = product_of(&c);
  size_t room = c.kernels->product_scratch(&product);
  c.scratch = aligned_alloc(64, (room + 127) / 64 * 64);
  run_ours(&c);
  run_theirs(&c);
  check(&c);
  int calls = 1;
  while (seconds_of(&c, run_ours, calls) * calls < 1e-3) calls *= 2;
  for (int i = 0; i < REPEATS; i++) {
    ours[i] = seconds_of(&c, run_ours, calls);
    theirs[i] = seconds_of(&c, run_theirs, calls);
    ratios[i] = theirs[i] / ours[i];
  }
  qsort(ours, REPEATS, sizeof *ours, ascending);
  qsort(theirs, REPEATS, sizeof *theirs, ascending);
  qsort(ratios, REPEATS, sizeof *ratios, ascending);
  printf("%s %s %d %d %d %c%c %.2f %.2f %.3f\n", what, gr_dtype_name(t), m, n, k,
         turns_a ? 'T' : 'N', turns_b ? 'T' : 'N', work / ours[REPEATS / 2],
         work / theirs[REPEATS / 2], ratios[REPEATS / 2]);
  fflush(stdout);
  free(c.a), free(c.b), free(c.ours), free(c.theirs), free(c.scratch);
}

/* Any pointer to a function may pass through void * on POSIX systems. */
static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  if (address == NULL) exit(3);
  memcpy(function, &address, sizeof address);
}

static void find_rival(void) {
  void (*set_threads)(int);
  char *(*core_name)(void);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW);
  if (library == NULL) exit(3);
  find(library, "cblas_sgemm", &sgemm);
  find(library, "cblas_dgemm", &dgemm);
  find(library, "openblas_set_num_threads", &set_threads);
  find(library, "openblas_get_corename", &core_name);
  set_threads(1);
  printf("OpenBLAS %s\n", core_name());
}

int main(void) {
  static const int sizes[][3] = {{128, 128, 128}, {128, 512, 784}, {256, 256, 256},
                                 {512, 512, 512}, {784, 512, 128}, {200, 1500, 300}};
  const gr_Kernels *kernels = gr_kernels_choose(getenv("GRADUS_SIMD"));
  if (kernels == NULL) kernels = gr_kernels_choose(NULL);
  find_rival();
  compare(kernels, "small", GR_FLOAT32, 32, 25, 20, 0, 0);
  compare(kernels, "small", GR_FLOAT32, 20, 25, 32, 1, 0);
  compare(kernels, "small", GR_FLOAT32, 32, 1, 25, 0, 0);
  compare(kernels, "batch", GR_FLOAT32, 32, 1024, 1024, 0, 0);
  compare(kernels, "batch", GR_FLOAT32, 32, 1024, 1024, 0, 1);
  compare(kernels, "batch", GR_FLOAT32, 1024, 1024, 32, 1, 0);
  for (int t = 0; t < GR_DTYPE_COUNT; t++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      for (int form = 0; form < 4; form++)
        compare(kernels, "large", (gr_DType)t, sizes[i][0], sizes[i][1], sizes[i][2], form & 1,
                form >> 1);
  return 0;
}

/* fused.c: the tutorial's training as C written by hand for exactly its sizes, the rival that sets
** the limit: 20 -> 25 relu -> 1, batch 32, 500 rows, 500 validation rows, mean squared error, SGD
** with momentum. All of a step is fused and works on vectors of 16 floats, four rows at a time; the
** order of sums is whatever is fastest. Rests on nothing of Gradus.
**
**   fused [runs [mode]]   mode: none, clipnorm, global_clipnorm, clipvalue
**   prints the median time of a run of 100 epochs in milliseconds, and the last training loss. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float V __attribute__((vector_size(64)));
typedef int VI __attribute__((vector_size(64)));

enum { ROWS = 500, FEATURES = 20, UNITS = 25, WIDE = 32, BATCH = 32, EPOCHS = 100, GROUP = 4 };
enum { NONE, CLIPNORM, GLOBAL_CLIPNORM, CLIPVALUE };

/* The parameters, with the units padded to two vectors: kernel [20][32], bias [32], out [32], its
** bias. */
typedef struct Parameters {
  V kernel[FEATURES][2], bias[2], out[2];
  V offset;  /* only lane 0 counts */
} Parameters;

static float train_x[ROWS + GROUP][FEATURES], test_x[ROWS + GROUP][FEATURES];
static float train_y[ROWS + GROUP], test_y[ROWS + GROUP];

static inline V splat(float x) { return x - (V){0}; }

typedef float V8 __attribute__((vector_size(32)));
typedef float V4 __attribute__((vector_size(16)));

/* The sum of a vector's quarters. */
static inline V4 folded(V v) {
  V8 low = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
  V8 high = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  V8 half = low + high;
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) +
         __builtin_shufflevector(half, half, 4, 5, 6, 7);
}

/* The sums of GROUP vectors, side by side. */
static inline V4 sums_of(const V v[GROUP]) {
  V4 a = folded(v[0]), b = folded(v[1]), c = folded(v[2]), d = folded(v[3]);
  V4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  V4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

static inline float sum_of(V v) {
  float lanes[16], total = 0;
  memcpy(lanes, &v, sizeof lanes);
  for (int i = 0; i < 16; i++) total += lanes[i];
  return total;
}

static inline V choose(VI mask, V yes, V no) {
  return (V)(((VI)yes & mask) | ((VI)no & ~mask));
}

static inline V relu(V z) { return (V)((VI)z & (z > (V){0})); }

/* The hidden layer of GROUP rows and their outputs. */
static inline void forward(const Parameters *p, float (*x)[FEATURES], V h[GROUP][2],
                           float out[GROUP]) {
  for (int r = 0; r < GROUP; r++) { h[r][0] = p->bias[0]; h[r][1] = p->bias[1]; }
  for (int k = 0; k < FEATURES; k++) {
    V low = p->kernel[k][0], high = p->kernel[k][1];
    for (int r = 0; r < GROUP; r++) {
      V s = splat(x[r][k]);
      h[r][0] += s * low;
      h[r][1] += s * high;
    }
  }
  V parts[GROUP];
  for (int r = 0; r < GROUP; r++) {
    h[r][0] = relu(h[r][0]);
    h[r][1] = relu(h[r][1]);
    parts[r] = h[r][0] * p->out[0] + h[r][1] * p->out[1];
  }
  V4 sums = sums_of(parts) + p->offset[0];
  memcpy(out, &sums, sizeof sums);
}

/* Add the gradients of `rows` rows (a multiple of GROUP, padded with rows of weight 0) to g. */
static float backward(const Parameters *p, Parameters *g, float (*x)[FEATURES], const float *y,
                      int rows, int padded) {
  float loss = 0, scale = 2.0f / (float)rows;
  for (int first = 0; first < padded; first += GROUP) {
    V h[GROUP][2], dz[GROUP][2];
    float out[GROUP];
    forward(p, x + first, h, out);
    for (int r = 0; r < GROUP; r++) {
      float e = first + r < rows ? out[r] - y[first + r] : 0;
      loss += e * e;
      V slope = splat(scale * e);
      for (int half = 0; half < 2; half++) {
        g->out[half] += slope * h[r][half];
        dz[r][half] = (V)((VI)(slope * p->out[half]) & (h[r][half] > (V){0}));
        g->bias[half] += dz[r][half];
      }
      g->offset += slope;
    }
    for (int k = 0; k < FEATURES; k++) {
      V low = g->kernel[k][0], high = g->kernel[k][1];
      for (int r = 0; r < GROUP; r++) {
        V s = splat(x[first + r][k]);
        low += s * dz[r][0];
        high += s * dz[r][1];
      }
      g->kernel[k][0] = low;
      g->kernel[k][1] = high;
    }
  }
  return loss;
}

enum { VECTORS = sizeof(Parameters) / sizeof(V) };

static float norm_of(const V *v, int n) {
  V s = {0};
  for (int i = 0; i < n; i++) s += v[i] * v[i];
  return sqrtf(sum_of(s));
}

static float scale_for(float norm, float threshold) {
  return norm > threshold ? threshold / norm : 1;
}

static void scale_part(V *v, int n, float threshold) {
  V s = splat(scale_for(norm_of(v, n), threshold));
  for (int i = 0; i < n; i++) v[i] *= s;
}

static void update(Parameters *p, Parameters *velocity, Parameters *g, int mode) {
  V *w = (V *)p, *v = (V *)velocity, *d = (V *)g;
  V one = splat(1);
  V lane0 = {1};
  g->offset *= lane0;
  if (mode == GLOBAL_CLIPNORM) one = splat(scale_for(norm_of(d, VECTORS), 1.0f));
  if (mode == CLIPNORM) {
    scale_part(&g->kernel[0][0], 2 * FEATURES, 1.0f);
    scale_part(g->bias, 2, 1.0f);
    scale_part(g->out, 2, 1.0f);
    scale_part(&g->offset, 1, 1.0f);
  }
  V high = splat(5), low = splat(-5), rate = splat(0.01f) * one, momentum = splat(0.9f);
  for (int i = 0; i < VECTORS; i++) {
    V x = d[i];
    if (mode == CLIPVALUE) {
      x = choose(x > high, high, x);
      x = choose(x < low, low, x);
    }
    v[i] = momentum * v[i] - rate * x;
    w[i] += v[i];
  }
}

static float validate(const Parameters *p) {
  float loss = 0;
  for (int first = 0; first < ROWS; first += GROUP) {
    V h[GROUP][2];
    float out[GROUP];
    forward(p, test_x + first, h, out);
    for (int r = 0; r < GROUP; r++) {
      float e = out[r] - test_y[first + r];
      loss += e * e;
    }
  }
  return loss / ROWS;
}

static unsigned long long random_state = 88172645463325252ull;

static unsigned next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 32);
}

static float uniform(void) { return (float)next_random() / 4294967296.0f; }

static float gauss(void) {
  return sqrtf(-2 * logf(uniform() + 1e-10f)) * cosf(6.2831853f * uniform());
}

static void make_data(void) {
  float truth[FEATURES] = {0};
  for (int k = 0; k < 10; k++) truth[k] = 100 * uniform();
  for (int part = 0; part < 2; part++)
    for (int i = 0; i < ROWS; i++) {
      float *x = part == 0 ? train_x[i] : test_x[i], y = 0;
      for (int k = 0; k < FEATURES; k++) { x[k] = gauss(); y += x[k] * truth[k]; }
      *(part == 0 ? &train_y[i] : &test_y[i]) = y + 0.1f * gauss();
    }
}

static void shuffle(int *order) {
  for (int i = ROWS - 1; i > 0; i--) {
    int j = (int)((unsigned long long)next_random() * (unsigned)(i + 1) >> 32), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static double train(int mode, float *last_loss) {
  static Parameters p, velocity;
  static float x[BATCH + GROUP][FEATURES], y[BATCH + GROUP];
  int order[ROWS];
  memset(&p, 0, sizeof p);
  memset(&velocity, 0, sizeof velocity);
  float *kernel = (float *)p.kernel, *out = (float *)p.out;
  for (int k = 0; k < FEATURES; k++)
    for (int u = 0; u < UNITS; u++)
      kernel[k * WIDE + u] = (2 * uniform() - 1) * sqrtf(6.0f / FEATURES);
  for (int u = 0; u < UNITS; u++) out[u] = (2 * uniform() - 1) * sqrtf(6.0f / (UNITS + 1));
  for (int i = 0; i < ROWS; i++) order[i] = i;
  volatile float kept = 0;
  double began = now();
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    float loss = 0;
    shuffle(order);
    for (int first = 0; first < ROWS; first += BATCH) {
      int rows = ROWS - first < BATCH ? ROWS - first : BATCH;
      int padded = (rows + GROUP - 1) / GROUP * GROUP;
      Parameters g;
      memset(&g, 0, sizeof g);
      for (int r = 0; r < rows; r++) {
        memcpy(x[r], train_x[order[first + r]], sizeof x[r]);
        y[r] = train_y[order[first + r]];
      }
      loss += backward(&p, &g, x, y, rows, padded);
      update(&p, &velocity, &g, mode);
    }
    *last_loss = loss / ROWS;
    kept = validate(&p);
  }
  (void)kept;
  return now() - began;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  static const char *const names[] = {"none", "clipnorm", "global_clipnorm", "clipvalue"};
  int runs = argc > 1 ? atoi(argv[1]) : 11, mode = GLOBAL_CLIPNORM;
  double times[1001];
  float loss = 0;
  if (runs < 1 || runs > 1001) runs = 11;
  for (int i = 0; argc > 2 && i < 4; i++)
    if (strcmp(argv[2], names[i]) == 0) mode = i;
  make_data();
  for (int i = 0; i < runs; i++) times[i] = train(mode, &loss);
  qsort(times, (size_t)runs, sizeof *times, ascending);
  printf("%.4f %g\n", times[runs / 2], (double)loss);
  return 0;
}

/*
** kernels_sgd.h: one step of stochastic gradient descent, as gr_SgdStep lays it down. Included for
** float and for double.
**
** Every product and every sum is rounded on its own, in the order in which the formulas are
** written: with Nesterov's momentum, (w + momentum * v) - rate * g'.
*/

#define SgdNumbers NAME(SgdNumbers)
#define SgdCounts NAME(SgdCounts)
#define sgd_vector NAME(sgd_vector)
#define sgd_some NAME(sgd_some)
#define number NAME(number)

/* The step's numbers, rounded once to the element's type. */
typedef struct SgdNumbers {
  number rate, momentum, scale, low, high, decay;
  bool nesterov, clip_value;
} SgdNumbers;

/* The new w from old w, g and v (all vectors); *v becomes the new one. *cut are the values outside
** low and high. */
WORD vector sgd_vector(vector w, vector g, vector *v, const SgdNumbers *step, mask *cut) {
  vector change;
  if (step->decay != 0) w = w - splat(step->decay) * w;
  g = splat(step->scale) * g;
  if (step->clip_value) {
    vector low = splat(step->low), high = splat(step->high);
    *cut = either(less(g, low), less(high, g));
    g = clipped(g, low, high);
  }
  change = splat(step->rate) * g;
  if (step->momentum == 0) return w - change;
  *v = splat(step->momentum) * *v - change;
  if (step->nesterov) return (w + splat(step->momentum) * *v) - change;
  return w + *v;
}

typedef struct SgdCounts { size_t cut, finite; } SgdCounts;

/* `count` weights, LANES or fewer; v is NULL without momentum. */
WORD void sgd_some(number *w, const number *g, number *v, size_t count, const SgdNumbers *step,
                   SgdCounts *counts) {
  const bool whole = count == LANES;
  const vector largest = splat(sizeof(number) == 4 ? (number)FLT_MAX : (number)DBL_MAX);
  mask here = first_lanes(count), cut = first_lanes(0);
  vector new_v = v == NULL ? splat(0) : whole ? load(v) : load_part(v, count);
  vector new_w = sgd_vector(whole ? load(w) : load_part(w, count),
                            whole ? load(g) : load_part(g, count), &new_v, step, &cut);
  if (whole) store(w, new_w);
  else store_part(w, new_w, count);
  if (v != NULL && whole) store(v, new_v);
  else if (v != NULL) store_part(v, new_v, count);
  counts->cut += count_lanes(both(cut, here));
  counts->finite += count_lanes(both(less_equal(magnitude(new_w), largest), here));
}

static gr_SgdOutcome NAME(sgd)(void *w, const void *g, void *v, const gr_SgdStep *step, size_t n) {
  const SgdNumbers numbers = {
    (number)step->rate, (number)step->momentum, (number)step->scale, (number)step->low,
    (number)step->high, (number)(step->decay * step->rate), step->nesterov, step->clip_value
  };
  number *weights = w, *velocity = numbers.momentum == 0 ? NULL : v;
  const number *gradient = g;
  SgdCounts counts = { 0, 0 };
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES)
    sgd_some(weights + i, gradient + i, velocity ? velocity + i : NULL, LANES, &numbers, &counts);
  if (i < n)
    sgd_some(weights + i, gradient + i, velocity ? velocity + i : NULL, n - i, &numbers, &counts);
  return (gr_SgdOutcome){ counts.cut, counts.finite == n };
}

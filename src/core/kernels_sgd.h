/*
** kernels_sgd.h: one step of stochastic gradient descent, as gr_SgdStep lays it down. Included for
** float and for double.
**
** Every product and every sum is rounded on its own, in the order in which the formulas are
** written: with Nesterov's momentum, (w + momentum * v) - rate * g'.
*/

#define SgdNumbers NAME(SgdNumbers)
#define sgd_vector NAME(sgd_vector)
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

static gr_SgdOutcome NAME(sgd)(void *w, const void *g, void *v, const gr_SgdStep *step, size_t n) {
  const SgdNumbers numbers = {
    (number)step->rate, (number)step->momentum, (number)step->scale, (number)step->low,
    (number)step->high, (number)(step->decay * step->rate), step->nesterov, step->clip_value
  };
  const bool moves = numbers.momentum != 0;
  const vector largest = splat(sizeof(number) == 4 ? (number)FLT_MAX : (number)DBL_MAX);
  number *weights = w, *velocity = v;
  const number *gradient = g;
  size_t cut_count = 0, finite_count = 0;
  for (size_t i = 0; i < n; i += LANES) {
    size_t count = n - i < LANES ? n - i : LANES;
    mask here = first_lanes(count), cut = first_lanes(0);
    vector new_v = moves ? load_part(velocity + i, count) : splat(0);
    vector new_w = sgd_vector(load_part(weights + i, count), load_part(gradient + i, count),
                              &new_v, &numbers, &cut);
    store_part(weights + i, new_w, count);
    if (moves) store_part(velocity + i, new_v, count);
    cut_count += count_lanes(both(cut, here));
    finite_count += count_lanes(both(less_equal(magnitude(new_w), largest), here));
  }
  return (gr_SgdOutcome){ cut_count, finite_count == n };
}

/*
** kernels_sgd.h: one step of stochastic gradient descent, as gr_SgdStep lays it down. Included for
** float and for double.
**
** Every product and every sum is rounded on its own, in the order in which the formulas are
** written: with Nesterov's momentum, (w + momentum * v) - rate * g'.
*/

#define SgdNumbers NAME(SgdNumbers)
#define SgdTally NAME(SgdTally)
#define without_subnormals NAME(without_subnormals)
#define sgd_vector NAME(sgd_vector)
#define sgd_some NAME(sgd_some)
#define sgd_pass NAME(sgd_pass)
#define number NAME(number)

/* The step's numbers, rounded once to the element's type. */
typedef struct SgdNumbers {
  number rate, momentum, scale, low, high, decay;
  bool nesterov, clip_value;
} SgdNumbers;

/* 0 in the place of a subnormal number. The velocity of a weight whose gradient has become 0 would
** end among them, where processors take a hundred times as long. */
WORD vector without_subnormals(vector v) {
  const vector least = splat(sizeof(number) == 4 ? (number)FLT_MIN : (number)DBL_MIN);
  return choose(less(magnitude(v), least), splat(0), v);
}

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
  *v = without_subnormals(splat(step->momentum) * *v - change);
  if (step->nesterov) return (w + splat(step->momentum) * *v) - change;
  return w + *v;
}

/* What happened so far: how many values were cut, and the lanes in which every weight is finite. */
typedef struct SgdTally {
  size_t cut;
  mask sound;
} SgdTally;

/* `count` weights, LANES or fewer; v is NULL without momentum. */
WORD void sgd_some(number *w, const number *g, number *v, size_t count, const SgdNumbers *step,
                   SgdTally *tally) {
  const bool whole = count == LANES;
  const vector largest = splat(sizeof(number) == 4 ? (number)FLT_MAX : (number)DBL_MAX);
  const mask here = first_lanes(count);
  mask cut = first_lanes(0), sound;
  vector new_v = v == NULL ? splat(0) : whole ? load(v) : load_part(v, count);
  vector new_w = sgd_vector(whole ? load(w) : load_part(w, count),
                            whole ? load(g) : load_part(g, count), &new_v, step, &cut);
  if (whole) store(w, new_w);
  else store_part(w, new_w, count);
  if (v != NULL && whole) store(v, new_v);
  else if (v != NULL) store_part(v, new_v, count);
  if (step->clip_value) tally->cut += count_lanes(both(cut, here));
  sound = less_equal(choose(here, magnitude(new_w), splat(0)), largest);
  tally->sound = both(tally->sound, sound);
}

/* All weights. It is unfolded for what `step` is known to leave out. */
WORD gr_SgdOutcome sgd_pass(number *w, const number *g, number *v, size_t n,
                            const SgdNumbers *step) {
  const bool far = is_far(3 * n * sizeof *w);  /* w, g and v together */
  SgdTally tally = { 0, first_lanes(LANES) };
  size_t i;
  for (i = 0; i + LANES <= n; i += LANES) {
    if (far) fetch_ahead(w + i), fetch_ahead(g + i);
    if (far && v) fetch_ahead(v + i);
    sgd_some(w + i, g + i, v ? v + i : NULL, LANES, step, &tally);
  }
  if (i < n) sgd_some(w + i, g + i, v ? v + i : NULL, n - i, step, &tally);
  return (gr_SgdOutcome){ tally.cut, count_lanes(tally.sound) == LANES };
}

static gr_SgdOutcome NAME(sgd)(void *w, const void *g, void *v, const gr_SgdStep *step, size_t n) {
  SgdNumbers numbers = {
    (number)step->rate, (number)step->momentum, (number)step->scale, (number)step->low,
    (number)step->high, (number)(step->decay * step->rate), step->nesterov, step->clip_value
  };
  if (numbers.momentum == 0) return sgd_pass(w, g, NULL, n, &numbers);
  if (numbers.decay != 0 || numbers.nesterov) return sgd_pass(w, g, v, n, &numbers);
  numbers.decay = 0;
  numbers.nesterov = false;
  if (numbers.clip_value) return sgd_pass(w, g, v, n, &numbers);
  numbers.clip_value = false;
  return sgd_pass(w, g, v, n, &numbers);
}

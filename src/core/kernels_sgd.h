/*
** kernels_sgd.h: one step of stochastic gradient descent, as gr_SgdStep lays it down. Included for
** float and for double.
**
** Every product and every sum is rounded on its own, in the order in which the formulas are
** written: with Nesterov's momentum, (w + momentum * v) - rate * g'. The sum of the gradient's squares
** is taken along where it decides on nothing, as the gradient is near then.
*/

#define SgdNumbers NAME(SgdNumbers)
#define SgdTally NAME(SgdTally)
#define without_subnormals NAME(without_subnormals)
#define sgd_vector NAME(sgd_vector)
#define sgd_some NAME(sgd_some)
#define sgd_block NAME(sgd_block)
#define sgd_part NAME(sgd_part)
#define sgd_pass NAME(sgd_pass)
#define number NAME(number)

/* The step's numbers, rounded once to the element's type; `moves`: there is momentum. */
typedef struct SgdNumbers {
  number rate, momentum, low, high, decay;
  bool moves, nesterov, clip_value;
} SgdNumbers;

/* 0 in the place of a subnormal number. The velocity of a weight whose gradient has become 0 would
** end among them, where processors take a hundred times as long. */
WORD vector without_subnormals(vector v) {
  const vector least = splat(sizeof(number) == 4 ? (number)FLT_MIN : (number)DBL_MIN);
  return choose(less(magnitude(v), least), splat(0), v);
}

/* The new w from old w, g and v (all vectors); *v becomes the new one. *cut are the values outside
** low and high. */
WORD vector sgd_vector(vector w, vector g, vector *v, vector scale, const SgdNumbers *step,
                       mask *cut) {
  vector change;
  if (step->decay != 0) w = w - splat(step->decay) * w;
  g = scale * g;
  if (step->clip_value) {
    vector low = splat(step->low), high = splat(step->high);
    *cut = either(less(g, low), less(high, g));
    g = clipped(g, low, high);
  }
  change = splat(step->rate) * g;
  if (!step->moves) return w - change;
  *v = without_subnormals(splat(step->momentum) * *v - change);
  if (step->nesterov) return (w + splat(step->momentum) * *v) - change;
  return w + *v;
}

/* What happened so far: how many values were cut, and 0 in each lane, or a NaN from the first
** weight on that is not finite. */
typedef struct SgdTally {
  size_t cut;
  vector lost;
} SgdTally;

/* `count` weights, LANES or fewer; v is NULL without momentum. */
WORD void sgd_some(number *w, const number *g, number *v, size_t count, vector scale,
                   const SgdNumbers *step, SgdTally *tally) {
  const bool whole = count == LANES;
  const mask here = first_lanes(count);
  mask cut = first_lanes(0);
  vector new_v = !step->moves ? splat(0) : whole ? load(v) : load_part(v, count);
  vector new_w = sgd_vector(whole ? load(w) : load_part(w, count),
                            whole ? load(g) : load_part(g, count), &new_v, scale, step, &cut);
  if (whole) store(w, new_w);
  else store_part(w, new_w, count);
  if (step->moves && whole) store(v, new_v);
  else if (step->moves) store_part(v, new_v, count);
  if (step->clip_value) tally->cut += count_lanes(both(cut, here));
  if (!whole) new_w = choose(here, new_w, splat(0));
  tally->lost += new_w - new_w;
}

/* n weights that lie side by side, and the squares of their gradients added to the lanes of a sum,
** if that is wanted (or else NULL). */
WORD void sgd_block(number *w, const number *g, number *v, size_t n, bool far, vector scale,
                    const SgdNumbers *step, SgdTally *tally, vector_double *lanes) {
  size_t i;
  for (i = 0; i + 16 <= n; i += 16) {
    for (size_t j = 0; j < 16; j += LANES) {
      const size_t at = i + j;
      if (far) fetch_ahead(w + at), fetch_ahead(g + at);
      if (far && step->moves) fetch_ahead(v + at);
      sgd_some(w + at, g + at, step->moves ? v + at : NULL, LANES, scale, step, tally);
    }
    if (lanes != NULL) add_squares(lanes, g + i);
  }
  if (lanes != NULL) add_last_squares(lanes, g + i, n - i);
  for (; i < n; i += LANES)
    sgd_some(w + i, g + i, step->moves ? v + i : NULL, smaller(LANES, n - i), scale, step, tally);
}

/* One part; the sum of its gradient's squares, if that is wanted, is that of kernels_squares.h. */
WORD void sgd_part(const gr_SgdPart *part, vector scale, const SgdNumbers *step, SgdTally *tally,
                   double *squares) {
  number *w = part->w, *v = part->v;
  const number *g = part->g;
  const bool far = is_far(3 * part->n * sizeof *w);  /* w, g and v together */
  Pile_double pile;
  pile.blocks = 0;
  if (squares == NULL) {
    sgd_block(w, g, v, part->n, far, scale, step, tally, NULL);
    return;
  }
  for (size_t i = 0; i < part->n; i += 1024) {
    vector_double lanes[LANE_VECTORS_double];
    for (int j = 0; j < LANE_VECTORS_double; j++) lanes[j] = splat_double(0);
    sgd_block(w + i, g + i, step->moves ? v + i : NULL, smaller(1024, part->n - i), far, scale,
              step, tally, lanes);
    pile_add_double(&pile, lanes_sum_double(lanes));
  }
  *squares = pile_sum_double(&pile);
}

/* All parts. It is unfolded for what `step` is known to leave out. */
WORD gr_SgdOutcome sgd_pass(const gr_SgdPart *parts, const double *scales, double *squares,
                            size_t count, const SgdNumbers *step) {
  SgdTally tally = { 0, splat(0) };
  for (size_t i = 0; i < count; i++) {
    const vector scale = splat((number)scales[i]);
    if (squares == NULL) sgd_part(&parts[i], scale, step, &tally, NULL);
    else sgd_part(&parts[i], scale, step, &tally, &squares[i]);
  }
  return (gr_SgdOutcome){ tally.cut, count_lanes(equal(tally.lost, splat(0))) == LANES };
}

static gr_SgdOutcome NAME(sgd)(const gr_SgdPart *parts, const double *scales, double *squares,
                               size_t count, const gr_SgdStep *step) {
  SgdNumbers numbers = {
    (number)step->rate, (number)step->momentum, (number)step->low, (number)step->high,
    (number)(step->decay * step->rate), true, step->nesterov, step->clip_value
  };
  if (numbers.momentum == 0) {
    numbers.moves = false;
    return sgd_pass(parts, scales, squares, count, &numbers);
  }
  if (numbers.decay != 0 || numbers.nesterov)
    return sgd_pass(parts, scales, squares, count, &numbers);
  numbers.decay = 0;
  numbers.nesterov = false;
  if (numbers.clip_value) return sgd_pass(parts, scales, squares, count, &numbers);
  numbers.clip_value = false;
  return sgd_pass(parts, scales, squares, count, &numbers);
}

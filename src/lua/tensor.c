/* tensor.c: tensors in Lua: making them, reading and writing elements, what they know of
** themselves. What computes with them is in operations.c. */
#include <math.h>
#include <string.h>

#include "blocks.h"
#include "library.h"
#include "core/kernels.h"
#include "core/tape.h"
#include "core/threads.h"

/* The userdata */

enum { TENSOR_TAG = 0x67725473 };

typedef struct TensorBlock {
  uint64_t tag;
  gr_Tensor *tensor;
} TensorBlock;

_Static_assert(sizeof(TensorBlock) == GR_HELD, "a holder has room for a tensor");

gr_Tensor *gr_lua_test_tensor(lua_State *L, int index) {
  const TensorBlock *block = gr_lua_test_block(L, index, TENSOR_TAG, sizeof *block);
  return block == NULL ? NULL : block->tensor;
}

gr_Tensor *gr_lua_check_tensor(lua_State *L, int index, const char *where, const char *argument) {
  gr_Tensor *tensor = gr_lua_test_tensor(L, index);
  if (tensor == NULL) gr_lua_argument_error(L, where, argument, "a tensor", index);
  return tensor;
}

/* The tensor whose method runs, given the form of a call and how many arguments there may be. */
static gr_Tensor *check_self(lua_State *L, const char *where, const char *call, int most) {
  gr_Tensor *tensor = gr_lua_test_tensor(L, 1);
  if (tensor == NULL) gr_lua_self_error(L, where, "a tensor", call);
  gr_lua_check_count(L, where, 1, most);
  return tensor;
}

gr_Tensor **gr_lua_check_tensors(lua_State *L, int index, const char *where, const char *argument,
                                 size_t *count) {
  index = lua_absindex(L, index);
  luaL_checktype(L, index, LUA_TTABLE);
  *count = lua_rawlen(L, index);
  gr_Tensor **tensors = lua_newuserdatauv(L, (*count + 1) * sizeof *tensors, 0);
  for (size_t i = 0; i < *count; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    tensors[i] = gr_lua_check_tensor(L, -1, where, argument);
    lua_pop(L, 1);
  }
  return tensors;
}

gr_Tensor **gr_lua_push_slot_with(lua_State *L, int metatable) {
  TensorBlock *block = gr_push_holder(L);
  block->tag = TENSOR_TAG;
  block->tensor = NULL;
  lua_pushvalue(L, metatable);
  lua_setmetatable(L, -2);
  return &block->tensor;
}

gr_Tensor **gr_lua_push_slot(lua_State *L) {
  luaL_getmetatable(L, "gradus.tensor");
  gr_Tensor **slot = gr_lua_push_slot_with(L, lua_gettop(L));
  lua_remove(L, -2);
  return slot;
}

static void end_tensor(void *held) {
  const TensorBlock *block = held;
  gr_tensor_release(block->tensor);
}

/* Where no holder ends in end_tensor. */
static int tensor_gc(lua_State *L) {
  TensorBlock *block = gr_lua_test_block(L, 1, TENSOR_TAG, sizeof *block);
  if (block == NULL) return 0;
  gr_tensor_release(block->tensor);
  block->tensor = NULL;
  return 0;
}

/* Lua begins a cycle when its own heap has doubled. That is a few hundred kilobytes, soon made in
** tensors: so their bytes count for less, and it takes LITTLE of them to begin a cycle. */
enum { BYTES_BETWEEN_STEPS = 64 * 1024, LITTLE = 1024 * 1024 };

static int kilobytes_to_tell(lua_State *L, size_t bytes_made) {
  double heap = lua_gc(L, LUA_GCCOUNT) * 1024.0;
  double kilobytes = (double)bytes_made / 1024 * heap / (heap + LITTLE);
  return kilobytes > 1 << 30 ? 1 << 30 : 1 + (int)kilobytes;
}

/* In generational mode, which lua5.4 is in, no step ends a cycle, and what has outlived two of them
** is freed by a full collection only. Lua begins one when its own heap has doubled; by then the
** tensors may have taken any memory. So it comes, too, when they have doubled and taken more than
** Lua has. */
enum { SOME = 16 * 1024 * 1024 };

void gr_lua_collect(lua_State *L, gr_Context *context) {
  if (context->bytes_made < BYTES_BETWEEN_STEPS) return;
  int kilobytes = kilobytes_to_tell(L, context->bytes_made);
  context->bytes_made = 0;
  if (lua_gc(L, LUA_GCISRUNNING) != 1) return;  /* a step would run it; in a finalizer it is -1 */
  bool has_ended = lua_gc(L, LUA_GCSTEP, kilobytes) == 1;
  if (!has_ended && context->bytes_taken > context->bytes_allowed + SOME) {
    lua_gc(L, LUA_GCCOLLECT);
    has_ended = true;
  }
  if (has_ended)
    context->bytes_allowed = 2 * context->bytes_taken + 1024 * (size_t)lua_gc(L, LUA_GCCOUNT);
}

bool gr_lua_made_room(lua_State *L, gr_Status status) {
  if (status == GR_NO_MEMORY) lua_gc(L, LUA_GCCOLLECT);
  return status == GR_NO_MEMORY;
}

gr_Tensor *gr_lua_new_tensor(lua_State *L, gr_DType dtype, int rank, const int64_t *shape,
                             const char *where) {
  gr_Context *context = gr_lua_context(L);
  gr_lua_collect(L, context);
  gr_Tensor **slot = gr_lua_push_slot(L);
  gr_Status status = gr_tensor_new(context, dtype, rank, shape, slot);
  if (gr_lua_made_room(L, status)) status = gr_tensor_new(context, dtype, rank, shape, slot);
  gr_lua_check(L, status, where);
  return *slot;
}

/* Options of constructors: dtype and requires_grad, from a string or a table */

typedef struct Options {
  gr_DType dtype;
  bool requires_grad;
} Options;

/* The table at index 1 is the shape, too; any other holds names only. */
static void read_options(lua_State *L, int index, const char *where, Options *options) {
  static const char *const known[] = {"dtype", "requires_grad", NULL};
  if (lua_isnoneornil(L, index)) return;
  if (lua_type(L, index) == LUA_TSTRING) {
    options->dtype = gr_lua_check_dtype(L, index, where);
    return;
  }
  if (!lua_istable(L, index))
    gr_lua_argument_error(L, where, "options", "a dtype or a table", index);
  index = lua_absindex(L, index);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (strcmp(name, "dtype") == 0) {
      options->dtype = gr_lua_check_dtype(L, -1, where);
    } else if (strcmp(name, "requires_grad") == 0) {
      if (!lua_isboolean(L, -1)) gr_lua_argument_error(L, where, name, "a boolean", -1);
      options->requires_grad = lua_toboolean(L, -1);
    } else if (*name != '\0') {
      gr_lua_push_names(L, known);
      gr_lua_error(L, "%s: unknown option \"%s\"%s", where, name, gr_lua_suggestion(L, name, -1));
    } else if (index != 1) {
      gr_lua_argument_error(L, where, "options", "a dtype or a table of names and values", index);
    }
  }
}

static Options default_options(lua_State *L) {
  return (Options){gr_lua_context(L)->floatx, false};
}

/* From nested tables */

enum { ENTRIES = 1 << 16 };  /* of a table, between two looks at the interrupt */

/* Take the shape from the first branch of the nested table at the top of the stack. */
static int nested_shape(lua_State *L, const char *where, int64_t *shape) {
  int rank = 0, top = lua_gettop(L);
  lua_pushvalue(L, -1);
  while (lua_istable(L, -1)) {
    if (rank == GR_MAX_RANK)
      gr_lua_error(L, "%s: tables are nested more than %d deep", where, GR_MAX_RANK);
    shape[rank++] = (int64_t)lua_rawlen(L, -1);
    if (lua_rawgeti(L, -1, 1) == LUA_TNIL) break;
  }
  lua_settop(L, top);
  return rank;
}

static double element_number(lua_State *L, const char *where) {
  if (lua_istable(L, -1))
    gr_lua_error(L, "%s: an element is a table where its neighbours are numbers", where);
  return gr_lua_check_number(L, -1, where, "an element");
}

/* Write the nested table at the top of the stack from element *place on. */
static void fill_nested(lua_State *L, const char *where, gr_Tensor *tensor, int axis,
                        ptrdiff_t *place) {
  int64_t n = tensor->shape[axis];
  if (!lua_istable(L, -1))
    gr_lua_argument_error(L, where, "an element", "a table like its neighbours", -1);
  if ((int64_t)lua_rawlen(L, -1) != n)
    gr_lua_error(L, "%s: a table has %d element%s where its neighbours have %d", where,
                 (int)lua_rawlen(L, -1), lua_rawlen(L, -1) == 1 ? "" : "s", (int)n);
  luaL_checkstack(L, 4, where);
  gr_lua_check_stop(L, where);
  for (int64_t i = 1; i <= n; i++) {
    if (i % ENTRIES == 0) gr_lua_check_stop(L, where);
    lua_rawgeti(L, -1, i);
    if (axis + 1 < tensor->rank) fill_nested(L, where, tensor, axis + 1, place);
    else gr_tensor_set(tensor, (*place)++, element_number(L, where));
    lua_pop(L, 1);
  }
}

gr_Tensor *gr_lua_tensor_from_table(lua_State *L, int index, gr_DType dtype, const char *where) {
  int64_t shape[GR_MAX_RANK];
  ptrdiff_t place = 0;
  lua_pushvalue(L, index);
  int rank = nested_shape(L, where, shape);
  gr_Tensor *tensor = gr_lua_new_tensor(L, dtype, rank, shape, where);
  lua_insert(L, -2);
  if (rank == 0) gr_tensor_set(tensor, 0, gr_lua_check_number(L, -1, where, "the value"));
  else fill_nested(L, where, tensor, 0, &place);
  lua_pop(L, 1);
  return tensor;
}

/* tensor(value [, dtype]), tensor(value, { dtype = nil, requires_grad = false }) -> tensor
** A tensor of the numbers in nested tables, of one number (rank 0, shape []), or a copy of a
** tensor. The dtype is "float32" or "float64": that of set_floatx (float32) or the tensor's, unless
** given. With requires_grad = true, backward leaves the gradient of a loss in its field grad.
**
** Everything counts from 1. t[i] is the number or the row at i, t[{ i, j }] an element, #t the
** first dimension, and ipairs walks the rows. + - * / ^ // % work by elements, and shapes broadcast
** as NumPy's. A tensor of rank 0 computes, orders (<) and joins text (..) as its number does;
** string.format wants t:item(). For two tensors, a == b is one boolean: true when dtype, shape and
** all numbers are equal (nan equals nan); a:eq(b) compares by elements. t == 0, of a tensor and a
** number, is always false: so Lua has it.
** As torch.tensor.
** Example: tensor { {1, 2}, {3, 4} } */
static int make_tensor(lua_State *L) {
  Options options = default_options(L);
  const gr_Tensor *source = gr_lua_test_tensor(L, 1);
  gr_Tensor *tensor;
  if (source != NULL) options.dtype = source->dtype;
  else if (!lua_istable(L, 1) && lua_type(L, 1) != LUA_TNUMBER)
    gr_lua_argument_error(L, "tensor", "the value", "a table, a number or a tensor", 1);
  read_options(L, 2, "tensor", &options);
  gr_lua_check_count(L, "tensor", 0, 2);
  if (source != NULL) {
    gr_lua_note_read(source->context,
                     "it copied a tensor with tensor(); x:clone() would be recorded");
    tensor = gr_lua_new_tensor(L, options.dtype, source->rank, source->shape, "tensor");
    gr_tensor_assign(tensor, source);
    gr_lua_check_stop(L, "tensor");
  } else {
    tensor = gr_lua_tensor_from_table(L, 1, options.dtype, "tensor");
  }
  tensor->requires_grad = options.requires_grad;
  return 1;
}

/* Push a tensor of the shape given from argument 1 on, with options after it or among the shape. */
static gr_Tensor *make_shaped(lua_State *L, const char *where, bool with_value, double value) {
  Options options = default_options(L);
  int64_t shape[GR_MAX_RANK];
  int next = 2, rank = gr_lua_check_shape(L, 1, where, shape, &next);
  for (int i = 0; i < rank; i++)
    if (shape[i] < 0)
      gr_lua_error(L, "%s: a dimension must be 0 or more, got %d", where, (int)shape[i]);
  if (lua_istable(L, 1)) read_options(L, 1, where, &options);
  if (with_value) value = gr_lua_check_number(L, next++, where, "the value");
  read_options(L, next, where, &options);
  gr_lua_check_count(L, where, 0, next);
  gr_Tensor *tensor = gr_lua_new_tensor(L, options.dtype, rank, shape, where);
  gr_tensor_fill(tensor, value);
  gr_lua_check_stop(L, where);
  tensor->requires_grad = options.requires_grad;
  return tensor;
}

/* zeros(shape [, { dtype = nil, requires_grad = false }]),
** ones(shape [, { dtype = nil, requires_grad = false }]) -> tensor
** A tensor of that shape, of zeros or of ones: zeros(2, 3), zeros { 2, 3 } and
** zeros { 2, 3, dtype = "float64" } have shape [2, 3]. The options are those of tensor; a dtype may
** stand alone, as in zeros(2, "float64"). As numpy.zeros and numpy.ones.
** Example: zeros(2, 3) + ones { 2, 3 } */
static int make_zeros(lua_State *L) {
  make_shaped(L, "zeros", false, 0);
  return 1;
}

static int make_ones(lua_State *L) {
  make_shaped(L, "ones", false, 1);
  return 1;
}

/* full(shape, value [, { dtype = nil, requires_grad = false }]) -> tensor
** A tensor with the same number everywhere; the shape is a table. The options are those of tensor;
** a dtype may stand alone. As numpy.full.
** Example: full({ 2, 3 }, 0.5) */
static int make_full(lua_State *L) {
  if (!lua_istable(L, 1)) gr_lua_argument_error(L, "full", "shape", "a table of dimensions", 1);
  make_shaped(L, "full", true, 0);
  return 1;
}

/* range(n), range(first, last [, step]) -> tensor
** The numbers 1 to n, or first, first + step and so on up to last, both ends included as in Lua's
** for: a float64 tensor [count]. As torch.range.
** Example: range(1, 10, 2) */
static int make_range(lua_State *L) {
  gr_lua_check_count(L, "range", 0, 3);
  bool only_last = lua_gettop(L) == 1;
  double first = only_last ? 1 : gr_lua_check_number(L, 1, "range", "first");
  double last = gr_lua_check_number(L, only_last ? 1 : 2, "range", "last");
  double step = lua_isnoneornil(L, 3) ? 1 : gr_lua_check_number(L, 3, "range", "step");
  if (!(step != 0 && step - step == 0))
    gr_lua_argument_error(L, "range", "step", "a finite number other than 0", 3);
  if (!(last - first - (last - first) == 0))
    gr_lua_error(L, "range: first and last must be finite numbers");
  double steps = floor((last - first) / step);
  if (steps > 9e15) gr_lua_error(L, "range: there are too many numbers from %f to %f", first, last);
  int64_t n = steps < 0 ? 0 : (int64_t)steps + 1;
  gr_Tensor *tensor = gr_lua_new_tensor(L, GR_FLOAT64, 1, &n, "range");
  double *values = gr_tensor_data(tensor);
  GR_EACH(i, gr_lua_context(L), (size_t)n) values[i] = first + (double)i * step;
  gr_lua_check_stop(L, "range");
  return 1;
}

/* Reading */

/* t:item() -> number
** The one element of a tensor with one element, as a Lua number. As torch.Tensor.item.
** Example: ones(2, 3):sum():item() */
static int tensor_item(lua_State *L) {
  const gr_Tensor *tensor = check_self(L, "item", "t:item()", 0);
  char text[GR_SHAPE_TEXT];
  if (gr_tensor_size(tensor) != 1)
    return gr_lua_error(L, "item: the tensor must have one element, its shape is %s",
                        gr_tensor_shape_text(text, tensor));
  gr_lua_note_read(tensor->context, "it read a number out of a tensor");
  gr_lua_push_number(L, gr_tensor_get(tensor, 0));
  return 1;
}

enum { LARGEST = 1 << 20 };  /* table that is made at once: it takes a while */

static void push_nested(lua_State *L, const gr_Tensor *tensor, int axis, ptrdiff_t place) {
  if (axis == tensor->rank) {
    gr_lua_push_number(L, gr_tensor_get(tensor, place));
    return;
  }
  int64_t n = tensor->shape[axis];
  luaL_checkstack(L, 3, "totable");
  gr_lua_check_stop(L, "totable");
  lua_createtable(L, n > LARGEST ? LARGEST : (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    if (i % ENTRIES == 0) gr_lua_check_stop(L, "totable");
    push_nested(L, tensor, axis + 1, place + i * tensor->strides[axis]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* t:totable() -> table or number
** The numbers as nested tables; of a tensor of rank 0 the number. As torch.Tensor.tolist.
** Example: tensor({ {1, 2}, {3, 4} }):totable() */
static int tensor_totable(lua_State *L) {
  const gr_Tensor *tensor = check_self(L, "totable", "t:totable()", 0);
  gr_lua_note_read(tensor->context, "it read numbers out of a tensor");
  push_nested(L, tensor, 0, 0);
  return 1;
}

/* Keys: X[3], X[{2, 5}], X[{{1, 500}, 2}], X[{{}, {10, 1, -3}}] */

static int64_t check_index(lua_State *L, int index, const gr_Tensor *tensor, int axis) {
  char text[GR_SHAPE_TEXT];
  int is_integer;
  lua_Integer i = lua_tointegerx(L, index, &is_integer);
  if (!is_integer)
    gr_lua_error(L, "tensor: an index must be a whole number, got %s (the shape is %s)",
                 gr_lua_describe(L, index), gr_tensor_shape_text(text, tensor));
  if (i < 1 || i > tensor->shape[axis])
    gr_lua_error(L, "tensor: index %I is outside axis %d of a tensor of shape %s (indices count "
                 "from 1)", i, axis + 1, gr_tensor_shape_text(text, tensor));
  return i - 1;
}

/* The range at the top of the stack: {}, {first, last} or {first, last, step}. */
static void read_range(lua_State *L, const gr_Tensor *tensor, int axis, gr_Slice *slice) {
  int table = lua_gettop(L);
  char text[GR_SHAPE_TEXT];
  size_t n = lua_rawlen(L, table);
  *slice = (gr_Slice){false, 0, 1, tensor->shape[axis]};
  if (n == 0) return;
  if (n == 1 || n > 3)
    gr_lua_error(L, "tensor: a range must be {}, {first, last} or {first, last, step}, got a table "
                 "of %d entr%s", (int)n, n == 1 ? "y" : "ies");
  lua_rawgeti(L, table, 3);
  if (n == 3) slice->step = gr_lua_check_integer(L, -1, "tensor", "the step of a range");
  if (slice->step == 0) gr_lua_error(L, "tensor: the step of a range must not be 0");
  int64_t beyond = tensor->shape[axis] + 1;  /* a longer step leads no farther */
  if (slice->step > beyond) slice->step = beyond;
  if (slice->step < -beyond) slice->step = -beyond;
  lua_rawgeti(L, table, 1);
  lua_rawgeti(L, table, 2);
  int64_t first = gr_lua_check_integer(L, -2, "tensor", "the first index of a range");
  int64_t last = gr_lua_check_integer(L, -1, "tensor", "the last index of a range");
  lua_settop(L, table);
  bool is_empty = slice->step > 0 ? last < first : last > first;
  int64_t low = first < last ? first : last, high = first < last ? last : first;
  if (is_empty ? first < 1 || first > tensor->shape[axis] + 1
               : low < 1 || high > tensor->shape[axis])
    gr_lua_error(L, "tensor: range {%I, %I} is outside axis %d of a tensor of shape %s",
                 (lua_Integer)first, (lua_Integer)last, axis + 1,
                 gr_tensor_shape_text(text, tensor));
  slice->first = first - 1;
  slice->count = is_empty ? 0
                 : slice->step > 0 ? (last - first) / slice->step + 1
                                   : (first - last) / -slice->step + 1;
}

/* Read the key at `index` of the stack: a number or a table of entries. True when every axis has
** an index, so that the key names one element. */
static bool read_key(lua_State *L, int index, const gr_Tensor *tensor, gr_Attributes *key) {
  char text[GR_SHAPE_TEXT];
  bool is_table = lua_istable(L, index), one_element = true;
  key->rank = is_table ? (int)lua_rawlen(L, index) : 1;
  if (key->rank > tensor->rank)
    gr_lua_error(L, "tensor: %d %s for a tensor of shape %s", key->rank,
                 key->rank == 1 ? "index" : "indices", gr_tensor_shape_text(text, tensor));
  for (int axis = 0; axis < key->rank; axis++) {
    gr_Slice *slice = &key->slices[axis];
    if (is_table) lua_rawgeti(L, index, axis + 1);
    else lua_pushvalue(L, index);
    if (lua_istable(L, -1)) {
      read_range(L, tensor, axis, slice);
      one_element = false;
    } else {
      *slice = (gr_Slice){true, check_index(L, -1, tensor, axis), 1, 1};
    }
    lua_pop(L, 1);
  }
  return one_element && key->rank == tensor->rank;
}

static ptrdiff_t place_of(const gr_Tensor *tensor, const gr_Attributes *key) {
  ptrdiff_t place = 0;
  for (int axis = 0; axis < tensor->rank; axis++)
    place += key->slices[axis].first * tensor->strides[axis];
  return place;
}

/* Push the part of argument 1 that the key selects. */
static gr_Tensor *push_part(lua_State *L, gr_Context *context, const gr_Attributes *key) {
  gr_lua_collect(L, context);
  gr_Tensor *tensor = gr_lua_check_tensor(L, 1, "slice", "argument 1");
  gr_Tensor **part = gr_lua_push_slot(L);
  gr_lua_check(L, gr_apply(context, &gr_shape_operations[GR_SLICE], &tensor, key, part), "slice");
  return *part;
}

static int read_part(lua_State *L, gr_Tensor *tensor) {
  gr_Attributes key;
  /* ipairs stops at the first nil: that, and only that, is what one past the end is for. */
  if (lua_isinteger(L, 2) && tensor->rank > 0 && lua_tointeger(L, 2) == tensor->shape[0] + 1) {
    lua_pushnil(L);
    return 1;
  }
  if (!read_key(L, 2, tensor, &key)) {
    push_part(L, tensor->context, &key);
  } else {
    gr_lua_note_read(tensor->context, "it read a number out of a tensor");
    gr_lua_push_number(L, gr_tensor_get(tensor, place_of(tensor, &key)));
  }
  return 1;
}

/* t:rows(first, last), t:cols(first, last) -> tensor
** The rows (along the first axis) or columns (along the second) from first to last, both included:
** a view, which shares its numbers with t. Of t [n, m], t:rows(1, 5) is [5, m] and t:cols(1, 5) is
** [n, 5]. As NumPy's t[first-1:last].
** Example: tensor({ {1, 2}, {3, 4}, {5, 6} }):rows(2, 3) */
static int push_band(lua_State *L, const char *where, const char *call, int axis) {
  gr_Tensor *tensor = check_self(L, where, call, 2);
  char text[GR_SHAPE_TEXT];
  if (tensor->rank <= axis)
    return gr_lua_error(L, "%s: expected a tensor with at least %d axes, got shape %s", where,
                        axis + 1, gr_tensor_shape_text(text, tensor));
  int64_t first = gr_lua_check_integer(L, 2, where, "first");
  int64_t last = gr_lua_check_integer(L, 3, where, "last");
  if (first < 1 || last > tensor->shape[axis] || last < first - 1)
    return gr_lua_error(L, "%s: %I to %I is outside axis %d of a tensor of shape %s", where,
                        (lua_Integer)first, (lua_Integer)last, axis + 1,
                        gr_tensor_shape_text(text, tensor));
  gr_Attributes key;
  key.rank = axis + 1;
  key.slices[0] = (gr_Slice){false, 0, 1, tensor->shape[0]};
  key.slices[axis] = (gr_Slice){false, first - 1, 1, last - first + 1};
  push_part(L, tensor->context, &key);
  return 1;
}

static int tensor_rows(lua_State *L) { return push_band(L, "rows", "t:rows(first, last)", 0); }
static int tensor_cols(lua_State *L) { return push_band(L, "cols", "t:cols(first, last)", 1); }

/* t:mask(m) -> tensor
** A copy of the rows of t where the mask m [n], of one number a row, is not 0. As NumPy's t[m] with
** a boolean m.
** Example:
**   local t = tensor { 1, -2, 3 }
**   print(t:mask(t:gt(0))) */
static int tensor_mask(lua_State *L) {
  gr_Tensor *inputs[2] = {check_self(L, "mask", "t:mask(m)", 1), NULL};
  if (lua_istable(L, 2)) {
    gr_lua_tensor_from_table(L, 2, GR_FLOAT64, "mask");
    lua_replace(L, 2);
  }
  const gr_Tensor *mask = gr_lua_check_tensor(L, 2, "mask", "the mask");
  char text[GR_SHAPE_TEXT], other[GR_SHAPE_TEXT];
  if (mask->rank != 1 || inputs[0]->rank < 1 || mask->shape[0] != inputs[0]->shape[0])
    return gr_lua_error(L, "mask: expected one number a row, got a mask of shape %s for a tensor "
                        "of shape %s", gr_tensor_shape_text(text, mask),
                        gr_tensor_shape_text(other, inputs[0]));
  gr_lua_note_read(mask->context, "it chose rows by a mask");
  gr_lua_collect(L, gr_lua_context(L));
  gr_Tensor **slot = gr_lua_push_slot(L);  /* from here on no finalizer can write into the mask */
  int64_t kept = (int64_t)gr_tensor_count_nonzero(mask);
  gr_lua_check(L, gr_tensor_new(gr_lua_context(L), GR_FLOAT64, 1, &kept, slot), "mask");
  inputs[1] = *slot;
  gr_tensor_nonzero_places(mask, (size_t)kept, gr_tensor_data(inputs[1]));
  gr_lua_check_stop(L, "mask");
  gr_Tensor **part = gr_lua_push_slot(L);
  gr_lua_check(L, gr_apply(gr_lua_context(L), &gr_shape_operations[GR_TAKE], inputs, NULL, part),
               "mask");
  return 1;
}

/* Writing */

/* Write the tensor, or the number where that is NULL, once it has begun to its end: a part of a
** tensor is written whole or not at all. */
static void write_whole(gr_Context *context, gr_Tensor *target, const gr_Tensor *source,
                        double number) {
  bool was_unbroken = context->unbroken;
  context->unbroken = true;
  if (source != NULL) gr_tensor_assign(target, source);
  else gr_tensor_fill(target, number);
  context->unbroken = was_unbroken;
}

/* What lies scattered is brought together first, which may be interrupted. */
static bool takes_long_to_read(const gr_Tensor *source, const gr_Tensor *target) {
  return gr_tensor_size(source) > GR_BLOCK &&
         (source->dtype != target->dtype || !gr_tensor_is_contiguous(source));
}

/* target[...] = the tensor `source`, broadcast; through a copy where the two share memory. */
static void assign_tensor(lua_State *L, const char *where, gr_Tensor *target,
                          gr_Tensor *source) {
  char left[GR_SHAPE_TEXT], right[GR_SHAPE_TEXT];
  int64_t shape[GR_MAX_RANK];
  int rank;
  bool fits = gr_broadcast_shape(target->rank, target->shape, source->rank, source->shape, &rank,
                                 shape) && rank == target->rank;
  for (int i = 0; fits && i < rank; i++) fits = shape[i] == target->shape[i];
  if (!fits)
    gr_lua_error(L, "%s: a value of shape %s does not fit a part of shape %s", where,
                 gr_tensor_shape_text(right, source), gr_tensor_shape_text(left, target));
  if (source->storage == target->storage || takes_long_to_read(source, target)) {
    gr_Tensor *copy = gr_lua_new_tensor(L, source->dtype, source->rank, source->shape, where);
    gr_tensor_assign(copy, source);
    gr_lua_check_stop(L, where);
    source = copy;
  }
  gr_Tensor wide = gr_broadcast_view(source, target->rank, target->shape);
  write_whole(gr_lua_context(L), target, &wide, 0);
}

/* target[...] = the value at `index`: a number, a tensor or nested tables */
static void assign_value(lua_State *L, const char *where, gr_Tensor *target, int index) {
  gr_Tensor *source = gr_lua_test_tensor(L, index);
  if (source != NULL) assign_tensor(L, where, target, source);
  else if (lua_istable(L, index))
    assign_tensor(L, where, target, gr_lua_tensor_from_table(L, index, target->dtype, where));
  else write_whole(gr_lua_context(L), target, NULL,
                   gr_lua_check_number(L, index, where, "the value"));
}

static int write_part(lua_State *L, gr_Tensor *tensor) {
  gr_Attributes key;
  gr_lua_check_writable(L, tensor, "tensor");
  if (read_key(L, 2, tensor, &key) && lua_type(L, 3) == LUA_TNUMBER) {
    gr_tensor_set(tensor, place_of(tensor, &key), lua_tonumber(L, 3));
    return 0;
  }
  assign_value(L, "tensor", push_part(L, tensor->context, &key), 3);
  return 0;
}

/* t:fill(value) -> t
** Set every element; value is a number, or a tensor or nested tables that broadcast to t's shape.
** t[key] = value sets a part likewise. As numpy.ndarray.fill.
** Example: zeros(2, 2):fill(7) */
static int tensor_fill(lua_State *L) {
  gr_Tensor *tensor = check_self(L, "fill", "t:fill(value)", 1);
  gr_lua_check_writable(L, tensor, "fill");
  assign_value(L, "fill", tensor, 2);
  lua_settop(L, 1);
  return 1;
}

/* Properties */

/* A shape is a list of its own, which may be changed; it prints as in messages, and equals a list
** of the same numbers. */
static int shape_tostring(lua_State *L) {
  luaL_Buffer text;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_buffinit(L, &text);
  luaL_addchar(&text, '[');
  for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 1); i++) {
    if (i > 1) luaL_addstring(&text, ", ");
    lua_rawgeti(L, 1, i);
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    luaL_addvalue(&text);
  }
  luaL_addchar(&text, ']');
  luaL_pushresult(&text);
  return 1;
}

static int shape_eq(lua_State *L) {
  lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
  bool equal = lua_istable(L, 1) && lua_istable(L, 2) && (lua_Integer)lua_rawlen(L, 2) == count;
  for (lua_Integer i = 1; equal && i <= count; i++) {
    lua_rawgeti(L, 1, i);
    lua_rawgeti(L, 2, i);
    equal = lua_rawequal(L, -2, -1);
    lua_pop(L, 2);
  }
  lua_pushboolean(L, equal);
  return 1;
}

static const luaL_Reg shape_metamethods[] = {
  {"__tostring", shape_tostring},
  {"__eq", shape_eq},
  {NULL, NULL}
};

static const char shape_key = 's';

static int push_shape_table(lua_State *L, const gr_Tensor *tensor) {
  lua_createtable(L, tensor->rank, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &shape_key);
  lua_setmetatable(L, -2);
  for (int i = 0; i < tensor->rank; i++) {
    lua_pushinteger(L, tensor->shape[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* The gradient as the user's own: a recording's memory is overwritten by the next step. */
static int push_gradient(lua_State *L, const gr_Tensor *tensor) {
  gr_lua_note_read(tensor->context, "it read a gradient");
  gr_lua_collect(L, gr_lua_context(L));
  gr_Tensor **slot = gr_lua_push_slot(L);  /* may run finalizers: look at the gradient after it */
  gr_Tensor *gradient = tensor->grad;
  if (gradient == NULL) lua_pushnil(L);
  else if (!gradient->is_rewritten) *slot = gr_tensor_retain(gradient);
  else gr_lua_check(L, gr_tensor_copy(gr_lua_context(L), gradient, gradient->dtype, slot), "grad");
  return 1;
}

static int push_transposed(lua_State *L, gr_Tensor *tensor) {
  gr_Attributes attributes;
  gr_Tensor **result = gr_lua_push_slot(L);
  attributes.axes_count = -1;
  gr_lua_check(L, gr_apply(gr_lua_context(L), &gr_shape_operations[GR_TRANSPOSE], &tensor,
                           &attributes, result), "T");
  return 1;
}

/* t.shape -> list of integers
** The dimensions, in a new table; empty for a tensor of rank 0. It prints as [2, 3], and ==
** compares its numbers. #t is the first of them. As numpy.ndarray.shape.
** Example: zeros(2, 3).shape */

/* t.rank, t.size -> integer
** The number of dimensions, and the number of elements. As numpy.ndarray.ndim and
** numpy.ndarray.size.
** Example: zeros(2, 3).size */

/* t.dtype -> "float32" or "float64"
** The type of the elements; t:cast(dtype) makes a tensor of the other one. As numpy.ndarray.dtype.
** Example: zeros(2, 3).dtype */

/* t.T -> tensor
** The transpose: a view with the axes in reverse order, [n, m] of [m, n]. As numpy.ndarray.T.
** Example: tensor({ {1, 2}, {3, 4} }).T */

/* t.requires_grad -> boolean
** Whether operations on t are recorded, so that backward can find gradients. It can be set for a
** tensor that no operation made. As torch.Tensor.requires_grad.
** Example: ones(3, { requires_grad = true }).requires_grad */

/* t.grad -> tensor or nil
** What the last backward found for t: the gradient of the loss, of t's shape, before any clipping.
** nil before the first backward; it can be set. As torch.Tensor.grad, but replaced by each
** backward, not added to.
** Example:
**   local w = tensor({ 3, 4 }, { requires_grad = true })
**   w:square():sum():backward()
**   print(w.grad) */
static const char *const properties[] = {"shape", "dtype", "rank", "size", "T", "requires_grad",
                                         "grad", NULL};

static int read_property(lua_State *L, gr_Tensor *tensor, const char *name) {
  if (strcmp(name, "shape") == 0) return push_shape_table(L, tensor);
  if (strcmp(name, "dtype") == 0) lua_pushstring(L, gr_dtype_name(tensor->dtype));
  else if (strcmp(name, "rank") == 0) lua_pushinteger(L, tensor->rank);
  else if (strcmp(name, "size") == 0) lua_pushinteger(L, (lua_Integer)gr_tensor_size(tensor));
  else if (strcmp(name, "T") == 0) return push_transposed(L, tensor);
  else if (strcmp(name, "requires_grad") == 0) lua_pushboolean(L, tensor->requires_grad);
  else if (strcmp(name, "grad") == 0) return push_gradient(L, tensor);
  else return 0;
  return 1;
}

/* Fail for a name that a tensor does not have; methods are upvalue 1. */
static int unknown_name(lua_State *L, const char *name) {
  gr_lua_push_names(L, properties);
  int names = lua_gettop(L);
  lua_Integer n = (lua_Integer)lua_rawlen(L, names);
  for (lua_pushnil(L); lua_next(L, lua_upvalueindex(1)); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_rawseti(L, names, ++n);
  }
  gr_lua_require(L, "table");
  lua_getfield(L, -1, "sort");
  lua_pushvalue(L, names);
  lua_call(L, 1, 0);
  return gr_lua_error(L, "tensor: there is no method or field \"%s\"%s", name,
                      gr_lua_suggestion(L, name, names));
}

static int tensor_index(lua_State *L) {
  gr_Tensor *tensor = gr_lua_check_tensor(L, 1, "index", "argument 1");
  if (lua_type(L, 2) != LUA_TSTRING) {
    if (lua_istable(L, 2) || lua_type(L, 2) == LUA_TNUMBER) return read_part(L, tensor);
    const gr_Tensor *index = gr_lua_test_tensor(L, 2);
    if (index != NULL && index->rank > 0)
      return gr_lua_error(L, "tensor: a tensor is no index: x:take(indices) picks rows by number, "
                          "x:mask(m) by a mask");
    return gr_lua_argument_error(L, "tensor", "an index", "a whole number or a table", 2);
  }
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  const char *name = lua_tostring(L, 2);
  return read_property(L, tensor, name) ? 1 : unknown_name(L, name);
}

static int set_requires_grad(lua_State *L, gr_Tensor *tensor) {
  if (!lua_isboolean(L, 3)) gr_lua_argument_error(L, "tensor", "requires_grad", "a boolean", 3);
  if (tensor->node != NULL || tensor->graph_freed)
    return gr_lua_error(L, "tensor: requires_grad follows from the operation that made this "
                        "tensor; x:detach() has none");
  tensor->requires_grad = lua_toboolean(L, 3);
  return 0;
}

static int set_gradient(lua_State *L, gr_Tensor *tensor) {
  gr_Tensor *gradient = NULL;
  gr_lua_note_read(tensor->context, "it set a gradient");
  char left[GR_SHAPE_TEXT], right[GR_SHAPE_TEXT];
  if (!lua_isnil(L, 3)) {
    gradient = gr_lua_check_tensor(L, 3, "tensor", "grad");
    if (!gr_same_shape(gradient, tensor) || gradient->dtype != tensor->dtype)
      return gr_lua_error(L, "tensor: grad must be like the tensor, %s of %s, got %s of %s",
                          gr_tensor_shape_text(left, tensor), gr_dtype_name(tensor->dtype),
                          gr_tensor_shape_text(right, gradient), gr_dtype_name(gradient->dtype));
    gr_Tensor *copy;
    gr_lua_check(L, gr_tensor_copy(gr_lua_context(L), gradient, gradient->dtype, &copy), "tensor");
    gradient = copy;
  }
  gr_tensor_release(tensor->grad);
  tensor->grad = gradient;
  tensor->grad_is_new = gradient != NULL;
  return 0;
}

static int tensor_newindex(lua_State *L) {
  gr_Tensor *tensor = gr_lua_check_tensor(L, 1, "newindex", "argument 1");
  if (lua_type(L, 2) != LUA_TSTRING) {
    if (lua_istable(L, 2) || lua_type(L, 2) == LUA_TNUMBER) return write_part(L, tensor);
    return gr_lua_argument_error(L, "tensor", "an index", "a whole number or a table", 2);
  }
  const char *name = lua_tostring(L, 2);
  if (strcmp(name, "requires_grad") == 0) return set_requires_grad(L, tensor);
  if (strcmp(name, "grad") == 0) return set_gradient(L, tensor);
  return gr_lua_error(L, "tensor: the field \"%s\" cannot be set", name);
}

static int tensor_len(lua_State *L) {
  const gr_Tensor *tensor = gr_lua_check_tensor(L, 1, "#", "argument 1");
  if (tensor->rank == 0) return gr_lua_error(L, "#: a tensor of rank 0 has no length");
  lua_pushinteger(L, tensor->shape[0]);
  return 1;
}

/* Comparing */

static bool equal_numbers(double a, double b) { return a == b || (a != a && b != b); }

static bool identical_numbers(double a, double b) {
  return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

static bool all_equal(lua_State *L, const gr_Tensor *a, const gr_Tensor *b,
                      bool (*equal)(double, double)) {
  gr_Walk walk;
  const ptrdiff_t *strides[2] = {a->strides, b->strides};
  if (a->dtype != b->dtype || !gr_same_shape(a, b)) return false;
  if (!gr_walk_begin(&walk, 2, a->rank, a->shape, strides)) return true;
  const gr_Context *context = gr_lua_context(L);
  size_t done = 0;
  do {
    GR_EACH(i, context, (size_t)walk.length)
      if (!equal(gr_tensor_get(a, walk.position[0] + (ptrdiff_t)i * walk.step[0]),
                 gr_tensor_get(b, walk.position[1] + (ptrdiff_t)i * walk.step[1]))) return false;
    if (gr_must_stop_after(context, (size_t)walk.length, &done)) break;
  } while (gr_walk_next(&walk));
  gr_lua_check_stop(L, "==");
  return true;
}

/* a == b: the same dtype, shape and numbers, nan equal to nan. */
static int tensor_eq(lua_State *L) {
  const gr_Tensor *a = gr_lua_test_tensor(L, 1), *b = gr_lua_test_tensor(L, 2);
  gr_lua_note_read(gr_lua_context(L), "it compared tensors");
  lua_pushboolean(L, a != NULL && b != NULL && all_equal(L, a, b, equal_numbers));
  return 1;
}

/* a:identical(b) -> boolean
** Whether dtype, shape and every bit are the same, so that 0 and -0 differ; all nan count as one
** value. As numpy.array_equal, to the bit.
** Example: tensor({ 1 / 3 }):identical(tensor { 1 / 3 }) */
static int tensor_identical(lua_State *L) {
  const gr_Tensor *a = check_self(L, "identical", "t:identical(other)", 1);
  const gr_Tensor *b = gr_lua_check_tensor(L, 2, "identical", "argument 2");
  gr_lua_note_read(a->context, "it compared tensors");
  lua_pushboolean(L, all_equal(L, a, b, identical_numbers));
  return 1;
}

/* The number that an operand of < or <= stands for. */
static double one_number(lua_State *L, int index, const char *sign, const char *methods_text) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, index);
  char text[GR_SHAPE_TEXT];
  if (tensor == NULL) return gr_lua_check_number(L, index, sign, "an operand");
  if (gr_tensor_size(tensor) != 1)
    gr_lua_error(L, "%s: it gives one boolean and compares single numbers, got a tensor of shape "
                 "%s; %s compare each element", sign, gr_tensor_shape_text(text, tensor),
                 methods_text);
  gr_lua_note_read(tensor->context, "it compared numbers");
  return gr_tensor_get(tensor, 0);
}

static int tensor_lt(lua_State *L) {
  static const char sign[] = "< or >", methods_text[] = "a:lt(b) and a:gt(b)";
  lua_pushboolean(L, one_number(L, 1, sign, methods_text) < one_number(L, 2, sign, methods_text));
  return 1;
}

static int tensor_le(lua_State *L) {
  static const char sign[] = "<= or >=", methods_text[] = "a:le(b) and a:ge(b)";
  lua_pushboolean(L, one_number(L, 1, sign, methods_text) <= one_number(L, 2, sign, methods_text));
  return 1;
}

/* Text */

/* Printing is policy: see stdlib/printing.lua. */
static int tensor_tostring(lua_State *L) {
  gr_lua_check_tensor(L, 1, "tostring", "argument 1");
  gr_lua_note_read(gr_lua_context(L), "it printed a tensor");
  gr_lua_require(L, "gradus.printing");
  lua_getfield(L, -1, "tensor");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* A tensor of rank 0 concatenates as its number does; what else Lua cannot concatenate stays an
** error. */
static void push_operand_text(lua_State *L, int index) {
  const gr_Tensor *tensor = gr_lua_test_tensor(L, index);
  if (tensor == NULL && !lua_isstring(L, index))
    gr_lua_argument_error(L, "..", "an operand", "a string, a number or a tensor", index);
  if (tensor != NULL && tensor->rank == 0) {
    gr_lua_push_number(L, gr_tensor_get(tensor, 0));
    gr_lua_note_read(tensor->context, "it read a number out of a tensor");
  } else {
    lua_pushvalue(L, index);
  }
  luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
}

static int tensor_concat(lua_State *L) {
  push_operand_text(L, 1);
  push_operand_text(L, 2);
  lua_concat(L, 2);
  return 1;
}

/* Gradients */

/* loss:backward()
** Differentiate a loss of one element with respect to every tensor that requires a gradient:
** each one's grad is replaced. The graph is freed; a second backward on it is an error. As
** torch.Tensor.backward.
** Example:
**   local w = tensor({ 1, 2 }, { requires_grad = true })
**   w:square():sum():backward()
**   print(w.grad) */
static int tensor_backward(lua_State *L) {
  gr_Tensor *loss = check_self(L, "backward", "t:backward()", 0);
  gr_Context *context = gr_lua_context(L);
  gr_lua_collect(L, context);
  gr_Status status = gr_backward(context, loss);
  if (gr_lua_made_room(L, status)) status = gr_backward(context, loss);
  gr_lua_check(L, status, "backward");
  return 0;
}

/* t:detach() -> tensor
** The same elements without the history: no gradient flows through it. A view. As
** torch.Tensor.detach.
** Example: tensor({ 1, 2 }, { requires_grad = true }):detach() */
static int tensor_detach(lua_State *L) {
  const gr_Tensor *tensor = check_self(L, "detach", "t:detach()", 0);
  gr_Tensor **view = gr_lua_push_slot(L);
  gr_lua_check(L, gr_tensor_view(gr_lua_context(L), tensor, view), "detach");
  return 1;
}

/* For stdlib */

/* set_grad_enabled(flag) -> what it was before */
static int set_grad_enabled(lua_State *L) {
  gr_Context *context = gr_lua_context(L);
  lua_pushboolean(L, context->grad_enabled);
  context->grad_enabled = lua_toboolean(L, 1);
  return 1;
}

/* is_grad_enabled() -> boolean */
static int is_grad_enabled(lua_State *L) {
  lua_pushboolean(L, gr_lua_context(L)->grad_enabled);
  return 1;
}

/* set_floatx(dtype)
** The type of tensors and models made from now on, "float32" (the default) or "float64". As
** keras.config.set_floatx.
** Example: set_floatx "float32" */
static int set_floatx(lua_State *L) {
  gr_lua_check_count(L, "set_floatx", 0, 1);
  gr_lua_context(L)->floatx = gr_lua_check_dtype(L, 1, "set_floatx");
  return 0;
}

/* set_num_threads(n)
** How many threads large products and large elementwise work are spread over, this one included: 1
** to 256. It is one for each processor unless the environment variable GRADUS_THREADS or the option
** --threads says otherwise; it changes the speed and never a digit. As torch.set_num_threads.
** Example: set_num_threads(1) */
static int set_num_threads(lua_State *L) {
  gr_lua_check_count(L, "set_num_threads", 0, 1);
  int64_t threads = gr_lua_check_integer(L, 1, "set_num_threads", "n");
  if (threads < 1 || threads > GR_MAX_THREADS)
    gr_lua_argument_error(L, "set_num_threads", "n", "a whole number from 1 to 256", 1);
  gr_lua_check(L, gr_set_threads(gr_lua_context(L), (int)threads), "set_num_threads");
  return 0;
}

/* num_threads() -> n
** How many threads large work is spread over. As torch.get_num_threads.
** Example: num_threads() */
static int num_threads(lua_State *L) {
  lua_pushinteger(L, gr_lua_context(L)->threads);
  return 1;
}

/* floatx() -> dtype
** The type of tensors and models made from now on, "float32" or "float64". As keras.config.floatx.
** Example: floatx() */
static int get_floatx(lua_State *L) {
  lua_pushstring(L, gr_dtype_name(gr_lua_context(L)->floatx));
  return 1;
}

/* lay_side_by_side(tensors): let these leaves share one storage, without gaps. */
static int lay_side_by_side(lua_State *L) {
  size_t count;
  gr_Tensor **tensors = gr_lua_check_tensors(L, 1, "lay_side_by_side", "an entry", &count);
  gr_lua_check(L, gr_tensors_lay_side_by_side(gr_lua_context(L), tensors, count),
               "lay_side_by_side");
  return 0;
}

/* is_tensor(value) -> boolean */
static int is_tensor(lua_State *L) {
  lua_pushboolean(L, gr_lua_test_tensor(L, 1) != NULL);
  return 1;
}

/* The index */

static const luaL_Reg methods[] = {
  {"item", tensor_item},
  {"totable", tensor_totable},
  {"rows", tensor_rows},
  {"cols", tensor_cols},
  {"mask", tensor_mask},
  {"fill", tensor_fill},
  {"identical", tensor_identical},
  {"backward", tensor_backward},
  {"detach", tensor_detach},
  {NULL, NULL}
};

static const luaL_Reg metamethods[] = {
  {"__len", tensor_len},
  {"__eq", tensor_eq},
  {"__lt", tensor_lt},
  {"__le", tensor_le},
  {"__concat", tensor_concat},
  {"__tostring", tensor_tostring},
  {NULL, NULL}
};

static const luaL_Reg functions[] = {
  {"tensor", make_tensor},
  {"zeros", make_zeros},
  {"ones", make_ones},
  {"full", make_full},
  {"range", make_range},
  {"set_grad_enabled", set_grad_enabled},
  {"is_grad_enabled", is_grad_enabled},
  {"set_floatx", set_floatx},
  {"floatx", get_floatx},
  {"set_num_threads", set_num_threads},
  {"num_threads", num_threads},
  {"lay_side_by_side", lay_side_by_side},
  {"is_tensor", is_tensor},
  {NULL, NULL}
};

/* The metatable is on top of the stack. */
static void set_end(lua_State *L) {
  gr_Blocks *blocks = gr_blocks_of(L);
  if (blocks != NULL) {
    blocks->end = end_tensor;
  } else {
    lua_pushcfunction(L, tensor_gc);
    lua_setfield(L, -2, "__gc");
  }
}

void gr_lua_open_tensor(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_newlib(L, shape_metamethods);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &shape_key);
  gr_lua_new_metatable(L, "gradus.tensor", metamethods);
  set_end(L);
  luaL_newlib(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "methods");  /* operations.c adds the rest */
  lua_pushcclosure(L, tensor_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, tensor_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pop(L, 1);
}

/* operations.c: every row of the table of operations as a function of Lua, a method on tensors and,
** where Lua has a sign for it, an operator. One generic function reads the arguments that the row
** describes. */
#include <string.h>

#include "library.h"
#include "core/kernels.h"
#include "core/tape.h"

/* Attributes */

static const char *attribute_name(gr_AttributeKind kind) {
  static const char *const names[] = {
    [GR_AXES] = "axes", [GR_KEEPDIMS] = "keepdims", [GR_LOW] = "low", [GR_HIGH] = "high",
    [GR_FRACTION] = "q", [GR_SHAPE] = "shape", [GR_ORDER] = "order", [GR_DTYPE] = "dtype",
    [GR_ACTIVATION] = "activation", [GR_SLICES] = "key"
  };
  return names[kind];
}

/* The axis at the top of the stack, from 0. */
static int check_axis(lua_State *L, const char *where, const gr_Tensor *x) {
  char text[GR_SHAPE_TEXT];
  int64_t axis = gr_lua_check_integer(L, -1, where, "an axis");
  if (axis == 0 || axis > x->rank || axis < -x->rank)
    gr_lua_error(L, "%s: axis %I is outside a tensor of shape %s (axes count from 1, from -1 at "
                 "the end)", where, (lua_Integer)axis, gr_tensor_shape_text(text, x));
  return (int)(axis > 0 ? axis - 1 : axis + x->rank);
}

/* A list of different axes: a number, a table, or nil for all. */
static void read_axes(lua_State *L, int index, const char *where, const gr_Tensor *x,
                      gr_Attributes *attributes) {
  bool seen[GR_MAX_RANK] = {false};
  bool is_table = lua_istable(L, index);
  int count = is_table ? (int)lua_rawlen(L, index) : 1;
  attributes->axes_count = -1;
  if (lua_isnoneornil(L, index)) return;
  if (count > x->rank)
    gr_lua_error(L, "%s: expected at most %d %s, got %d", where, x->rank,
                 x->rank == 1 ? "axis" : "axes", count);
  attributes->axes_count = count;
  for (int i = 0; i < count; i++) {
    if (is_table) lua_rawgeti(L, index, i + 1);
    else lua_pushvalue(L, index);
    int axis = check_axis(L, where, x);
    lua_pop(L, 1);
    if (seen[axis]) gr_lua_error(L, "%s: axis %d is named twice", where, axis + 1);
    seen[axis] = true;
    attributes->axes[i] = axis;
  }
}

static void read_order(lua_State *L, int index, const char *where, const gr_Tensor *x,
                       gr_Attributes *attributes) {
  if (lua_type(L, index) == LUA_TNUMBER) {  /* x:transpose(2, 1): gather the numbers */
    int count = lua_gettop(L) - index + 1;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
      lua_pushvalue(L, index + i);
      lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, index);
    lua_settop(L, index);
  }
  read_axes(L, index, where, x, attributes);
  if (attributes->axes_count >= 0 && attributes->axes_count != x->rank)
    gr_lua_error(L, "%s: expected an order of all %d axes, got %d", where, x->rank,
                 attributes->axes_count);
}

static int check_activation(lua_State *L, int index, const char *where) {
  static const char *const names[] = {"linear", "relu", "tanh", "sigmoid", NULL};
  if (lua_isnoneornil(L, index)) return GR_LINEAR;
  if (lua_type(L, index) != LUA_TSTRING)
    gr_lua_argument_error(L, where, "activation", "a string", index);
  for (int i = 0; i <= GR_LAST_ACTIVATION; i++)
    if (strcmp(lua_tostring(L, index), names[i]) == 0) return i;
  gr_lua_push_names(L, names);
  gr_lua_error(L, "%s: unknown activation \"%s\"%s", where, lua_tostring(L, index),
               gr_lua_suggestion(L, lua_tostring(L, index), -1));
  return GR_LINEAR;
}

static void read_bound(lua_State *L, int index, const char *where, const char *name,
                       bool *is_given, double *bound) {
  *is_given = !lua_isnoneornil(L, index);
  if (!*is_given) return;
  *bound = gr_lua_check_number(L, index, where, name);
  if (*bound != *bound) gr_lua_argument_error(L, where, name, "a number other than nan", index);
}

static void read_attribute(lua_State *L, int index, const char *where, gr_AttributeKind kind,
                           const gr_Tensor *x, gr_Attributes *attributes) {
  int next;
  switch (kind) {
    case GR_AXES: read_axes(L, index, where, x, attributes); break;
    case GR_ORDER: read_order(L, index, where, x, attributes); break;
    case GR_LOW:
      read_bound(L, index, where, "low", &attributes->has_low, &attributes->low);
      break;
    case GR_HIGH:
      read_bound(L, index, where, "high", &attributes->has_high, &attributes->high);
      break;
    case GR_KEEPDIMS:
      if (!lua_isnoneornil(L, index) && !lua_isboolean(L, index))
        gr_lua_argument_error(L, where, "keepdims", "a boolean", index);
      attributes->keepdims = lua_toboolean(L, index);
      break;
    case GR_FRACTION:
      attributes->fraction = gr_lua_check_number(L, index, where, "q");
      if (!(attributes->fraction >= 0 && attributes->fraction <= 1))
        gr_lua_argument_error(L, where, "q", "from 0 to 1", index);
      break;
    case GR_SHAPE:
      attributes->rank = gr_lua_check_shape(L, index, where, attributes->shape, &next);
      break;
    case GR_DTYPE: attributes->dtype = gr_lua_check_dtype(L, index, where); break;
    case GR_ACTIVATION: attributes->activation = check_activation(L, index, where); break;
    case GR_SLICES: case GR_NO_ATTRIBUTE: break;
  }
}

static int count_attributes(const gr_Operation *operation) {
  int count = 0;
  while (count < GR_MAX_ATTRIBUTES && operation->attributes[count] != GR_NO_ATTRIBUTE) count++;
  return count;
}

/* Fail for a name in the table at `index` that is no attribute's. */
static void check_names(lua_State *L, int index, const gr_Operation *operation) {
  const char *names[GR_MAX_ATTRIBUTES + 2] = {NULL};
  int count = count_attributes(operation);
  for (int i = 0; i < count; i++) names[i] = attribute_name(operation->attributes[i]);
  if (operation->attributes[0] == GR_AXES || operation->attributes[1] == GR_AXES)
    names[count] = "axis";
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    int i = 0;
    while (name != NULL && names[i] != NULL && strcmp(names[i], name) != 0) i++;
    if (name == NULL || names[i] != NULL) continue;
    gr_lua_push_names(L, names);
    gr_lua_error(L, "%s: unknown option \"%s\"%s", operation->name, name,
                 gr_lua_suggestion(L, name, -1));
  }
}

/* Attributes by name: x:sum { axes = 2, keepdims = true }. Lays the values out from `index` on, in
** the row's order, as if they had been given one by one. A list beside the names is the first
** attribute: x:sum { 2, keepdims = true }. */
static void spread_named(lua_State *L, int index, const gr_Operation *operation) {
  int count = count_attributes(operation);
  size_t listed = lua_rawlen(L, index);
  lua_settop(L, index);
  check_names(L, index, operation);
  for (int i = 0; i < count; i++) {
    const char *name = attribute_name(operation->attributes[i]);
    if (lua_getfield(L, index, name) == LUA_TNIL && operation->attributes[i] == GR_AXES) {
      lua_pop(L, 1);
      lua_getfield(L, index, "axis");
    }
    if (i > 0 || listed == 0) continue;
    if (!lua_isnil(L, -1)) gr_lua_error(L, "%s: %s is given twice", operation->name, name);
    if (listed == 1) lua_rawgeti(L, index, 1);
    else lua_pushvalue(L, index);
    lua_replace(L, -2);
  }
  lua_remove(L, index);
}

/* Whether the value is a table with names in it: options, and not only a list. */
static bool is_named(lua_State *L, int index) {
  if (!lua_istable(L, index)) return false;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) continue;
    lua_pop(L, 2);
    return true;
  }
  return false;
}

/* Tensors */

static bool takes_numbers(const gr_Operation *operation) {
  return operation->arity == 2 && operation->typed_by == GR_COMMON_TYPE &&
         strcmp(operation->name, "matmul") != 0;
}

/* Push the name that the row's signature gives to input i, counted from 0: "x:take(indices)" has x
** and indices. */
static const char *input_name(lua_State *L, const gr_Operation *operation, int i) {
  const char *at = strchr(operation->signature, '(') + 1;
  const char *colon = memchr(operation->signature, ':', (size_t)(at - operation->signature));
  if (colon != NULL && i-- == 0)
    return lua_pushlstring(L, operation->signature, (size_t)(colon - operation->signature));
  for (; i > 0; i--) at = strchr(at, ',') + 2;
  return lua_pushlstring(L, at, strcspn(at, ",) "));
}

/* Whether it is called as x:name(...), and not as name(...). */
static bool is_method(const gr_Operation *operation) {
  return strcspn(operation->signature, ":") < strcspn(operation->signature, "(");
}

/* Argument number `index` is no operand. Says how to call a method that got no tensor, or too few:
** a dot in the place of the colon does both. */
static void operand_error(lua_State *L, int index, const gr_Operation *operation,
                          const char *expected, bool too_few) {
  const char *call = operation->signature;
  size_t length = strcspn(call, ")") + 1;
  if (is_method(operation) && index == 1 && operation->arity == 1)
    lua_pushfstring(L, "; use a colon: %s", lua_pushlstring(L, call, length));
  else if (is_method(operation) && too_few)
    lua_pushfstring(L, "; the call is %s", lua_pushlstring(L, call, length));
  else lua_pushliteral(L, "");
  const char *hint = lua_tostring(L, -1);
  gr_lua_error(L, "%s: %s must be %s, got %s%s", operation->name,
               input_name(L, operation, index - 1), expected, gr_lua_describe(L, index), hint);
}

/* Whether a number stands in the place of a tensor. */
static bool is_number_operand(lua_State *L, int index, const gr_Operation *operation) {
  return takes_numbers(operation) && lua_type(L, index) == LUA_TNUMBER &&
         gr_lua_test_tensor(L, 3 - index) != NULL;
}

/* Put a tensor in the place of a table, for take. */
static gr_Tensor *make_operand(lua_State *L, int index, const gr_Operation *operation, int given) {
  bool takes_list = operation->typed_by == GR_OWN_TYPES && index == 2;
  if (takes_list && lua_istable(L, index)) {
    gr_Tensor *tensor = gr_lua_tensor_from_table(L, index, GR_FLOAT64, operation->name);
    lua_replace(L, index);
    return tensor;
  }
  const char *expected = takes_list ? "a tensor or a list"
                         : takes_numbers(operation) && gr_lua_test_tensor(L, 3 - index) != NULL
                             ? "a tensor or a number" : "a tensor";
  operand_error(L, index, operation, expected, given < operation->arity);
  return NULL;
}

/* Arguments behind the operands: attributes one by one, or a table of names alone; dimensions and
** orders may be any number. */
static void check_given(lua_State *L, const gr_Operation *operation) {
  int arity = operation->arity, receivers = is_method(operation) ? 1 : 0;
  if (is_named(L, arity + 1)) {
    for (int i = arity + 2; i <= lua_gettop(L); i++)
      if (!lua_isnil(L, i))
        gr_lua_error(L, "%s: options by name come alone, got %s besides", operation->name,
                     gr_lua_describe(L, i));
  } else if ((operation->attributes[0] != GR_SHAPE && operation->attributes[0] != GR_ORDER) ||
             lua_type(L, arity + 1) != LUA_TNUMBER) {
    gr_lua_check_count(L, operation->name, receivers,
                       arity - receivers + count_attributes(operation));
  }
}

/* A call of an operation. */
typedef struct Call {
  gr_Context *context;
  const gr_Operation *operation;
  gr_Tensor *inputs[GR_MAX_INPUTS];
  int number;  /* where the stack has a number in the place of an input, or 0 */
  const gr_Attributes *attributes;
  gr_Tensor **result;
} Call;

/* The number becomes a tensor of the other operand's type. Nothing raises before it is dropped, so
** that it belongs to nobody. */
static gr_Status apply_with_number(lua_State *L, Call *call) {
  gr_Tensor **number = &call->inputs[call->number - 1];
  gr_DType dtype = call->inputs[2 - call->number]->dtype;
  gr_Status status = gr_tensor_new(call->context, dtype, 0, NULL, number);
  if (status != GR_OK) return status;
  gr_tensor_set(*number, 0, lua_tonumber(L, call->number));
  status = gr_apply(call->context, call->operation, call->inputs, call->attributes, call->result);
  gr_tensor_release(*number);
  return status;
}

static gr_Status apply(lua_State *L, Call *call) {
  if (call->number > 0) return apply_with_number(L, call);
  return gr_apply(call->context, call->operation, call->inputs, call->attributes, call->result);
}

/* What the function of a row works with. */
typedef struct Row {
  const gr_Operation *operation;
  gr_Context *context;
} Row;

static void read_attributes(lua_State *L, const Call *call, gr_Attributes *attributes) {
  const gr_Operation *operation = call->operation;
  int first = operation->arity + 1, count = count_attributes(operation);
  if (is_named(L, first)) spread_named(L, first, operation);
  if (lua_gettop(L) < first + count) lua_settop(L, first + count);
  for (int i = 0; i < count; i++)
    read_attribute(L, first + i, operation->name, operation->attributes[i], call->inputs[0],
                   attributes);
}

/* The function for every row. Its upvalues: the row, the metatable of tensors. */
static int call_operation(lua_State *L) {
  const Row *row = lua_touserdata(L, lua_upvalueindex(1));
  const gr_Operation *operation = row->operation;
  Call call = {.context = row->context, .operation = operation};
  gr_Attributes attributes;
  int arity = operation->arity, given = lua_gettop(L);
  if (given < arity) lua_settop(L, arity);
  gr_lua_collect(L, row->context);
  for (int i = 0; i < arity; i++) {
    call.inputs[i] = gr_lua_test_tensor(L, i + 1);
    if (call.inputs[i] != NULL) continue;
    if (is_number_operand(L, i + 1, operation)) call.number = i + 1;
    else call.inputs[i] = make_operand(L, i + 1, operation, given);
  }
  if (given > arity) check_given(L, operation);
  if (operation->attributes[0] != GR_NO_ATTRIBUTE) {
    read_attributes(L, &call, &attributes);
    call.attributes = &attributes;
  }
  call.result = gr_lua_push_slot_with(L, lua_upvalueindex(2));
  gr_Status status = apply(L, &call);
  if (gr_lua_made_room(L, status)) status = apply(L, &call);
  gr_lua_check(L, status, operation->name);
  return 1;
}

/* Push that function. */
static void push_operation(lua_State *L, const gr_Operation *operation) {
  Row *row = lua_newuserdatauv(L, sizeof *row, 0);
  *row = (Row){operation, gr_lua_context(L)};
  luaL_getmetatable(L, "gradus.tensor");
  lua_pushcclosure(L, call_operation, 2);
}

/* The operator gives its metamethod two operands even for unary minus. */
static int negate(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* The index of the table: name, arity, signature, help, domain; for help, checks and fuzzing. */
static int list_operations(lua_State *L) {
  lua_newtable(L);
  const gr_Operation *operation;
  for (size_t i = 0; (operation = gr_operation(i)) != NULL; i++) {
    lua_newtable(L);
    lua_pushstring(L, operation->name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, operation->arity);
    lua_setfield(L, -2, "arity");
    lua_pushstring(L, operation->signature);
    lua_setfield(L, -2, "signature");
    lua_pushstring(L, operation->help);
    lua_setfield(L, -2, "help");
    lua_pushboolean(L, operation->backward != NULL);
    lua_setfield(L, -2, "differentiable");
    lua_pushnumber(L, operation->low);
    lua_setfield(L, -2, "low");
    lua_pushnumber(L, operation->high);
    lua_setfield(L, -2, "high");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static const struct { const char *sign, *name; } operators[] = {
  {"__add", "add"}, {"__sub", "sub"}, {"__mul", "mul"}, {"__div", "div"}, {"__pow", "pow"},
  {"__idiv", "floordiv"}, {"__mod", "mod"}
};

/* With gradus.core on top: a method and a function core.operations[name] for each row. */
void gr_lua_open_operations(lua_State *L) {
  int core = lua_gettop(L);
  const gr_Operation *operation;
  lua_getfield(L, core, "methods");
  int methods = lua_gettop(L);
  for (size_t i = 0; (operation = gr_operation(i)) != NULL; i++) {
    if (operation->attributes[0] == GR_SLICES) continue;  /* x[key] */
    push_operation(L, operation);
    lua_setfield(L, methods, operation->name);
  }
  luaL_getmetatable(L, "gradus.tensor");
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
    lua_getfield(L, methods, operators[i].name);
    lua_setfield(L, -2, operators[i].sign);
  }
  lua_getfield(L, methods, "neg");
  lua_pushcclosure(L, negate, 1);
  lua_setfield(L, -2, "__unm");
  lua_pushcfunction(L, list_operations);
  lua_setfield(L, core, "list_operations");
  lua_settop(L, core);
}

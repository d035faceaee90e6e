/* optimizer.c: the optimizer as a userdata whose fields are its settings. A setting is checked when
** it is set, and acts from the next step, since the core reads it at each. */
#include <string.h>

#include "library.h"
#include "core/norm.h"
#include "core/optimizer.h"
#include "lua/optimizer.h"

enum { OPTIMIZER_TAG = 0x67724f70 };

typedef struct OptimizerBlock {
  uint64_t tag;
  gr_Optimizer optimizer;
} OptimizerBlock;

gr_Optimizer *gr_lua_check_optimizer(lua_State *L, int index, const char *where) {
  OptimizerBlock *block = gr_lua_test_block(L, index, OPTIMIZER_TAG, sizeof *block);
  if (block == NULL) gr_lua_argument_error(L, where, "the optimizer", "an optimizer", index);
  return &block->optimizer;
}

static int optimizer_gc(lua_State *L) {
  OptimizerBlock *block = gr_lua_test_block(L, 1, OPTIMIZER_TAG, sizeof *block);
  if (block != NULL) gr_optimizer_free(&block->optimizer);
  return 0;
}

/* Settings */

static double check_setting(lua_State *L, int index, const char *name, double low, double high,
                            const char *expected) {
  double value = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : -1;
  if (lua_type(L, index) != LUA_TNUMBER || !(value >= low && value <= high))
    gr_lua_argument_error(L, "SGD", name, expected, index);
  return value;
}

static const double largest = 1.7976931348623157e308;

static void set_rate(lua_State *L, gr_Optimizer *optimizer, int index) {
  optimizer->learning_rate = check_setting(L, index, "learning_rate", 0, largest,
                                           "a finite number not below 0");
}

static void set_momentum(lua_State *L, gr_Optimizer *optimizer, int index) {
  optimizer->momentum = check_setting(L, index, "momentum", 0, 1, "a number from 0 to 1");
}

static void set_nesterov(lua_State *L, gr_Optimizer *optimizer, int index) {
  if (!lua_isboolean(L, index)) gr_lua_argument_error(L, "SGD", "nesterov", "a boolean", index);
  optimizer->nesterov = lua_toboolean(L, index);
}

static void set_weight_decay(lua_State *L, gr_Optimizer *optimizer, int index) {
  optimizer->weight_decay = lua_toboolean(L, index)
      ? check_setting(L, index, "weight_decay", 0, largest, "a finite number not below 0, or nil")
      : 0;
}

/* A threshold is a positive number; nil and false turn it off. */
static double check_threshold(lua_State *L, int index, const char *name) {
  if (!lua_toboolean(L, index)) return 0;
  double value = check_setting(L, index, name, 0, largest, "a positive number, or nil for none");
  if (value == 0)
    gr_lua_argument_error(L, "SGD", name, "a positive number, or nil for none", index);
  return value;
}

static void refuse_two_norms(lua_State *L, double other) {
  if (other != 0)
    gr_lua_error(L, "SGD: clipnorm (a norm for each variable) and global_clipnorm (one norm over "
                 "all) cannot be used together");
}

static void set_clipnorm(lua_State *L, gr_Optimizer *optimizer, int index) {
  double value = check_threshold(L, index, "clipnorm");
  if (value != 0) refuse_two_norms(L, optimizer->global_clipnorm);
  optimizer->clipnorm = value;
}

static void set_global_clipnorm(lua_State *L, gr_Optimizer *optimizer, int index) {
  double value = check_threshold(L, index, "global_clipnorm");
  if (value != 0) refuse_two_norms(L, optimizer->clipnorm);
  optimizer->global_clipnorm = value;
}

static double check_bound(lua_State *L, int table, int place) {
  lua_rawgeti(L, table, place);
  if (lua_type(L, -1) != LUA_TNUMBER || lua_tonumber(L, -1) != lua_tonumber(L, -1))
    gr_lua_argument_error(L, "SGD", place == 1 ? "clipvalue's lower bound"
                                               : "clipvalue's upper bound", "a number", -1);
  double value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static void refuse_more_bounds(lua_State *L, int table) {
  int count = 0;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) count++;
  if (count != 2)
    gr_lua_error(L, "SGD: clipvalue must be a range {low, high} of two numbers, got a table of %d",
                 count);
}

/* A number c for [-c, c], or a range {low, high}. */
static void set_clipvalue(lua_State *L, gr_Optimizer *optimizer, int index) {
  double low, high;
  if (lua_istable(L, index)) {
    low = check_bound(L, index, 1);
    high = check_bound(L, index, 2);
    refuse_more_bounds(L, index);
    if (!(low <= high))
      gr_lua_error(L, "SGD: clipvalue's lower bound %f is above its upper bound %f", low, high);
  } else {
    high = check_threshold(L, index, "clipvalue");
    low = -high;
  }
  optimizer->clips_values = lua_toboolean(L, index);
  optimizer->clip_low = low;
  optimizer->clip_high = high;
}

/* Reading settings and the report */

static void push_threshold(lua_State *L, double value) {
  if (value == 0) lua_pushnil(L);
  else lua_pushnumber(L, value);
}

static void push_clipvalue(lua_State *L, const gr_Optimizer *optimizer) {
  if (!optimizer->clips_values) {
    lua_pushnil(L);
  } else if (optimizer->clip_low == -optimizer->clip_high) {
    lua_pushnumber(L, optimizer->clip_high);
  } else {
    lua_createtable(L, 2, 0);
    lua_pushnumber(L, optimizer->clip_low);
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, optimizer->clip_high);
    lua_rawseti(L, -2, 2);
  }
}

static void set_list(lua_State *L, const char *name, const double *values, size_t n) {
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    gr_lua_push_number(L, values[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double value) {
  gr_lua_push_number(L, value);
  lua_setfield(L, -2, name);
}

/* optimizer.last_step -> table or nil
** What the last step did to the gradients; nil before the first step:
**
**   norm         the Euclidean norm over all variables, before clipping
**   norm_after   the same after clipping
**   scale        by how much clipping by norm scaled, the smallest over the variables; 1: not at
**                all
**   cut          the share of elements that clipping by value changed
**   norms        a list by variable, as are norms_after and scales
**
** Gradus's own.
** Example:
**   local w = tensor({ 3, 4 }, { requires_grad = true })
**   local optimizer = SGD { clipnorm = 1 }
**   w:square():sum():backward()
**   optimizer:apply { w }
**   print(optimizer.last_step.norm) */
static void push_last_step(lua_State *L, const gr_Optimizer *optimizer) {
  if (optimizer->iterations == 0) {
    lua_pushnil(L);
    return;
  }
  /* Making Lua values may run finalizers, and these may bind the optimizer anew: a copy first. */
  gr_Optimizer report;
  double *after;
  do {
    report = *optimizer;
    after = lua_newuserdatauv(L, (3 * report.count + 1) * sizeof *after, 0);
  } while (report.count != optimizer->count);
  double *norms = after + report.count, *scales = norms + report.count;
  for (size_t i = 0; i < report.count; i++)
    gr_lua_check(L, gr_optimizer_clipped_norm(gr_lua_context(L), optimizer, i, &after[i]),
                 "last_step");
  memcpy(norms, optimizer->norms, report.count * sizeof *norms);
  memcpy(scales, optimizer->scales, report.count * sizeof *scales);
  lua_createtable(L, 0, 7);
  set_number(L, "norm", report.norm);
  set_number(L, "norm_after", gr_norm_of_norms(after, report.count));
  set_number(L, "scale", report.scale);
  set_number(L, "cut", gr_optimizer_cut_share(&report));
  set_list(L, "norms", norms, report.count);
  set_list(L, "norms_after", after, report.count);
  set_list(L, "scales", scales, report.count);
}

/* optimizer.iterations -> integer
** How many steps the optimizer has done. As keras.optimizers.Optimizer.iterations.
** Example: SGD({}).iterations */

typedef struct Setting {
  const char *name;
  void (*set)(lua_State *L, gr_Optimizer *optimizer, int index);
} Setting;

static const Setting settings[] = {
  {"learning_rate", set_rate}, {"lr", set_rate}, {"momentum", set_momentum},
  {"nesterov", set_nesterov}, {"weight_decay", set_weight_decay}, {"clipnorm", set_clipnorm},
  {"global_clipnorm", set_global_clipnorm}, {"clipvalue", set_clipvalue}, {NULL, NULL}
};

static bool push_field(lua_State *L, const gr_Optimizer *optimizer, const char *name) {
  gr_lua_note_read(gr_lua_context(L), "it read a field of the optimizer");
  if (strcmp(name, "learning_rate") == 0 || strcmp(name, "lr") == 0)
    lua_pushnumber(L, optimizer->learning_rate);
  else if (strcmp(name, "momentum") == 0) lua_pushnumber(L, optimizer->momentum);
  else if (strcmp(name, "nesterov") == 0) lua_pushboolean(L, optimizer->nesterov);
  else if (strcmp(name, "weight_decay") == 0) push_threshold(L, optimizer->weight_decay);
  else if (strcmp(name, "clipnorm") == 0) push_threshold(L, optimizer->clipnorm);
  else if (strcmp(name, "global_clipnorm") == 0) push_threshold(L, optimizer->global_clipnorm);
  else if (strcmp(name, "clipvalue") == 0) push_clipvalue(L, optimizer);
  else if (strcmp(name, "iterations") == 0)
    lua_pushinteger(L, (lua_Integer)optimizer->iterations);
  else if (strcmp(name, "finite") == 0) lua_pushboolean(L, optimizer->finite);
  else if (strcmp(name, "last_step") == 0) push_last_step(L, optimizer);
  else return false;
  return true;
}

static int unknown_field(lua_State *L, const char *name) {
  static const char *const read_only[] = {"iterations", "last_step", "apply"};
  lua_newtable(L);
  int names = lua_gettop(L), n = 0;
  for (const Setting *setting = settings; setting->name != NULL; setting++) {
    lua_pushstring(L, setting->name);
    lua_rawseti(L, names, ++n);
  }
  for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++) {
    lua_pushstring(L, read_only[i]);
    lua_rawseti(L, names, ++n);
  }
  return gr_lua_error(L, "SGD: there is no \"%s\"%s", name, gr_lua_suggestion(L, name, names));
}

static const char *check_name(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING)
    gr_lua_argument_error(L, "SGD", "a field", "a name", 2);
  return lua_tostring(L, 2);
}

static int optimizer_index(lua_State *L) {
  const gr_Optimizer *optimizer = gr_lua_check_optimizer(L, 1, "SGD");
  const char *name = check_name(L);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  return push_field(L, optimizer, name) ? 1 : unknown_field(L, name);
}

static int optimizer_newindex(lua_State *L) {
  gr_Optimizer *optimizer = gr_lua_check_optimizer(L, 1, "SGD");
  const char *name = check_name(L);
  for (const Setting *setting = settings; setting->name != NULL; setting++)
    if (strcmp(name, setting->name) == 0) {
      setting->set(L, optimizer, 3);
      return 0;
    }
  return unknown_field(L, name);
}

/* Steps */

/* The optimizer whose method runs, given the form of a call. */
static gr_Optimizer *check_self(lua_State *L, const char *where, const char *call) {
  OptimizerBlock *block = gr_lua_test_block(L, 1, OPTIMIZER_TAG, sizeof *block);
  if (block == NULL) gr_lua_self_error(L, where, "an optimizer", call);
  gr_lua_check_count(L, where, 1, 1);
  return &block->optimizer;
}

/* Bind to the parameters in the argument: a model or layer (its trainable_weights), or a list. */
static void bind_argument(lua_State *L, gr_Optimizer *optimizer, int index, const char *where) {
  static const char expected[] = "a model, a layer or a list of tensors";
  if (!lua_istable(L, index)) gr_lua_argument_error(L, where, "argument 1", expected, index);
  if (lua_getfield(L, index, "trainable_weights") != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_pushvalue(L, index);
  }
  size_t count;
  gr_Tensor **parameters = gr_lua_check_tensors(L, -1, where, "a parameter", &count);
  gr_lua_check(L, gr_optimizer_bind(gr_lua_context(L), optimizer, parameters, count), where);
}

/* optimizer:bind(model): work on the model's parameters from now on. */
static int optimizer_bind(lua_State *L) {
  bind_argument(L, check_self(L, "bind", "optimizer:bind(model)"), 2, "bind");
  return 0;
}

/* optimizer:apply(model)
** One step: clip the new gradients of the model's weights and update the weights. The argument is a
** model, a layer, or a list of tensors; an error when none of them has a gradient that is new. As
** apply_gradients of keras.optimizers.Optimizer.
** Example:
**   local w = tensor({ 3, 4 }, { requires_grad = true })
**   w:square():sum():backward()
**   SGD({ learning_rate = 0.1 }):apply { w } */
static int optimizer_apply(lua_State *L) {
  gr_Optimizer *optimizer = check_self(L, "apply", "optimizer:apply(model)");
  bind_argument(L, optimizer, 2, "apply");
  gr_lua_note_read(gr_lua_context(L), "it updated parameters");
  gr_lua_check(L, gr_optimizer_step(gr_lua_context(L), optimizer), "apply");
  return 0;
}

/* core.sgd() -> an optimizer with Keras's defaults */
static int make_sgd(lua_State *L) {
  OptimizerBlock *block = gr_lua_new_block(L, "gradus.optimizer", OPTIMIZER_TAG, sizeof *block);
  gr_optimizer_init(&block->optimizer);
  return 1;
}

/* core.is_optimizer(value) -> boolean */
static int is_optimizer(lua_State *L) {
  lua_pushboolean(L, gr_lua_test_block(L, 1, OPTIMIZER_TAG, sizeof(OptimizerBlock)) != NULL);
  return 1;
}

/* core.step_report(optimizer) -> norm, scale, cut share, finite: the cheap part of last_step. */
static int step_report(lua_State *L) {
  const gr_Optimizer *optimizer = gr_lua_check_optimizer(L, 1, "step_report");
  gr_lua_push_number(L, optimizer->norm);
  gr_lua_push_number(L, optimizer->scale);
  lua_pushnumber(L, gr_optimizer_cut_share(optimizer));
  lua_pushboolean(L, optimizer->finite);
  return 4;
}

static const luaL_Reg methods[] = {
  {"apply", optimizer_apply},
  {"bind", optimizer_bind},
  {NULL, NULL}
};

/* Policy: see stdlib/printing.lua. */
static int optimizer_tostring(lua_State *L) {
  gr_lua_check_optimizer(L, 1, "tostring");
  gr_lua_require(L, "gradus.printing");
  lua_getfield(L, -1, "optimizer");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static const luaL_Reg metamethods[] = {
  {"__gc", optimizer_gc},
  {"__tostring", optimizer_tostring},
  {"__newindex", optimizer_newindex},
  {NULL, NULL}
};

void gr_lua_open_optimizer(lua_State *L) {
  lua_pushcfunction(L, make_sgd);
  lua_setfield(L, -2, "sgd");
  lua_pushcfunction(L, step_report);
  lua_setfield(L, -2, "step_report");
  lua_pushcfunction(L, is_optimizer);
  lua_setfield(L, -2, "is_optimizer");
  gr_lua_new_metatable(L, "gradus.optimizer", metamethods);
  luaL_newlib(L, methods);
  lua_pushcclosure(L, optimizer_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

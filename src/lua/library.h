/*
** library.h: what the bindings share.
**
** Each file of src/lua exposes one thing of the core to Lua and ends in its luaL_Reg table. A
** binding checks its arguments in order, calls the core and pushes the result; nothing is computed
** here. All errors go through gr_lua_error, which points at the user's own line: frames of the
** library, whose chunks are named "=gradus.<module>", are passed over.
**
** What lives across a call that may raise belongs to a userdata, so that Lua's long jump leaks
** nothing. Each userdata begins with a tag, which is checked at every entry together with the size
** of the block: a metatable can be put on anything, so it proves nothing.
*/
#ifndef GR_LUA_LIBRARY_H
#define GR_LUA_LIBRARY_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

#include "core/recording.h"
#include "core/tensor.h"

/* What can be seen from outside of the module gradus.so; all else is hidden. */
#define GR_EXPORT __attribute__((visibility("default")))

/* The one entry: makes a state's context, where it has none, and pushes the table `gradus`, whose
** fields are all the words of the library. */
GR_EXPORT int luaopen_gradus(lua_State *L);

/* The context of this state; NULL before the library is opened. */
gr_Context *gr_lua_context(lua_State *L);

/* Who is asked whether a long loop should stop; "portable", "avx2" or "avx512". */
void gr_lua_set_interrupt(lua_State *L, bool (*interrupted)(void *data), void *data);
const char *gr_lua_kernels_level(lua_State *L);

/* Errors. They do not return; the int is for `return gr_lua_error(...)`. */

/* "script.lua:12: " and the formatted text (lua_pushfstring's formats). */
int gr_lua_error(lua_State *L, const char *format, ...);

/* "<where>: <argument> must be <expected>, got <the value at index>". */
int gr_lua_argument_error(lua_State *L, const char *where, const char *argument,
                          const char *expected, int index);

/* Argument 1 of a method is not what the method belongs to: "...; use a colon: x:sum(...)". */
int gr_lua_self_error(lua_State *L, const char *where, const char *expected, const char *call);

/* Raise when there are more than `most` arguments that are not nil behind the receivers, of which a
** method has one and a function none. */
void gr_lua_check_count(lua_State *L, const char *where, int receivers, int most);

/* Raise "<where>: <the context's message>"; and unless the status is GR_OK. */
void gr_lua_raise(lua_State *L, const char *where);
static inline void gr_lua_check(lua_State *L, gr_Status status, const char *where) {
  if (status != GR_OK) gr_lua_raise(L, where);
}

/* Raise "<where>: interrupted" when the loop of C that runs must stop, or has just stopped. */
void gr_lua_check_stop(lua_State *L, const char *where);

/* Push how a value is shown in a message: the string "abc", the number 3, a tensor [2, 3]. */
const char *gr_lua_describe(lua_State *L, int index);

/* Push `, did you mean "relu"?` for a name, given the index of a list of the known ones. */
const char *gr_lua_suggestion(lua_State *L, const char *name, int names);

/* Push a list of names, whose last is NULL. */
void gr_lua_push_names(lua_State *L, const char *const *names);

/* Push the module of that name, whatever a script has put in the place of `require`. */
void gr_lua_require(lua_State *L, const char *name);

/* Make the copy of the globals that the library works with now; luaopen_gradus makes it where
** nobody did before. */
void gr_lua_keep_globals(lua_State *L);

/* Userdata: a block of `size` bytes that begins with the tag, all else zero, with the metatable
** registered under `name`. */
void *gr_lua_new_block(lua_State *L, const char *name, uint64_t tag, size_t size);
/* The block at an index, or NULL when what is there is something else. */
static inline void *gr_lua_test_block(lua_State *L, int index, uint64_t tag, size_t size) {
  uint64_t found;
  void *block = lua_touserdata(L, index);
  if (block == NULL || lua_rawlen(L, index) != size) return NULL;  /* of a light userdata: 0 */
  memcpy(&found, block, sizeof found);
  return found == tag ? block : NULL;
}

/* Make a metatable registered under `name` with these functions and, as __name, the last part of
** that name; leaves it on the stack. */
void gr_lua_new_metatable(lua_State *L, const char *name, const luaL_Reg *functions);

/* Tensors */

/* Push a userdata without a tensor yet, and return the place for one: the core writes its result
** there, so that nothing is lost when something raises in between. */
gr_Tensor **gr_lua_push_slot(lua_State *L);
/* The same for whoever has the metatable at an absolute index at hand. */
gr_Tensor **gr_lua_push_slot_with(lua_State *L, int metatable);
gr_Tensor *gr_lua_test_tensor(lua_State *L, int index);  /* NULL: not a tensor */
gr_Tensor *gr_lua_check_tensor(lua_State *L, int index, const char *where, const char *argument);

/* The tensors of the list at an index, in a block that is pushed: good as long as no Lua runs. */
gr_Tensor **gr_lua_check_tensors(lua_State *L, int index, const char *where, const char *argument,
                                 size_t *count);

/* A new tensor, pushed: elements not set. Tells the collector what was made. */
gr_Tensor *gr_lua_new_tensor(lua_State *L, gr_DType dtype, int rank, const int64_t *shape,
                             const char *where);

/* Push a tensor with the numbers of the nested table (or the number) at `index`. */
gr_Tensor *gr_lua_tensor_from_table(lua_State *L, int index, gr_DType dtype, const char *where);

/* Let the collector work in proportion to the bytes made since the last time. It may run
** finalizers, that is Lua code: call it before any pointer is taken. */
void gr_lua_collect(lua_State *L, gr_Context *context);

/* Whether what ended so is worth another try: memory ran out, and now the garbage is gone, whose
** tensors hold more than Lua knows of. May run finalizers. */
bool gr_lua_made_room(lua_State *L, gr_Status status);

/* Arguments. Each raises with the function's and the argument's name. */
gr_DType gr_lua_check_dtype(lua_State *L, int index, const char *where);
double gr_lua_check_number(lua_State *L, int index, const char *where, const char *argument);
int64_t gr_lua_check_integer(lua_State *L, int index, const char *where, const char *argument);

/* Push a number. Every NaN that crosses into Lua is the positive quiet one, so that it prints as
** `nan`. */
void gr_lua_push_number(lua_State *L, double number);

/* A shape given as a table at `index`, or as integers from `index` on; *next is set to the index
** after it. Returns the rank. */
int gr_lua_check_shape(lua_State *L, int index, const char *where, int64_t *shape, int *next);

/* Before a tensor is written into. */
void gr_lua_check_writable(lua_State *L, const gr_Tensor *tensor, const char *where);

/* A number out of a recorded step's tensor would be wrong at replay: see recording.h. */
static inline void gr_lua_note_read(gr_Context *context, const char *what) {
  if (context->recording != NULL) gr_recording_break(context, what);
}

/* The parts of the table gradus.core; each pushes or fills the table on top of the stack. */
void gr_lua_open_tensor(lua_State *L);
void gr_lua_open_operations(lua_State *L);
void gr_lua_open_optimizer(lua_State *L);
void gr_lua_open_recording(lua_State *L);
void gr_lua_open_run(lua_State *L);
void gr_lua_open_random(lua_State *L);
void gr_lua_open_data(lua_State *L);
void gr_lua_open_profile(lua_State *L);

/* Modules in C that stdlib requires by name. */
int luaopen_gradus_pipe(lua_State *L);
int luaopen_gradus_statistics(lua_State *L);

#endif

/* random.h: what other bindings need of random.c. */
#ifndef GR_LUA_RANDOM_H
#define GR_LUA_RANDOM_H

#include "library.h"
#include "core/philox.h"
#include "core/random_state.h"

/* The generator that an argument names: the RandomState at `index` itself, or a new one, pushed,
** whose seed is there: a whole number, a list of them, or nothing (see RandomState in random.c).
** Anything else is an error. Either way one value is pushed that keeps the generator alive. */
gr_RandomState *gr_lua_check_random_state(lua_State *L, int index, const char *where,
                                          const char *argument);

/* The stream at `index`, from which something will be drawn. */
const gr_Stream *gr_lua_check_stream(lua_State *L, int index, const char *where,
                                     const char *argument);

#endif

/*
** recording.h: recordings of a training step or an evaluation, for the loop in stdlib/training.lua.
*/
#ifndef GR_LUA_RECORDING_H
#define GR_LUA_RECORDING_H

#include <lua.h>

#include "core/recording.h"

/* The recording at `index`, of a step or of an evaluation, which can be replayed. */
gr_Recording *gr_lua_check_step(lua_State *L, int index, const char *where, const char *argument);
gr_Recording *gr_lua_check_evaluation(lua_State *L, int index, const char *where,
                                      const char *argument);

#endif

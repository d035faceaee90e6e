/*
** optimizer.h: the optimizer's userdata, for the bindings that run one.
*/
#ifndef GR_LUA_OPTIMIZER_H
#define GR_LUA_OPTIMIZER_H

#include <lua.h>

#include "core/optimizer.h"

gr_Optimizer *gr_lua_check_optimizer(lua_State *L, int index, const char *where);

#endif

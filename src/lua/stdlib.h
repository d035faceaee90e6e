/*
** stdlib.h: the Lua modules embedded in the program, as the build leaves them.
*/
#ifndef GR_STDLIB_H
#define GR_STDLIB_H

#include <stddef.h>

#include "lua/library.h"

typedef struct gr_Module {
  const char *name;  /* NULL ends the list */
  const char *source;
  size_t size;
  const char *code;  /* compiled, by the Lua that built the program */
  size_t code_size;
} gr_Module;

extern const gr_Module gr_stdlib[];

/* Open the library and push the module of that name, as require does with luaopen_gradus_<name>. */
int gr_lua_open_module(lua_State *L, const char *name);

#define GR_ENTRY(module)                                    \
  GR_EXPORT int luaopen_gradus_##module(lua_State *L);      \
  int luaopen_gradus_##module(lua_State *L) { return gr_lua_open_module(L, #module); }

#endif

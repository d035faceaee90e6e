/* opening.h: making a state ready: Lua's libraries, Gradus's words, what the options ask for. */
#ifndef GR_GRADUS_OPENING_H
#define GR_GRADUS_OPENING_H

#include <lua.h>

#include "options.h"

/* Open everything in a new state. Raises when an option asks for what cannot be done. The options
** must outlive the state. */
void gr_open(lua_State *L, const gr_Options *options);

/* The options that a state was opened with. */
const gr_Options *gr_options_of(lua_State *L);

/* Push the field of one of the library's modules: require("gradus.<module>")[field]. */
void gr_push_from_module(lua_State *L, const char *module, const char *field);

#endif

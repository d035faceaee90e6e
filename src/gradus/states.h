/* states.h: fresh Lua states for Lua code: the test runner gives one to each file of tests.
**
** core.new_state() -> state
**   A new Lua state, opened as the program's own was, with the same options.
** state:call(module, name, ...) -> the results, or nil and a message
**   Calls require("gradus.<module>")[name] there. Strings, numbers, booleans and nil go in and come
**   out; of anything else its text. After Ctrl-C the message is "interrupted" and nothing else.
** state:close()
**   Ends it; dropping it does, too. */
#ifndef GR_GRADUS_STATES_H
#define GR_GRADUS_STATES_H

#include <lua.h>

/* Put new_state into gradus.core. */
void gr_states_open(lua_State *L);

#endif

/* profiling.h: --profile: a profile that is told when the program ends, however it ends. */
#ifndef GR_GRADUS_PROFILING_H
#define GR_GRADUS_PROFILING_H

#include <lua.h>

/* Start the profile; it is told when the state is closed or, after os.exit without closing, when
** the process exits. */
void gr_profiling_open(lua_State *L);

#endif

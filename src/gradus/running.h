/* running.h: running Lua code and telling what went wrong, as lua5.4 does.
**
** An error's message goes to standard error, behind the program's name, with a traceback. Each
** function returns Lua's status, and what it tells has then been told. */
#ifndef GR_GRADUS_RUNNING_H
#define GR_GRADUS_RUNNING_H

#include <lua.h>

#include "options.h"

/* Keep the program's name for the messages of this state; "": they have none. */
void gr_set_program(lua_State *L, const char *program);

/* Tell the error on top of the stack, unless the status is LUA_OK. */
int gr_report(lua_State *L, int status);

/* Call the function below `arguments` arguments. An error is left as a message with traceback. */
int gr_call_traced(lua_State *L, int arguments, int results);

/* Run a string, a file (NULL: standard input), `require` of "name" or "global=name". */
int gr_run_string(lua_State *L, const char *code, const char *chunkname);
int gr_run_file(lua_State *L, const char *path);
int gr_run_library(lua_State *L, const char *text);

/* Make the global `arg`, and run the script that the command line names with those arguments. */
void gr_make_arg(lua_State *L, const gr_Options *options);
int gr_run_script(lua_State *L, const gr_Options *options);

/* What the environment asks for: LUA_INIT_5_4 or LUA_INIT. */
int gr_run_init(lua_State *L);

#endif

/* globals.h: the words of the library as globals, and names that are not defined.
**
** A word is found through _G's metatable and its module loaded when it is first read: no field of
** _G is made, so that pairs(_G), next and rawget see what a script defined and nothing else, and a
** script may define any of the words anew.
**
** A name that is neither is nil, as in Lua. Where the main script, the command line or the prompt
** reads one, a warning tells it once, or, under --strict, an error; in modules, and in what load
** makes, it is nobody's business. */
#ifndef GR_GRADUS_GLOBALS_H
#define GR_GRADUS_GLOBALS_H

#include <stdbool.h>

#include <lua.h>

typedef enum gr_Undefined {
  GR_UNDEFINED_WARNS,
  GR_UNDEFINED_FAILS,
  GR_UNDEFINED_PASSES
} gr_Undefined;

/* Make the words globals. The library is opened when the first is read. */
void gr_globals_open(lua_State *L, gr_Undefined undefined);

/* From now on, watch reads of globals in chunks that were loaded under this name ("@script.lua",
** "=stdin"), or no more. */
void gr_globals_watch(lua_State *L, const char *chunkname, bool watches);

#endif

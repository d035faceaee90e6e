/* prompt.h: the prompt, where a person types Lua and sees what it gives.
**
** On a terminal, editor.c reads an entry, and the module gradus.prompt (stdlib/prompt.lua) decides
** all the rest: whether an entry is complete, how it is compiled so that its locals live on, what
** is shown, what completes a word. Elsewhere the prompt is that of lua5.4, to the letter. */
#ifndef GR_GRADUS_PROMPT_H
#define GR_GRADUS_PROMPT_H

#include <stdbool.h>

#include <lua.h>

/* Whether a person sits in front of standard input and output. */
bool gr_prompt_is_on_terminal(void);

/* Read, evaluate and print until the input ends. Leaves the stack as it was; no results. */
int gr_prompt(lua_State *L);

/* For `gradus -i script` on a terminal: run a script (NULL: standard input) with the arguments on
** top of the stack, which are popped, so that the prompt will see its top-level locals; an error is
** told as the prompt tells it. Returns Lua's status. */
int gr_prompt_script(lua_State *L, const char *path, int arguments);

#endif

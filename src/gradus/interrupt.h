/* interrupt.h: Ctrl-C, and calling Lua so that Ctrl-C ends the call.
**
** The signal's handler sets a flag, which the loops of the core poll, and a hook, which raises the
** error "interrupted" at the next instruction of Lua. Two things make it reach every Lua loop: the
** hook is set in the coroutine that runs, not only in the main thread, for which coroutine.resume,
** wrap and close are replaced by ones that note the running thread; and it stays set until somebody
** has taken the interrupt, so that `while true do pcall(f) end` ends, too. A script that has caught
** the error may still come to its own end, which takes a moment.
**
** Who takes it: gr_call, when the error arrives there (it is then gone before a message handler
** runs); or Lua code between core.hold_interrupts(true) and (false), like fit: there the first
** Ctrl-C sets only the flag, and the second raises, be it in the next fit of a loop soon after.
**
** What neither polls nor runs Lua cannot be stopped (a pattern match inside Lua's own library). A
** second Ctrl-C, some time after a first that nobody took, ends the program by the signal.
**
** One program has one keyboard: the flag and the threads are file-level variables (the only
** others are the prompt's and that of a profile told at exit). */
#ifndef GR_GRADUS_INTERRUPT_H
#define GR_GRADUS_INTERRUPT_H

#include <stdbool.h>

#include <lua.h>

/* Prepare a state: the functions of coroutine. */
void gr_interrupt_open(lua_State *L);

/* Prepare the library, once it is open: core.hold_interrupts and the polling of the core. */
void gr_interrupt_open_library(lua_State *L);

/* Call as lua_pcall with the message handler at index `handler` (or 0), with Ctrl-C as described.
** Calls may be nested. */
int gr_call(lua_State *L, int arguments, int results, int handler);

/* A message handler takes the interrupt that brought it here: call it first. */
void gr_interrupt_take(void);

/* Whether a Ctrl-C came that nobody has taken. */
bool gr_interrupt_is_pending(void);

#endif

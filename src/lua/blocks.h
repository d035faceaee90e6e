/* blocks.h: Lua states whose small blocks of memory are kept when they are given back, and whose
** userdata may end without a finalizer.
**
** A script makes and drops tables, closures, strings and tensors of a few sizes by the thousands,
** more than the C library keeps at hand. Lua says how large a block is that it gives back, so that
** each is kept in a list of exactly its size: blocks need no head, and it does not matter that Lua
** took some of them before the lists were there.
**
** The first small blocks are cut from one room. They are the library's modules, mostly, and stay to
** the end: asking the C library for each, and giving it back, takes longer than filling it. Where
** memory is watched, nothing is kept, and there is no room; see core/spares.h.
**
** A finalizer of each small tensor would take as long as adding two of them: Lua calls it in
** protected mode, and frees the userdata a cycle later. But a userdata has ended when its block is
** given back, and that is told to us. A block says by where it lies that it is such a holder's: in
** the middle between two places that malloc would give for its size. Other states know no holders,
** such as that of lua5.4 when it loads the library as a module: there userdata need finalizers. */
#ifndef GR_LUA_BLOCKS_H
#define GR_LUA_BLOCKS_H

#include <stddef.h>

#include <lua.h>

#include "core/context.h"

enum { GR_LARGEST_KEPT = 96 };  /* bytes */

/* Gives back what a holder holds. Lua is collecting garbage: it must not be called. */
typedef void gr_End(void *held);

typedef struct gr_Blocks {
  struct gr_SpareBlock *first[GR_LARGEST_KEPT + 1];  /* by size */
  size_t bytes;                                      /* in all of them */
  unsigned char *room;                               /* for the first blocks; NULL: there is none */
  size_t left;                                       /* of its bytes */
  gr_Spares holders;
  size_t holder_size;                                /* what Lua takes for each */
  void *next_holder;                                 /* what Lua takes next, or NULL: any block */
  gr_End *end;                                       /* of what holders hold */
  gr_Context context;                                /* what holders hold needs it to the end */
} gr_Blocks;

/* A new state that works with `blocks`, which live longer. NULL: no memory. */
lua_State *gr_state_new(gr_Blocks *blocks);

/* Close it, and free what is kept. */
void gr_state_close(lua_State *L, gr_Blocks *blocks);

/* The blocks that a state works with; NULL: it is none of gr_state_new. */
gr_Blocks *gr_blocks_of(lua_State *L);

/* Push a userdata of GR_HELD bytes, and return them. In a state of gr_state_new, blocks->end is
** called with them when Lua frees the userdata. Raises where there is no memory. */
enum { GR_HELD = 16 };
void *gr_push_holder(lua_State *L);

#endif

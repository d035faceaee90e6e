/* blocks.h: Lua states whose small blocks of memory are kept when they are given back.
**
** A script makes and drops tables, closures, strings and tensors of a few sizes by the thousands,
** more than the C library keeps at hand. Lua says how large a block is that it gives back, so that
** each is kept in a list of exactly its size: blocks need no head, and it does not matter that Lua
** took some of them before the lists were there.
**
** The first small blocks are cut from one room. They are the library's modules, mostly, and stay to
** the end: asking the C library for each, and giving it back, takes longer than filling it. Where
** memory is watched, nothing is kept, and there is no room; see core/spares.h. */
#ifndef GR_GRADUS_BLOCKS_H
#define GR_GRADUS_BLOCKS_H

#include <stddef.h>

#include <lua.h>

enum { GR_LARGEST_KEPT = 96 };  /* bytes */

typedef struct gr_Blocks {
  struct gr_SpareBlock *first[GR_LARGEST_KEPT + 1];  /* by size */
  size_t bytes;                                      /* in all of them */
  unsigned char *room;                               /* for the first blocks; NULL: there is none */
  size_t left;                                       /* of its bytes */
} gr_Blocks;

/* A new state that works with `blocks`, which are all zero and live longer. NULL: no memory. */
lua_State *gr_state_new(gr_Blocks *blocks);

/* Close it, and free what is kept. */
void gr_state_close(lua_State *L, gr_Blocks *blocks);

#endif

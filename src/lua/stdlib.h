/*
** stdlib.h: the Lua modules embedded in the program, as the build leaves them.
*/
#ifndef GR_STDLIB_H
#define GR_STDLIB_H

#include <stddef.h>

typedef struct gr_Module {
  const char *name;  /* NULL ends the list */
  const char *source;
  size_t size;
} gr_Module;

extern const gr_Module gr_stdlib[];

#endif

/*
** testing.h: the few words that the C tests of the core share. A test program calls check() for
** each fact and ends with `return finish();`, which prints `N passed, N failed`.
*/
#ifndef TESTING_H
#define TESTING_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int passed, failed;

__attribute__((format(printf, 2, 3)))
static inline void check(bool holds, const char *format, ...) {
  va_list arguments;
  if (holds) { passed++; return; }
  failed++;
  if (failed > 20) return;  /* enough to see what is wrong */
  printf("not so: ");
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
}

static inline int finish(void) {
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}

#endif

/*
** dispatch.c: which set of kernels this processor runs.
**
** The Makefile defines GR_HAS_<level> for each level that is built. A level is offered only where
** the processor, and the operating system's support for its registers, are there; so valgrind,
** which hides what it cannot run, gets a level that it can.
*/
#include <string.h>

#include "kernels.h"
#include "processor.h"

extern const gr_Kernels gr_kernels_portable;

static bool runs_always(void) { return true; }

#if defined GR_HAS_avx2
extern const gr_Kernels gr_kernels_avx2;
#endif

#if defined GR_HAS_avx512
extern const gr_Kernels gr_kernels_avx512;
#endif

/* The best first. */
static const struct {
  const gr_Kernels *kernels;
  bool (*runs)(void);
} levels[] = {
#if defined GR_HAS_avx512
  { &gr_kernels_avx512, gr_has_avx512 },
#endif
#if defined GR_HAS_avx2
  { &gr_kernels_avx2, gr_has_avx2 },
#endif
  { &gr_kernels_portable, runs_always }
};

const gr_Kernels *gr_kernels_choose(const char *level) {
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    const gr_Kernels *kernels = levels[i].kernels;
    if (level != NULL && strcmp(level, kernels->level) != 0) continue;
    if (levels[i].runs()) return kernels;
  }
  return NULL;
}

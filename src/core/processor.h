/*
** processor.h: one source, compiled for several instruction sets within one file.
**
** A loop that is worth it is written once as a GR_INLINE function and stamped out under GR_AVX2
** and GR_AVX512; its caller asks the processor and takes the best. This changes the speed and
** never a bit: the loops hold only correctly rounded operations, multiply-add (__builtin_fma) is
** asked for by name, and -ffp-contract=off lets no compiler add one of its own. Elsewhere than on
** x86-64 there is the plain version alone.
**
** (The big kernels have a file for each level instead: see kernels.h.)
*/
#ifndef GR_PROCESSOR_H
#define GR_PROCESSOR_H

#include <stdbool.h>

#define GR_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)

#define GR_X86 1
#define GR_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define GR_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"), \
                                 min_vector_width(512)))
#else
#define GR_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma," \
                                        "prefer-vector-width=512")))
#endif

GR_INLINE bool gr_has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

GR_INLINE bool gr_has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         gr_has_avx2();
}

#endif

#endif

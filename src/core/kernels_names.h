/*
** kernels_names.h: how one source is compiled for float and for double.
**
** A file that is included twice, once with ELEMENT float and once with ELEMENT double, writes
** `load(p)` and means load_float or load_double. NAME adds the type; the words of the vectors
** (kernels_avx512.h explains them) and the functions on one vector are spelled out here, and each
** such file adds its own.
*/
#ifndef GR_KERNELS_NAMES_H
#define GR_KERNELS_NAMES_H

#define NAME_JOINED(name, element) name##_##element
#define NAME_OF(name, element) NAME_JOINED(name, element)
#define NAME(name) NAME_OF(name, ELEMENT)

#define LANES NAME(LANES)
#define word NAME(word)
#define vector NAME(vector)
#define mask NAME(mask)
#define bits NAME(bits)
#define splat NAME(splat)
#define load NAME(load)
#define store NAME(store)
#define load_part NAME(load_part)
#define store_part NAME(store_part)
#define load_columns NAME(load_columns)
#define fused NAME(fused)
#define fused_one NAME(fused_one)
#define root NAME(root)
#define less NAME(less)
#define less_equal NAME(less_equal)
#define equal NAME(equal)
#define both NAME(both)
#define either NAME(either)
#define choose NAME(choose)
#define lower NAME(lower)
#define higher NAME(higher)
#define scaled NAME(scaled)
#define count_lanes NAME(count_lanes)
#define first_lanes NAME(first_lanes)
#define neighbours NAME(neighbours)

/* kernels_functions.h */
#define magnitude NAME(magnitude)
#define with_sign_of NAME(with_sign_of)
#define rounded_down NAME(rounded_down)
#define rectified NAME(rectified)
#define clipped NAME(clipped)
#define quotient NAME(quotient)
#define polynomial NAME(polynomial)
#define polynomial_by_halves NAME(polynomial_by_halves)
#define fraction NAME(fraction)
#define FRACTION NAME(FRACTION)
#define BIAS NAME(BIAS)

/* kernels_exponential.h */
#define reduced NAME(reduced)
#define less_one NAME(less_one)
#define scaled_by NAME(scaled_by)
#define exponential NAME(exponential)
#define logarithm NAME(logarithm)
#define hyperbolic_tangent NAME(hyperbolic_tangent)
#define logistic NAME(logistic)

#endif

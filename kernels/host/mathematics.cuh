// Functions of numbers on the host: instructions, the C library's (a call an element), and in vector.cuh our own, which
// have no branches, so that loops over them become vector code.
#pragma once

#define HOST_MATH static inline __attribute__((always_inline))

// name(double) and CUDA's overload name(float), by the compiler's word for both: an instruction where there is one.
#define HOST_UNARY(name)                                           \
    HOST_MATH double name(double x) { return __builtin_##name(x); } \
    HOST_MATH float name(float x) { return __builtin_##name##f(x); }
#define HOST_BINARY(name)                                                       \
    HOST_MATH double name(double x, double y) { return __builtin_##name(x, y); } \
    HOST_MATH float name(float x, float y) { return __builtin_##name##f(x, y); }

HOST_UNARY(sqrt)
HOST_UNARY(floor)
HOST_UNARY(ceil)
HOST_UNARY(trunc)
HOST_UNARY(rint)
HOST_UNARY(fabs)
HOST_BINARY(copysign)

HOST_UNARY(lgamma)
HOST_MATH double sin(double x) { return __builtin_sin(x); }
HOST_MATH double cos(double x) { return __builtin_cos(x); }
HOST_MATH double tan(double x) { return __builtin_tan(x); }
HOST_MATH double asin(double x) { return __builtin_asin(x); }
HOST_MATH double acos(double x) { return __builtin_acos(x); }
HOST_MATH double atan(double x) { return __builtin_atan(x); }
HOST_BINARY(fmod)
HOST_MATH double pow(double x, double y) { return __builtin_pow(x, y); }
HOST_BINARY(atan2)
HOST_BINARY(nextafter)
HOST_MATH double frexp(double x, int* exponent) { return __builtin_frexp(x, exponent); }
HOST_MATH float frexp(float x, int* exponent) { return __builtin_frexpf(x, exponent); }
#undef HOST_UNARY
#undef HOST_BINARY

HOST_MATH double fma(double x, double y, double z) { return __builtin_fma(x, y, z); }
HOST_MATH float fma(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
HOST_MATH double rsqrt(double x) { return 1 / sqrt(x); }
HOST_MATH float rsqrt(float x) { return 1 / sqrt(x); }

// The other of the two where one is NaN, as in C. By comparison: a call would keep loops from becoming vector code.
HOST_MATH double fmax(double x, double y) { return x > y || y != y ? x : y; }
HOST_MATH float fmax(float x, float y) { return x > y || y != y ? x : y; }
HOST_MATH double fmin(double x, double y) { return x < y || y != y ? x : y; }
HOST_MATH float fmin(float x, float y) { return x < y || y != y ? x : y; }
HOST_MATH float fminf(float x, float y) { return fmin(x, y); }
HOST_MATH float fmaxf(float x, float y) { return fmax(x, y); }

#include "vector.cuh"

#include "trigonometry.cuh"

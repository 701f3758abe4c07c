// CUDA's words on the host's processor: a block of one thread. Included before every kernel that is compiled for it.
//
// The grid is dealt out to threads of the operating system; each sets blockIdx and calls the kernel, block after block.
// Barriers and shuffles among one thread are nothing. Includes no system header: parsing them would take longer than
// compiling most kernels.
#pragma once

#ifndef __cplusplus
#error "kernels are C++"
#endif
#if defined(__FAST_MATH__)
#error "fast-math folds x != x and puts the whole process into flush-to-zero"
#endif
#if !defined(__FMA__) && !defined(__aarch64__)
#error "the host's kernels need fused multiply-add: x86-64-v3 or aarch64"
#endif

// What of the kernels depends on it: half types converted by integer code (scalar.cuh), no PTX.
#define CUDA_EMU 1

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__ static thread_local

typedef decltype(sizeof 0) size_t;

struct uint2 {
    unsigned x, y;
};
struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

static constexpr uint3 threadIdx{0, 0, 0}, blockDim{1, 1, 1};
// Of no other thread's concern, and its address is never taken, so that a loop keeps it in a register.
static thread_local uint3 blockIdx, gridDim;

// A kernel that meets what it must not (a class number out of range) ends with its block; the entry point that called
// it says so to its own caller.
struct HostTrap {};
[[noreturn]] static inline __attribute__((cold, noinline)) void __trap() { throw HostTrap(); }

// ---- a warp of one

static inline void __syncthreads() {}
static inline void __syncwarp(unsigned = 0) {}
static inline int __syncthreads_count(int predicate) { return predicate != 0; }
static inline unsigned __ballot_sync(unsigned, int predicate) { return predicate != 0; }

template <class T>
static inline T __shfl_xor_sync(unsigned, T value, int) {
    return value;
}
template <class T>
static inline T __shfl_up_sync(unsigned, T value, int) {
    return value;
}

// ---- bits, integers

static inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
static inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
static inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
static inline long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
static inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((unsigned long long)x * y >> 32); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }

#define HOST_MIN_MAX(T)                                     \
    static inline T min(T x, T y) { return y < x ? y : x; } \
    static inline T max(T x, T y) { return x < y ? y : x; }
HOST_MIN_MAX(int)
HOST_MIN_MAX(unsigned)
HOST_MIN_MAX(long)
HOST_MIN_MAX(unsigned long)
HOST_MIN_MAX(long long)
HOST_MIN_MAX(unsigned long long)
#undef HOST_MIN_MAX

// ---- atomics among the threads that share the grid

#define HOST_ATOMIC(T)                                                                                 \
    static inline T atomicAdd(T* p, T value) { return __atomic_fetch_add(p, value, __ATOMIC_RELAXED); } \
    static inline T atomicMax(T* p, T value) {                                                         \
        T old = __atomic_load_n(p, __ATOMIC_RELAXED);                                                  \
        while (old < value &&                                                                          \
               !__atomic_compare_exchange_n(p, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) \
            ;                                                                                          \
        return old;                                                                                    \
    }
HOST_ATOMIC(int)
HOST_ATOMIC(unsigned)
HOST_ATOMIC(long long)
HOST_ATOMIC(unsigned long long)
#undef HOST_ATOMIC

#include "mathematics.cuh"

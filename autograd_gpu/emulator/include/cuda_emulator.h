// CUDA C on the CPU: included before every kernel source. Includes no system header, as NVRTC has none.
// __global__, __launch_bounds__, __shared__ and __align__ stay undefined: rewrite.py handles them after preprocessing.
#pragma once

#define CUDA_EMU 1
#define __CUDACC__ 1
#define __CUDA_ARCH__ 900

#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __grid_constant__
#define __builtin_assume(condition) ((void)0)

typedef decltype(sizeof 0) size_t;
typedef unsigned int uint;
typedef unsigned short ushort;
typedef unsigned char uchar;

#include "emulator/abi.h"
#include "emulator/vector_types.h"
#include "emulator/integers.h"
#include "emulator/mathematics.h"
#include "emulator/synchronize.h"
#include "emulator/atomics.h"
#include "emulator/memory_access.h"
#include "emulator/tensor_core.h"
#include "emulator/entry.h"

#define threadIdx (emu_now.thread)
#define blockIdx (emu_now.block)
#define blockDim (emu_now.block_dim)
#define gridDim (emu_now.grid_dim)
static const int warpSize = 32;

extern "C" int printf(const char *format, ...);
extern "C" void *memcpy(void *to, const void *from, size_t size);
extern "C" void *memset(void *to, int byte, size_t size);
#undef assert
#define assert(condition) \
  ((condition) ? (void)0 : emu_fail("device assertion failed at %s:%d: %s", __FILE__, __LINE__, #condition))
static inline void __trap() { emu_fail("__trap()"); }

// Reductions over a warp and over a block, in a fixed order: the same bits on every run.
#pragma once

#include "scalar.cuh"

#define WARP 32
#define FULL_MASK 0xffffffffu

struct Plus {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
};

// The greater of two, NaN if either is NaN (fmaxf drops it).
struct Maximum {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a > b || a != a ? a : b;
    }
};

struct Minimum {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a < b || a != a ? a : b;
    }
};

// Every lane gets the result over its `width` neighbours; all 32 lanes must arrive.
template <class T, class Op>
__device__ inline T warp_reduce(T value, Op op, int width = WARP) {
    for (int step = width / 2; step > 0; step /= 2) value = op(value, __shfl_xor_sync(FULL_MASK, value, step));
    return value;
}

// Every thread gets the result over the block. `scratch` holds 32 values of shared memory; the block is 1-D, of whole
// warps. Ends with a barrier, so that `scratch` may be used again at once.
template <class T, class Op>
__device__ inline T block_reduce(T value, Op op, T* scratch) {
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    value = warp_reduce(value, op);
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    value = scratch[0];
    for (int i = 1; i < warps; i++) value = op(value, scratch[i]);
    __syncthreads();
    return value;
}

// Along a row on the host: loops that the compiler makes vector code of, and sums whose order is the same on every run,
// for every number of threads and every width of vector.
#pragma once

#include "scalar.cuh"

// What such a loop calls must be compiled into it: marks the function that holds the loop. Its variables are then nobody
// else's, and no store into an array can change them.
#define FLATTENED __attribute__((flatten, noinline))

// A sum over a row is LANES sums, of every LANES-th element, put together as a tree.
const int LANES = 256 / sizeof(acc_t);

// f(c, lane) for each column of a row: what is written of one column is not read at another.
template <class F>
__device__ __forceinline__ void each_column(int cols, F f) {
    long long c = 0;  // of a pointer's width: neighbours are to be seen as neighbours
    for (; c + LANES <= cols; c += LANES)
#pragma GCC ivdep
        for (int k = 0; k < LANES; k++) f(c + k, k);
#pragma GCC ivdep
    for (int k = 0; k < cols - c; k++) f(c + k, k);
}

struct Sums {
    acc_t lane[LANES] = {};

    __device__ __forceinline__ void add(int k, acc_t x) { lane[k] += x; }

    __device__ __forceinline__ acc_t total() {
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int k = 0; k < half; k++) lane[k] += lane[k + half];
        return lane[0];
    }
};

// The greatest of what is met, NaN left out: -inf where there is nothing else.
struct Greatest {
    acc_t lane[LANES];

    __device__ __forceinline__ Greatest() {
        for (int k = 0; k < LANES; k++) lane[k] = -INF_F;
    }

    __device__ __forceinline__ void add(int k, acc_t x) { lane[k] = x > lane[k] ? x : lane[k]; }

    __device__ __forceinline__ acc_t total() {
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int k = 0; k < half; k++) add(k, lane[k + half]);
        return lane[0];
    }
};

// A block's share of `count` rows.
struct Share {
    long long begin, end;
};

__device__ inline Share my_share(long long count) {
    return {count * blockIdx.x / gridDim.x, count * (blockIdx.x + 1) / gridDim.x};
}

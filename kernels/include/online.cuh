// The softmax normaliser of a row in one reading (Milakov & Gimelshein 2018, "Online normalizer calculation for
// softmax").
#pragma once

#include "row.cuh"

// The approximate exponential (2 ulp, and |x| * 2^-24 relative) vanishes in the rounding to 16 bits, and the exact one
// would make those kernels wait for arithmetic instead of memory.
#if defined(DTYPE_F16) || defined(DTYPE_BF16)
__device__ inline float exponential(float x) { return __expf(x); }
#else
__device__ inline acc_t exponential(acc_t x) { return exp(x); }
#endif

// exp(x - max) summed over what was seen. Nothing but -inf seen: max is -inf, and -inf - -inf gives the row its NaNs.
struct Online {
    acc_t max = -INF_F, sum = 0;

    // A max of -inf would turn exp(-inf - max), which is to be 0, into NaN.
    static __device__ acc_t shift(acc_t max) { return max == -INF_F ? 0 : max; }

    template <int N>
    __device__ void add(const Chunk<N>& x) {
        acc_t before = max;
        for (int i = 0; i < N; i++) max = fmax(max, x[i]);
        sum *= exponential(before - shift(max));
        for (int i = 0; i < N; i++) sum += exponential(x[i] - shift(max));
    }

    __device__ acc_t log_sum() const { return max + log(sum); }
};

__device__ inline Online shuffle_xor(Online value, int lanes) {
    return Online{shuffle_xor(value.max, lanes), shuffle_xor(value.sum, lanes)};
}

__device__ inline Online merge(Online a, Online b) {
    acc_t max = fmax(a.max, b.max), shift = Online::shift(max);
    return Online{max, a.sum * exponential(a.max - shift) + b.sum * exponential(b.max - shift)};
}

__device__ inline Online team_merge(Online value) {
    return team_reduce(value, [](Online a, Online b) { return merge(a, b); });
}

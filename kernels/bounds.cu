// Integers that must lie between bounds: indices, targets, offsets, divisors.
//
// A kernel cannot raise. It leaves word of the first wrong number that it sees, in memory which the host reads when it
// next waits, and goes on with a number that harms nobody.

#include "scalar.cuh"

// word = ticket, and the number cut to 32 bits. The ticket tells the host who asked; the first word stays.
__device__ inline void refuse(unsigned long long* word, unsigned ticket, long long number) {
    long long cut = number < -2147483648LL ? -2147483648LL : number > 2147483647LL ? 2147483647LL : number;
    atomicCAS(word, 0ULL, (unsigned long long)ticket << 32 | (unsigned)cut);
}

// out[i] = index[i], counted from the front where it is negative. It must lie in [low, high), or be `ignored`.
extern "C" __global__ void checked_index(const i64* index, i64* out, long long n, long long low, long long high,
                                         long long ignored, unsigned long long* word, unsigned ticket) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        long long number = index[i];
        if (number != ignored && (number < low || number >= high)) {
            refuse(word, ticket, number);
            number = 0;
        } else if (number < 0 && number != ignored) number += high;
        out[i] = number;
    }
}

// x[i] must not be 0.
extern "C" __global__ void refuse_zeros(const scalar_t* x, long long n, unsigned long long* word, unsigned ticket) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        if (x[i] == 0) refuse(word, ticket, 0);
}

// y[o, i, r] = the sum over e, from start[i] to start[i + 1], of weight[e] * x[o, index[e], r]: a sparse matrix times the
// middle dimension of x (outer, length, inner). A thread per element of y.
#include "scalar.cuh"

extern "C" __global__ void resample(const scalar_t* x, const long long* start, const long long* index,
                                    const acc_t* weight, scalar_t* y, long long outer, long long length,
                                    long long count, long long inner) {
    long long total = outer * count * inner, threads = (long long)gridDim.x * blockDim.x;
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < total; at += threads) {
        long long r = at % inner, i = at / inner % count, o = at / inner / count;
        const scalar_t* from = x + o * length * inner + r;
        acc_t sum = 0;
        for (long long e = start[i], end = start[i + 1]; e < end; e++) sum += weight[e] * load(from + index[e] * inner);
        store(y + at, sum);
    }
}

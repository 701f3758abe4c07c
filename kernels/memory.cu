// Copies between layouts, fills and ranges.
#include "map.cuh"

struct copy_of {
    __device__ acc_t operator()(acc_t x) const { return x; }
};

// y[i] = x[i].
extern "C" __global__ void copy(scalar_t* y, long long count, Layout<2> layout, const scalar_t* x) {
    map(copy_of(), y, count, layout, Operand<scalar_t, 1>{x, 0});
}

// y[i] = value.
extern "C" __global__ void fill(scalar_t* y, long long count, Layout<1> layout, acc_t value) {
    map([=]() { return value; }, y, count, layout);
}

// y[i] = start + i * step, each element for itself: rounding errors do not add up.
extern "C" __global__ void arange_integers(scalar_t* y, long long count, long long start, long long step) {
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < count; i += threads) {
        store(y + i, (acc_t)(start + i * step));
    }
}

extern "C" __global__ void arange_reals(scalar_t* y, long long count, double start, double step) {
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < count; i += threads) {
        store(y + i, (acc_t)(start + i * step));
    }
}

// Running sums, in place over rows y[outer, n, inner] along n.
#include "reduce.cuh"

// The sum over this thread and those before it in the block, and through `total` the whole block's. Kogge & Stone 1973
// within a warp; `scratch` holds a value a warp.
__device__ inline acc_t block_scan(acc_t value, acc_t* scratch, acc_t* total) {
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (int step = 1; step < WARP; step *= 2) {
        acc_t before = __shfl_up_sync(FULL_MASK, value, step);
        if (lane >= step) value += before;
    }
    if (lane == WARP - 1) scratch[warp] = value;
    __syncthreads();
    acc_t sum = 0;
    for (int i = 0; i < warps; i++) {
        if (i == warp) value += sum;
        sum += scratch[i];
    }
    *total = sum;
    __syncthreads();
    return value;
}

// inner == 1: one block a row, which it goes along a block's width at a time.
extern "C" __global__ void cumsum_rows(scalar_t* y, long long n) {
    __shared__ acc_t scratch[WARP];
    scalar_t* row = y + blockIdx.x * n;
    acc_t carry = 0, total;
    for (long long start = 0; start < n; start += blockDim.x) {
        long long i = start + threadIdx.x;
        acc_t sum = block_scan(i < n ? load(row + i) : acc_t(0), scratch, &total);
        if (i < n) store(row + i, carry + sum);
        carry += total;
    }
}

// One thread a column (outer, inner): neighbours read neighbouring elements.
extern "C" __global__ void cumsum_columns(scalar_t* y, long long columns, long long n, long long inner) {
    long long column = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (column >= columns) return;
    scalar_t* p = y + column / inner * n * inner + column % inner;
    acc_t sum = 0;
    for (long long i = 0; i < n; i++) {
        sum += load(p + i * inner);
        store(p + i * inner, sum);
    }
}

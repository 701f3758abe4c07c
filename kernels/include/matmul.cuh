// What the matrix product kernels share: out = x @ y + bias for a batch of strided (M, K) and (K, N), cut into output tiles
// and, when these are too few to fill the GPU, into slices of K whose partial products are added up in a fixed order.
#pragma once

#include "scalar.cuh"

const int BATCH_DIMS = 6;

// Field for field what arrays/cuda/matmul.py packs. Strides are in elements.
struct Problem {
    long long m, n, k;
    long long x_row, x_col, y_row, y_col;
    long long slices, slice;  // slices of `slice` elements of K
    long long batch_dims;
    long long size[BATCH_DIMS], x_batch[BATCH_DIMS], y_batch[BATCH_DIMS];
};

// The work of one block: rows row.. and columns col.. of the product, of elements k_begin..k_end-1 of K.
struct Work {
    const scalar_t *x, *y;  // this batch's matrices
    int row, col, k_begin, k_end;
    long long product;  // which of the (slices, batch) matrices of results this is a part of
};

// Blocks that run at the same time are to read the same panels of x and y, through one cache: tiles are counted down
// the rows of a band, BAND of them, before the next column.
const int BAND = 16;

template <int ROWS, int COLS>
__device__ inline Work my_work(const scalar_t* x, const scalar_t* y, const Problem& p) {
    int tiles_n = (p.n + COLS - 1) / COLS, tiles_m = (p.m + ROWS - 1) / ROWS;
    int tile = blockIdx.x % (tiles_m * tiles_n), rest = blockIdx.x / (tiles_m * tiles_n);
    int band = tile / (BAND * tiles_n) * BAND, in_band = tile % (BAND * tiles_n), rows = min(BAND, tiles_m - band);
    int row = (band + in_band % rows) * ROWS, col = in_band / rows * COLS;
    int slice = rest % (int)p.slices, batch = rest / (int)p.slices;
    int batches = gridDim.x / (tiles_n * tiles_m * (int)p.slices);
    rest = batch;
    for (int dim = p.batch_dims - 1; dim >= 0; dim--) {
        int i = rest % (int)p.size[dim];
        x += i * p.x_batch[dim];
        y += i * p.y_batch[dim];
        rest /= (int)p.size[dim];
    }
    int k_begin = slice * (int)p.slice, k_end = min(k_begin + (int)p.slice, (int)p.k);
    return Work{x, y, row, col, k_begin, k_end, (long long)slice * batches + batch};
}

// A column's bias, where there is one.
__device__ inline acc_t bias_of(const scalar_t* bias, long long col) { return bias ? load(bias + col) : 0; }

// Where a row of this block's product begins: in out when K is whole, else in this slice's partial product.
__device__ inline long long row_start(const Problem& p, const Work& work, int row) {
    return (work.product * p.m + row) * p.n;
}

// out[i, j] = the sum of partial[slice, i, j] over the slices, plus bias[j]; out has n elements.
extern "C" __global__ void matmul_total(const acc_t* partial, const scalar_t* bias, scalar_t* out, long long n,
                                        long long cols, int slices) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    acc_t sum = 0;
    for (int slice = 0; slice < slices; slice++) sum += partial[slice * n + i];
    store(out + i, sum + bias_of(bias, i % cols));
}

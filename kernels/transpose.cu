// Copies between layouts whose neighbours lie along different dimensions, through tiles in shared memory: reads and
// writes both take whole lines.
#include "scalar.cuh"
#include "strides.cuh"

// A line of a tile is 64 or 128 bytes. Its pitch is an odd number of 4-byte words, so that a column of the tile lies in
// as many banks as it has elements.
const int TILE = sizeof(scalar_t) <= 2 ? 64 : 32, PITCH = TILE + (sizeof(scalar_t) < 4 ? 4 / sizeof(scalar_t) : 1);
const int LANES = 32, LINES = 8;

// y[row * y_step + col] = x[col * x_step + row], for each element of the other dimensions. Field for field what
// arrays/cuda/transpose.py packs.
struct Transpose {
    long long rows, cols, y_step, x_step, others;
    Layout<2> other;
};

// blockIdx.x: tiles; blockIdx.y: elements of the other dimensions, in steps.
extern "C" __global__ void __launch_bounds__(LANES* LINES)
    copy_transposed(scalar_t* y, const scalar_t* x, const Transpose t) {
    __shared__ scalar_t tile[TILE][PITCH];
    long long across = (t.cols + TILE - 1) / TILE;
    long long row0 = blockIdx.x / across * TILE, col0 = blockIdx.x % across * TILE;
    int rows = (int)min((long long)TILE, t.rows - row0), cols = (int)min((long long)TILE, t.cols - col0);
    for (long long i = blockIdx.y; i < t.others; i += gridDim.y) {
        Offsets<2> start = locate(t.other, i);
        const scalar_t* from = x + start.of[1] + col0 * t.x_step + row0;
        scalar_t* to = y + start.of[0] + row0 * t.y_step + col0;
#pragma unroll
        for (int c = threadIdx.y; c < TILE; c += LINES)
#pragma unroll
            for (int r = threadIdx.x; r < TILE; r += LANES)
                if (c < cols && r < rows) tile[c][r] = from[c * t.x_step + r];
        __syncthreads();
#pragma unroll
        for (int r = threadIdx.y; r < TILE; r += LINES)
#pragma unroll
            for (int c = threadIdx.x; c < TILE; c += LANES)
                if (r < rows && c < cols) to[r * t.y_step + c] = tile[c][r];
        __syncthreads();  // the tile is empty again
    }
}

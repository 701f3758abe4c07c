// Substitution within a block of rows of triangular systems a @ y = b, where y holds b minus what is known already.
// One thread per right-hand side: neighbouring threads take neighbouring columns. The block of a sits in shared memory.

#include "scalar.cuh"

const int ROWS = 64;  // the most rows of a block; as arrays/cuda/linalg.py has it

// a (batch, n, n), y (batch, n, columns); rows start .. start + rows - 1 of each.
extern "C" __global__ void substitute(const scalar_t* a, scalar_t* y, long long n, long long columns, int start,
                                      int rows, int upper, int unit) {
    __shared__ acc_t block[ROWS][ROWS + 1];
    long long tiles = (columns + blockDim.x - 1) / blockDim.x, batch = blockIdx.x / tiles;
    long long column = blockIdx.x % tiles * blockDim.x + threadIdx.x;
    a += (batch * n + start) * n + start;
    for (int i = threadIdx.x; i < rows * rows; i += blockDim.x) block[i / rows][i % rows] = a[i / rows * n + i % rows];
    __syncthreads();
    if (column >= columns) return;

    y += (batch * n + start) * columns + column;
    for (int step = 0; step < rows; step++) {
        int i = upper ? rows - 1 - step : step;
        acc_t value = y[i * columns];
        for (int j = upper ? i + 1 : 0; j < (upper ? rows : i); j++) value -= block[i][j] * y[j * columns];
        y[i * columns] = unit ? value : value / block[i][i];
    }
}

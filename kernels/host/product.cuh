// c += a @ b for small matrices that lie in a core's cache: what attention and convolution multiply tile by tile.
//
// A tile of c stays in registers while the sum runs: 4 rows by as many neighbours as four vectors have. Loops over arrays
// whose sizes are known are what the compiler keeps there; fma is written, since nothing may be contracted.
#pragma once

#include "scalar.cuh"

#ifdef __AVX512F__
const int VECTOR_BYTES = 64;
#else
const int VECTOR_BYTES = 16;  // four vectors of 16 bytes, or two of AVX2: 4 rows of them leave registers for b
#endif
const int WIDTH = VECTOR_BYTES / sizeof(acc_t), TILE_ROWS = 4;

// The least multiple of WIDTH that is not below n: what rows are padded to, with zeros.
__device__ constexpr int padded(int n) { return (n + WIDTH - 1) / WIDTH * WIDTH; }

template <int ROWS, int COLS>
__attribute__((noinline)) static void product_tile(acc_t* __restrict__ c, long c_row, const acc_t* __restrict__ a,
                                                   long a_row, long a_step, const acc_t* __restrict__ b, long b_row,
                                                   int steps) {
    acc_t sum[ROWS][COLS] = {};
    for (int i = 0; i < steps; i++)
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            acc_t x = a[r * a_row + i * a_step];
            for (int k = 0; k < COLS; k++) sum[r][k] = fma(x, b[i * b_row + k], sum[r][k]);
        }
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < COLS; k++) c[r * c_row + k] += sum[r][k];
}

const int NEAR_STEPS = 96;  // of b, so that a strip of it stays in the nearest cache while the rows go by

template <int COLS>
__device__ inline void product_strip(acc_t* c, long c_row, const acc_t* a, long a_row, long a_step, const acc_t* b,
                                     long b_row, int rows, int steps) {
    for (int i = 0; i < steps; i += NEAR_STEPS) {
        const int here = min(NEAR_STEPS, steps - i);
        const acc_t *of_a = a + i * a_step, *of_b = b + i * b_row;
        int r = 0;
        for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
            product_tile<TILE_ROWS, COLS>(c + r * c_row, c_row, of_a + r * a_row, a_row, a_step, of_b, b_row, here);
        for (; r < rows; r++)
            product_tile<1, COLS>(c + r * c_row, c_row, of_a + r * a_row, a_row, a_step, of_b, b_row, here);
    }
}

// c (rows, cols) += a (rows, steps) @ b (steps, cols). b's and c's columns lie together, and `cols` is padded; a's element
// (r, i) lies at r * a_row + i * a_step, so that a may be the transpose of what is stored.
__device__ inline void add_product(acc_t* c, long c_row, const acc_t* a, long a_row, long a_step, const acc_t* b,
                                   long b_row, int rows, int cols, int steps) {
    int k = 0;
    for (; k + 4 * WIDTH <= cols; k += 4 * WIDTH)
        product_strip<4 * WIDTH>(c + k, c_row, a, a_row, a_step, b + k, b_row, rows, steps);
    for (; k + 2 * WIDTH <= cols; k += 2 * WIDTH)
        product_strip<2 * WIDTH>(c + k, c_row, a, a_row, a_step, b + k, b_row, rows, steps);
    for (; k < cols; k += WIDTH) product_strip<WIDTH>(c + k, c_row, a, a_row, a_step, b + k, b_row, rows, steps);
}

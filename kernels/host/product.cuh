// c += a @ b for small matrices that lie in a core's cache: what attention and convolution multiply tile by tile.
//
// A tile of c stays in registers while the sum runs: 6 rows by as many neighbours as two or four vectors have, beside a line
// of b. The compiler keeps them there where they are its vectors, and fuses a product and a sum of those where it is told to:
// one rounding, as fma's. From arrays it reads the line of b again for each row.
#pragma once

#include "scalar.cuh"

#ifdef __AVX512F__
const int VECTOR_BYTES = 64, REGISTER = 64;
#elif defined(__AVX2__)
const int VECTOR_BYTES = 16, REGISTER = 32;  // two registers of a line: 6 rows of them leave some of the 16 for b
#else
const int VECTOR_BYTES = 16, REGISTER = 16;
#endif
const int WIDTH = VECTOR_BYTES / sizeof(acc_t), TILE_ROWS = 6;

#ifdef __clang__
#define FUSED
#define FUSE _Pragma("clang fp contract(fast)")
#else
#define FUSED __attribute__((optimize("fp-contract=fast")))
#define FUSE
#endif

// The least multiple of WIDTH that is not below n: what rows are padded to, with zeros.
__device__ constexpr int padded(int n) { return (n + WIDTH - 1) / WIDTH * WIDTH; }

template <int ROWS, int COLS>
FUSED __attribute__((noinline)) static void product_tile(acc_t* __restrict__ c, long c_row, const acc_t* __restrict__ a,
                                                         long a_row, long a_step, const acc_t* __restrict__ b,
                                                         long b_row, int steps) {
    FUSE
    const int LINE = COLS * sizeof(acc_t), BYTES = LINE < REGISTER ? LINE : REGISTER, COUNT = LINE / BYTES;
    typedef acc_t Vector __attribute__((vector_size(BYTES), aligned(sizeof(acc_t)), may_alias));
    Vector sum[ROWS][COUNT];
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < COUNT; k++) sum[r][k] = Vector{};
    for (int i = 0; i < steps; i++) {
        Vector line[COUNT];
#pragma GCC unroll 8
        for (int k = 0; k < COUNT; k++) line[k] = ((const Vector*)(b + i * b_row))[k];
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const acc_t x = a[r * a_row + i * a_step];
#pragma GCC unroll 8
            for (int k = 0; k < COUNT; k++) sum[r][k] += x * line[k];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int k = 0; k < COUNT; k++) ((Vector*)(c + r * c_row))[k] += sum[r][k];
}

const int NEAR_STEPS = 96;  // of b, so that a strip of it stays in the nearest cache while the rows go by

template <int COLS>
__device__ inline void product_strip(acc_t* c, long c_row, const acc_t* a, long a_row, long a_step, const acc_t* b,
                                     long b_row, int rows, int steps) {
    for (int i = 0; i < steps; i += NEAR_STEPS) {
        const int here = min(NEAR_STEPS, steps - i);
        const acc_t *of_a = a + i * a_step, *of_b = b + i * b_row;
        int r = 0;
        const auto tiles = [&]<int ROWS>() {
            for (; r + ROWS <= rows; r += ROWS)
                product_tile<ROWS, COLS>(c + r * c_row, c_row, of_a + r * a_row, a_row, a_step, of_b, b_row, here);
        };
        tiles.template operator()<TILE_ROWS>();
        tiles.template operator()<4>();
        tiles.template operator()<2>();
        tiles.template operator()<1>();
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

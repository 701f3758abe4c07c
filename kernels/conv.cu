// Convolutions as products (conv.cuh) in float32 and float64, on the ordinary arithmetic units.
//
// 256 threads make a TILE x TILE part of a group's product; each holds (TILE / 16)^2 sums in registers. Panels of
// matrix and image, DEPTH deep, pass through two shared buffers: while one is multiplied, the next is on its way. The
// image's columns exist only in those panels.
#include "conv.cuh"

const int THREADS = 256, DEPTH = 8;

// Four neighbours of a panel: one 16-byte shared load in float, two in double.
struct alignas(16) Quad {
    acc_t item[4];
};

template <int TILE>
using Panels = Fetched<TILE, TILE, DEPTH, THREADS>;

template <int TILE>
__device__ inline void keep(const Panels<TILE>& from, acc_t (*matrix)[TILE + 4], acc_t (*image)[TILE + 4]) {
#pragma unroll
    for (int i = 0; i < from.ROWS_EACH; i++) matrix[from.matrix_depth()][from.matrix_row(i)] = from.matrix[i];
#pragma unroll
    for (int i = 0; i < from.DEPTHS_EACH; i++) image[from.image_depth(i)][from.image_column()] = from.image[i];
}

template <int TILE>
__device__ void multiply(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial,
                         const Product& p) {
    const int QUADS = TILE / 64;
    __shared__ alignas(16) acc_t matrix_panel[2][DEPTH][TILE + 4], image_panel[2][DEPTH][TILE + 4];
    Part part = my_part(p, TILE, TILE);
    matrix += p.matrix_start + part.group * p.matrix_group;
    image += part.group * p.image_group;
    Panels<TILE> panels;
    Spot column = spot(p.columns, part.col + panels.image_column());
    int thread_row = threadIdx.x / 16 * 4, thread_col = threadIdx.x % 16 * 4;  // in each 64 x 64 part of the tile

    acc_t sums[QUADS * 4][QUADS * 4] = {};
    panels.fetch(matrix, image, p, part, column, part.begin);
    keep<TILE>(panels, matrix_panel[0], image_panel[0]);
    __syncthreads();
    for (int k = part.begin, buffer = 0; k < part.end; k += DEPTH, buffer ^= 1) {
        bool more = k + DEPTH < part.end;
        if (more) panels.fetch(matrix, image, p, part, column, k + DEPTH);
#pragma unroll 1  // more would take registers from the sums
        for (int d = 0; d < DEPTH; d++) {
            Quad a[QUADS], b[QUADS];
            for (int q = 0; q < QUADS; q++) {
                a[q] = *(const Quad*)&matrix_panel[buffer][d][q * 64 + thread_row];
                b[q] = *(const Quad*)&image_panel[buffer][d][q * 64 + thread_col];
            }
            for (int i = 0; i < QUADS * 4; i++)
                for (int j = 0; j < QUADS * 4; j++) sums[i][j] += a[i / 4].item[i % 4] * b[j / 4].item[j % 4];
        }
        if (more) keep<TILE>(panels, matrix_panel[buffer ^ 1], image_panel[buffer ^ 1]);
        __syncthreads();
    }

    for (int j = 0; j < QUADS * 4; j++) {
        int col = part.col + j / 4 * 64 + thread_col + j % 4;
        if (col >= p.cols) continue;
        long long at = alongside(p.columns, spot(p.columns, col));
        for (int i = 0; i < QUADS * 4; i++) {
            int row = part.row + i / 4 * 64 + thread_row + i % 4;
            if (row < p.rows) put(out, partial, p, part, at + row * p.out_row, sums[i][j]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    conv_64(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial, const Product p) {
    multiply<64>(matrix, image, out, partial, p);
}

// For products with rows and columns enough to fill the GPU with tiles of this size.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    conv_128(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial, const Product p) {
    multiply<128>(matrix, image, out, partial, p);
}

// Convolutions as products (conv.cuh) in float16 and bfloat16 on tensor cores, with float sums.
//
// 8 warps make a ROWS x COLS part of a group's product, each a 2 x 4th of it. Panels of matrix and image, DEPTH deep,
// pass from registers through two shared buffers. A place of the image lies at any address, so its panel is gathered
// element by element, neighbours along the image's rows; ldmatrix turns it.
#include "conv.cuh"
#include "mma.cuh"

const int COLS = 128, DEPTH = 32, THREADS = 256;
// 8 elements more than a line needs: the 8 rows that ldmatrix reads at once then lie in different banks.
const int MATRIX_PITCH = DEPTH + 8, IMAGE_PITCH = COLS + 8;

template <int ROWS>
using Panels = Fetched<ROWS, COLS, DEPTH, THREADS>;

template <int ROWS>
__device__ inline void keep(const Panels<ROWS>& from, scalar_t (*matrix)[MATRIX_PITCH], scalar_t (*image)[IMAGE_PITCH]) {
#pragma unroll
    for (int i = 0; i < from.ROWS_EACH; i++) matrix[from.matrix_row(i)][from.matrix_depth()] = from.matrix[i];
#pragma unroll
    for (int i = 0; i < from.DEPTHS_EACH; i++) image[from.image_depth(i)][from.image_column()] = from.image[i];
}

template <int ROWS>
__device__ void multiply(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial,
                         const Product& p) {
    const int PIECES = ROWS / 32;  // of 16 rows a warp
    __shared__ alignas(16) scalar_t matrix_panel[2][ROWS][MATRIX_PITCH], image_panel[2][DEPTH][IMAGE_PITCH];
    Part part = my_part(p, ROWS, COLS);
    matrix += p.matrix_start + part.group * p.matrix_group;
    image += part.group * p.image_group;
    Panels<ROWS> panels;
    Spot column = spot(p.columns, part.col + panels.image_column());
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int warp_row = warp % 2 * (ROWS / 2), warp_col = warp / 2 * 32;
    int across = lane / 8 % 2 * 8, deep = lane / 16 * 8;  // this lane's of the four 8 x 8 matrices of an ldmatrix

    float sums[PIECES][4][4] = {};  // 16 x 8 pieces
    panels.fetch(matrix, image, p, part, column, part.begin);
    keep<ROWS>(panels, matrix_panel[0], image_panel[0]);
    __syncthreads();
    for (int k = part.begin, buffer = 0; k < part.end; k += DEPTH, buffer ^= 1) {
        bool more = k + DEPTH < part.end;
        if (more) panels.fetch(matrix, image, p, part, column, k + DEPTH);
#pragma unroll
        for (int d = 0; d < DEPTH; d += 16) {
            unsigned a[PIECES][4], b[2][4];
            for (int i = 0; i < PIECES; i++)
                ldmatrix<false>(a[i], &matrix_panel[buffer][warp_row + i * 16 + across + lane % 8][d + deep]);
            for (int j = 0; j < 2; j++)
                ldmatrix<true>(b[j], &image_panel[buffer][d + deep + lane % 8][warp_col + j * 16 + across]);
            for (int i = 0; i < PIECES; i++)
                for (int j = 0; j < 4; j++) {
                    unsigned columns[2] = {b[j / 2][j % 2], b[j / 2][j % 2 + 2]};
                    mma(sums[i][j], a[i], columns);
                }
        }
        if (more) keep<ROWS>(panels, matrix_panel[buffer ^ 1], image_panel[buffer ^ 1]);
        __syncthreads();
    }

    int first_row = part.row + warp_row + lane / 4, first_col = part.col + warp_col + lane % 4 * 2;
    for (int j = 0; j < 8; j++) {  // the thread's columns, two of each piece
        int col = first_col + j / 2 * 8 + j % 2;
        if (col >= p.cols) continue;
        long long at = alongside(p.columns, spot(p.columns, col));
        for (int i = 0; i < 2 * PIECES; i++) {
            int row = first_row + i * 8;
            if (row < p.rows) put(out, partial, p, part, at + row * p.out_row, sums[i / 2][j / 2][i % 2 * 2 + j % 2]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    conv_tensor_64(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial, const Product p) {
    multiply<64>(matrix, image, out, partial, p);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    conv_tensor_128(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial, const Product p) {
    multiply<128>(matrix, image, out, partial, p);
}

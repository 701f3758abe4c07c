// out = x @ y + bias in float32 and float64, on the ordinary arithmetic units; operands of any strides.
//
// 256 threads make a TILE x TILE part of out; each holds (TILE / 16)^2 sums in registers. Panels of x and y, DEPTH of K
// at a time, pass through two shared buffers: while one is multiplied, the next is on its way from memory.

#include "matmul.cuh"

const int THREADS = 256, DEPTH = 8;

// Four neighbours of a panel: one 16-byte shared load in float, two in double.
struct alignas(16) Quad {
    acc_t item[4];
};

// A thread's share of a panel, (DEPTH, TILE) in shared memory: `across` counts rows of x or columns of y.
template <int TILE>
struct Panel {
    static const int LOADS = TILE * DEPTH / THREADS;
    static const int PITCH = TILE + 4;  // storing along depth then meets no bank twice

    const scalar_t* from;  // this thread's first element of the panel that is fetched next
    long long step, advance;
    int across, depth, across_step, depth_step;
    int across_left, depth_left;  // elements of the operand from the thread's first one on
    acc_t held[LOADS];

    __device__ Panel(const scalar_t* source, long long across_stride, long long depth_stride, int across_end,
                     int depth_end) {
        // Neighbouring threads take neighbouring addresses, whichever way the operand lies.
        bool along_depth = depth_stride == 1;
        depth = along_depth ? threadIdx.x % DEPTH : threadIdx.x / TILE;
        across = along_depth ? threadIdx.x / DEPTH : threadIdx.x % TILE;
        depth_step = along_depth ? 0 : THREADS / TILE;
        across_step = along_depth ? THREADS / DEPTH : 0;
        from = source + across * across_stride + depth * depth_stride;
        step = across_step * across_stride + depth_step * depth_stride;
        advance = DEPTH * depth_stride;
        across_left = across_end - across;
        depth_left = depth_end - depth;
    }

    __device__ void fetch() {
        for (int i = 0; i < LOADS; i++)
            held[i] = i * across_step < across_left && i * depth_step < depth_left ? load(from + i * step) : 0;
        from += advance;
        depth_left -= DEPTH;
    }

    __device__ void put(acc_t (*panel)[PITCH]) const {
        for (int i = 0; i < LOADS; i++) panel[depth + i * depth_step][across + i * across_step] = held[i];
    }
};

template <int TILE>
__device__ void multiply(const scalar_t* x, const scalar_t* y, const scalar_t* bias, scalar_t* out, acc_t* partial,
                         const Problem& p) {
    const int QUADS = TILE / 64;
    __shared__ alignas(16) acc_t x_panel[2][DEPTH][TILE + 4], y_panel[2][DEPTH][TILE + 4];
    Work work = my_work<TILE, TILE>(x, y, p);
    int depth = work.k_end - work.k_begin;
    const scalar_t* x_tile = work.x + work.row * p.x_row + work.k_begin * p.x_col;
    const scalar_t* y_tile = work.y + work.k_begin * p.y_row + work.col * p.y_col;
    Panel<TILE> x_next(x_tile, p.x_row, p.x_col, (int)p.m - work.row, depth);
    Panel<TILE> y_next(y_tile, p.y_col, p.y_row, (int)p.n - work.col, depth);
    int thread_row = threadIdx.x / 16 * 4, thread_col = threadIdx.x % 16 * 4;  // in each 64 x 64 part of the tile

    acc_t sums[QUADS * 4][QUADS * 4] = {};
    x_next.fetch();
    y_next.fetch();
    x_next.put(x_panel[0]);
    y_next.put(y_panel[0]);
    __syncthreads();
    for (int k = 0, buffer = 0; k < depth; k += DEPTH, buffer ^= 1) {
        bool more = k + DEPTH < depth;
        if (more) x_next.fetch(), y_next.fetch();
#pragma unroll 1  // more would take registers from the sums: in float two blocks share a multiprocessor
        for (int d = 0; d < DEPTH; d++) {
            Quad a[QUADS], b[QUADS];
            for (int q = 0; q < QUADS; q++) {
                a[q] = *(const Quad*)&x_panel[buffer][d][q * 64 + thread_row];
                b[q] = *(const Quad*)&y_panel[buffer][d][q * 64 + thread_col];
            }
            for (int i = 0; i < QUADS * 4; i++)
                for (int j = 0; j < QUADS * 4; j++) sums[i][j] += a[i / 4].item[i % 4] * b[j / 4].item[j % 4];
        }
        if (more) x_next.put(x_panel[buffer ^ 1]), y_next.put(y_panel[buffer ^ 1]);
        __syncthreads();
    }

    for (int i = 0; i < QUADS * 4; i++) {
        int row = work.row + i / 4 * 64 + thread_row + i % 4;
        if (row >= p.m) continue;
        long long start = row_start(p, work, row);
        for (int j = 0; j < QUADS * 4; j++) {
            int col = work.col + j / 4 * 64 + thread_col + j % 4;
            if (col >= p.n) continue;
            if (p.slices == 1) store(out + start + col, sums[i][j] + bias_of(bias, col));
            else partial[start + col] = sums[i][j];
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    matmul_64(const scalar_t* x, const scalar_t* y, const scalar_t* bias, scalar_t* out, acc_t* partial,
               const Problem p) {
    multiply<64>(x, y, bias, out, partial, p);
}

// For products large enough to fill the GPU with tiles of this size.
extern "C" __global__ void __launch_bounds__(THREADS, sizeof(acc_t) == 4 ? 2 : 1)
    matmul_128(const scalar_t* x, const scalar_t* y, const scalar_t* bias, scalar_t* out, acc_t* partial,
                const Problem p) {
    multiply<128>(x, y, bias, out, partial, p);
}

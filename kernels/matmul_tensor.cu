// out = x @ y + bias on tensor cores with float sums: float16, bfloat16, and float32 rounded to tf32 where the user
// allows it. Also out = gelu(x @ y + bias), and out = (x @ y) * gelu'(h).
//
// 8 warps make a 128 x 128 part of out, each 64 x 32 of it. Panels of x and y, DEPTH of K at a time, pass through a
// ring of STAGES shared buffers, filled by background copies. Each operand has stride 1 either along K or across it:
// the panel keeps the operand's own direction, so that it is copied 16 bytes at a time, and ldmatrix turns it where it
// must.

#include "gelu.cuh"
#include "matmul.cuh"
#include "mma.cuh"

const int TILE = 128, DEPTH = 2 * MMA_DEPTH, STAGES = 3, THREADS = 256;
#ifdef TURING
const int BLOCKS = 1;  // a multiprocessor of sm_75 has shared memory for one
#else
const int BLOCKS = 2;
#endif

// One operand: `across` counts rows of x or columns of y, `depth` counts K.
template <bool ALONG_DEPTH>
struct Panel {
    // More than a line needs: the rows that ldmatrix reads at once, or the floats of a warp, then lie in different banks.
    static const int PITCH = ALONG_DEPTH ? DEPTH + CHUNK : TILE + 8;
    static const int SIZE = (ALONG_DEPTH ? TILE : DEPTH) * PITCH;

    const scalar_t* source;  // at the panel's first row or column, depth 0
    long long line_stride;   // from one line of contiguous elements to the next
    int across_end, depth_end;

    __device__ void copy(scalar_t* to, int k) const {
        const int LINE = ALONG_DEPTH ? DEPTH : TILE;
        for (int e = threadIdx.x * CHUNK; e < TILE * DEPTH; e += THREADS * CHUNK) {
            int line = e / LINE, along = e % LINE;
            int depth = k + (ALONG_DEPTH ? along : line), across = ALONG_DEPTH ? line : along;
            int left = ALONG_DEPTH ? depth_end - depth : across_end - across;
            int valid = across < across_end && depth < depth_end ? min(left, CHUNK) : 0;
            const scalar_t* from = source;
            if (valid) from += ALONG_DEPTH ? across * line_stride + depth : depth * line_stride + across;
            copy_chunk(to + line * PITCH + along, from, valid);
        }
    }

    // The 16 x MMA_DEPTH elements from (across, depth) as the warp's registers, in quarters: (low, low), (high, low),
    // (low, high), (high, high) of (across, depth).
    static __device__ void fragment(unsigned (&r)[4], const scalar_t* panel, int across, int depth) {
        int lane = threadIdx.x % 32, low_high = lane / 8 % 2 * 8, high = lane / 16 * CHUNK;
        if constexpr (ALONG_DEPTH)
            ldmatrix<false>(r, panel + (across + low_high + lane % 8) * PITCH + depth + high);
        else if constexpr (sizeof(scalar_t) == 2)
            ldmatrix<true>(r, panel + (depth + high + lane % 8) * PITCH + across + low_high);
        else  // ldmatrix turns 16 bits only
            for (int q = 0; q < 4; q++)
                r[q] = *(const unsigned*)(panel + (depth + q / 2 * 4 + lane % 4) * PITCH + across + q % 2 * 8 + lane / 4);
        for (int q = 0; q < 4; q++) r[q] = operand(r[q]);
    }
};

// ---- what becomes of a sum: (sum, its column, its place in out) -> the element of out

struct Biased {
    const scalar_t* bias;

    __device__ float operator()(float sum, int col, long long) const { return sum + bias_of(bias, col); }
};

// h, what gelu is taken of, is kept for backward.
struct Activated {
    const scalar_t* bias;
    scalar_t* h;
    bool by_tanh;

    __device__ float operator()(float sum, int col, long long place) const {
        sum += bias_of(bias, col);
        store(h + place, sum);
        return by_tanh ? gelu_tanh_value(sum) : gelu_value(sum);
    }
};

struct TimesSlope {
    const scalar_t* h;
    bool by_tanh;

    __device__ float operator()(float sum, int col, long long place) const {
        float x = load(h + place);
        return sum * (by_tanh ? gelu_tanh_slope(x) : gelu_slope(x));
    }
};

template <bool X_ALONG_DEPTH, bool Y_ALONG_DEPTH, class Finish>
__device__ void multiply(const scalar_t* x, const scalar_t* y, scalar_t* out, acc_t* partial, const Problem& p,
                         Finish finish) {
    extern __shared__ uint4 shared[];
    using X = Panel<X_ALONG_DEPTH>;
    using Y = Panel<Y_ALONG_DEPTH>;
    Work work = my_work<TILE, TILE>(x, y, p);
    X x_panel{work.x + work.row * p.x_row, X_ALONG_DEPTH ? p.x_row : p.x_col, (int)p.m - work.row, work.k_end};
    Y y_panel{work.y + work.col * p.y_col, Y_ALONG_DEPTH ? p.y_col : p.y_row, (int)p.n - work.col, work.k_end};
    scalar_t *x_shared = (scalar_t*)shared, *y_shared = x_shared + STAGES * X::SIZE;
    int warp = threadIdx.x / 32, warp_row = warp % 2 * 64, warp_col = warp / 2 * 32;

    int steps = (work.k_end - work.k_begin + DEPTH - 1) / DEPTH;
    auto start = [&](int step) {
        if (step < steps) {
            x_panel.copy(x_shared + step % STAGES * X::SIZE, work.k_begin + step * DEPTH);
            y_panel.copy(y_shared + step % STAGES * Y::SIZE, work.k_begin + step * DEPTH);
        }
        copy_commit();  // an empty group past the end keeps the count that copy_wait goes by
    };
    for (int step = 0; step < STAGES - 1; step++) start(step);

    float sums[4][4][4] = {};  // 16 x 8 pieces of the warp's 64 x 32
    for (int step = 0; step < steps; step++) {
        copy_wait<STAGES - 2>();
        __syncthreads();  // this step's panels are whole, and all have left the buffer that is filled next
        start(step + STAGES - 1);
        const scalar_t* x_now = x_shared + step % STAGES * X::SIZE;
        const scalar_t* y_now = y_shared + step % STAGES * Y::SIZE;
#pragma unroll
        for (int depth = 0; depth < DEPTH; depth += MMA_DEPTH) {
            unsigned a[4][4], b[2][4];
            for (int i = 0; i < 4; i++) X::fragment(a[i], x_now, warp_row + i * 16, depth);
            for (int j = 0; j < 2; j++) Y::fragment(b[j], y_now, warp_col + j * 16, depth);
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) {
                    unsigned columns[2] = {b[j / 2][j % 2], b[j / 2][j % 2 + 2]};
                    mma(sums[i][j], a[i], columns);
                }
        }
    }
    copy_wait<0>();

    int first_row = work.row + warp_row + threadIdx.x % 32 / 4, first_col = work.col + warp_col + threadIdx.x % 4 * 2;
    for (int i = 0; i < 8; i++) {  // the thread's rows, two of each 16 x 8 piece
        int row = first_row + i * 8;
        if (row >= p.m) continue;
        long long start = row_start(p, work, row);
        for (int j = 0; j < 4; j++) {
            int col = first_col + j * 8;
            float pair[2] = {sums[i / 2][j][i % 2 * 2], sums[i / 2][j][i % 2 * 2 + 1]};
            for (int c = 0; c < 2 && col + c < p.n; c++) {
                if (p.slices == 1) pair[c] = finish(pair[c], col + c, start + col + c);
                else partial[start + col + c] = pair[c];
            }
            if (p.slices == 1) store_pair(out + start, col, p.n, pair[0], pair[1]);
        }
    }
}

// n: the operand's rows are contiguous; t: its columns are (it is the transpose of one whose rows are). The tt of tf32
// would spill if two blocks were to share a multiprocessor.
#define MATMUL(NAME, X_ALONG_DEPTH, Y_ALONG_DEPTH, TOGETHER)                                                           \
    extern "C" __global__ void __launch_bounds__(THREADS, TOGETHER)                                                    \
        NAME(const scalar_t* x, const scalar_t* y, const scalar_t* bias, scalar_t* out, acc_t* partial,                \
             const Problem p) {                                                                                        \
        multiply<X_ALONG_DEPTH, Y_ALONG_DEPTH>(x, y, out, partial, p, Biased{bias});                                   \
    }
MATMUL(matmul_nn, true, false, BLOCKS)
MATMUL(matmul_nt, true, true, BLOCKS)
MATMUL(matmul_tn, false, false, BLOCKS)
MATMUL(matmul_tt, false, true, sizeof(scalar_t) == 2 ? BLOCKS : 1)

// The forward and the backward of gelu after a linear map, whose operands lie in these ways; K in one slice.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    matmul_gelu_nt(const scalar_t* x, const scalar_t* y, const scalar_t* bias, scalar_t* h, scalar_t* out,
                   const Problem p, int by_tanh) {
    multiply<true, true>(x, y, out, nullptr, p, Activated{bias, h, by_tanh != 0});
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    matmul_gelu_backward_nn(const scalar_t* x, const scalar_t* y, const scalar_t* h, scalar_t* out, const Problem p,
                            int by_tanh) {
    multiply<true, false>(x, y, out, nullptr, p, TimesSlope{h, by_tanh != 0});
}

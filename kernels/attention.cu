// Attention (see attention.cuh) in float32 and float64 on the ordinary arithmetic units.

#include "attention.cuh"

// As many rows of a tile as make it `bytes` long.
__device__ constexpr int rows_in(int bytes, int d) {
    int rows = bytes / (int)sizeof(acc_t) / d;
    return rows < 32 ? rows : 32;
}

// 128 threads over a ROWS x COLS result: thread (y, x) holds rows y + i * DOWN. D_MAX is the most that d may be.
template <int D_MAX, int TILE_BYTES>
struct Team {
    static const int THREADS = 128, BLOCKS = 2, STAGES = 1;
    static const int ROWS = rows_in(TILE_BYTES, D_MAX), COLS = ROWS;
    static const int PITCH = D_MAX + 4;  // neighbouring rows then start in different banks
    static const int DOWN = ROWS < 16 ? ROWS : 16, ACROSS = THREADS / DOWN;
    static const int I = ROWS / DOWN, J = (COLS + ACROSS - 1) / ACROSS;
    static const bool ALL_COLUMNS = COLS % ACROSS == 0;  // else some threads hold columns that there are not
    static const int WIDE = D_MAX / ACROSS;  // a thread's columns along d, in quads: see along()
    typedef acc_t Scores[I][J], Sums[I][WIDE];

    int d, y = threadIdx.x / ACROSS, x = threadIdx.x % ACROSS;
    acc_t *weights, *next_tile;  // (ROWS, COLS + 1) that pass through shared memory, and the tiles behind them

    __device__ Team(int d) : d(d) {
        extern __shared__ uint4 shared[];
        weights = (acc_t*)shared;
        next_tile = weights + ROWS * (COLS + 1);
    }

    __device__ acc_t* tile(int lines) {
        acc_t* tile = next_tile;
        next_tile += lines * PITCH;
        return tile;
    }

    __device__ int row(int i) const { return y + i * DOWN; }
    // Where there are more threads than columns, the rest hold columns past every end.
    __device__ int col(int j) const { return x + j * ACROSS < COLS ? x + j * ACROSS : 1 << 30; }
    __device__ int along(int c) const { return (x + c / 4 * ACROSS) * 4 + c % 4; }
    __device__ bool leads() const { return x == 0; }

    template <class Array>
    static __device__ acc_t& at(Array& array, int i, int j) {
        return array[i][j];
    }

    // The `rows` rows that there are of a tile's lines; the rest and d's last three are zeros.
    __device__ void copy(acc_t* tile, int lines, const scalar_t* from, long long stride, int rows) const {
        for (int r = threadIdx.x / 32; r < lines; r += THREADS / 32)
            for (int c = threadIdx.x % 32; c < (d + 3) / 4 * 4; c += 32)
                tile[r * PITCH + c] = r < rows && c < d ? load(from + r * stride + c) : 0;
    }

    static __device__ void commit() {}  // copies are done when copy returns

    template <int PENDING>
    static __device__ void wait() {}

    // scores = own @ other^T
    __device__ void dot(Scores& scores, const acc_t* own, const acc_t* other) const {
        for (int i = 0; i < I; i++)
            for (int j = 0; j < J; j++) scores[i][j] = 0;
        for (int c = 0; c < d; c += 4) {
            acc_t a[I][4], b[J][4];
            for (int i = 0; i < I; i++) take(a[i], own + row(i) * PITCH + c);
            for (int j = 0; j < J; j++) take(b[j], other + (x + j * ACROSS) % COLS * PITCH + c);
            for (int i = 0; i < I; i++)
                for (int j = 0; j < J; j++)
                    for (int q = 0; q < 4; q++) scores[i][j] += a[i][q] * b[j][q];
        }
    }

    // sums += scores @ other
    __device__ void accumulate(Sums& sums, const Scores& scores, const acc_t* other) const {
        for (int i = 0; i < I; i++)
            for (int j = 0; j < J; j++)
                if (col(j) < COLS) weights[row(i) * (COLS + 1) + col(j)] = scores[i][j];
        __syncthreads();
        for (int n = 0; n < COLS; n++) {
            acc_t weight[I];
            for (int i = 0; i < I; i++) weight[i] = weights[row(i) * (COLS + 1) + n];
            for (int c = 0; c < WIDE; c += 4) {
                if (along(c) >= d) break;
                acc_t quad[4];
                take(quad, other + n * PITCH + along(c));
                for (int i = 0; i < I; i++)
                    for (int q = 0; q < 4; q++) sums[i][c + q] += weight[i] * quad[q];
            }
        }
        __syncthreads();
    }

    // to[row(i), :] = sums[i] * factor[i] for the rows that there are.
    __device__ void put(scalar_t* to, int rows, const Sums& sums, const acc_t (&factor)[I]) const {
        for (int i = 0; i < I; i++)
            for (int c = 0; c < WIDE; c++)
                if (row(i) < rows && along(c) < d)
                    store(to + (long long)row(i) * d + along(c), sums[i][c] * factor[i]);
    }

    // A value of each thread of a row, combined over the row.
    template <class Combine>
    static __device__ acc_t over_row(acc_t value, Combine combine) {
        for (int lanes = ACROSS / 2; lanes > 0; lanes /= 2) value = combine(value, shuffle_xor(value, lanes));
        return value;
    }

    static __device__ void take(acc_t (&quad)[4], const acc_t* from) {
        struct alignas(16) Quad { acc_t item[4]; } values = *(const Quad*)from;
        for (int q = 0; q < 4; q++) quad[q] = values.item[q];
    }
};

// Forward holds three tiles, backward four: as arrays/cuda/attention.py counts, both within 64 KiB.
template <int D_MAX>
using Forward = Team<D_MAX, 16384>;
template <int D_MAX>
using Keys = Team<D_MAX, 8192>;
template <int D_MAX>
using Queries = Keys<D_MAX>;

ATTENTION(64)
ATTENTION(128)
ATTENTION(256)

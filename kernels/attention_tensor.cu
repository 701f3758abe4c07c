// Attention (see attention.cuh) in float16 and bfloat16 on tensor cores.
//
// A warp has 16 of the 64 rows. It keeps their scores in registers, in the layout in which mma leaves them, which is also
// the layout in which the next mma takes its left operand: weights never pass through shared memory.

#include "attention.cuh"
#include "mma.cuh"

// COLS others at a time, STAGES of them in shared memory. With SPLIT = 2, two warps have the same 16 rows, and half of d
// each for what they sum up: the two gradients of 256 columns are more than one warp's registers hold. Both work out the
// scores.
template <int D_MAX, int COLS_, int STAGES_, int SPLIT>
struct Team {
    static const int THREADS = 128 * SPLIT, BLOCKS = D_MAX > 128 ? 1 : 2, STAGES = STAGES_;
    static const int ROWS = 64, COLS = COLS_;
    static const int PITCH = D_MAX + 8;  // the 8 lines that ldmatrix reads at once then lie in different banks
    static const int I = 2, J = COLS / 4;
    static const bool ALL_COLUMNS = true;
    static const int SHARE = D_MAX / SPLIT, WIDE = SHARE / 4;
    // 16 x 8 pieces as mma has them, 4 items a lane.
    typedef float Scores[COLS / 8][4], Sums[SHARE / 8][4];

    int d, first_row = threadIdx.x / 32 % 4 * 16, first_c = threadIdx.x / 128 * SHARE;
    scalar_t* next_tile;

    __device__ Team(int d) : d(d) {
        extern __shared__ uint4 shared[];
        next_tile = (scalar_t*)shared;
    }

    __device__ scalar_t* tile(int lines) {
        scalar_t* tile = next_tile;
        next_tile += lines * PITCH;
        return tile;
    }

    __device__ int row(int i) const { return first_row + threadIdx.x % 32 / 4 + i * 8; }
    __device__ int col(int j) const { return j / 2 * 8 + threadIdx.x % 4 * 2 + j % 2; }
    __device__ bool leads() const { return threadIdx.x % 4 == 0 && first_c == 0; }

    template <int PIECES>
    static __device__ float& at(float (&pieces)[PIECES][4], int i, int j) {
        return pieces[j / 2][i * 2 + j % 2];
    }

    // The `rows` rows that there are of a tile's lines; the rest and the tail of d up to a multiple of 16 are zeros.
    __device__ void copy(scalar_t* to, int lines, const scalar_t* from, long long stride, int rows) const {
        const int CHUNKS = D_MAX / 8;
        for (int e = threadIdx.x; e < lines * CHUNKS; e += THREADS) {
            int line = e / CHUNKS, c = e % CHUNKS * 8;
            if (c >= (d + 15) / 16 * 16) continue;
            int valid = line < rows ? max(min(d - c, 8), 0) : 0;
            copy_chunk(to + line * PITCH + c, valid ? from + line * stride + c : from, valid);
        }
    }

    static __device__ void commit() { copy_commit(); }

    template <int PENDING>
    static __device__ void wait() {
        copy_wait<PENDING>();
    }

    // scores = own @ other^T
    __device__ void dot(Scores& scores, const scalar_t* own, const scalar_t* other) const {
        for (int n = 0; n < COLS / 8; n++)
            for (int i = 0; i < 4; i++) scores[n][i] = 0;
#pragma unroll
        for (int c = 0; c < D_MAX; c += 16) {
            if (c >= d) break;
            unsigned a[4], b[4];
            along(a, own, first_row, c);
            for (int n = 0; n < COLS; n += 16) {
                along(b, other, n, c);
                mma_pair(scores[n / 8], scores[n / 8 + 1], a, b);
            }
        }
    }

    // sums += scores @ other
    __device__ void accumulate(Sums& sums, const Scores& scores, const scalar_t* other) const {
#pragma unroll
        for (int n = 0; n < COLS; n += 16) {
            const float(&low)[4] = scores[n / 8], (&high)[4] = scores[n / 8 + 1];
            unsigned a[4] = {pack(low[0], low[1]), pack(low[2], low[3]), pack(high[0], high[1]),
                             pack(high[2], high[3])};
#pragma unroll
            for (int c = 0; c < SHARE; c += 16) {
                if (first_c + c >= d) break;
                unsigned b[4];
                across(b, other, n, first_c + c);
                mma_pair(sums[c / 8], sums[c / 8 + 1], a, b);
            }
        }
    }

    // to[row(i), :] = sums * factor[i] for the rows that there are.
    __device__ void put(scalar_t* to, int rows, const Sums& sums, const float (&factor)[I]) const {
        for (int n = 0; n < SHARE / 8; n++)
            for (int i = 0; i < I; i++) {
                int c = first_c + col(n * 2);
                if (row(i) < rows)
                    store_pair(to + (long long)row(i) * d, c, d, sums[n][i * 2] * factor[i],
                               sums[n][i * 2 + 1] * factor[i]);
            }
    }

    // A value of each lane of a row, combined over the row's four lanes.
    template <class Combine>
    static __device__ float over_row(float value, Combine combine) {
        value = combine(value, shuffle_xor(value, 1));
        return combine(value, shuffle_xor(value, 2));
    }

    // 16 lines from `line` and 16 columns from `c` as a warp's registers, in quarters: the product sums along d ...
    static __device__ void along(unsigned (&r)[4], const scalar_t* tile, int line, int c) {
        int lane = threadIdx.x % 32;
        ldmatrix<false>(r, tile + (line + lane % 16) * PITCH + c + lane / 16 * 8);
    }

    // ... or from line to line.
    static __device__ void across(unsigned (&r)[4], const scalar_t* tile, int line, int c) {
        int lane = threadIdx.x % 32;
        ldmatrix<true>(r, tile + (line + lane % 8 + lane / 16 * 8) * PITCH + c + lane / 8 % 2 * 8);
    }

    static __device__ void mma_pair(float (&low)[4], float (&high)[4], const unsigned (&a)[4], const unsigned (&b)[4]) {
        unsigned low_columns[2] = {b[0], b[2]}, high_columns[2] = {b[1], b[3]};
        mma(low, a, low_columns);
        mma(high, a, high_columns);
    }
};

// Fewer others at a time in backward, where two sums share the registers, and fewer still where d fills the shared memory.
template <int D_MAX>
using Forward = Team<D_MAX, 64, 1, 1>;
template <int D_MAX>
using Keys = Team<D_MAX, (D_MAX > 128 ? 16 : 32), 2, (D_MAX > 128 ? 2 : 1)>;
template <int D_MAX>
using Queries = Team<D_MAX, (D_MAX > 128 ? 16 : 32), 2, 1>;

ATTENTION(64)
ATTENTION(128)
ATTENTION(256)

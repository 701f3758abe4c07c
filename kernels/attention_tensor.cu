// Attention (see attention.cu) in float16 and bfloat16 on tensor cores: FlashAttention-2 (Dao 2023).
//
// 4 warps, 16 rows of a 64-row tile each. A warp keeps its 16 rows' scores in registers, in the layout in which mma
// leaves them, which is also the layout in which the next mma takes its left operand: probabilities never pass through
// shared memory. The gradients of keys and values work on transposed scores, so that there too a warp's rows are its
// own.

#include "attention.cuh"
#include "mma.cuh"

const int THREADS = 128, ROWS = 64;  // rows that a block owns
const int FORWARD_COLS = 64;         // keys at a time; smaller in backward, where two sums share the registers
const int BACKWARD_COLS = 32, STAGES = 2;

// A tile in shared memory, one line of up to D_MAX elements per query or key.
template <int D_MAX>
struct Tile {
    static const int PITCH = D_MAX + 8;  // the 8 lines that ldmatrix reads at once then lie in different banks

    // `lines` lines, of which the first `rows` exist; the others and the tail of d up to a multiple of 16 are zeros.
    static __device__ void copy(scalar_t* to, int lines, const scalar_t* from, long long stride, int rows, int d) {
        const int CHUNKS = D_MAX / 8;
        for (int e = threadIdx.x; e < lines * CHUNKS; e += THREADS) {
            int line = e / CHUNKS, c = e % CHUNKS * 8;
            if (c >= (d + 15) / 16 * 16) continue;
            int valid = line < rows ? max(min(d - c, 8), 0) : 0;
            copy_chunk(to + line * PITCH + c, valid ? from + line * stride + c : from, valid);
        }
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
};

// A warp's 16 rows of COLS columns, in 16 x 8 pieces: item [n][i] of lane l is row l / 4 + i / 2 * 8, column
// n * 8 + l % 4 * 2 + i % 2.
template <int COLS>
using Piece = float[COLS / 8][4];

__device__ inline int piece_row(int half) { return threadIdx.x % 32 / 4 + half * 8; }
__device__ inline int piece_col(int n, int i) { return n * 8 + threadIdx.x % 4 * 2 + i % 2; }

__device__ inline void mma_pair(float (&low)[4], float (&high)[4], const unsigned (&a)[4], const unsigned (&b)[4]) {
    unsigned low_columns[2] = {b[0], b[2]}, high_columns[2] = {b[1], b[3]};
    mma(low, a, low_columns);
    mma(high, a, high_columns);
}

// scores = rows @ cols^T: 16 lines of `rows` from `row` against the first COLS of `cols`.
template <int D_MAX, int COLS>
__device__ inline void dot(Piece<COLS>& scores, const scalar_t* rows, int row, const scalar_t* cols, int d) {
    for (int n = 0; n < COLS / 8; n++)
        for (int i = 0; i < 4; i++) scores[n][i] = 0;
#pragma unroll
    for (int c = 0; c < D_MAX; c += 16) {
        if (c >= d) break;
        unsigned a[4], b[4];
        Tile<D_MAX>::along(a, rows, row, c);
        for (int n = 0; n < COLS; n += 16) {
            Tile<D_MAX>::along(b, cols, n, c);
            mma_pair(scores[n / 8], scores[n / 8 + 1], a, b);
        }
    }
}

// sums += weights @ tile, over COLS lines of the tile.
template <int D_MAX, int COLS>
__device__ inline void accumulate(Piece<D_MAX>& sums, const Piece<COLS>& weights, const scalar_t* tile, int d) {
#pragma unroll
    for (int n = 0; n < COLS; n += 16) {
        const float(&low)[4] = weights[n / 8], (&high)[4] = weights[n / 8 + 1];
        unsigned a[4] = {pack(low[0], low[1]), pack(low[2], low[3]), pack(high[0], high[1]), pack(high[2], high[3])};
#pragma unroll
        for (int c = 0; c < D_MAX; c += 16) {
            if (c >= d) break;
            unsigned b[4];
            Tile<D_MAX>::across(b, tile, n, c);
            mma_pair(sums[c / 8], sums[c / 8 + 1], a, b);
        }
    }
}

// to[row, :] = sums * factor for those of the warp's 16 rows that exist.
template <int D_MAX>
__device__ inline void put(scalar_t* to, int rows, int d, const Piece<D_MAX>& sums, float low_factor,
                           float high_factor) {
    for (int n = 0; n < D_MAX / 8; n++)
        for (int half = 0; half < 2; half++) {
            int row = piece_row(half), c = piece_col(n, 0);
            float factor = half ? high_factor : low_factor;
            if (row < rows)
                store_pair(to + (long long)row * d, c, d, sums[n][half * 2] * factor, sums[n][half * 2 + 1] * factor);
        }
}

// A value of each lane of a row, combined over the row's four lanes.
template <class Combine>
__device__ inline float over_row(float value, Combine combine) {
    value = combine(value, shuffle_xor(value, 1));
    return combine(value, shuffle_xor(value, 2));
}

// ---- forward: a block per tile of queries goes over the keys

template <int D_MAX>
__device__ void forward(const scalar_t* q, const scalar_t* k, const scalar_t* v, scalar_t* o, float* lse,
                        Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {
    extern __shared__ uint4 shared[];
    const int COLS = FORWARD_COLS;
    using T = Tile<D_MAX>;
    scalar_t *q_tile = (scalar_t*)shared, *k_tile = q_tile + ROWS * T::PITCH, *v_tile = k_tile + COLS * T::PITCH;
    int tiles = (sizes.queries + ROWS - 1) / ROWS, index = blockIdx.x / tiles, d = sizes.d;
    int query = (tiles - 1 - blockIdx.x % tiles) * ROWS;  // the last queries first: causal, they take longest
    int keys = sizes.causal ? min(sizes.keys, query + ROWS) : sizes.keys;
    q = matrix(q, q_strides, index, sizes) + query * q_strides.row;
    k = matrix(k, k_strides, index, sizes);
    v = matrix(v, v_strides, index, sizes);
    auto start = [&](scalar_t* tile, const scalar_t* from, Strides strides, int key) {
        if (key < keys) T::copy(tile, COLS, from + key * strides.row, strides.row, sizes.keys - key, d);
        copy_commit();
    };
    T::copy(q_tile, ROWS, q, q_strides.row, sizes.queries - query, d);
    start(k_tile, k, k_strides, 0);
    start(v_tile, v, v_strides, 0);

    int row = threadIdx.x / 32 * 16;
    float scale = sizes.scale;
    Piece<D_MAX> sums = {};
    Online total[2];  // of this lane's two rows
    for (int key = 0; key < keys; key += COLS) {
        copy_wait<1>();
        __syncthreads();
        Piece<COLS> scores;
        dot<D_MAX, COLS>(scores, q_tile, row, k_tile, d);
        __syncthreads();  // all have done with the keys
        start(k_tile, k, k_strides, key + COLS);

        for (int half = 0; half < 2; half++) {
            float before = total[half].max, max = before, sum = 0;
            for (int n = 0; n < COLS / 8; n++)
                for (int i = half * 2; i < half * 2 + 2; i++) {
                    bool counts = seen(query + row + piece_row(half), key + piece_col(n, i), sizes);
                    scores[n][i] = counts ? scores[n][i] * scale : -INF_F;
                    max = fmax(max, scores[n][i]);
                }
            max = over_row(max, [](float a, float b) { return fmax(a, b); });
            for (int n = 0; n < COLS / 8; n++)
                for (int i = half * 2; i < half * 2 + 2; i++) {
                    scores[n][i] = exponential(scores[n][i] - Online::shift(max));
                    sum += scores[n][i];
                }
            float shrink = exponential(before - Online::shift(max));
            total[half].max = max;
            total[half].sum = total[half].sum * shrink + over_row(sum, [](float a, float b) { return a + b; });
            for (int n = 0; n < D_MAX / 8; n++)
                for (int i = half * 2; i < half * 2 + 2; i++) sums[n][i] *= shrink;
        }

        copy_wait<1>();
        __syncthreads();
        accumulate<D_MAX, COLS>(sums, scores, v_tile, d);
        __syncthreads();  // and with the values
        start(v_tile, v, v_strides, key + COLS);
    }
    copy_wait<0>();

    long long begin = (long long)index * sizes.queries + query + row;
    int rows = sizes.queries - query - row;
    for (int half = 0; half < 2; half++)
        if (threadIdx.x % 4 == 0 && piece_row(half) < rows) lse[begin + piece_row(half)] = total[half].log_sum();
    put<D_MAX>(o + begin * d, rows, d, sums, 1 / total[0].sum, 1 / total[1].sum);
}

// ---- backward, with p, dp, ds and delta as in attention.cu

// A block per tile of keys goes over the queries. Rows of the scores are keys, columns are queries.
template <int D_MAX>
__device__ void backward_keys(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v,
                              const float* lse, const float* delta, scalar_t* gk, scalar_t* gv, Strides go_strides,
                              Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {
    extern __shared__ uint4 shared[];
    const int COLS = BACKWARD_COLS;
    using T = Tile<D_MAX>;
    scalar_t *k_tile = (scalar_t*)shared, *v_tile = k_tile + ROWS * T::PITCH;
    scalar_t *q_ring = v_tile + ROWS * T::PITCH, *go_ring = q_ring + STAGES * COLS * T::PITCH;
    int tiles = (sizes.keys + ROWS - 1) / ROWS, index = blockIdx.x / tiles, d = sizes.d;
    int key = blockIdx.x % tiles * ROWS, first = sizes.causal ? key : 0;
    q = matrix(q, q_strides, index, sizes);
    go = matrix(go, go_strides, index, sizes);
    k = matrix(k, k_strides, index, sizes) + key * k_strides.row;
    v = matrix(v, v_strides, index, sizes) + key * v_strides.row;
    lse += (long long)index * sizes.queries;
    delta += (long long)index * sizes.queries;
    auto start = [&](int query, int stage) {
        int rows = sizes.queries - query;
        if (rows > 0) {
            T::copy(q_ring + stage * COLS * T::PITCH, COLS, q + query * q_strides.row, q_strides.row, rows, d);
            T::copy(go_ring + stage * COLS * T::PITCH, COLS, go + query * go_strides.row, go_strides.row, rows, d);
        }
        copy_commit();
    };
    T::copy(k_tile, ROWS, k, k_strides.row, sizes.keys - key, d);
    T::copy(v_tile, ROWS, v, v_strides.row, sizes.keys - key, d);
    start(first, 0);

    int row = threadIdx.x / 32 * 16;
    float scale = sizes.scale;
    Piece<D_MAX> gk_sums = {}, gv_sums = {};
    for (int query = first, stage = 0; query < sizes.queries; query += COLS, stage ^= 1) {
        start(query + COLS, stage ^ 1);
        copy_wait<1>();
        __syncthreads();
        const scalar_t *q_tile = q_ring + stage * COLS * T::PITCH, *go_tile = go_ring + stage * COLS * T::PITCH;
        Piece<COLS> p, ds;
        dot<D_MAX, COLS>(p, k_tile, row, q_tile, d);
        dot<D_MAX, COLS>(ds, v_tile, row, go_tile, d);
        for (int n = 0; n < COLS / 8; n++)
            for (int i = 0; i < 4; i++) {
                int query_here = query + piece_col(n, i);
                bool counts = seen(query_here, key + row + piece_row(i / 2), sizes);
                p[n][i] = counts ? exponential(p[n][i] * scale - lse[query_here]) : 0;
                ds[n][i] = counts ? p[n][i] * (ds[n][i] - delta[query_here]) : 0;
            }
        accumulate<D_MAX, COLS>(gv_sums, p, go_tile, d);
        accumulate<D_MAX, COLS>(gk_sums, ds, q_tile, d);
        __syncthreads();  // all have done with this stage, which is filled next
    }
    copy_wait<0>();

    long long at = ((long long)index * sizes.keys + key + row) * d;
    put<D_MAX>(gv + at, sizes.keys - key - row, d, gv_sums, 1, 1);
    put<D_MAX>(gk + at, sizes.keys - key - row, d, gk_sums, scale, scale);
}

// A block per tile of queries goes over the keys.
template <int D_MAX>
__device__ void backward_queries(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v,
                                 const float* lse, const float* delta, scalar_t* gq, Strides go_strides,
                                 Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {
    extern __shared__ uint4 shared[];
    const int COLS = BACKWARD_COLS;
    using T = Tile<D_MAX>;
    scalar_t *q_tile = (scalar_t*)shared, *go_tile = q_tile + ROWS * T::PITCH;
    scalar_t *k_ring = go_tile + ROWS * T::PITCH, *v_ring = k_ring + STAGES * COLS * T::PITCH;
    int tiles = (sizes.queries + ROWS - 1) / ROWS, index = blockIdx.x / tiles, d = sizes.d;
    int query = (tiles - 1 - blockIdx.x % tiles) * ROWS;
    int keys = sizes.causal ? min(sizes.keys, query + ROWS) : sizes.keys;
    q = matrix(q, q_strides, index, sizes) + query * q_strides.row;
    go = matrix(go, go_strides, index, sizes) + query * go_strides.row;
    k = matrix(k, k_strides, index, sizes);
    v = matrix(v, v_strides, index, sizes);
    auto start = [&](int key, int stage) {
        if (key < keys) {
            int rows = sizes.keys - key;
            T::copy(k_ring + stage * COLS * T::PITCH, COLS, k + key * k_strides.row, k_strides.row, rows, d);
            T::copy(v_ring + stage * COLS * T::PITCH, COLS, v + key * v_strides.row, v_strides.row, rows, d);
        }
        copy_commit();
    };
    T::copy(q_tile, ROWS, q, q_strides.row, sizes.queries - query, d);
    T::copy(go_tile, ROWS, go, go_strides.row, sizes.queries - query, d);
    start(0, 0);

    int row = threadIdx.x / 32 * 16, rows = sizes.queries - query - row;
    long long begin = (long long)index * sizes.queries + query + row;
    float scale = sizes.scale, row_lse[2], row_delta[2];
    for (int half = 0; half < 2; half++) {
        bool exists = piece_row(half) < rows;
        row_lse[half] = exists ? lse[begin + piece_row(half)] : 0;
        row_delta[half] = exists ? delta[begin + piece_row(half)] : 0;
    }
    Piece<D_MAX> gq_sums = {};
    for (int key = 0, stage = 0; key < keys; key += COLS, stage ^= 1) {
        start(key + COLS, stage ^ 1);
        copy_wait<1>();
        __syncthreads();
        const scalar_t *k_tile = k_ring + stage * COLS * T::PITCH, *v_tile = v_ring + stage * COLS * T::PITCH;
        Piece<COLS> scores, ds;
        dot<D_MAX, COLS>(scores, q_tile, row, k_tile, d);
        dot<D_MAX, COLS>(ds, go_tile, row, v_tile, d);
        for (int n = 0; n < COLS / 8; n++)
            for (int i = 0; i < 4; i++) {
                bool counts = seen(query + row + piece_row(i / 2), key + piece_col(n, i), sizes);
                float p = counts ? exponential(scores[n][i] * scale - row_lse[i / 2]) : 0;
                ds[n][i] = p * (ds[n][i] - row_delta[i / 2]);
            }
        accumulate<D_MAX, COLS>(gq_sums, ds, k_tile, d);
        __syncthreads();  // all have done with this stage, which is filled next
    }
    copy_wait<0>();
    put<D_MAX>(gq + begin * d, rows, d, gq_sums, scale, scale);
}

// ---- entry points, by the most that d may be

#define ATTENTION(D_MAX)                                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                           \
        attention_forward_##D_MAX(const scalar_t* q, const scalar_t* k, const scalar_t* v, scalar_t* o, float* lse,    \
                                  Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {              \
        forward<D_MAX>(q, k, v, o, lse, q_strides, k_strides, v_strides, sizes);                                       \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_keys_##D_MAX(                          \
        const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v, const float* lse,                 \
        const float* delta, scalar_t* gk, scalar_t* gv, Strides go_strides, Strides q_strides, Strides k_strides,      \
        Strides v_strides, Sizes sizes) {                                                                              \
        backward_keys<D_MAX>(go, q, k, v, lse, delta, gk, gv, go_strides, q_strides, k_strides, v_strides, sizes);     \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_queries_##D_MAX(                       \
        const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v, const float* lse,                 \
        const float* delta, scalar_t* gq, Strides go_strides, Strides q_strides, Strides k_strides, Strides v_strides, \
        Sizes sizes) {                                                                                                 \
        backward_queries<D_MAX>(go, q, k, v, lse, delta, gq, go_strides, q_strides, k_strides, v_strides, sizes);      \
    }

ATTENTION(64)
ATTENTION(128)

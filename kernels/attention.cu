// o = softmax(scale * q @ k^T, masked if causal) @ v for each of batch x heads, and its gradients, with no T x S matrix
// in memory: FlashAttention-2 (Dao 2023), tiles of ROWS queries against tiles of ROWS keys, the softmax carried along
// online (Milakov & Gimelshein 2018). Sums are float (double) on the ordinary arithmetic units, in one fixed order.
//
// Key j is seen by query i when j <= i (causal) or always.

#include "attention.cuh"

const int THREADS = 128;

// As many rows of a tile as keep `tiles` tiles in 48 KiB of shared memory, with some left over for the scores.
__device__ constexpr int rows_for(int d, int tiles) {
    int rows = 32768 / (int)sizeof(acc_t) / tiles / d;
    return rows < 32 ? rows : 32;
}

// 128 threads over a ROWS x (columns) result: thread (y, x) holds rows y + i * DOWN. D_MAX is the most that d may be.
template <int D_MAX, int ROWS>
struct Team {
    static const int DOWN = ROWS < 16 ? ROWS : 16, ACROSS = THREADS / DOWN;
    static const int I = ROWS / DOWN;                      // rows of a thread
    static const int J = (ROWS + ACROSS - 1) / ACROSS;     // its columns of the scores: x + j * ACROSS
    static const int QUADS = D_MAX / 4 / ACROSS;           // its columns along d: 4 from (x + quad * ACROSS) * 4
    typedef acc_t Tile[ROWS][D_MAX + 4];                   // + 4: neighbouring rows then start in different banks
    typedef acc_t Scores[I][J], ScoreTile[ROWS][ROWS + 1], Sums[I][QUADS][4];

    int d, y = threadIdx.x / ACROSS, x = threadIdx.x % ACROSS;

    __device__ int row(int i) const { return y + i * DOWN; }
    __device__ int col(int j) const { return x + j * ACROSS; }

    // The rows that there are of a tile, the rest and d's last three zeros.
    __device__ void fetch(Tile& tile, const scalar_t* from, long long stride, int rows) const {
        for (int r = threadIdx.x / 32; r < ROWS; r += THREADS / 32)
            for (int c = threadIdx.x % 32; c < (d + 3) / 4 * 4; c += 32)
                tile[r][c] = r < rows && c < d ? load(from + r * stride + c) : 0;
    }

    // scores = a @ b^T
    __device__ void dot(Scores& scores, const Tile& a, const Tile& b) const {
        for (int i = 0; i < I; i++)
            for (int j = 0; j < J; j++) scores[i][j] = 0;
        for (int c = 0; c < d; c += 4) {
            acc_t a_quad[I][4], b_quad[J][4];
            for (int i = 0; i < I; i++) take(a_quad[i], &a[row(i)][c]);
            for (int j = 0; j < J; j++) take(b_quad[j], &b[col(j) % ROWS][c]);
            for (int i = 0; i < I; i++)
                for (int j = 0; j < J; j++)
                    for (int q = 0; q < 4; q++) scores[i][j] += a_quad[i][q] * b_quad[j][q];
        }
    }

    // sums += weights @ b, the weight of row r and b's row n being weight(r, n).
    template <class Weight>
    __device__ void accumulate(Sums& sums, const Tile& b, Weight weight) const {
        for (int n = 0; n < ROWS; n++) {
            acc_t weights[I];
            for (int i = 0; i < I; i++) weights[i] = weight(row(i), n);
            for (int quad = 0; quad < QUADS; quad++) {
                int c = (x + quad * ACROSS) * 4;
                if (c >= d) break;
                acc_t b_quad[4];
                take(b_quad, &b[n][c]);
                for (int i = 0; i < I; i++)
                    for (int q = 0; q < 4; q++) sums[i][quad][q] += weights[i] * b_quad[q];
            }
        }
    }

    // to[row(i), :] = sums[i] * factor for the rows that there are.
    __device__ void put(scalar_t* to, int rows, const Sums& sums, const acc_t (&factor)[I]) const {
        for (int i = 0; i < I; i++)
            for (int quad = 0; quad < QUADS; quad++)
                for (int q = 0; q < 4; q++) {
                    int c = (x + quad * ACROSS) * 4 + q;
                    if (row(i) < rows && c < d) store(to + (long long)row(i) * d + c, sums[i][quad][q] * factor[i]);
                }
    }

    // A value of each thread of a row, combined over the row.
    template <class Combine>
    static __device__ acc_t across(acc_t value, Combine combine) {
        for (int lanes = ACROSS / 2; lanes > 0; lanes /= 2) value = combine(value, shuffle_xor(value, lanes));
        return value;
    }

    static __device__ void take(acc_t (&quad)[4], const acc_t* from) {
        struct alignas(16) Quad { acc_t item[4]; } values = *(const Quad*)from;
        for (int q = 0; q < 4; q++) quad[q] = values.item[q];
    }
};

// ---- forward: a block per tile of queries goes over the keys

template <int D_MAX>
__device__ void forward(const scalar_t* q, const scalar_t* k, const scalar_t* v, scalar_t* o, acc_t* lse,
                        Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {
    const int ROWS = rows_for(D_MAX, 2);
    using T = Team<D_MAX, ROWS>;
    __shared__ alignas(16) typename T::Tile query, other;  // other: first the keys, then their values
    __shared__ typename T::ScoreTile weight;
    T team{sizes.d};
    int tiles = (sizes.queries + ROWS - 1) / ROWS, index = blockIdx.x / tiles;
    int first = (tiles - 1 - blockIdx.x % tiles) * ROWS;  // the last queries first: causal, they take longest
    int keys = sizes.causal ? min(sizes.keys, first + ROWS) : sizes.keys;
    k = matrix(k, k_strides, index, sizes);
    v = matrix(v, v_strides, index, sizes);
    q = matrix(q, q_strides, index, sizes) + first * q_strides.row;
    team.fetch(query, q, q_strides.row, sizes.queries - first);

    typename T::Sums sums = {};
    Online total[T::I];
    for (int key = 0; key < keys; key += ROWS) {
        team.fetch(other, k + key * k_strides.row, k_strides.row, sizes.keys - key);
        __syncthreads();
        typename T::Scores scores;
        team.dot(scores, query, other);
        for (int i = 0; i < T::I; i++) {
            acc_t before = total[i].max, max = before, sum = 0;
            for (int j = 0; j < T::J; j++) {
                bool counts = team.col(j) < ROWS && seen(first + team.row(i), key + team.col(j), sizes);
                scores[i][j] = counts ? scores[i][j] * (acc_t)sizes.scale : -INF_F;
                max = fmax(max, scores[i][j]);
            }
            max = T::across(max, [](acc_t a, acc_t b) { return fmax(a, b); });
            for (int j = 0; j < T::J; j++) {
                if (team.col(j) >= ROWS) break;
                acc_t p = exponential(scores[i][j] - Online::shift(max));
                weight[team.row(i)][team.col(j)] = p;
                sum += p;
            }
            acc_t shrink = exponential(before - Online::shift(max));
            total[i].max = max;
            total[i].sum = total[i].sum * shrink + T::across(sum, [](acc_t a, acc_t b) { return a + b; });
            for (int quad = 0; quad < T::QUADS; quad++)
                for (int c = 0; c < 4; c++) sums[i][quad][c] *= shrink;
        }
        __syncthreads();  // all have done with the keys
        team.fetch(other, v + key * v_strides.row, v_strides.row, sizes.keys - key);
        __syncthreads();
        team.accumulate(sums, other, [&](int r, int n) { return weight[r][n]; });
        __syncthreads();  // and with their values and the weights
    }

    acc_t factor[T::I];
    long long begin = (long long)index * sizes.queries + first;
    for (int i = 0; i < T::I; i++) {
        factor[i] = 1 / total[i].sum;
        if (team.x == 0 && first + team.row(i) < sizes.queries) lse[begin + team.row(i)] = total[i].log_sum();
    }
    team.put(o + begin * sizes.d, sizes.queries - first, sums, factor);
}

// ---- backward. With p = softmax(scores), dp = go @ v^T and delta = rowsum(go * o):
//      ds = p * (dp - delta);  gv = p^T @ go;  gk = scale * ds^T @ q;  gq = scale * ds @ k

// delta, a warp per row.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    attention_delta(const scalar_t* go, const scalar_t* o, acc_t* delta, Strides go_strides, long long rows,
                    Sizes sizes) {
    long long r = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (r >= rows) return;
    const scalar_t* go_row =
        matrix(go, go_strides, r / sizes.queries, sizes) + r % sizes.queries * go_strides.row;
    acc_t sum = 0;
    for (int c = threadIdx.x; c < sizes.d; c += 32) sum += load(go_row + c) * load(o + r * sizes.d + c);
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += shuffle_xor(sum, lanes);
    if (threadIdx.x == 0) delta[r] = sum;
}

// p and ds of a tile of queries (from `query`) against a tile of keys (from `key`).
template <class T, int ROWS>
__device__ void score_gradients(const T& team, const typename T::Tile& q, const typename T::Tile& k,
                                const typename T::Tile& v, const typename T::Tile& go, const acc_t* lse,
                                const acc_t* delta, int query, int key, Sizes sizes, acc_t (&p)[ROWS][ROWS + 1],
                                acc_t (&ds)[ROWS][ROWS + 1]) {
    typename T::Scores scores, dp;
    team.dot(scores, q, k);
    team.dot(dp, go, v);
    for (int i = 0; i < T::I; i++) {
        int r = team.row(i);
        bool exists = query + r < sizes.queries;
        acc_t row_lse = exists ? lse[query + r] : 0, row_delta = exists ? delta[query + r] : 0;
        for (int j = 0; j < T::J; j++) {
            int c = team.col(j);
            if (c >= ROWS) break;
            p[r][c] = seen(query + r, key + c, sizes) ? exponential(scores[i][j] * (acc_t)sizes.scale - row_lse) : 0;
            ds[r][c] = p[r][c] * (dp[i][j] - row_delta);
        }
    }
}

// A block per tile of keys goes over the queries.
template <int D_MAX>
__device__ void backward_keys(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v,
                              const acc_t* lse, const acc_t* delta, scalar_t* gk, scalar_t* gv, Strides go_strides,
                              Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {
    const int ROWS = rows_for(D_MAX, 4);
    using T = Team<D_MAX, ROWS>;
    __shared__ alignas(16) typename T::Tile q_tile, k_tile, v_tile, go_tile;
    __shared__ typename T::ScoreTile p, ds;
    T team{sizes.d};
    int tiles = (sizes.keys + ROWS - 1) / ROWS, index = blockIdx.x / tiles, key = blockIdx.x % tiles * ROWS;
    int rows = sizes.keys - key;
    go = matrix(go, go_strides, index, sizes);
    q = matrix(q, q_strides, index, sizes);
    lse += (long long)index * sizes.queries;
    delta += (long long)index * sizes.queries;
    team.fetch(k_tile, matrix(k, k_strides, index, sizes) + key * k_strides.row, k_strides.row, rows);
    team.fetch(v_tile, matrix(v, v_strides, index, sizes) + key * v_strides.row, v_strides.row, rows);

    typename T::Sums gk_sums = {}, gv_sums = {};
    for (int query = sizes.causal ? key : 0; query < sizes.queries; query += ROWS) {
        team.fetch(q_tile, q + query * q_strides.row, q_strides.row, sizes.queries - query);
        team.fetch(go_tile, go + query * go_strides.row, go_strides.row, sizes.queries - query);
        __syncthreads();
        score_gradients(team, q_tile, k_tile, v_tile, go_tile, lse, delta, query, key, sizes, p, ds);
        __syncthreads();
        team.accumulate(gv_sums, go_tile, [&](int r, int n) { return p[n][r]; });
        team.accumulate(gk_sums, q_tile, [&](int r, int n) { return ds[n][r]; });
        __syncthreads();
    }

    acc_t one[T::I], scale[T::I];
    for (int i = 0; i < T::I; i++) one[i] = 1, scale[i] = (acc_t)sizes.scale;
    long long at = ((long long)index * sizes.keys + key) * sizes.d;
    team.put(gv + at, rows, gv_sums, one);
    team.put(gk + at, rows, gk_sums, scale);
}

// A block per tile of queries goes over the keys.
template <int D_MAX>
__device__ void backward_queries(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v,
                                 const acc_t* lse, const acc_t* delta, scalar_t* gq, Strides go_strides,
                                 Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {
    const int ROWS = rows_for(D_MAX, 4);
    using T = Team<D_MAX, ROWS>;
    __shared__ alignas(16) typename T::Tile q_tile, k_tile, v_tile, go_tile;
    __shared__ typename T::ScoreTile p, ds;
    T team{sizes.d};
    int tiles = (sizes.queries + ROWS - 1) / ROWS, index = blockIdx.x / tiles;
    int query = (tiles - 1 - blockIdx.x % tiles) * ROWS, rows = sizes.queries - query;
    int keys = sizes.causal ? min(sizes.keys, query + ROWS) : sizes.keys;
    k = matrix(k, k_strides, index, sizes);
    v = matrix(v, v_strides, index, sizes);
    lse += (long long)index * sizes.queries;
    delta += (long long)index * sizes.queries;
    team.fetch(q_tile, matrix(q, q_strides, index, sizes) + query * q_strides.row, q_strides.row, rows);
    team.fetch(go_tile, matrix(go, go_strides, index, sizes) + query * go_strides.row, go_strides.row, rows);

    typename T::Sums gq_sums = {};
    for (int key = 0; key < keys; key += ROWS) {
        team.fetch(k_tile, k + key * k_strides.row, k_strides.row, sizes.keys - key);
        team.fetch(v_tile, v + key * v_strides.row, v_strides.row, sizes.keys - key);
        __syncthreads();
        score_gradients(team, q_tile, k_tile, v_tile, go_tile, lse, delta, query, key, sizes, p, ds);
        __syncthreads();
        team.accumulate(gq_sums, k_tile, [&](int r, int n) { return ds[r][n]; });
        __syncthreads();
    }

    acc_t scale[T::I];
    for (int i = 0; i < T::I; i++) scale[i] = (acc_t)sizes.scale;
    team.put(gq + ((long long)index * sizes.queries + query) * sizes.d, rows, gq_sums, scale);
}

// ---- entry points, by the most that d may be

#define ATTENTION(D_MAX)                                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                           \
        attention_forward_##D_MAX(const scalar_t* q, const scalar_t* k, const scalar_t* v, scalar_t* o, acc_t* lse,    \
                                  Strides q_strides, Strides k_strides, Strides v_strides, Sizes sizes) {              \
        forward<D_MAX>(q, k, v, o, lse, q_strides, k_strides, v_strides, sizes);                                       \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_keys_##D_MAX(                          \
        const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v, const acc_t* lse,                 \
        const acc_t* delta, scalar_t* gk, scalar_t* gv, Strides go_strides, Strides q_strides, Strides k_strides,      \
        Strides v_strides, Sizes sizes) {                                                                              \
        backward_keys<D_MAX>(go, q, k, v, lse, delta, gk, gv, go_strides, q_strides, k_strides, v_strides, sizes);     \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_queries_##D_MAX(                       \
        const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v, const acc_t* lse,                 \
        const acc_t* delta, scalar_t* gq, Strides go_strides, Strides q_strides, Strides k_strides, Strides v_strides, \
        Sizes sizes) {                                                                                                 \
        backward_queries<D_MAX>(go, q, k, v, lse, delta, gq, go_strides, q_strides, k_strides, v_strides, sizes);      \
    }

ATTENTION(64)
ATTENTION(128)
ATTENTION(256)

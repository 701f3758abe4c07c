// o = softmax(scale * q @ k^T + mask) @ v for each head of each batch, and its gradients, with no T x S matrix in memory:
// FlashAttention-2 (Dao 2023), the softmax carried along online (Milakov & Gimelshein 2018), sums in one fixed order.
// `group` neighbouring heads of queries share a head of keys and values (Ainslie et al. 2023).
//
// Here are the loops over tiles. How a tile is copied and multiplied is the business of a Team of threads: of ordinary
// arithmetic in attention.cu, of tensor cores in attention_tensor.cu. A Team owns ROWS rows and meets the others COLS at
// a time; a thread of it holds I of the rows and J of the columns of their scores: at(scores, i, j) belongs to row(i)
// and col(j).
#pragma once

#include "online.cuh"

// Where an operand's parts lie, in elements; along d they are contiguous.
struct Strides {
    long long batch, head, row, col;
};

enum Mask { UNMASKED, BOOLEAN, ADDED };

// Field for field what arrays/cuda/attention.py packs.
struct Problem {
    double scale;
    int heads, group;  // heads of queries; how many of them share a head of keys
    int queries, keys, d, causal, mask, unused;
    Strides q, k, v, go, masks;  // a mask's columns are keys; where it is broadcast it has stride 0
};

__device__ inline const scalar_t* at_row(const scalar_t* x, Strides strides, int batch, int head, int row) {
    return x + batch * strides.batch + head * strides.head + row * strides.row;
}

// The part of a block: `rows` rows from `row`, of one of `heads` heads of a batch.
struct Part {
    int batch, head, row;
};

// With a causal mask the last queries and the first keys take longest: those blocks come first.
__device__ inline Part my_part(int rows, int length, int heads, bool last_first) {
    int tiles = (length + rows - 1) / rows, index = blockIdx.x / tiles, tile = blockIdx.x % tiles;
    return Part{index / heads, index % heads, (last_first ? tiles - 1 - tile : tile) * rows};
}

// Products q . k become scores: scaled, masked, and -inf where the query does not see the key.
template <class Team, bool ROWS_ARE_KEYS>
__device__ inline void to_scores(const Team& team, typename Team::Scores& scores, const Problem& p, const void* mask,
                                 int batch, int head, int row, int col) {
    // Most tiles are seen as a whole, and need no look at each of their scores.
    int row_end = row + Team::ROWS, col_end = col + Team::COLS;
    int query = ROWS_ARE_KEYS ? col : row, query_end = ROWS_ARE_KEYS ? col_end : row_end;
    int key_end = ROWS_ARE_KEYS ? row_end : col_end;
    bool all_seen = query_end <= p.queries && key_end <= p.keys && (!p.causal || key_end <= query + 1);
    if (Team::ALL_COLUMNS && all_seen && p.mask == UNMASKED) {
        for (int i = 0; i < Team::I; i++)
            for (int j = 0; j < Team::J; j++) Team::at(scores, i, j) *= (acc_t)p.scale;
        return;
    }
    long long start = batch * p.masks.batch + head * p.masks.head;
    for (int i = 0; i < Team::I; i++)
        for (int j = 0; j < Team::J; j++) {
            int r = row + team.row(i), c = col + team.col(j);
            int query = ROWS_ARE_KEYS ? c : r, key = ROWS_ARE_KEYS ? r : c;
            acc_t& score = Team::at(scores, i, j);
            bool seen = query < p.queries && key < p.keys && (!p.causal || key <= query);
            score = seen ? score * (acc_t)p.scale : -INF_F;
            if (!seen || p.mask == UNMASKED) continue;
            long long place = start + query * p.masks.row + key * p.masks.col;
            if (p.mask == ADDED) score += load((const scalar_t*)mask + place);
            else if (!((const bool*)mask)[place]) score = -INF_F;
        }
}

// ---- forward: a block owns queries and goes over the keys

template <class Team>
__device__ void forward(const scalar_t* q, const scalar_t* k, const scalar_t* v, const void* mask, scalar_t* o,
                        acc_t* lse, const Problem& p) {
    Team team(p.d);
    Part part = my_part(Team::ROWS, p.queries, p.heads, true);
    int keys = p.causal ? min(p.keys, part.row + Team::ROWS) : p.keys, rows = p.queries - part.row;
    k = at_row(k, p.k, part.batch, part.head / p.group, 0);
    v = at_row(v, p.v, part.batch, part.head / p.group, 0);
    auto q_tile = team.tile(Team::ROWS), k_tile = team.tile(Team::COLS), v_tile = team.tile(Team::COLS);
    auto start = [&](auto tile, const scalar_t* x, long long stride, int key) {
        if (key < keys) team.copy(tile, Team::COLS, x + key * stride, stride, p.keys - key);
        Team::commit();
    };
    team.copy(q_tile, Team::ROWS, at_row(q, p.q, part.batch, part.head, part.row), p.q.row, rows);
    start(k_tile, k, p.k.row, 0);
    start(v_tile, v, p.v.row, 0);

    typename Team::Sums sums = {};
    Online total[Team::I];
    for (int key = 0; key < keys; key += Team::COLS) {
        Team::template wait<1>();
        __syncthreads();
        typename Team::Scores scores;
        team.dot(scores, q_tile, k_tile);
        __syncthreads();  // all have done with the keys
        start(k_tile, k, p.k.row, key + Team::COLS);

        to_scores<Team, false>(team, scores, p, mask, part.batch, part.head, part.row, key);
        for (int i = 0; i < Team::I; i++) {
            acc_t before = total[i].max, max = before, sum = 0;
            for (int j = 0; j < Team::J; j++) max = fmax(max, Team::at(scores, i, j));
            max = Team::over_row(max, [](acc_t a, acc_t b) { return fmax(a, b); });
            for (int j = 0; j < Team::J; j++) {
                acc_t& weight = Team::at(scores, i, j);
                weight = exponential(weight - Online::shift(max));
                sum += weight;
            }
            acc_t shrink = exponential(before - Online::shift(max));
            total[i].max = max;
            total[i].sum = total[i].sum * shrink + Team::over_row(sum, [](acc_t a, acc_t b) { return a + b; });
            for (int c = 0; c < Team::WIDE; c++) Team::at(sums, i, c) *= shrink;
        }

        Team::template wait<1>();
        __syncthreads();
        team.accumulate(sums, scores, v_tile);
        __syncthreads();  // and with the values
        start(v_tile, v, p.v.row, key + Team::COLS);
    }
    Team::template wait<0>();

    acc_t factor[Team::I];
    long long begin = ((long long)part.batch * p.heads + part.head) * p.queries + part.row;
    for (int i = 0; i < Team::I; i++) {
        factor[i] = total[i].sum == 0 ? 0 : 1 / total[i].sum;  // a query that sees nothing gets zeros
        if (team.leads() && team.row(i) < rows) lse[begin + team.row(i)] = total[i].log_sum();
    }
    team.put(o + begin * p.d, rows, sums, factor);
}

// ---- backward. With w = softmax(scores), dw = go @ v^T and delta = rowsum(go * o):
//      ds = w * (dw - delta);  gv = w^T @ go;  gk = scale * ds^T @ q;  gq = scale * ds @ k
//
// A block owns keys, whose gradients and whose values' it makes from all queries of the group (rows of the scores are
// then keys), or it owns queries and goes over the keys.

template <class Team, bool OWNS_KEYS>
__device__ void backward(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v, const void* mask,
                         const acc_t* lse, const acc_t* delta, scalar_t* g, scalar_t* gv, const Problem& p) {
    const int STAGES = Team::STAGES;
    Team team(p.d);
    int length = OWNS_KEYS ? p.keys : p.queries, heads = OWNS_KEYS ? p.heads / p.group : p.heads;
    Part part = my_part(Team::ROWS, length, heads, !OWNS_KEYS);
    int rows = length - part.row;
    // Own rows, and the others' that pass by: with keys their values, with queries the gradients of their outputs.
    const scalar_t *own[2] = {OWNS_KEYS ? k : q, OWNS_KEYS ? v : go};
    const scalar_t *other[2] = {OWNS_KEYS ? q : k, OWNS_KEYS ? go : v};
    Strides own_strides[2] = {OWNS_KEYS ? p.k : p.q, OWNS_KEYS ? p.v : p.go};
    Strides other_strides[2] = {OWNS_KEYS ? p.q : p.k, OWNS_KEYS ? p.go : p.v};
    decltype(team.tile(0)) own_tile[2], ring[2];
    for (int n = 0; n < 2; n++) {
        own_tile[n] = team.tile(Team::ROWS);
        ring[n] = team.tile(STAGES * Team::COLS);
        const scalar_t* from = at_row(own[n], own_strides[n], part.batch, part.head, part.row);
        team.copy(own_tile[n], Team::ROWS, from, own_strides[n].row, rows);
    }

    // Of each head that is met, the others from `first` to `last` - 1.
    int first = OWNS_KEYS && p.causal ? part.row : 0;
    int last = OWNS_KEYS ? p.queries : p.causal ? min(p.keys, part.row + Team::ROWS) : p.keys;
    int tiles = max(0, (last - first + Team::COLS - 1) / Team::COLS), steps = OWNS_KEYS ? tiles * p.group : tiles;
    auto head_of = [&](int step) { return OWNS_KEYS ? part.head * p.group + step / tiles : part.head / p.group; };
    auto col_of = [&](int step) { return first + step % tiles * Team::COLS; };
    auto stage_of = [&](int n, int step) { return ring[n] + step % STAGES * Team::COLS * Team::PITCH; };
    auto start = [&](int step) {
        for (int n = 0; n < 2 && step < steps; n++) {
            int left = (OWNS_KEYS ? p.queries : p.keys) - col_of(step);
            const scalar_t* from = at_row(other[n], other_strides[n], part.batch, head_of(step), col_of(step));
            team.copy(stage_of(n, step), Team::COLS, from, other_strides[n].row, left);
        }
        Team::commit();
    };
    for (int step = 0; step < STAGES - 1; step++) start(step);

    typename Team::Sums sums = {}, gv_sums = {};
    for (int step = 0; step < steps; step++) {
        start(step + STAGES - 1);
        Team::template wait<STAGES - 1>();
        __syncthreads();
        typename Team::Scores weight, ds;
        team.dot(weight, own_tile[0], stage_of(0, step));
        team.dot(ds, own_tile[1], stage_of(1, step));
        int head = OWNS_KEYS ? head_of(step) : part.head, col = col_of(step);
        to_scores<Team, OWNS_KEYS>(team, weight, p, mask, part.batch, head, part.row, col);
        long long begin = ((long long)part.batch * p.heads + head) * p.queries;
        for (int i = 0; i < Team::I; i++)
            for (int j = 0; j < Team::J; j++) {
                long long query = OWNS_KEYS ? col + team.col(j) : part.row + team.row(i);
                acc_t &w = Team::at(weight, i, j), &d = Team::at(ds, i, j);
                bool seen = w != -INF_F;  // and then there is such a query
                w = seen ? exponential(w - lse[begin + query]) : 0;
                d = seen ? w * (d - delta[begin + query]) : 0;
            }
        if constexpr (OWNS_KEYS) team.accumulate(gv_sums, weight, stage_of(1, step));
        team.accumulate(sums, ds, stage_of(0, step));
        __syncthreads();  // all have done with this stage, which is filled next
    }
    Team::template wait<0>();

    acc_t one[Team::I], scale[Team::I];
    for (int i = 0; i < Team::I; i++) one[i] = 1, scale[i] = (acc_t)p.scale;
    long long begin = (((long long)part.batch * heads + part.head) * length + part.row) * p.d;
    team.put(g + begin, rows, sums, scale);
    if constexpr (OWNS_KEYS) team.put(gv + begin, rows, gv_sums, one);
}

// delta = rowsum(go * o), a warp per row.
extern "C" __global__ void __launch_bounds__(128)
    attention_delta(const scalar_t* go, const scalar_t* o, acc_t* delta, long long rows, const Problem p) {
    long long r = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (r >= rows) return;
    int index = r / p.queries;
    const scalar_t* go_row = at_row(go, p.go, index / p.heads, index % p.heads, r % p.queries);
    acc_t sum = 0;
    for (int c = threadIdx.x; c < p.d; c += 32) sum += load(go_row + c) * load(o + r * p.d + c);
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += shuffle_xor(sum, lanes);
    if (threadIdx.x == 0) delta[r] = sum;
}

// ---- entry points, by the most that d may be; the file says which Teams do what

#define ATTENTION(D_MAX)                                                                                               \
    extern "C" __global__ void __launch_bounds__(Forward<D_MAX>::THREADS, Forward<D_MAX>::BLOCKS)                      \
        attention_forward_##D_MAX(const scalar_t* q, const scalar_t* k, const scalar_t* v, const void* mask,           \
                                  scalar_t* o, acc_t* lse, const Problem p) {                                          \
        forward<Forward<D_MAX>>(q, k, v, mask, o, lse, p);                                                             \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(Keys<D_MAX>::THREADS, Keys<D_MAX>::BLOCKS)                            \
        attention_backward_keys_##D_MAX(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v,   \
                                        const void* mask, const acc_t* lse, const acc_t* delta, scalar_t* gk,          \
                                        scalar_t* gv, const Problem p) {                                               \
        backward<Keys<D_MAX>, true>(go, q, k, v, mask, lse, delta, gk, gv, p);                                         \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(Queries<D_MAX>::THREADS, Queries<D_MAX>::BLOCKS)                      \
        attention_backward_queries_##D_MAX(const scalar_t* go, const scalar_t* q, const scalar_t* k,                   \
                                           const scalar_t* v, const void* mask, const acc_t* lse, const acc_t* delta,  \
                                           scalar_t* gq, const Problem p) {                                            \
        backward<Queries<D_MAX>, false>(go, q, k, v, mask, lse, delta, gq, nullptr, p);                                \
    }

// o = softmax(scale * q @ k^T + mask) @ v and its gradients on the host, with no T x S matrix in memory: the loops over
// tiles of include/attention.cuh, for a core instead of a team of threads.
//
// Beside kernels/attention.cu, whose threads hold parts of a tile: here a core holds whole tiles in its cache. Forward: it
// owns TILE queries and meets all keys, the softmax carried along. Backward: it owns the keys that `group` heads of queries
// share, and all those queries with them, so that every sum is one core's. D_MAX is the most that d may be.

#include "attention.cuh"
#include "lanes.cuh"
#include "product.cuh"

const int TILE = 64;  // queries, and keys

// Lines of a tile, each `pitch` long; what there is not is 0.
__device__ inline void copy_lines(acc_t* tile, int pitch, const scalar_t* from, long long stride, int lines, int d,
                                  acc_t scale) {
    for (int r = 0; r < TILE; r++) {
        acc_t* line = tile + (long)r * pitch;
        const int present = r < lines ? d : 0;
        for (int c = 0; c < present; c++) line[c] = load(from + r * stride + c) * scale;
        for (int c = present; c < pitch; c++) line[c] = 0;
    }
}

// The same lying across: tile[c][r], TILE a line.
__device__ inline void copy_across(acc_t* tile, const scalar_t* from, long long stride, int lines, int d) {
    for (int c = 0; c < d; c++)
        for (int r = lines; r < TILE; r++) tile[(long)c * TILE + r] = 0;
    for (int r = 0; r < lines; r++)
        for (int c = 0; c < d; c++) tile[(long)c * TILE + r] = load(from + r * stride + c);
}

// Where queries from `query` meet keys from `key`: masked, and -inf where a query does not see a key.
__device__ inline void mask_scores(acc_t (&scores)[TILE][TILE], const Problem& p, const void* mask, int batch, int head,
                                   int query, int key) {
    const int rows = min(TILE, p.queries - query), cols = min(TILE, p.keys - key);
    const long long start = batch * p.masks.batch + head * p.masks.head;
    for (int r = 0; r < rows; r++) {
        acc_t* line = scores[r];
        if (p.mask != UNMASKED) {
            const long long row = start + (query + r) * p.masks.row + key * p.masks.col;
            for (int c = 0; c < cols; c++) {
                const long long at = row + c * p.masks.col;
                if (p.mask == ADDED) line[c] += load((const scalar_t*)mask + at);
                else line[c] = ((const bool*)mask)[at] ? line[c] : -INF_F;
            }
        }
        const int seen = p.causal ? min(cols, query + r + 1 - key) : cols;
        for (int c = max(seen, 0); c < TILE; c++) line[c] = -INF_F;
    }
}

// A max of -inf would turn exp(-inf - max), which is to be 0, into NaN.
__device__ inline acc_t finite(acc_t max) { return max == -INF_F ? 0 : max; }

// ---- forward

template <int D_MAX>
FLATTENED static void attend(const scalar_t* q, const scalar_t* k, const scalar_t* v, const void* mask, scalar_t* o,
                             acc_t* lse, const Problem& p, int batch, int head, int query) {
    alignas(64) acc_t q_tile[TILE * D_MAX], k_tile[D_MAX * TILE], v_tile[TILE * D_MAX], sums[TILE * D_MAX];
    alignas(64) acc_t scores[TILE][TILE];
    acc_t highest[TILE], total[TILE] = {};
    const int rows = min(TILE, p.queries - query), pitch = padded(p.d);
    const int keys = p.causal ? min(p.keys, query + rows) : p.keys;
    copy_lines(q_tile, pitch, at_row(q, p.q, batch, head, query), p.q.row, rows, p.d, (acc_t)p.scale);
    for (int r = 0; r < TILE; r++) highest[r] = -INF_F;
    for (int i = 0; i < TILE * pitch; i++) sums[i] = 0;

    for (int key = 0; key < keys; key += TILE) {
        const int cols = min(TILE, p.keys - key);
        copy_across(k_tile, at_row(k, p.k, batch, head / p.group, key), p.k.row, cols, p.d);
        copy_lines(v_tile, pitch, at_row(v, p.v, batch, head / p.group, key), p.v.row, cols, p.d, 1);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < TILE; c++) scores[r][c] = 0;
        add_product(scores[0], TILE, q_tile, pitch, 1, k_tile, TILE, rows, TILE, p.d);
        mask_scores(scores, p, mask, batch, head, query, key);
        for (int r = 0; r < rows; r++) {
            acc_t* line = scores[r];
            Greatest greatest;
            each_column(TILE, [&](long long c, int lane) { greatest.add(lane, line[c]); });
            const acc_t before = highest[r], tile_max = greatest.total();
            const acc_t now = highest[r] = tile_max > before ? tile_max : before, shift = finite(now);
            Sums sum;
            each_column(TILE, [&](long long c, int lane) {
                line[c] = exp_of_negative(line[c] - shift);
                sum.add(lane, line[c]);
            });
            if (key > 0 && now > before) {
                const acc_t factor = exp_of_negative(before - shift);
                total[r] *= factor;
                for (int c = 0; c < pitch; c++) sums[r * pitch + c] *= factor;
            }
            total[r] += sum.total();
        }
        add_product(sums, pitch, scores[0], TILE, 1, v_tile, pitch, rows, pitch, cols);
    }

    const long long first = ((long long)batch * p.heads + head) * p.queries + query;
    for (int r = 0; r < rows; r++) {
        // A query that sees nothing gets zeros.
        const acc_t part = total[r] == 0 ? 0 : 1 / total[r];
        for (int c = 0; c < p.d; c++) store(o + (first + r) * p.d + c, sums[r * pitch + c] * part);
        lse[first + r] = total[r] == 0 ? -INF_F : highest[r] + log(total[r]);
    }
}

// ---- backward. p = exp(scores - lse), dp = go @ v^T, ds = p * (dp - sum(go * o)):
//     gv = p^T @ go    gk = scale * ds^T @ q    gq = scale * ds @ k

template <int D_MAX>
FLATTENED static void attend_backward(const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v,
                                      const scalar_t* o, const acc_t* lse, const void* mask, scalar_t* gq, scalar_t* gk,
                                      scalar_t* gv, const Problem& p, int batch, int key_head) {
    alignas(64) acc_t q_tile[TILE * D_MAX], k_lines[TILE * D_MAX], k_tile[D_MAX * TILE], v_tile[D_MAX * TILE];
    alignas(64) acc_t go_tile[TILE * D_MAX], gq_tile[TILE * D_MAX], gk_tile[TILE * D_MAX], gv_tile[TILE * D_MAX];
    alignas(64) acc_t scores[TILE][TILE], slopes[TILE][TILE];
    const int pitch = padded(p.d), key_heads = p.heads / p.group;
    for (int key = 0; key < p.keys; key += TILE) {
        const int cols = min(TILE, p.keys - key);
        copy_across(k_tile, at_row(k, p.k, batch, key_head, key), p.k.row, cols, p.d);
        copy_across(v_tile, at_row(v, p.v, batch, key_head, key), p.v.row, cols, p.d);
        copy_lines(k_lines, pitch, at_row(k, p.k, batch, key_head, key), p.k.row, cols, p.d, (acc_t)p.scale);
        for (int i = 0; i < TILE * pitch; i++) gk_tile[i] = gv_tile[i] = 0;
        for (int head = key_head * p.group; head < (key_head + 1) * p.group; head++)
            for (int query = 0; query < p.queries; query += TILE) {
                const int rows = min(TILE, p.queries - query);
                const long long first = ((long long)batch * p.heads + head) * p.queries + query;
                scalar_t* gq_rows = gq + first * p.d;
                if (p.causal && key > query + rows - 1) {  // none of these queries sees any of these keys
                    if (key == 0)
                        for (long long i = 0; i < (long long)rows * p.d; i++) store(gq_rows + i, acc_t(0));
                    continue;
                }
                copy_lines(q_tile, pitch, at_row(q, p.q, batch, head, query), p.q.row, rows, p.d, (acc_t)p.scale);
                copy_lines(go_tile, pitch, at_row(go, p.go, batch, head, query), p.go.row, rows, p.d, 1);
                for (int r = 0; r < rows; r++)
                    for (int c = 0; c < TILE; c++) scores[r][c] = slopes[r][c] = 0;
                add_product(scores[0], TILE, q_tile, pitch, 1, k_tile, TILE, rows, TILE, p.d);
                add_product(slopes[0], TILE, go_tile, pitch, 1, v_tile, TILE, rows, TILE, p.d);
                mask_scores(scores, p, mask, batch, head, query, key);
                for (int r = 0; r < rows; r++) {
                    const scalar_t* o_row = o + (first + r) * p.d;
                    const acc_t *go_row = go_tile + r * pitch, shift = finite(lse[first + r]);
                    Sums along;
                    each_column(p.d, [&](long long c, int lane) { along.add(lane, go_row[c] * load(o_row + c)); });
                    const acc_t delta = along.total();
                    acc_t *line = scores[r], *slope = slopes[r];
                    for (int c = 0; c < TILE; c++) {
                        line[c] = exp_of_negative(line[c] - shift);
                        slope[c] = line[c] * (slope[c] - delta);
                    }
                }
                add_product(gv_tile, pitch, scores[0], 1, TILE, go_tile, pitch, cols, pitch, rows);
                add_product(gk_tile, pitch, slopes[0], 1, TILE, q_tile, pitch, cols, pitch, rows);
                for (int i = 0; i < rows * pitch; i++) gq_tile[i] = 0;
                add_product(gq_tile, pitch, slopes[0], TILE, 1, k_lines, pitch, rows, pitch, cols);
                for (int r = 0; r < rows; r++)
                    for (int c = 0; c < p.d; c++) {
                        scalar_t* to = gq_rows + (long long)r * p.d + c;
                        store(to, (key > 0 ? load(to) : 0) + gq_tile[r * pitch + c]);
                    }
            }
        const long long first = ((long long)batch * key_heads + key_head) * p.keys + key;
        for (int r = 0; r < cols; r++)
            for (int c = 0; c < p.d; c++) {
                store(gk + (first + r) * p.d + c, gk_tile[r * pitch + c]);
                store(gv + (first + r) * p.d + c, gv_tile[r * pitch + c]);
            }
    }
}

// ---- entry points: the grid is cut into shares of what a core owns

#define ATTENTION_FOR(D_MAX)                                                                                           \
    extern "C" __global__ void attention_forward_##D_MAX(const scalar_t* q, const scalar_t* k, const scalar_t* v,      \
                                                         const void* mask, scalar_t* o, acc_t* lse,                    \
                                                         long long owned, const Problem p) {                           \
        const int tiles = (p.queries + TILE - 1) / TILE;                                                               \
        for (Share share = my_share(owned); share.begin < share.end; share.begin++) {                                  \
            const long long head = share.begin / tiles;                                                                \
            attend<D_MAX>(q, k, v, mask, o, lse, p, (int)(head / p.heads), (int)(head % p.heads),                      \
                          (int)(share.begin % tiles) * TILE);                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    extern "C" __global__ void attention_backward_##D_MAX(                                                             \
        const scalar_t* go, const scalar_t* q, const scalar_t* k, const scalar_t* v, const scalar_t* o,                \
        const acc_t* lse, const void* mask, scalar_t* gq, scalar_t* gk, scalar_t* gv, long long owned,                 \
        const Problem p) {                                                                                             \
        const int heads = p.heads / p.group;                                                                           \
        for (Share share = my_share(owned); share.begin < share.end; share.begin++)                                    \
            attend_backward<D_MAX>(go, q, k, v, o, lse, mask, gq, gk, gv, p, (int)(share.begin / heads),               \
                                   (int)(share.begin % heads));                                                        \
    }

ATTENTION_FOR(64)
ATTENTION_FOR(256)

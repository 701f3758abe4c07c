// Recurrent layers over a whole sequence on the host, and their gradients.
//
// Beside kernels/recurrent.cu, which has a step of every row: here a core takes some rows of the batch through all steps,
// since rows know nothing of each other. The weight is put in panels once; a step is a product in the core's cache
// (product.cuh), which the gates' loop takes up where it lies. A row's numbers do not depend on whose it is.
#include "lanes.cuh"
#include "product.cuh"
#include "scratch.cuh"

struct Sizes {
    int steps, batch, hidden, is_reversed;
};

__device__ inline acc_t sigmoid(acc_t x) { return 1 / (1 + exp(-x)); }

// A block's rows, and where the numbers of a step lie.
struct Rows {
    const Sizes& s;
    long long first, count;

    __device__ Rows(const Sizes& s) : s(s) {
        const Share share = my_share(s.batch);
        first = share.begin, count = share.end - share.begin;
    }
    // The first of these rows at the step that is the i-th from where the sequence is begun.
    __device__ long long at(int i) const { return (s.is_reversed ? s.steps - 1 - i : i) * (long long)s.batch + first; }
};

// The weight of a product from the right, (steps, cols), as panels that lie together: lines of PANEL, zeros behind cols.
const int PANEL = 4 * WIDTH;

struct Panels {
    int steps, count;
    Scratch room;

    // weight(step, col) is the element of `weight` at step * step_by + col * col_by.
    __device__ Panels(const scalar_t* weight, int steps, int cols, int step_by, int col_by)
        : steps(steps), count((cols + PANEL - 1) / PANEL), room((long)steps * pitch()) {
        for (int p = 0; p < count; p++)
            for (long i = 0; i < steps; i++)
                for (long k = 0; k < PANEL; k++) {
                    const long col = p * PANEL + k;
                    room.numbers[(p * (long)steps + i) * PANEL + k] =
                        col < cols ? load(weight + i * step_by + col * col_by) : acc_t(0);
                }
    }
    __device__ int pitch() const { return count * PANEL; }

    // c (rows, pitch) += a (rows, steps) @ weight
    __device__ void add_product_of(const acc_t* a, acc_t* c, int rows) const {
        for (int p = 0; p < count; p++)
            product_strip<PANEL>(c + p * PANEL, pitch(), a, steps, 1, room.numbers + p * (long)steps * PANEL, PANEL, rows,
                                 steps);
    }
};

FLATTENED static void take(acc_t* __restrict__ to, const scalar_t* from, long count) {
    for (long k = 0; k < count; k++) to[k] = load(from + k);
}

FLATTENED static void give(scalar_t* to, const acc_t* __restrict__ from, long count) {
    for (long k = 0; k < count; k++) store(to + k, from[k]);
}

__device__ inline void clear(acc_t* to, long count) {
    for (long k = 0; k < count; k++) to[k] = 0;
}

// ---- LSTM: gates i, f, g, o; c = f c_before + i g; h = o tanh(c)

FLATTENED static void lstm_row(const acc_t* __restrict__ sum, acc_t* __restrict__ c, acc_t* __restrict__ h,
                               scalar_t* __restrict__ y, scalar_t* __restrict__ cell, scalar_t* __restrict__ gates,
                               long hidden) {
#pragma GCC ivdep
    for (long j = 0; j < hidden; j++) {
        const acc_t i = sigmoid(sum[j]), f = sigmoid(sum[hidden + j]);
        const acc_t g = tanh(sum[2 * hidden + j]), o = sigmoid(sum[3 * hidden + j]), now = f * c[j] + i * g;
        store(gates + j, i);
        store(gates + hidden + j, f);
        store(gates + 2 * hidden + j, g);
        store(gates + 3 * hidden + j, o);
        store(cell + j, now);
        store(y + j, o * tanh(now));
        c[j] = load(cell + j);
        h[j] = load(y + j);
    }
}

extern "C" __global__ void lstm(const scalar_t* x, const scalar_t* h, const scalar_t* c, const scalar_t* weight,
                                scalar_t* y, scalar_t* cells, scalar_t* gates, Sizes s) {
    const Rows rows(s);
    const long hidden = s.hidden, of_gates = 4 * hidden;
    if (!rows.count) return;
    const Panels panels(weight, hidden, of_gates, 1, hidden);
    const long pitch = panels.pitch();
    Scratch sums(rows.count * pitch), state(rows.count * hidden), cell(rows.count * hidden);
    take(state.numbers, h + rows.first * hidden, rows.count * hidden);
    take(cell.numbers, c + rows.first * hidden, rows.count * hidden);
    clear(sums.numbers, rows.count * pitch);
    for (int i = 0; i < s.steps; i++) {
        const long long at = rows.at(i);
        for (long r = 0; r < rows.count; r++) take(sums.numbers + r * pitch, x + (at + r) * of_gates, of_gates);
        panels.add_product_of(state.numbers, sums.numbers, rows.count);
        for (long r = 0; r < rows.count; r++)
            lstm_row(sums.numbers + r * pitch, cell.numbers + r * hidden, state.numbers + r * hidden,
                     y + (at + r) * hidden, cells + (at + r) * hidden, gates + (at + r) * of_gates, hidden);
    }
}

FLATTENED static void lstm_row_backward(const scalar_t* __restrict__ gy, const acc_t* __restrict__ gh,
                                        const scalar_t* __restrict__ gcell, acc_t* __restrict__ gc,
                                        const scalar_t* __restrict__ before, const scalar_t* __restrict__ cell,
                                        const scalar_t* __restrict__ gates, acc_t* __restrict__ gx, long hidden) {
    const acc_t has_cell = gcell ? 1 : 0;
    const scalar_t* of_cell = gcell ? gcell : gy;
#pragma GCC ivdep
    for (long j = 0; j < hidden; j++) {
        const acc_t i = load(gates + j), f = load(gates + hidden + j), g = load(gates + 2 * hidden + j);
        const acc_t o = load(gates + 3 * hidden + j), squashed = tanh(load(cell + j)), to_h = load(gy + j) + gh[j];
        const acc_t given = load(of_cell + j);
        const acc_t to_c = gc[j] + to_h * o * (1 - squashed * squashed) + (has_cell ? given : 0);
        gx[j] = to_c * g * i * (1 - i);
        gx[hidden + j] = to_c * load(before + j) * f * (1 - f);
        gx[2 * hidden + j] = to_c * i * (1 - g * g);
        gx[3 * hidden + j] = to_h * squashed * o * (1 - o);
        gc[j] = to_c * f;
    }
}

extern "C" __global__ void lstm_backward(const scalar_t* gy, const scalar_t* gcells, const scalar_t* c,
                                         const scalar_t* cells, const scalar_t* gates, const scalar_t* weight,
                                         scalar_t* gx, scalar_t* gh, scalar_t* gc, Sizes s) {
    const Rows rows(s);
    const long hidden = s.hidden, of_gates = 4 * hidden;
    if (!rows.count) return;
    const Panels panels(weight, of_gates, hidden, hidden, 1);
    const long pitch = panels.pitch();
    Scratch to_gates(rows.count * of_gates), to_h(rows.count * pitch), to_c(rows.count * hidden);
    clear(to_h.numbers, rows.count * pitch);
    clear(to_c.numbers, rows.count * hidden);
    for (int i = s.steps - 1; i >= 0; i--) {
        const long long at = rows.at(i);
        const scalar_t* before = i ? cells + rows.at(i - 1) * hidden : c + rows.first * hidden;
        for (long r = 0; r < rows.count; r++)
            lstm_row_backward(gy + (at + r) * hidden, to_h.numbers + r * pitch, gcells ? gcells + (at + r) * hidden : 0,
                              to_c.numbers + r * hidden, before + r * hidden, cells + (at + r) * hidden,
                              gates + (at + r) * of_gates, to_gates.numbers + r * of_gates, hidden);
        give(gx + at * of_gates, to_gates.numbers, rows.count * of_gates);
        clear(to_h.numbers, rows.count * pitch);
        panels.add_product_of(to_gates.numbers, to_h.numbers, rows.count);
    }
    for (long r = 0; r < rows.count; r++) give(gh + (rows.first + r) * hidden, to_h.numbers + r * pitch, hidden);
    give(gc + rows.first * hidden, to_c.numbers, rows.count * hidden);
}

// ---- GRU: gates r, z, n = tanh(x + r m), m being the product's part, kept as a fourth; h = n + z (h_before - n)

FLATTENED static void gru_row(const scalar_t* __restrict__ x, const acc_t* __restrict__ sum, acc_t* __restrict__ h,
                              scalar_t* __restrict__ y, scalar_t* __restrict__ gates, long hidden) {
#pragma GCC ivdep
    for (long j = 0; j < hidden; j++) {
        const acc_t r = sigmoid(load(x + j) + sum[j]), z = sigmoid(load(x + hidden + j) + sum[hidden + j]);
        const acc_t m = sum[2 * hidden + j], n = tanh(load(x + 2 * hidden + j) + r * m);
        store(gates + j, r);
        store(gates + hidden + j, z);
        store(gates + 2 * hidden + j, n);
        store(gates + 3 * hidden + j, m);
        store(y + j, n + z * (h[j] - n));
        h[j] = load(y + j);
    }
}

extern "C" __global__ void gru(const scalar_t* x, const scalar_t* h, const scalar_t* weight, const scalar_t* bias,
                               scalar_t* y, scalar_t* gates, Sizes s) {
    const Rows rows(s);
    const long hidden = s.hidden, of_gates = 3 * hidden;
    if (!rows.count) return;
    const Panels panels(weight, hidden, of_gates, 1, hidden);
    const long pitch = panels.pitch();
    Scratch sums(rows.count * pitch), state(rows.count * hidden);
    take(state.numbers, h + rows.first * hidden, rows.count * hidden);
    for (int i = 0; i < s.steps; i++) {
        const long long at = rows.at(i);
        clear(sums.numbers, rows.count * pitch);
        if (bias)
            for (long r = 0; r < rows.count; r++) take(sums.numbers + r * pitch, bias, of_gates);
        panels.add_product_of(state.numbers, sums.numbers, rows.count);
        for (long r = 0; r < rows.count; r++)
            gru_row(x + (at + r) * of_gates, sums.numbers + r * pitch, state.numbers + r * hidden, y + (at + r) * hidden,
                    gates + (at + r) * 4 * hidden, hidden);
    }
}

FLATTENED static void gru_row_backward(const scalar_t* __restrict__ gy, acc_t* __restrict__ gh,
                                       const scalar_t* __restrict__ before, const scalar_t* __restrict__ gates,
                                       scalar_t* __restrict__ gx, acc_t* __restrict__ gproduct, long hidden) {
#pragma GCC ivdep
    for (long j = 0; j < hidden; j++) {
        const acc_t r = load(gates + j), z = load(gates + hidden + j), n = load(gates + 2 * hidden + j);
        const acc_t m = load(gates + 3 * hidden + j), to_h = load(gy + j) + gh[j];
        const acc_t to_n = to_h * (1 - z) * (1 - n * n), to_r = to_n * m * r * (1 - r);
        const acc_t to_z = to_h * (load(before + j) - n) * z * (1 - z);
        store(gx + j, to_r);
        store(gx + hidden + j, to_z);
        store(gx + 2 * hidden + j, to_n);
        gproduct[j] = to_r;
        gproduct[hidden + j] = to_z;
        gproduct[2 * hidden + j] = to_n * r;
        gh[j] = to_h * z;
    }
}

extern "C" __global__ void gru_backward(const scalar_t* gy, const scalar_t* h, const scalar_t* y, const scalar_t* gates,
                                        const scalar_t* weight, scalar_t* gx, scalar_t* gproduct, scalar_t* gh, Sizes s) {
    const Rows rows(s);
    const long hidden = s.hidden, of_gates = 3 * hidden;
    if (!rows.count) return;
    const Panels panels(weight, of_gates, hidden, hidden, 1);
    const long pitch = panels.pitch();
    Scratch to_gates(rows.count * of_gates), to_h(rows.count * pitch);
    clear(to_h.numbers, rows.count * pitch);
    for (int i = s.steps - 1; i >= 0; i--) {
        const long long at = rows.at(i);
        const scalar_t* before = i ? y + rows.at(i - 1) * hidden : h + rows.first * hidden;
        for (long r = 0; r < rows.count; r++)
            gru_row_backward(gy + (at + r) * hidden, to_h.numbers + r * pitch, before + r * hidden,
                             gates + (at + r) * 4 * hidden, gx + (at + r) * of_gates, to_gates.numbers + r * of_gates,
                             hidden);
        give(gproduct + at * of_gates, to_gates.numbers, rows.count * of_gates);
        panels.add_product_of(to_gates.numbers, to_h.numbers, rows.count);
    }
    for (long r = 0; r < rows.count; r++) give(gh + (rows.first + r) * hidden, to_h.numbers + r * pitch, hidden);
}

// ---- Elman's: h = tanh(x + product), or relu of it

FLATTENED static void rnn_row(const acc_t* __restrict__ sum, acc_t* __restrict__ h, scalar_t* __restrict__ y, long hidden,
                              bool is_relu) {
    if (is_relu)
#pragma GCC ivdep
        for (long j = 0; j < hidden; j++) store(y + j, sum[j] < 0 ? 0 : sum[j]), h[j] = load(y + j);
    else
#pragma GCC ivdep
        for (long j = 0; j < hidden; j++) store(y + j, tanh(sum[j])), h[j] = load(y + j);
}

extern "C" __global__ void rnn(const scalar_t* x, const scalar_t* h, const scalar_t* weight, scalar_t* y, Sizes s,
                               int is_relu) {
    const Rows rows(s);
    const long hidden = s.hidden;
    if (!rows.count) return;
    const Panels panels(weight, hidden, hidden, 1, hidden);
    const long pitch = panels.pitch();
    Scratch sums(rows.count * pitch), state(rows.count * hidden);
    take(state.numbers, h + rows.first * hidden, rows.count * hidden);
    clear(sums.numbers, rows.count * pitch);
    for (int i = 0; i < s.steps; i++) {
        const long long at = rows.at(i);
        for (long r = 0; r < rows.count; r++) take(sums.numbers + r * pitch, x + (at + r) * hidden, hidden);
        panels.add_product_of(state.numbers, sums.numbers, rows.count);
        for (long r = 0; r < rows.count; r++)
            rnn_row(sums.numbers + r * pitch, state.numbers + r * hidden, y + (at + r) * hidden, hidden, is_relu);
    }
}

FLATTENED static void rnn_row_backward(const scalar_t* __restrict__ gy, const acc_t* __restrict__ gh,
                                       const scalar_t* __restrict__ y, acc_t* __restrict__ gx, long hidden, bool is_relu) {
#pragma GCC ivdep
    for (long j = 0; j < hidden; j++) {
        const acc_t to_h = load(gy + j) + gh[j], of = load(y + j), smooth = to_h * (1 - of * of);
        gx[j] = is_relu ? (of > 0 ? to_h : 0) : smooth;
    }
}

extern "C" __global__ void rnn_backward(const scalar_t* gy, const scalar_t* y, const scalar_t* weight, scalar_t* gx,
                                        scalar_t* gh, Sizes s, int is_relu) {
    const Rows rows(s);
    const long hidden = s.hidden;
    if (!rows.count) return;
    const Panels panels(weight, hidden, hidden, hidden, 1);
    const long pitch = panels.pitch();
    Scratch to_gates(rows.count * hidden), to_h(rows.count * pitch);
    clear(to_h.numbers, rows.count * pitch);
    for (int i = s.steps - 1; i >= 0; i--) {
        const long long at = rows.at(i);
        for (long r = 0; r < rows.count; r++)
            rnn_row_backward(gy + (at + r) * hidden, to_h.numbers + r * pitch, y + (at + r) * hidden,
                             to_gates.numbers + r * hidden, hidden, is_relu);
        give(gx + at * hidden, to_gates.numbers, rows.count * hidden);
        clear(to_h.numbers, rows.count * pitch);
        panels.add_product_of(to_gates.numbers, to_h.numbers, rows.count);
    }
    for (long r = 0; r < rows.count; r++) give(gh + (rows.first + r) * hidden, to_h.numbers + r * pitch, hidden);
}

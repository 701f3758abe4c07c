// y = softmax(x) or log_softmax(x) along one dimension, and their gradients, on the host.
//
// Beside kernels/softmax.cu because a processor's core has a row for itself, and time to write exp(x - max) down: on a
// GPU, which reads a row once and keeps a running maximum, it is computed twice. The dimension last: a row at a time.
// The dimension elsewhere: x seen as (outer, n, inner), STRIP neighbouring columns at a time.

#include "lanes.cuh"

// A half type's exp(x - max) is not written down, where it would be rounded: it is computed anew.
const bool KEEPS = sizeof(scalar_t) == sizeof(acc_t);

// y = exp(x - max) / sum of it;  gx = y * (gy - sum(gy * y))
struct Softmax {
    const static bool LOG = false;
    static __device__ acc_t term(acc_t gy, acc_t y) { return gy * y; }
    static __device__ acc_t gradient(acc_t gy, acc_t y, acc_t sum) { return y * (gy - sum); }
};

// y = x - max - log(sum of exp(x - max));  gx = gy - exp(y) * sum(gy)
struct LogSoftmax {
    const static bool LOG = true;
    static __device__ acc_t term(acc_t gy, acc_t) { return gy; }
    static __device__ acc_t gradient(acc_t gy, acc_t y, acc_t sum) { return gy - exp(y) * sum; }
};

// ---- rows

template <class Mode>
FLATTENED static void forward_rows(const scalar_t* x, scalar_t* y, long long rows, int cols) {
    for (Share row = my_share(rows); row.begin < row.end; row.begin++) {
        const scalar_t* x_row = x + row.begin * cols;
        scalar_t* y_row = y + row.begin * cols;
        Greatest greatest;
        each_column(cols, [&](long long c, int k) { greatest.add(k, load(x_row + c)); });
        const acc_t max = greatest.total();
        Sums sums;
        each_column(cols, [&](long long c, int k) {
            acc_t e = exp_of_negative(load(x_row + c) - max);
            if (!Mode::LOG && KEEPS) store(y_row + c, e);
            sums.add(k, e);
        });
        const acc_t sum = sums.total(), part = 1 / sum, logarithm = log(sum);
        each_column(cols, [&](long long c, int) {
            acc_t v = load((Mode::LOG || !KEEPS ? x_row : y_row) + c);
            store(y_row + c, Mode::LOG ? v - max - logarithm : (KEEPS ? v : exp_of_negative(v - max)) * part);
        });
    }
}

template <class Mode>
FLATTENED static void backward_rows(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long rows, int cols) {
    for (Share row = my_share(rows); row.begin < row.end; row.begin++) {
        const scalar_t *gy_row = gy + row.begin * cols, *y_row = y + row.begin * cols;
        scalar_t* gx_row = gx + row.begin * cols;
        Sums sums;
        each_column(cols, [&](long long c, int k) { sums.add(k, Mode::term(load(gy_row + c), load(y_row + c))); });
        const acc_t sum = sums.total();
        each_column(cols, [&](long long c, int) {
            store(gx_row + c, Mode::gradient(load(gy_row + c), load(y_row + c), sum));
        });
    }
}

// ---- columns of (outer, n, inner)

const int STRIP = 64;

// f(where the first of some neighbouring columns begins, how many they are), for a block's share of outer * inner.
template <class F>
__device__ inline void each_strip(long long columns, int n, long long inner, F f) {
    const long long strips = (inner + STRIP - 1) / STRIP;
    for (Share share = my_share(columns / inner * strips); share.begin < share.end; share.begin++) {
        const long long first = share.begin % strips * STRIP;
        f(share.begin / strips * n * inner + first, (int)min((long long)STRIP, inner - first));
    }
}

template <class Mode>
FLATTENED static void forward_columns(const scalar_t* x, scalar_t* y, long long columns, int n, long long inner) {
    each_strip(columns, n, inner, [&](long long start, int width) {
        acc_t max[STRIP], sum[STRIP] = {};
        for (int k = 0; k < STRIP; k++) max[k] = -INF_F;
        for (int i = 0; i < n; i++)
            for (long long k = 0; k < width; k++) {
                acc_t v = load(x + start + i * inner + k);
                max[k] = v > max[k] ? v : max[k];
            }
        for (int i = 0; i < n; i++)
#pragma GCC ivdep
            for (long long k = 0; k < width; k++) {
                acc_t e = exp_of_negative(load(x + start + i * inner + k) - max[k]);
                if (!Mode::LOG && KEEPS) store(y + start + i * inner + k, e);
                sum[k] += e;
            }
        for (int k = 0; k < STRIP; k++) sum[k] = Mode::LOG ? log(sum[k]) : 1 / sum[k];
        for (int i = 0; i < n; i++)
#pragma GCC ivdep
            for (long long k = 0; k < width; k++) {
                acc_t v = load((Mode::LOG || !KEEPS ? x : y) + start + i * inner + k);
                acc_t e = KEEPS ? v : exp_of_negative(v - max[k]);
                store(y + start + i * inner + k, Mode::LOG ? v - max[k] - sum[k] : e * sum[k]);
            }
    });
}

template <class Mode>
FLATTENED static void backward_columns(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long columns, int n,
                                 long long inner) {
    each_strip(columns, n, inner, [&](long long start, int width) {
        acc_t sum[STRIP] = {};
        for (int i = 0; i < n; i++)
            for (long long k = 0; k < width; k++)
                sum[k] += Mode::term(load(gy + start + i * inner + k), load(y + start + i * inner + k));
        for (int i = 0; i < n; i++)
#pragma GCC ivdep
            for (long long k = 0; k < width; k++) {
                const long long at = start + i * inner + k;
                store(gx + at, Mode::gradient(load(gy + at), load(y + at), sum[k]));
            }
    });
}

// ---- entry points

#define SOFTMAX_KERNELS(NAME, MODE)                                                                                    \
    extern "C" __global__ void NAME##_forward(const scalar_t* x, scalar_t* y, long long rows, int cols, int slot) {    \
        forward_rows<MODE>(x, y, rows, cols);                                                                          \
    }                                                                                                                  \
    extern "C" __global__ void NAME##_backward(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long rows,    \
                                               int cols, int slot) {                                                   \
        backward_rows<MODE>(gy, y, gx, rows, cols);                                                                    \
    }                                                                                                                  \
    extern "C" __global__ void NAME##_forward_columns(const scalar_t* x, scalar_t* y, long long columns, int n,        \
                                                      long long inner) {                                               \
        forward_columns<MODE>(x, y, columns, n, inner);                                                                \
    }                                                                                                                  \
    extern "C" __global__ void NAME##_backward_columns(const scalar_t* gy, const scalar_t* y, scalar_t* gx,            \
                                                       long long columns, int n, long long inner) {                    \
        backward_columns<MODE>(gy, y, gx, columns, n, inner);                                                          \
    }

SOFTMAX_KERNELS(softmax, Softmax)
SOFTMAX_KERNELS(log_softmax, LogSoftmax)

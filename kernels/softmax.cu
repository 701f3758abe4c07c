// y = softmax(x) or log_softmax(x) along one dimension, and their gradients.
//
// The dimension last: a team of threads per row (row.cuh), x kept in shared memory when the row fits, so that it is
// read once. The dimension elsewhere: x seen as (outer, n, inner), a column of n elements per threadIdx.x, so that
// neighbouring threads read neighbouring addresses, and the column shared out over threadIdx.y.

#include "online.cuh"

// y = exp(x) / sum(exp(x));  gx = y * (gy - sum(gy * y))
struct Softmax {
    static __device__ acc_t value(acc_t x, Online row) { return exponential(x - row.max) / row.sum; }
    static __device__ acc_t term(acc_t gy, acc_t y) { return gy * y; }
    static __device__ acc_t gradient(acc_t gy, acc_t y, acc_t sum) { return y * (gy - sum); }
};

// y = x - log(sum(exp(x)));  gx = gy - exp(y) * sum(gy)
struct LogSoftmax {
    static __device__ acc_t value(acc_t x, Online row) { return x - row.max - log(row.sum); }
    static __device__ acc_t term(acc_t gy, acc_t y) { return gy; }
    static __device__ acc_t gradient(acc_t gy, acc_t y, acc_t sum) { return gy - exponential(y) * sum; }
};

// ---- rows

template <class Mode>
__device__ void forward_rows(const scalar_t* x, scalar_t* y, long long rows, int cols, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, x, y);
    const scalar_t* x_row = x + row.start;
    scalar_t* kept = row.cache(shared, slot);

    Online total;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        if (slot) write(kept + c, chunk);
        total.add(chunk);
    });
    total = team_merge(total);

    if (slot) x_row = kept;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        for (int i = 0; i < width; i++) chunk.set(i, Mode::value(chunk[i], total));
        write(y + row.start + c, chunk);
    });
}

template <class Mode>
__device__ void backward_rows(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long rows, int cols, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, gy, y, gx);
    const scalar_t *gy_row = gy + row.start, *y_row = y + row.start;
    scalar_t *gy_kept = row.cache(shared, slot), *y_kept = gy_kept + slot * blockDim.y;

    acc_t sum = 0;
    row.visit([&](int c, auto width) {
        auto gy_chunk = read<width>(gy_row + c), y_chunk = read<width>(y_row + c);
        if (slot) write(gy_kept + c, gy_chunk), write(y_kept + c, y_chunk);
        for (int i = 0; i < width; i++) sum += Mode::term(gy_chunk[i], y_chunk[i]);
    });
    sum = team_sum(sum);

    if (slot) gy_row = gy_kept, y_row = y_kept;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(gy_row + c), y_chunk = read<width>(y_row + c);
        for (int i = 0; i < width; i++) chunk.set(i, Mode::gradient(chunk[i], y_chunk[i], sum));
        write(gx + row.start + c, chunk);
    });
}

// ---- columns of (outer, n, inner)

const int COLUMN_THREADS = 16;  // blockDim.y: this many threads share a column

// Where column `index` of the outer * inner columns begins.
__device__ inline long long column_start(long long index, int n, long long inner) {
    return index / inner * n * inner + index % inner;
}

// The values of the threads that share a column, combined; each of them gets the result.
template <class T, class Combine>
__device__ T column_reduce(T value, Combine combine) {
    __shared__ T part[COLUMN_THREADS][32];
    part[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    value = part[0][threadIdx.x];
    for (int y = 1; y < COLUMN_THREADS; y++) value = combine(value, part[y][threadIdx.x]);
    return value;
}

template <class Mode>
__device__ void forward_columns(const scalar_t* x, scalar_t* y, long long columns, int n, long long inner) {
    long long index = (long long)blockIdx.x * 32 + threadIdx.x, start = column_start(index, n, inner);
    if (index >= columns) n = 0;

    Online total;
    for (int i = threadIdx.y; i < n; i += COLUMN_THREADS) total.add(read<1>(x + start + i * inner));
    total = column_reduce(total, merge);

    for (int i = threadIdx.y; i < n; i += COLUMN_THREADS)
        store(y + start + i * inner, Mode::value(load(x + start + i * inner), total));
}

template <class Mode>
__device__ void backward_columns(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long columns, int n,
                                 long long inner) {
    long long index = (long long)blockIdx.x * 32 + threadIdx.x, start = column_start(index, n, inner);
    if (index >= columns) n = 0;

    acc_t sum = 0;
    for (int i = threadIdx.y; i < n; i += COLUMN_THREADS) {
        long long at = start + i * inner;
        sum += Mode::term(load(gy + at), load(y + at));
    }
    sum = column_reduce(sum, [](acc_t a, acc_t b) { return a + b; });

    for (int i = threadIdx.y; i < n; i += COLUMN_THREADS) {
        long long at = start + i * inner;
        store(gx + at, Mode::gradient(load(gy + at), load(y + at), sum));
    }
}

// ---- entry points

#define SOFTMAX_KERNELS(NAME, MODE)                                                                                    \
    extern "C" __global__ void ROW_BOUNDS                                                                              \
        NAME##_forward(const scalar_t* x, scalar_t* y, long long rows, int cols, int slot) {                           \
        forward_rows<MODE>(x, y, rows, cols, slot);                                                                    \
    }                                                                                                                  \
    extern "C" __global__ void ROW_BOUNDS                                                                              \
        NAME##_backward(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long rows, int cols, int slot) {     \
        backward_rows<MODE>(gy, y, gx, rows, cols, slot);                                                              \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(32 * COLUMN_THREADS, 2)                                               \
        NAME##_forward_columns(const scalar_t* x, scalar_t* y, long long columns, int n, long long inner) {            \
        forward_columns<MODE>(x, y, columns, n, inner);                                                                \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(32 * COLUMN_THREADS, 2)                                               \
        NAME##_backward_columns(const scalar_t* gy, const scalar_t* y, scalar_t* gx, long long columns, int n,         \
                                long long inner) {                                                                     \
        backward_columns<MODE>(gy, y, gx, columns, n, inner);                                                          \
    }

SOFTMAX_KERNELS(softmax, Softmax)
SOFTMAX_KERNELS(log_softmax, LogSoftmax)

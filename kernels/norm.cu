// Layer norm and RMS norm over the rows of x (rows, cols), each also over x + residual, and their gradients.
//
//     layer norm: y = (x - mean(x)) * rstd * weight + bias,  rstd = 1 / sqrt(var(x) + eps)     Ba et al. 2016
//     RMS norm:   y = x * rstd * weight,                     rstd = 1 / sqrt(mean(x^2) + eps)  Zhang & Sennrich 2019
//
// A team of threads per row (row.cuh). The statistics take one reading, and a row that fits is kept in shared memory
// for the second. weight, bias and residual may be null.

#include "row.cuh"

// ---- what a row is normalised by

// Mean and sum of squares about it. Chunks and threads are merged by Chan, Golub & LeVeque 1983: the sum of squares
// about 0 would cancel where the mean is large.
struct Moments {
    acc_t count = 0, mean = 0, squares = 0;

    template <int N>
    __device__ void add(const Chunk<N>& x);
};

__device__ inline Moments merge(Moments a, Moments b) {
    acc_t count = a.count + b.count, share = count > 0 ? b.count / count : 0, apart = b.mean - a.mean;
    return Moments{count, a.mean + apart * share, a.squares + b.squares + apart * apart * a.count * share};
}

template <int N>
__device__ void Moments::add(const Chunk<N>& x) {
    Moments chunk{N};
    for (int i = 0; i < N; i++) chunk.mean += x[i] / N;
    for (int i = 0; i < N; i++) chunk.squares += (x[i] - chunk.mean) * (x[i] - chunk.mean);
    *this = merge(*this, chunk);
}

__device__ inline Moments shuffle_xor(Moments value, int lanes) {
    return Moments{shuffle_xor(value.count, lanes), shuffle_xor(value.mean, lanes), shuffle_xor(value.squares, lanes)};
}

// Sum of squares about 0.
struct Squares {
    static constexpr acc_t mean = 0;
    acc_t squares = 0;

    template <int N>
    __device__ void add(const Chunk<N>& x) {
        for (int i = 0; i < N; i++) squares += x[i] * x[i];
    }
};

__device__ inline Squares merge(Squares a, Squares b) { return Squares{a.squares + b.squares}; }

__device__ inline Squares shuffle_xor(Squares value, int lanes) { return Squares{shuffle_xor(value.squares, lanes)}; }

// ---- forward. With a residual, sum = x + residual is stored too, and its rounded values are what is normalised.

template <class Statistics>
__device__ void forward(const scalar_t* x, const scalar_t* residual, const scalar_t* weight, const scalar_t* bias,
                        scalar_t* sum, scalar_t* y, acc_t* mean_out, acc_t* rstd_out, long long rows, int cols,
                        acc_t eps, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, x, y, residual ? residual : x, sum ? sum : y);
    const scalar_t* x_row = x + row.start;
    scalar_t* kept = row.cache(shared, slot);

    Statistics total;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        if (residual) {
            auto other = read<width>(residual + row.start + c);
            for (int i = 0; i < width; i++) chunk.set(i, chunk[i] + other[i]);
            write(sum + row.start + c, chunk);
        }
        if (slot) write(kept + c, chunk);
        total.add(chunk);
    });
    total = team_reduce(total, [](Statistics a, Statistics b) { return merge(a, b); });
    acc_t mean = total.mean, rstd = rsqrt(total.squares / cols + eps);

    if (slot) x_row = kept;
    else if (residual) x_row = sum + row.start;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        auto scale = weight ? read_anywhere<width>(weight + c) : Chunk<width>();
        auto shift = bias ? read_anywhere<width>(bias + c) : Chunk<width>();
        for (int i = 0; i < width; i++) {
            acc_t value = (chunk[i] - mean) * rstd;
            if (weight) value *= scale[i];
            if (bias) value += shift[i];
            chunk.set(i, value);
        }
        write(y + row.start + c, chunk);
    });
    if (row.index >= rows || threadIdx.x > 0) return;
    if (mean_out) mean_out[row.index] = mean;
    rstd_out[row.index] = rstd;
}

// ---- backward. With xhat = (x - mean) * rstd and g = gy * weight:
//
//     layer norm: gx = rstd * (g - mean(g) - xhat * mean(g * xhat)) + gsum    RMS norm: the same without mean(g)
//     gweight = sum over rows of gy * xhat                                    gbias = sum over rows of gy
//
// gsum, the gradient that reaches x + residual past the norm, may be null; so may mean (0), weight, gweight and gbias.

struct Pair {
    acc_t g, g_xhat;
};

__device__ inline Pair shuffle_xor(Pair value, int lanes) {
    return Pair{shuffle_xor(value.g, lanes), shuffle_xor(value.g_xhat, lanes)};
}

__device__ inline Pair team_mean(Pair value, int cols) {
    value = team_reduce(value, [](Pair a, Pair b) { return Pair{a.g + b.g, a.g_xhat + b.g_xhat}; });
    return Pair{value.g / cols, value.g_xhat / cols};
}

// What a thread holds of a row, WIDE neighbouring columns as g and xhat.
struct Held {
    acc_t g[WIDE], xhat[WIDE];
};

// Reads WIDE columns of a row, of which only the first `count` exist, and adds to the sums of the columns.
__device__ inline void take(Held& held, acc_t* gweight, acc_t* gbias, const scalar_t* gy, const scalar_t* x, acc_t mean,
                            acc_t rstd, const scalar_t* weight, int count) {
    auto gy_chunk = read_some<WIDE>(gy, count), x_chunk = read_some<WIDE>(x, count);
    auto scale = weight ? read_some<WIDE>(weight, count) : Chunk<WIDE>();
#pragma unroll
    for (int i = 0; i < WIDE; i++) {
        held.xhat[i] = (x_chunk[i] - mean) * rstd;
        held.g[i] = weight ? gy_chunk[i] * scale[i] : gy_chunk[i];
        gweight[i] += gy_chunk[i] * held.xhat[i];
        gbias[i] += gy_chunk[i];
    }
}

template <bool CENTRED>
__device__ inline void write_gx(scalar_t* gx, const scalar_t* gsum, const Held& held, Pair mean, acc_t rstd,
                                int count) {
    auto past = gsum ? read_some<WIDE>(gsum, count) : Chunk<WIDE>();
    Chunk<WIDE> chunk;
#pragma unroll
    for (int i = 0; i < WIDE; i++) {
        acc_t value = rstd * (held.g[i] - (CENTRED ? mean.g : 0) - held.xhat[i] * mean.g_xhat);
        chunk.set(i, gsum ? value + past[i] : value);
    }
    write_some(gx, chunk, count);
}

// How many chunks of a row a thread of the one-reading gradient holds.
const int HELD = sizeof(scalar_t) == 2 ? 2 : 4;
const int MOST_WARPS = 8;  // of a block of several teams: BACKWARD_BLOCK in norm.py

// The first of the columns that a thread holds as its chunk h, thread `x` of a team of `team`.
__device__ inline int column(int x, int h, int team) { return (x + h * team) * WIDE; }

// Writes a block's sums of columns: of its only team, or of its teams together, first those that share a warp.
__device__ inline void write_part(acc_t (&sums)[HELD][WIDE], acc_t* part, int cols) {
    if (!part) return;
    part += (long long)blockIdx.x * cols;
    if (blockDim.x > 32) {
#pragma unroll
        for (int v = 0; v < HELD * WIDE; v++) {
            int c = column(threadIdx.x, v / WIDE, blockDim.x) + v % WIDE;
            if (c < cols) part[c] = sums[v / WIDE][v % WIDE];
        }
        return;
    }
    __shared__ acc_t kept[MOST_WARPS][HELD * WIDE][32];
    int thread = threadIdx.y * blockDim.x + threadIdx.x, warp = thread / 32, lane = thread % 32;
    int warps = blockDim.x * blockDim.y / 32;
    __syncthreads();  // what was kept before may still be being read
#pragma unroll
    for (int v = 0; v < HELD * WIDE; v++) {
        acc_t sum = sums[v / WIDE][v % WIDE];
        for (int lanes = blockDim.x; lanes < 32; lanes *= 2) sum += shuffle_xor(sum, lanes);
        kept[warp][v][lane] = sum;
    }
    __syncthreads();
    for (int v = warp; v < HELD * WIDE; v += warps) {
        int c = column(lane, v / WIDE, blockDim.x) + v % WIDE;
        if (lane >= blockDim.x || c >= cols) continue;
        acc_t sum = 0;
        for (int w = 0; w < warps; w++) sum += kept[w][v][lane];
        part[c] = sum;
    }
}

// gx, and this block's share of gweight and gbias, reading gy and x once: a team's rows are gridDim.x * blockDim.y
// apart, a thread holds HELD chunks of each, and the sums of its columns stay in registers. The partials are
// (gridDim.x, cols). The columns of a thread are the same from row to row, so a row that starts off a 16-byte boundary
// is read element by element.
template <bool CENTRED>
__device__ void backward(const scalar_t* gy, const scalar_t* gsum, const scalar_t* x, const acc_t* mean_in,
                         const acc_t* rstd_in, const scalar_t* weight, scalar_t* gx, acc_t* gweight_part,
                         acc_t* gbias_part, long long rows, int cols) {
    acc_t gweight[HELD][WIDE] = {}, gbias[HELD][WIDE] = {};
    long long teams = (long long)gridDim.x * blockDim.y;
    // All teams of a block go round together, the last time perhaps without a row: shuffles need whole warps.
    for (long long first = (long long)blockIdx.x * blockDim.y; first < rows; first += teams) {
        long long r = first + threadIdx.y, start = r * cols;
        int present = r < rows ? cols : 0;
        acc_t mean = CENTRED && present ? mean_in[r] : 0, rstd = present ? rstd_in[r] : 0;
        Held held[HELD];
        Pair total = {};
#pragma unroll
        for (int h = 0; h < HELD; h++) {
            int c = column(threadIdx.x, h, blockDim.x);
            take(held[h], gweight[h], gbias[h], gy + start + c, x + start + c, mean, rstd,
                 weight ? weight + c : nullptr, present - c);
#pragma unroll
            for (int i = 0; i < WIDE; i++) total.g += held[h].g[i], total.g_xhat += held[h].g[i] * held[h].xhat[i];
        }
        total = team_mean(total, cols);
#pragma unroll
        for (int h = 0; h < HELD; h++) {
            int c = column(threadIdx.x, h, blockDim.x);
            write_gx<CENTRED>(gx + start + c, gsum ? gsum + start + c : nullptr, held[h], total, rstd, present - c);
        }
    }
    write_part(gweight, gweight_part, cols);
    write_part(gbias, gbias_part, cols);
}

// Rows too long for the registers of a block take two readings. First the means of g and of g * xhat over each row,
template <bool CENTRED>
__device__ void backward_means(const scalar_t* gy, const scalar_t* x, const acc_t* mean_in, const acc_t* rstd_in,
                               const scalar_t* weight, Pair* means, long long rows, int cols) {
    Row row = my_row(rows, cols, gy, x);
    acc_t mean = 0, rstd = 0;
    if (row.index < rows) mean = CENTRED ? mean_in[row.index] : 0, rstd = rstd_in[row.index];
    Pair total = {};
    row.visit([&](int c, auto width) {
        auto gy_chunk = read<width>(gy + row.start + c), x_chunk = read<width>(x + row.start + c);
        auto scale = weight ? read_anywhere<width>(weight + c) : Chunk<width>();
        for (int i = 0; i < width; i++) {
            acc_t g = weight ? gy_chunk[i] * scale[i] : gy_chunk[i];
            total.g += g;
            total.g_xhat += g * (x_chunk[i] - mean) * rstd;
        }
    });
    total = team_mean(total, cols);
    if (row.index < rows && threadIdx.x == 0) means[row.index] = total;
}

// then all the rest, WIDE columns a thread, over the rows blockIdx.y, blockIdx.y + gridDim.y, ...
template <bool CENTRED>
__device__ void backward_columns(const scalar_t* gy, const scalar_t* gsum, const scalar_t* x, const acc_t* mean_in,
                                 const acc_t* rstd_in, const scalar_t* weight, const Pair* means, scalar_t* gx,
                                 acc_t* gweight_part, acc_t* gbias_part, long long rows, int cols) {
    int c = (blockIdx.x * blockDim.x + threadIdx.x) * WIDE, count = cols - c;
    if (count <= 0) return;
    acc_t gweight[WIDE] = {}, gbias[WIDE] = {};
    for (long long r = blockIdx.y; r < rows; r += gridDim.y) {
        long long at = r * cols + c;
        acc_t mean = CENTRED ? mean_in[r] : 0, rstd = rstd_in[r];
        Held held;
        take(held, gweight, gbias, gy + at, x + at, mean, rstd, weight ? weight + c : nullptr, count);
        write_gx<CENTRED>(gx + at, gsum ? gsum + at : nullptr, held, means[r], rstd, count);
    }
    for (int i = 0; i < min(count, WIDE); i++) {
        long long at = (long long)blockIdx.y * cols + c + i;
        if (gweight_part) gweight_part[at] = gweight[i];
        if (gbias_part) gbias_part[at] = gbias[i];
    }
}

// ---- entry points

#define NORM_KERNELS(NAME, STATISTICS, CENTRED)                                                                        \
    extern "C" __global__ void ROW_BOUNDS                                                                              \
        NAME##_forward(const scalar_t* x, const scalar_t* residual, const scalar_t* weight, const scalar_t* bias,      \
                       scalar_t* sum, scalar_t* y, acc_t* mean, acc_t* rstd, long long rows, int cols, acc_t eps,      \
                       int slot) {                                                                                     \
        forward<STATISTICS>(x, residual, weight, bias, sum, y, mean, rstd, rows, cols, eps, slot);                     \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(512, 1)                                                               \
        NAME##_backward(const scalar_t* gy, const scalar_t* gsum, const scalar_t* x, const acc_t* mean,                \
                        const acc_t* rstd, const scalar_t* weight, scalar_t* gx, acc_t* gweight_part,                  \
                        acc_t* gbias_part, long long rows, int cols) {                                                 \
        backward<CENTRED>(gy, gsum, x, mean, rstd, weight, gx, gweight_part, gbias_part, rows, cols);                  \
    }                                                                                                                  \
    extern "C" __global__ void ROW_BOUNDS                                                                              \
        NAME##_backward_means(const scalar_t* gy, const scalar_t* x, const acc_t* mean, const acc_t* rstd,             \
                              const scalar_t* weight, Pair* means, long long rows, int cols) {                         \
        backward_means<CENTRED>(gy, x, mean, rstd, weight, means, rows, cols);                                         \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        NAME##_backward_columns(const scalar_t* gy, const scalar_t* gsum, const scalar_t* x, const acc_t* mean,        \
                                const acc_t* rstd, const scalar_t* weight, const Pair* means, scalar_t* gx,            \
                                acc_t* gweight_part, acc_t* gbias_part, long long rows, int cols) {                    \
        backward_columns<CENTRED>(gy, gsum, x, mean, rstd, weight, means, gx, gweight_part, gbias_part, rows, cols);   \
    }

NORM_KERNELS(layer_norm, Moments, true)
NORM_KERNELS(rms_norm, Squares, false)

// gweight and gbias, the sums of the partials: a block for 32 columns, threadIdx.y shares out the parts. Either may be
// null.
const int PART_THREADS = 16;

__device__ inline void column_total(const acc_t* parts, scalar_t* out, int count, int cols) {
    __shared__ acc_t partial[PART_THREADS][32];
    int c = blockIdx.x * 32 + threadIdx.x;
    acc_t sum = 0;
    if (c < cols)
        for (int part = threadIdx.y; part < count; part += PART_THREADS) sum += parts[(long long)part * cols + c];
    __syncthreads();  // the other total may still be being read
    partial[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || c >= cols) return;
    for (int y = 1; y < PART_THREADS; y++) sum += partial[y][threadIdx.x];
    store(out + c, sum);
}

extern "C" __global__ void __launch_bounds__(32 * PART_THREADS)
    norm_total(const acc_t* gweight_part, const acc_t* gbias_part, scalar_t* gweight, scalar_t* gbias, int parts,
               int cols) {
    if (gweight) column_total(gweight_part, gweight, parts, cols);
    if (gbias) column_total(gbias_part, gbias, parts, cols);
}

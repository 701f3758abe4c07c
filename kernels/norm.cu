// Layer norm over the rows of x (rows, cols): y = (x - mean(x)) * rstd * weight + bias, rstd = 1 / sqrt(var(x) + eps).
//
// A team of threads per row (row.cuh), x kept in shared memory when the row fits, so that it is read once. The variance
// is taken about the mean in a second pass: the sum of squares would cancel. weight and bias may be null.

#include "row.cuh"

extern "C" __global__ void ROW_BOUNDS
    layer_norm_forward(const scalar_t* x, const scalar_t* weight, const scalar_t* bias, scalar_t* y, acc_t* mean_out,
                       acc_t* rstd_out, long long rows, int cols, acc_t eps, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, x, y);
    const scalar_t* x_row = x + row.start;
    scalar_t* kept = row.cache(shared, slot);

    acc_t sum = 0;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        if (slot) write(kept + c, chunk);
        for (int i = 0; i < width; i++) sum += chunk[i];
    });
    acc_t mean = team_sum(sum) / cols;

    if (slot) x_row = kept;
    acc_t squares = 0;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        for (int i = 0; i < width; i++) squares += (chunk[i] - mean) * (chunk[i] - mean);
    });
    acc_t rstd = rsqrt(team_sum(squares) / cols + eps);

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
    if (row.index < rows && threadIdx.x == 0) mean_out[row.index] = mean, rstd_out[row.index] = rstd;
}

// ---- backward. With xhat = (x - mean) * rstd and g = gy * weight:
//      gx = rstd * (g - mean(g) - xhat * mean(g * xhat));  gweight = sum over rows of gy * xhat;  gbias = sum of gy

struct Pair {
    acc_t g, g_xhat;
};

__device__ inline Pair shuffle_xor(Pair value, int lanes) {
    return Pair{shuffle_xor(value.g, lanes), shuffle_xor(value.g_xhat, lanes)};
}

__device__ inline Pair team_sum(Pair value) {
    return team_reduce(value, [](Pair a, Pair b) { return Pair{a.g + b.g, a.g_xhat + b.g_xhat}; });
}

// gx and this team's share of gweight and gbias, reading gy and x once. A thread holds HELD chunks of each row, and the
// sums of their columns over the rows team, team + teams, ... in registers; partials are (teams, cols). The columns of
// a thread stay the same from row to row, so a row that starts off a 16-byte boundary is read element by element.
const int HELD = 2;

extern "C" __global__ void __launch_bounds__(512, 1)
    layer_norm_backward(const scalar_t* gy, const scalar_t* x, const acc_t* mean_in, const acc_t* rstd_in,
                        const scalar_t* weight, scalar_t* gx, acc_t* gweight_part, acc_t* gbias_part, long long rows,
                        int cols) {
    long long team = (long long)blockIdx.x * blockDim.y + threadIdx.y, teams = (long long)gridDim.x * blockDim.y;
    auto column = [&](int h) { return (int)(threadIdx.x + h * blockDim.x) * WIDE; };
    acc_t gweight[HELD][WIDE] = {}, gbias[HELD][WIDE] = {};
    for (long long r = team; r < rows; r += teams) {
        acc_t mean = mean_in[r], rstd = rstd_in[r], g[HELD][WIDE], xhat[HELD][WIDE];
        Pair sum = {};
#pragma unroll
        for (int h = 0; h < HELD; h++) {
            int c = column(h), left = cols - c;
            auto gy_chunk = read_some<WIDE>(gy + r * cols + c, left);
            auto x_chunk = read_some<WIDE>(x + r * cols + c, left);
            auto scale = weight ? read_some<WIDE>(weight + c, left) : Chunk<WIDE>();
#pragma unroll
            for (int i = 0; i < WIDE; i++) {
                xhat[h][i] = (x_chunk[i] - mean) * rstd;
                g[h][i] = weight ? gy_chunk[i] * scale[i] : gy_chunk[i];
                sum.g += g[h][i];
                sum.g_xhat += g[h][i] * xhat[h][i];
                gweight[h][i] += gy_chunk[i] * xhat[h][i];
                gbias[h][i] += gy_chunk[i];
            }
        }
        sum = team_sum(sum);
#pragma unroll
        for (int h = 0; h < HELD; h++) {
            Chunk<WIDE> chunk;
#pragma unroll
            for (int i = 0; i < WIDE; i++)
                chunk.set(i, rstd * (g[h][i] - sum.g / cols - xhat[h][i] * (sum.g_xhat / cols)));
            write_some(gx + r * cols + column(h), chunk, cols - column(h));
        }
    }
#pragma unroll
    for (int h = 0; h < HELD; h++)
#pragma unroll
        for (int i = 0; i < WIDE; i++) {
            int c = column(h) + i;
            if (c < cols) gweight_part[team * cols + c] = gweight[h][i], gbias_part[team * cols + c] = gbias[h][i];
        }
}

// gx alone, for rows too short to fill a warp's chunks or too long for the registers of a block.
extern "C" __global__ void ROW_BOUNDS
    layer_norm_backward_rows(const scalar_t* gy, const scalar_t* x, const acc_t* mean_in, const acc_t* rstd_in,
                             const scalar_t* weight, scalar_t* gx, long long rows, int cols, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, gy, x, gx);
    const scalar_t *gy_row = gy + row.start, *x_row = x + row.start;
    scalar_t *gy_kept = row.cache(shared, slot), *x_kept = gy_kept + slot * blockDim.y;
    acc_t mean = 0, rstd = 0;
    if (row.index < rows) mean = mean_in[row.index], rstd = rstd_in[row.index];

    Pair sum = {};
    row.visit([&](int c, auto width) {
        auto gy_chunk = read<width>(gy_row + c), x_chunk = read<width>(x_row + c);
        if (slot) write(gy_kept + c, gy_chunk), write(x_kept + c, x_chunk);
        auto scale = weight ? read_anywhere<width>(weight + c) : Chunk<width>();
        for (int i = 0; i < width; i++) {
            acc_t g = weight ? gy_chunk[i] * scale[i] : gy_chunk[i];
            sum.g += g;
            sum.g_xhat += g * (x_chunk[i] - mean) * rstd;
        }
    });
    sum = team_sum(sum);

    if (slot) gy_row = gy_kept, x_row = x_kept;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(gy_row + c), x_chunk = read<width>(x_row + c);
        auto scale = weight ? read_anywhere<width>(weight + c) : Chunk<width>();
        for (int i = 0; i < width; i++) {
            acc_t g = weight ? chunk[i] * scale[i] : chunk[i], xhat = (x_chunk[i] - mean) * rstd;
            chunk.set(i, rstd * (g - sum.g / cols - xhat * (sum.g_xhat / cols)));
        }
        write(gx + row.start + c, chunk);
    });
}

// ---- sums over rows, a block for 32 columns; threadIdx.y shares out the rows

const int ROW_THREADS = 16;

// The sums of two values of each thread of a column; the thread with y == 0 gets them.
__device__ inline void column_sums(acc_t& a, acc_t& b) {
    __shared__ acc_t a_part[ROW_THREADS][32], b_part[ROW_THREADS][32];
    a_part[threadIdx.y][threadIdx.x] = a;
    b_part[threadIdx.y][threadIdx.x] = b;
    __syncthreads();
    if (threadIdx.y > 0) return;
    for (int y = 1; y < ROW_THREADS; y++) a += a_part[y][threadIdx.x], b += b_part[y][threadIdx.x];
}

// The partials that go with layer_norm_backward_rows: of every gridDim.y-th group of ROW_THREADS rows.
extern "C" __global__ void __launch_bounds__(32 * ROW_THREADS)
    layer_norm_partials(const scalar_t* gy, const scalar_t* x, const acc_t* mean, const acc_t* rstd,
                        acc_t* gweight_part, acc_t* gbias_part, long long rows, int cols) {
    int c = blockIdx.x * 32 + threadIdx.x;
    acc_t gweight = 0, gbias = 0;
    if (c < cols) {
        for (long long r = blockIdx.y * ROW_THREADS + threadIdx.y; r < rows; r += gridDim.y * ROW_THREADS) {
            acc_t g = load(gy + r * cols + c);
            gweight += g * (load(x + r * cols + c) - mean[r]) * rstd[r];
            gbias += g;
        }
    }
    column_sums(gweight, gbias);
    if (threadIdx.y > 0 || c >= cols) return;
    gweight_part[(long long)blockIdx.y * cols + c] = gweight;
    gbias_part[(long long)blockIdx.y * cols + c] = gbias;
}

// gweight and gbias, the sums of the partials. gweight may be null.
extern "C" __global__ void __launch_bounds__(32 * ROW_THREADS)
    layer_norm_total(const acc_t* gweight_part, const acc_t* gbias_part, scalar_t* gweight, scalar_t* gbias, int parts,
                     int cols) {
    int c = blockIdx.x * 32 + threadIdx.x;
    acc_t weight_sum = 0, bias_sum = 0;
    if (c < cols) {
        for (int part = threadIdx.y; part < parts; part += ROW_THREADS) {
            weight_sum += gweight_part[(long long)part * cols + c];
            bias_sum += gbias_part[(long long)part * cols + c];
        }
    }
    column_sums(weight_sum, bias_sum);
    if (threadIdx.y > 0 || c >= cols) return;
    if (gweight) store(gweight + c, weight_sum);
    store(gbias + c, bias_sum);
}

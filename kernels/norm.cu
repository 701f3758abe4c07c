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

// With xhat = (x - mean) * rstd and g = gy * weight:  gx = rstd * (g - mean(g) - xhat * mean(g * xhat)).
extern "C" __global__ void ROW_BOUNDS
    layer_norm_backward(const scalar_t* gy, const scalar_t* x, const acc_t* mean_in, const acc_t* rstd_in,
                        const scalar_t* weight, scalar_t* gx, long long rows, int cols, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, gy, x, gx);
    const scalar_t *gy_row = gy + row.start, *x_row = x + row.start;
    scalar_t *gy_kept = row.cache(shared, slot), *x_kept = gy_kept + slot * blockDim.y;
    acc_t mean = 0, rstd = 0;
    if (row.cols) mean = mean_in[row.index], rstd = rstd_in[row.index];

    acc_t sum_g = 0, sum_g_xhat = 0;
    row.visit([&](int c, auto width) {
        auto gy_chunk = read<width>(gy_row + c), x_chunk = read<width>(x_row + c);
        if (slot) write(gy_kept + c, gy_chunk), write(x_kept + c, x_chunk);
        auto scale = weight ? read_anywhere<width>(weight + c) : Chunk<width>();
        for (int i = 0; i < width; i++) {
            acc_t g = weight ? gy_chunk[i] * scale[i] : gy_chunk[i];
            sum_g += g;
            sum_g_xhat += g * (x_chunk[i] - mean) * rstd;
        }
    });
    acc_t mean_g = team_sum(sum_g) / cols, mean_g_xhat = team_sum(sum_g_xhat) / cols;

    if (slot) gy_row = gy_kept, x_row = x_kept;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(gy_row + c), x_chunk = read<width>(x_row + c);
        auto scale = weight ? read_anywhere<width>(weight + c) : Chunk<width>();
        for (int i = 0; i < width; i++) {
            acc_t g = weight ? chunk[i] * scale[i] : chunk[i];
            chunk.set(i, rstd * (g - mean_g - (x_chunk[i] - mean) * rstd * mean_g_xhat));
        }
        write(gx + row.start + c, chunk);
    });
}

// gweight = sum over rows of gy * xhat, gbias = sum over rows of gy, in two stages whose order the geometry fixes: a
// block sums 32 columns over every gridDim.y-th group of ROW_THREADS rows into partials (gridDim.y, cols) ...
const int ROW_THREADS = 16;

extern "C" __global__ void __launch_bounds__(32 * ROW_THREADS)
    layer_norm_partials(const scalar_t* gy, const scalar_t* x, const acc_t* mean, const acc_t* rstd,
                        acc_t* gweight_part, acc_t* gbias_part, long long rows, int cols) {
    __shared__ acc_t weight_sum[ROW_THREADS][32], bias_sum[ROW_THREADS][32];
    int c = blockIdx.x * 32 + threadIdx.x;
    acc_t gweight = 0, gbias = 0;
    if (c < cols) {
        for (long long r = blockIdx.y * ROW_THREADS + threadIdx.y; r < rows; r += gridDim.y * ROW_THREADS) {
            acc_t g = load(gy + r * cols + c);
            gweight += g * (load(x + r * cols + c) - mean[r]) * rstd[r];
            gbias += g;
        }
    }
    weight_sum[threadIdx.y][threadIdx.x] = gweight;
    bias_sum[threadIdx.y][threadIdx.x] = gbias;
    __syncthreads();
    if (threadIdx.y > 0 || c >= cols) return;
    for (int y = 1; y < ROW_THREADS; y++) {
        gweight += weight_sum[y][threadIdx.x];
        gbias += bias_sum[y][threadIdx.x];
    }
    gweight_part[(long long)blockIdx.y * cols + c] = gweight;
    gbias_part[(long long)blockIdx.y * cols + c] = gbias;
}

// ... and a thread per column adds up the partials. gweight may be null.
extern "C" __global__ void layer_norm_total(const acc_t* gweight_part, const acc_t* gbias_part, scalar_t* gweight,
                                            scalar_t* gbias, int parts, int cols) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= cols) return;
    acc_t weight_sum = 0, bias_sum = 0;
    for (int part = 0; part < parts; part++) {
        weight_sum += gweight_part[(long long)part * cols + c];
        bias_sum += gbias_part[(long long)part * cols + c];
    }
    if (gweight) store(gweight + c, weight_sum);
    store(gbias + c, bias_sum);
}

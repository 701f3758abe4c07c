// Layer norm and RMS norm over the rows of x (rows, cols), each also over x + residual, and their gradients, on the host.
//
// The formulas of kernels/norm.cu. Beside it because a row lies in a core's nearest cache, where reading it again costs
// nothing: the mean first, then the squares about it, where a GPU, which reads once, merges moments. weight, bias and
// residual may be null.

#include "lanes.cuh"

// ---- forward. With a residual, sum = x + residual is stored too, and its rounded values are what is normalised.

template <bool CENTRED, bool SCALED, bool SHIFTED>
FLATTENED static void forward(const scalar_t* x, const scalar_t* residual, const scalar_t* weight, const scalar_t* bias,
                              scalar_t* sum, scalar_t* y, acc_t* mean_out, acc_t* rstd_out, Share row, int cols,
                              acc_t eps) {
    for (; row.begin < row.end; row.begin++) {
        const long long start = row.begin * cols;
        const scalar_t* x_row = x + start;
        scalar_t* y_row = y + start;
        if (residual) {
            const scalar_t* residual_row = residual + start;
            scalar_t* sum_row = sum + start;
            each_column(cols, [&](long long c, int) { store(sum_row + c, load(x_row + c) + load(residual_row + c)); });
            x_row = sum_row;
        }
        acc_t mean = 0;
        if (CENTRED) {
            const acc_t first = cols ? load(x_row) : acc_t{0};  // the mean of a constant is the constant
            Sums sums;
            each_column(cols, [&](long long c, int k) { sums.add(k, load(x_row + c) - first); });
            mean = first + sums.total() / cols;
        }
        Sums squares;
        each_column(cols, [&](long long c, int k) {
            acc_t apart = load(x_row + c) - mean;
            squares.add(k, apart * apart);
        });
        const acc_t spread = squares.total() / cols + eps;
        // NaN where the squares were too large, as the moments that a GPU merges are: all 0 would be no answer.
        const acc_t rstd = rsqrt(spread) + (CENTRED ? spread - spread : 0);
        each_column(cols, [&](long long c, int) {
            acc_t value = (load(x_row + c) - mean) * rstd;
            if (SCALED) value *= load(weight + c);
            if (SHIFTED) value += load(bias + c);
            store(y_row + c, value);
        });
        if (mean_out) mean_out[row.begin] = mean;
        rstd_out[row.begin] = rstd;
    }
}

// ---- backward. With xhat = (x - mean) * rstd and g = gy * weight:
//
//     layer norm: gx = rstd * (g - mean(g) - xhat * mean(g * xhat)) + gsum    RMS norm: the same without mean(g)
//     gweight = sum over rows of gy * xhat                                    gbias = sum over rows of gy
//
// gsum, the gradient that reaches x + residual past the norm, may be null; so may weight with gweight, and gbias. A block
// writes its rows' share of gweight and gbias: the partials are (gridDim.x, cols).

template <bool CENTRED, bool SCALED, bool BIASED>
FLATTENED static void backward(const scalar_t* gy, const scalar_t* gsum, const scalar_t* x, const acc_t* mean_in,
                               const acc_t* rstd_in, const scalar_t* weight, scalar_t* gx, acc_t* gweight, acc_t* gbias,
                               Share row, int cols) {
    if (SCALED) each_column(cols, [&](long long c, int) { gweight[c] = 0; });
    if (BIASED) each_column(cols, [&](long long c, int) { gbias[c] = 0; });
    for (; row.begin < row.end; row.begin++) {
        const long long start = row.begin * cols;
        const scalar_t *gy_row = gy + start, *x_row = x + start, *gsum_row = gsum + start;
        scalar_t* gx_row = gx + start;
        const acc_t mean = CENTRED ? mean_in[row.begin] : 0, rstd = rstd_in[row.begin];
        Sums of_g, of_g_xhat;
        each_column(cols, [&](long long c, int k) {
            acc_t gy_here = load(gy_row + c), xhat = (load(x_row + c) - mean) * rstd;
            acc_t g = SCALED ? gy_here * load(weight + c) : gy_here;
            if (SCALED) gweight[c] += gy_here * xhat;
            if (BIASED) gbias[c] += gy_here;
            if (CENTRED) of_g.add(k, g);
            of_g_xhat.add(k, g * xhat);
        });
        const acc_t mean_g = CENTRED ? of_g.total() / cols : 0, mean_g_xhat = of_g_xhat.total() / cols;
        auto gradient = [&](long long c) {
            acc_t gy_here = load(gy_row + c), xhat = (load(x_row + c) - mean) * rstd;
            acc_t g = SCALED ? gy_here * load(weight + c) : gy_here;
            return rstd * (g - mean_g - xhat * mean_g_xhat);
        };
        if (gsum) each_column(cols, [&](long long c, int) { store(gx_row + c, gradient(c) + load(gsum_row + c)); });
        else each_column(cols, [&](long long c, int) { store(gx_row + c, gradient(c)); });
    }
}

// ---- entry points

#define NORM_KERNELS(NAME, CENTRED)                                                                                    \
    extern "C" __global__ void NAME##_forward(const scalar_t* x, const scalar_t* residual, const scalar_t* weight,     \
                                              const scalar_t* bias, scalar_t* sum, scalar_t* y, acc_t* mean,           \
                                              acc_t* rstd, long long rows, int cols, acc_t eps, int slot) {            \
        auto f = weight ? bias ? forward<CENTRED, true, true> : forward<CENTRED, true, false>                          \
                        : bias ? forward<CENTRED, false, true> : forward<CENTRED, false, false>;                       \
        f(x, residual, weight, bias, sum, y, mean, rstd, my_share(rows), cols, eps);                                   \
    }                                                                                                                  \
    extern "C" __global__ void NAME##_backward(const scalar_t* gy, const scalar_t* gsum, const scalar_t* x,            \
                                               const acc_t* mean, const acc_t* rstd, const scalar_t* weight,           \
                                               scalar_t* gx, acc_t* gweight_part, acc_t* gbias_part, long long rows,   \
                                               int cols) {                                                             \
        auto f = weight ? gbias_part ? backward<CENTRED, true, true> : backward<CENTRED, true, false>                  \
                        : gbias_part ? backward<CENTRED, false, true> : backward<CENTRED, false, false>;               \
        const long long part = (long long)blockIdx.x * cols;                                                           \
        f(gy, gsum, x, mean, rstd, weight, gx, gweight_part + part, gbias_part + part, my_share(rows), cols);          \
    }

NORM_KERNELS(layer_norm, true)
NORM_KERNELS(rms_norm, false)

// gweight and gbias, the sums of the partials; either may be null.
__device__ inline void column_total(const acc_t* parts, scalar_t* out, int count, int cols) {
    const int STRIP = 64;
    for (Share share = my_share((cols + STRIP - 1) / STRIP); share.begin < share.end; share.begin++) {
        const long long first = share.begin * STRIP, width = min((long long)STRIP, cols - first);
        double sum[STRIP] = {};  // there may be many parts
        for (int part = 0; part < count; part++)
            for (long long k = 0; k < width; k++) sum[k] += parts[(long long)part * cols + first + k];
        for (long long k = 0; k < width; k++) store(out + first + k, sum[k]);
    }
}

extern "C" __global__ void norm_total(const acc_t* gweight_part, const acc_t* gbias_part, scalar_t* gweight,
                                      scalar_t* gbias, int parts, int cols) {
    if (gweight) column_total(gweight_part, gweight, parts, cols);
    if (gbias) column_total(gbias_part, gbias, parts, cols);
}

// Pictures x (batch, channels, *size) read at the places of a grid (batch, places, dims), y (batch, channels, places), and
// what is passed back to the grid. What goes back to x is bags of rows (bag.cu), for which `grid_taps` writes pixels and
// weights. A thread per output or place.
#include "grid.cuh"

// All that a place reads: along each dimension pixels, weights and slopes.
struct Taps {
    int count[3], pixel[3][MOST_TAPS];
    acc_t weight[3][MOST_TAPS], slope[3][MOST_TAPS];
};

struct FillTaps {
    Taps& taps;
    const Picture& p;
    const scalar_t* grid;

    template <int MODE, int PADDING>
    __device__ void run() const {
        for (int d = 0; d < 3; d++) {
            taps.count[d] = taps_along(p, d);
            if (p.has(d))
                taps_of<MODE, PADDING>(load(grid + p.coordinate(d)), p.size[d], p.is_aligned, taps.pixel[d], taps.weight[d],
                                       taps.slope[d]);
            else taps.pixel[d][0] = 0, taps.weight[d][0] = 1, taps.slope[d][0] = 0;
        }
    }
};

// visit(k, pixel or -1, i0, i1, i2) for all the pixels of a place.
template <class Visit>
__device__ inline void each_tap(const Taps& taps, const Picture& p, Visit visit) {
    int k = 0;
    for (int i = 0; i < taps.count[0]; i++)
        for (int j = 0; j < taps.count[1]; j++)
            for (int l = 0; l < taps.count[2]; l++, k++) {
                const int a = taps.pixel[0][i], b = taps.pixel[1][j], c = taps.pixel[2][l];
                visit(k, a < 0 || b < 0 || c < 0 ? -1 : (a * p.size[1] + b) * p.size[2] + c, i, j, l);
            }
}

#define EACH(at, count)                                                                             \
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < (count);             \
         at += (long long)gridDim.x * blockDim.x)

extern "C" __global__ void grid_sample(const scalar_t* x, const scalar_t* grid, scalar_t* y, Picture p) {
    EACH(at, p.batch * (long long)p.channels * p.places) {
        const long long plane = at / p.places, n = plane / p.channels;
        Taps taps;
        with_mode(p, FillTaps{taps, p, grid + (n * p.places + at % p.places) * p.dims});
        const scalar_t* from = x + plane * p.pixels();
        acc_t sum = 0;
        each_tap(taps, p, [&](int k, int pixel, int i, int j, int l) {
            if (pixel >= 0) sum += taps.weight[0][i] * taps.weight[1][j] * taps.weight[2][l] * load(from + pixel);
        });
        store(y + at, sum);
    }
}

// pixel and weight (batch * places, taps): pixels numbered through the batch.
extern "C" __global__ void grid_taps(const scalar_t* grid, long long* pixels, scalar_t* weights, Picture p, int count) {
    EACH(at, p.batch * p.places) {
        Taps taps;
        with_mode(p, FillTaps{taps, p, grid + at * p.dims});
        const long long first = at / p.places * p.pixels();
        each_tap(taps, p, [&](int k, int pixel, int i, int j, int l) {
            pixels[at * count + k] = pixel < 0 ? -1 : first + pixel;
            store(weights + at * count + k, taps.weight[0][i] * taps.weight[1][j] * taps.weight[2][l]);
        });
    }
}

extern "C" __global__ void grid_sample_backward(const scalar_t* gy, const scalar_t* x, const scalar_t* grid,
                                                scalar_t* ggrid, Picture p) {
    EACH(at, p.batch * p.places) {
        const long long n = at / p.places;
        Taps taps;
        with_mode(p, FillTaps{taps, p, grid + at * p.dims});
        acc_t sum[3] = {};
        each_tap(taps, p, [&](int k, int pixel, int i, int j, int l) {
            if (pixel < 0) return;
            acc_t dot = 0;
            for (int c = 0; c < p.channels; c++) {
                const long long plane = n * p.channels + c;
                dot += load(gy + plane * p.places + at % p.places) * load(x + plane * p.pixels() + pixel);
            }
            const acc_t a = taps.weight[0][i], b = taps.weight[1][j], c = taps.weight[2][l];
            sum[0] += dot * taps.slope[0][i] * b * c;
            sum[1] += dot * a * taps.slope[1][j] * c;
            sum[2] += dot * a * b * taps.slope[2][l];
        });
        for (int d = 3 - p.dims; d < 3; d++) store(ggrid + at * p.dims + p.coordinate(d), sum[d]);
    }
}

// Pictures read at the places of a grid, y (batch, channels, places), and the gradients, on the host.
//
// Beside kernels/grid.cu because a core makes pixels and weights of a strip of places once, in vector code, and then goes
// along the channels of a pixel: pictures come as rows (batch, pixels + 1, pitch), pitch the channels filled up to whole
// vectors with zeros, the last row zeros, which is what lies outside (`grid_rows` makes them). A gradient goes back into
// rows that are one core's.
#include "grid.cuh"
#include "lanes.cuh"
#include "scratch.cuh"

const int STRIP = 64, ALL_TAPS = 16;  // of bicubic in two dimensions; bilinear in three has 8
const int LANE = 32 / sizeof(acc_t);
typedef acc_t Lanes __attribute__((vector_size(32), aligned(sizeof(acc_t)), may_alias));

__device__ inline Lanes& lanes(acc_t* p) { return *(Lanes*)p; }
__device__ inline Lanes lanes(const acc_t* p) { return *(const Lanes*)p; }

// Places first ... first + count - 1 of picture n: along each dimension, and all rows with their weights.
struct Strip {
    const Picture& p;
    int count, taps[3], all;
    int along[3][MOST_TAPS][STRIP], row[ALL_TAPS][STRIP];
    acc_t weight[3][MOST_TAPS][STRIP], slope[3][MOST_TAPS][STRIP], total[ALL_TAPS][STRIP];

    __device__ Strip(const Picture& p) : p(p) {}

    __device__ void read(const scalar_t* grid, long long n, long long first) {
        count = (int)min((long long)STRIP, p.places - first);
        all = 1;
        for (int d = 0; d < 3; d++) all *= taps[d] = taps_along(p, d);
        with_mode(p, Fill{*this, grid + (n * p.places + first) * p.dims});
        multiply();
    }

    struct Fill {
        Strip& s;
        const scalar_t* grid;

        template <int MODE, int PADDING>
        __device__ void run() const {
            for (int d = 0; d < 3; d++) s.fill<MODE, PADDING>(grid, d);
        }
    };

    template <int MODE, int PADDING>
    FLATTENED void fill(const scalar_t* grid, int d) {
        const int length = p.size[d], is_aligned = p.is_aligned;
        if (!p.has(d)) {
            for (int i = 0; i < STRIP; i++) along[d][0][i] = 0, weight[d][0][i] = 1, slope[d][0][i] = 0;
            return;
        }
        acc_t at[STRIP];
        for (int i = 0; i < STRIP; i++) at[i] = i < count ? load(grid + i * p.dims + p.coordinate(d)) : acc_t(0);
        int(*pixels)[STRIP] = along[d];
        acc_t(*weights)[STRIP] = weight[d], (*slopes)[STRIP] = slope[d];
#pragma GCC ivdep
        for (int i = 0; i < STRIP; i++) {
            const int K = TapsOf<MODE>::count;
            int here[K];
            acc_t of_weight[K], of_slope[K];
            taps_of<MODE, PADDING>(at[i], length, is_aligned, here, of_weight, of_slope);
#pragma GCC unroll 4
            for (int k = 0; k < K; k++) pixels[k][i] = here[k], weights[k][i] = of_weight[k], slopes[k][i] = of_slope[k];
        }
    }

    FLATTENED void multiply() {
        const int outside = p.pixels(), height = p.size[1], width = p.size[2];
        int k = 0;
        for (int a = 0; a < taps[0]; a++)
            for (int b = 0; b < taps[1]; b++)
                for (int c = 0; c < taps[2]; c++, k++)
#pragma GCC ivdep
                    for (int i = 0; i < STRIP; i++) {
                        const int x = along[0][a][i], y = along[1][b][i], z = along[2][c][i];
                        row[k][i] = (x | y | z) >= 0 ? (x * height + y) * width + z : outside;
                        total[k][i] = weight[0][a][i] * weight[1][b][i] * weight[2][c][i];
                    }
    }

    // Of each row's weight the slopes by the grid.
    FLATTENED void multiply_slopes(acc_t (*by)[ALL_TAPS][STRIP]) const {
        int k = 0;
        for (int a = 0; a < taps[0]; a++)
            for (int b = 0; b < taps[1]; b++)
                for (int c = 0; c < taps[2]; c++, k++)
#pragma GCC ivdep
                    for (int i = 0; i < STRIP; i++) {
                        const acc_t u = weight[0][a][i], v = weight[1][b][i], w = weight[2][c][i];
                        by[0][k][i] = slope[0][a][i] * v * w;
                        by[1][k][i] = u * slope[1][b][i] * w;
                        by[2][k][i] = u * v * slope[2][c][i];
                    }
    }
};

// ---- pictures as rows and the way back: `count` pixels from x, a channel `step` after another. A strip at a time stays in
// the nearest cache, where channels that lie a power of two apart drive each other out.

FLATTENED static void take_rows(acc_t* __restrict__ rows, const scalar_t* x, long step, int channels, int pitch,
                                int count) {
    for (long c = 0; c < channels; c++)
        for (long i = 0; i < count; i++) rows[i * pitch + c] = load(x + c * step + i);
    for (long i = 0; i < count; i++)
        for (long c = channels; c < pitch; c++) rows[i * pitch + c] = 0;
}

FLATTENED static void give_rows(scalar_t* __restrict__ x, const acc_t* rows, long step, int channels, int pitch,
                                int count) {
    for (long first = 0; first < count; first += STRIP)
        for (long c = 0; c < channels; c++)
            for (long i = first; i < min((long)count, first + STRIP); i++) store(x + c * step + i, rows[i * pitch + c]);
}

extern "C" __global__ void grid_rows(const scalar_t* x, acc_t* rows, Picture p, int pitch) {
    const long pixels = p.pixels(), strips = pixels / STRIP + 1;
    for (Share share = my_share(p.batch * strips); share.begin < share.end; share.begin++) {
        const long n = share.begin / strips, first = share.begin % strips * STRIP;
        const int count = (int)min((long)STRIP, pixels - first);
        acc_t* to = rows + (n * (pixels + 1) + first) * pitch;
        take_rows(to, x + n * p.channels * pixels + first, pixels, p.channels, pitch, count);
        if (first + STRIP > pixels)
            for (int c = 0; c < pitch; c++) to[(pixels - first) * pitch + c] = 0;
    }
}

// ---- a strip's channels, a vector of them at a time

FLATTENED static void read_rows(const Strip& s, const acc_t* rows, acc_t* y, int pitch) {
    for (int i = 0; i < s.count; i++)
        for (int c = 0; c < pitch; c += LANE) {
            Lanes sum{};
            for (int k = 0; k < s.all; k++) sum += s.total[k][i] * lanes(rows + (long)s.row[k][i] * pitch + c);
            lanes(y + i * pitch + c) = sum;
        }
}

FLATTENED static void lay_back(const Strip& s, const acc_t* gy, acc_t* rows, int pitch) {
    for (int i = 0; i < s.count; i++)
        for (int c = 0; c < pitch; c += LANE) {
            const Lanes g = lanes(gy + i * pitch + c);
            for (int k = 0; k < s.all; k++) lanes(rows + (long)s.row[k][i] * pitch + c) += s.total[k][i] * g;
        }
}

template <int DIMS>
FLATTENED static void give_slopes(const Strip& s, const acc_t* gy, const acc_t* rows, scalar_t* ggrid, int pitch) {
    acc_t by[3][ALL_TAPS][STRIP];
    s.multiply_slopes(by);
    for (int i = 0; i < s.count; i++) {
        Lanes sum[DIMS] = {};
        for (int c = 0; c < pitch; c += LANE) {
            const Lanes g = lanes(gy + i * pitch + c);
            for (int k = 0; k < s.all; k++) {
                const Lanes product = g * lanes(rows + (long)s.row[k][i] * pitch + c);
                for (int d = 0; d < DIMS; d++) sum[d] += by[3 - DIMS + d][k][i] * product;
            }
        }
        for (int d = 0; d < DIMS; d++) {
            for (int half = LANE / 2; half > 0; half /= 2)
                for (int k = 0; k < half; k++) sum[d][k] += sum[d][k + half];
            store(ggrid + i * DIMS + DIMS - 1 - d, sum[d][0]);
        }
    }
}

// ---- entry points

// visit(n, first) for the strips of a block's share of all places.
template <class Visit>
__device__ inline void each_strip(const Picture& p, Visit visit) {
    const long long strips = (p.places + STRIP - 1) / STRIP;
    for (Share share = my_share(p.batch * strips); share.begin < share.end; share.begin++)
        visit(share.begin / strips, share.begin % strips * STRIP);
}

extern "C" __global__ void grid_sample(const acc_t* rows, const scalar_t* grid, scalar_t* y, Picture p, int pitch) {
    Strip strip(p);
    Scratch part(STRIP * pitch);
    each_strip(p, [&](long long n, long long first) {
        strip.read(grid, n, first);
        read_rows(strip, rows + n * (p.pixels() + 1) * pitch, part.numbers, pitch);
        give_rows(y + n * p.channels * p.places + first, part.numbers, p.places, p.channels, pitch, strip.count);
    });
}

// What goes back to the grid.
extern "C" __global__ void grid_sample_backward(const scalar_t* gy, const acc_t* rows, const scalar_t* grid,
                                                scalar_t* ggrid, Picture p, int pitch) {
    Strip strip(p);
    Scratch part(STRIP * pitch);
    each_strip(p, [&](long long n, long long first) {
        strip.read(grid, n, first);
        take_rows(part.numbers, gy + n * p.channels * p.places + first, p.places, p.channels, pitch, strip.count);
        const auto give = p.dims == 2 ? give_slopes<2> : give_slopes<3>;
        give(strip, part.numbers, rows + n * (p.pixels() + 1) * pitch, ggrid + (n * p.places + first) * p.dims, pitch);
    });
}

// What goes back to the pictures, LANE channels of one at a time.
extern "C" __global__ void grid_sample_backward_input(const scalar_t* gy, const scalar_t* grid, scalar_t* gx, Picture p) {
    Strip strip(p);
    const long pixels = p.pixels(), groups = (p.channels + LANE - 1) / LANE, all = (pixels + 1) * LANE;
    Scratch part(STRIP * LANE), rows(all);
    for (Share share = my_share(p.batch * groups); share.begin < share.end; share.begin++) {
        const long long n = share.begin / groups, channel = share.begin % groups * LANE;
        const int channels = (int)min((long long)LANE, p.channels - channel);
        const scalar_t* from = gy + (n * p.channels + channel) * p.places;
        for (long i = 0; i < all; i++) rows.numbers[i] = 0;
        for (long long first = 0; first < p.places; first += STRIP) {
            strip.read(grid, n, first);
            take_rows(part.numbers, from + first, p.places, channels, LANE, strip.count);
            lay_back(strip, part.numbers, rows.numbers, LANE);
        }
        give_rows(gx + (n * p.channels + channel) * pixels, rows.numbers, pixels, channels, LANE, pixels);
    }
}

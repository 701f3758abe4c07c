// Convolutions of x[image, channel, size] and their gradients on the host, in groups of channels.
//
// Beside kernels/conv.cu, which gathers the windows into shared memory: here a core has an image's windows as columns,
// TILE outputs at a time, in its cache, and multiplies them there (product.cuh). They are never in memory as a whole, and
// what comes out lies as the image does. A weight is (filters, channels * places) for each group.
#include "lanes.cuh"
#include "product.cuh"
#include "scratch.cuh"
#include "window.cuh"

const int TILE = 64;  // outputs, and the columns of a tile

struct Sizes {
    int channels, filters, groups, images;  // channels and filters of a group

    __device__ int columns(const Window& w) const { return channels * w.size_of_kernel(); }
};

// visit(row, plane, i, where, count) for the runs of `count` outputs i, i + 1, ... of a tile from output `first` that lie on
// one line of channel `plane` from `where`, for each row of columns, a channel's place; what lies off the plane is left out.
template <class Visit>
__device__ __forceinline__ void each_run(const Window& w, int channels, int first, int tile, Visit visit) {
    const Place from = unravel(first, w.output);
    const int stride = w.stride[2], length = w.output[2];
    for (int k2 = 0; k2 < w.kernel[2]; k2++) {
        // The outputs of a line whose place lies on it.
        const int before = w.padding[2] - k2 * w.dilation[2], last = before + w.size[2] - 1;
        const int low = before > 0 ? (before + stride - 1) / stride : 0;
        const int high = last < 0 ? 0 : min(last / stride + 1, length);
        for (int k0 = 0; k0 < w.kernel[0]; k0++)
            for (int k1 = 0; k1 < w.kernel[1]; k1++) {
                int o0 = from.at[0], o1 = from.at[1], o2 = from.at[2];
                for (int i = 0; i < tile;) {
                    const int here = min(tile - i, length - o2), i0 = w.place(0, o0, k0), i1 = w.place(1, o1, k1);
                    const int begin = max(low, o2), count = min(high, o2 + here) - begin;
                    if (count > 0 && w.inside(0, i0) && w.inside(1, i1)) {
                        const long where = (long)(i0 * w.size[1] + i1) * w.size[2] + begin * stride - before;
                        for (int c = 0; c < channels; c++)
                            visit(((c * w.kernel[0] + k0) * w.kernel[1] + k1) * w.kernel[2] + k2, c, i + begin - o2, where,
                                  count);
                    }
                    i += here, o2 = 0;
                    if (++o1 == w.output[1]) o1 = 0, o0++;
                }
            }
    }
}

// tile[row, i] = what lies on row's (channel, place) of output first + i; zeros off the plane.
__device__ __forceinline__ void take_columns(acc_t* tile, const scalar_t* x, const Window& w, int channels, int first,
                                             int count) {
    const long size = w.size_of_plane(), step = w.stride[2], all = (long)channels * w.size_of_kernel() * TILE;
    for (long i = 0; i < all; i++) tile[i] = 0;
    each_run(w, channels, first, count, [&](int row, int plane, int i, long where, int length) {
        const scalar_t* from = x + plane * size + where;
        acc_t* line = tile + (long)row * TILE + i;
        if (step == 1)
            for (long j = 0; j < length; j++) line[j] = load(from + j);
        else
            for (long j = 0; j < length; j++) line[j] = load(from + j * step);
    });
}

// The `count` outputs from `first` of `filters` planes, as lines of TILE.
__device__ __forceinline__ void take_outputs(acc_t* tile, const scalar_t* gy, long outputs, int filters, int first,
                                             int count) {
    for (int f = 0; f < filters; f++) {
        for (long i = 0; i < count; i++) tile[(long)f * TILE + i] = load(gy + f * outputs + first + i);
        for (long i = count; i < TILE; i++) tile[(long)f * TILE + i] = 0;
    }
}

__device__ __forceinline__ void copy_weight(acc_t* to, const scalar_t* weight, long count) {
    for (long i = 0; i < count; i++) to[i] = load(weight + i);
}

// ---- y = weight @ columns, for the tile from output `first` of an image's group

FLATTENED static void forward_tile(const scalar_t* x, const acc_t* weight, scalar_t* y, acc_t* columns, acc_t* sums,
                                   const Window& w, const Sizes& s, int first) {
    const long outputs = w.size_of_output(), count = min((long)TILE, outputs - first);
    take_columns(columns, x, w, s.channels, first, count);
    const long of_sums = (long)s.filters * TILE;
    for (long i = 0; i < of_sums; i++) sums[i] = 0;
    add_product(sums, TILE, weight, s.columns(w), 1, columns, TILE, s.filters, padded(count), s.columns(w));
    for (int f = 0; f < s.filters; f++)
        for (long i = 0; i < count; i++) store(y + f * outputs + first + i, sums[(long)f * TILE + i]);
}

extern "C" __global__ void convolution(const scalar_t* x, const scalar_t* weight, scalar_t* y, Window w, Sizes s) {
    const long outputs = w.size_of_output(), tiles = (outputs + TILE - 1) / TILE, k = s.columns(w);
    const long of_weight = (long)s.groups * s.filters * k;
    Scratch columns(k * TILE), sums((long)s.filters * TILE), numbers(of_weight);
    copy_weight(numbers.numbers, weight, of_weight);
    for (Share share = my_share((long long)s.images * s.groups * tiles); share.begin < share.end; share.begin++) {
        const long plane = share.begin / tiles, group = plane % s.groups;
        forward_tile(x + plane * s.channels * w.size_of_plane(), numbers.numbers + group * s.filters * k,
                     y + plane * s.filters * outputs, columns.numbers, sums.numbers, w, s, share.begin % tiles * TILE);
    }
}

// ---- gx, where the columns weight^T @ gy go back to, for an image's group

FLATTENED static void transposed_plane(const scalar_t* gy, const acc_t* weight, acc_t* gx, acc_t* columns, acc_t* tile,
                                       const Window& w, const Sizes& s) {
    const long outputs = w.size_of_output();
    const long size = w.size_of_plane(), step = w.stride[2];
    const int k = s.columns(w);
    const long of_tile = (long)k * TILE;
    const long all = s.channels * size;
    for (long i = 0; i < all; i++) gx[i] = 0;
    for (int first = 0; first < outputs; first += TILE) {
        const int count = min((long)TILE, outputs - first);
        take_outputs(tile, gy, outputs, s.filters, first, count);
        for (long i = 0; i < of_tile; i++) columns[i] = 0;
        add_product(columns, TILE, weight, 1, k, tile, TILE, k, padded(count), s.filters);
        each_run(w, s.channels, first, count, [&](int row, int plane, int i, long where, int length) {
            acc_t* to = gx + plane * size + where;
            const acc_t* line = columns + (long)row * TILE + i;
            if (step == 1)
#pragma GCC ivdep
                for (long j = 0; j < length; j++) to[j] += line[j];
            else
                for (long j = 0; j < length; j++) to[j * step] += line[j];
        });
    }
}

extern "C" __global__ void convolution_transposed(const scalar_t* gy, const scalar_t* weight, scalar_t* gx, Window w,
                                                  Sizes s) {
    const long outputs = w.size_of_output(), k = s.columns(w), size = (long)s.channels * w.size_of_plane();
    const long of_weight = (long)s.groups * s.filters * k;
    Scratch of_columns((k + s.filters) * TILE), of_plane(size), numbers(of_weight);
    copy_weight(numbers.numbers, weight, of_weight);
    for (Share share = my_share((long long)s.images * s.groups); share.begin < share.end; share.begin++) {
        transposed_plane(gy + share.begin * s.filters * outputs,
                         numbers.numbers + share.begin % s.groups * s.filters * k, of_plane.numbers, of_columns.numbers,
                         of_columns.numbers + k * TILE, w, s);
        for (long i = 0; i < size; i++) store(gx + share.begin * size + i, of_plane.numbers[i]);
    }
}

// ---- gweight^T = columns @ gy^T, summed over images: a part of them a block, parts (gridDim.x, groups, filters, columns).
// Of the two factors the smaller lies across.

FLATTENED static void weight_plane(const scalar_t* x, const scalar_t* gy, acc_t* sums, long pitch, acc_t* columns,
                                   acc_t* across, const Window& w, const Sizes& s) {
    const long outputs = w.size_of_output(), all = TILE * pitch;
    const int k = s.columns(w), filters = s.filters;
    for (long i = 0; i < all; i++) across[i] = 0;
    for (int first = 0; first < outputs; first += TILE) {
        const int count = min((long)TILE, outputs - first);
        take_columns(columns, x, w, s.channels, first, count);
        for (long f = 0; f < filters; f++)
            for (long i = 0; i < count; i++) across[i * pitch + f] = load(gy + f * outputs + first + i);
        add_product(sums, pitch, columns, TILE, 1, across, pitch, k, pitch, count);
    }
}

extern "C" __global__ void convolution_weight(const scalar_t* x, const scalar_t* gy, acc_t* parts, Window w, Sizes s) {
    const long outputs = w.size_of_output(), k = s.columns(w), pitch = padded(s.filters), size = k * pitch;
    Scratch columns(k * TILE), across(TILE * pitch), sums(s.groups * size);
    const long all = s.groups * size;
    for (long i = 0; i < all; i++) sums.numbers[i] = 0;
    for (Share image = my_share(s.images); image.begin < image.end; image.begin++)
        for (int group = 0; group < s.groups; group++) {
            const long plane = image.begin * s.groups + group;
            weight_plane(x + plane * s.channels * w.size_of_plane(), gy + plane * s.filters * outputs,
                         sums.numbers + group * size, pitch, columns.numbers, across.numbers, w, s);
        }
    acc_t* part = parts + blockIdx.x * (long)s.groups * s.filters * k;
    for (long group = 0; group < s.groups; group++)
        for (long f = 0; f < s.filters; f++)
            for (long i = 0; i < k; i++)
                part[(group * s.filters + f) * k + i] = sums.numbers[group * size + i * pitch + f];
}

extern "C" __global__ void convolution_weight_total(const acc_t* parts, scalar_t* gweight, int count, long long size) {
    for (Share share = my_share(size); share.begin < share.end; share.begin++) {
        acc_t sum = 0;
        for (int part = 0; part < count; part++) sum += parts[part * size + share.begin];
        store(gweight + share.begin, sum);
    }
}

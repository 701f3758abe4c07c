// Places between the pixels of a picture, as a grid names them from -1 to 1: along each dimension a few pixels, each with a
// weight and the weight's slope by the grid (Jaderberg, Simonyan & Zisserman 2015). Without branches where the mode is a
// constant, so that a loop over places becomes vector code on the host.
#pragma once

#include "scalar.cuh"

enum GridMode { BILINEAR, NEAREST, BICUBIC };
enum GridPadding { ZEROS, BORDER, REFLECTION };

struct Picture {
    int batch, channels, size[3];  // two dimensions: size[0] is 1
    int dims, mode, padding, is_aligned;
    long long places;  // of one picture

    __device__ long long pixels() const { return (long long)size[0] * size[1] * size[2]; }
    // The grid's coordinate of dimension d, x being the last; null for a dimension that is not there.
    __device__ int coordinate(int d) const { return 2 - d; }
    __device__ bool has(int d) const { return d + dims >= 3; }
};

template <int MODE>
struct TapsOf {
    static const int count = MODE == BILINEAR ? 2 : MODE == NEAREST ? 1 : 4;
};
const int MOST_TAPS = 4;

// A place in pixels, and its slope by the grid.
struct At {
    acc_t at, slope;
};

__device__ inline At place_of(acc_t grid, int length, bool is_aligned) {
    const bool is_nan = grid != grid;
    const acc_t x = is_nan ? -1 : grid, half = is_aligned ? acc_t(length - 1) / 2 : acc_t(length) / 2;
    return {is_aligned ? (x + 1) * half : ((x + 1) * length - 1) / 2, is_nan ? 0 : half};
}

// The nearest place on the picture; the slope at the edges is 0.
__device__ inline At clipped(At a, int length) {
    const acc_t last = length - 1;
    const bool is_inside = (a.at > 0) & (a.at < last);
    return {a.at > 0 ? (a.at < last ? a.at : last) : 0, is_inside ? a.slope : 0};
}

// The place mirrored at the corner pixels' centres, or at their outer edges, until it is between them.
__device__ inline At reflected(At a, int length, bool is_aligned) {
    const acc_t low = is_aligned ? acc_t(0) : acc_t(-0.5), span = is_aligned ? length - 1 : length;
    if (span == 0) return {0, 0};
    const acc_t from = a.at - low, distance = from < 0 ? -from : from;
    const acc_t beyond = fmod(distance, span), turns = floor(distance / span);
    const bool is_back = turns != 2 * floor(turns / 2);
    const acc_t back = (is_back ? span - beyond : beyond) + low;
    const At there = {back, is_back != (from < 0) ? -a.slope : a.slope};
    // NaN is nowhere, and clipping would put it on the picture.
    return back == back ? clipped(there, length) : there;
}

template <int PADDING>
__device__ inline At held(At a, int length, bool is_aligned) {
    return PADDING == ZEROS ? a : PADDING == BORDER ? clipped(a, length) : reflected(a, length, is_aligned);
}

// Keys 1981, with a = -0.75: the weight at a distance up to 1, and from 1 to 2; and their slopes.
__device__ inline acc_t near_weight(acc_t d) { return (d * acc_t(1.25) - acc_t(2.25)) * d * d + 1; }
__device__ inline acc_t far_weight(acc_t d) { return ((d * acc_t(-0.75) + acc_t(3.75)) * d - 6) * d + 3; }
__device__ inline acc_t near_slope(acc_t d) { return (acc_t(3.75) * d - acc_t(4.5)) * d; }
__device__ inline acc_t far_slope(acc_t d) { return (acc_t(-2.25) * d + acc_t(7.5)) * d - 6; }

// The pixels around a place, as whole numbers (beyond the picture -1), their weights (there 0), and the weights' slopes.
template <int MODE, int PADDING>
__device__ inline void taps_of(acc_t grid, int length, bool is_aligned, int* pixel, acc_t* weight, acc_t* slope) {
    At a = place_of(grid, length, is_aligned);
    if (MODE != BICUBIC) a = held<PADDING>(a, length, is_aligned);
    const acc_t left = MODE == NEAREST ? rint(a.at) : floor(a.at);
    const acc_t t = a.at == left ? 0 : a.at - left;  // also of infinity, whose difference from itself is NaN
    if (MODE == NEAREST) weight[0] = 1, slope[0] = 0;
    if (MODE == BILINEAR) weight[0] = 1 - t, weight[1] = t, slope[0] = -a.slope, slope[1] = a.slope;
    if (MODE == BICUBIC) {
        weight[0] = far_weight(t + 1), weight[1] = near_weight(t), weight[2] = near_weight(1 - t);
        weight[3] = far_weight(2 - t);
        slope[0] = far_slope(t + 1) * a.slope, slope[1] = near_slope(t) * a.slope;
        slope[2] = -near_slope(1 - t) * a.slope, slope[3] = -far_slope(2 - t) * a.slope;
    }
    for (int k = 0; k < TapsOf<MODE>::count; k++) {
        At of = {MODE == BICUBIC ? left + (k - 1) : left + k, 0};
        if (MODE == BICUBIC) of = held<PADDING>(of, length, is_aligned);
        const bool is_inside = (of.at >= 0) & (of.at <= length - 1);
        pixel[k] = is_inside ? (int)(is_inside ? of.at : 0) : -1;
        weight[k] = is_inside ? weight[k] : 0;
        slope[k] = is_inside ? slope[k] : 0;
    }
}

// f.template operator()<MODE, PADDING>() for a picture's mode and padding.
template <int MODE, class F>
__device__ inline void with_padding(int padding, F f) {
    if (padding == ZEROS) f.template run<MODE, ZEROS>();
    else if (padding == BORDER) f.template run<MODE, BORDER>();
    else f.template run<MODE, REFLECTION>();
}

template <class F>
__device__ inline void with_mode(const Picture& p, F f) {
    if (p.mode == BILINEAR) with_padding<BILINEAR>(p.padding, f);
    else if (p.mode == NEAREST) with_padding<NEAREST>(p.padding, f);
    else with_padding<BICUBIC>(p.padding, f);
}

__device__ inline int taps_along(const Picture& p, int d) {
    return !p.has(d) || p.mode == NEAREST ? 1 : p.mode == BILINEAR ? 2 : 4;
}

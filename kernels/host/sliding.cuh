// Sliding windows on the host: along the last dimension the outputs that see an element come in runs.
#pragma once

#include "lanes.cuh"
#include "window.cuh"

struct Run {
    int first, last;  // [first, last), never negative in length
};

__device__ inline Run run_of(long long first, long long last, int length) {
    first = first < 0 ? 0 : first > length ? length : first;
    last = last > length ? length : last;
    return {(int)first, (int)(last < first ? first : last)};
}

__device__ inline long long floor_div(long long x, int y) { return x >= 0 ? x / y : -((-x + y - 1) / y); }

// The outputs whose place k along dimension d lies on elements [low, high).
__device__ inline Run outputs_on(const Window& w, int d, int k, int low, int high) {
    const long long from = (long long)k * w.dilation[d] - w.padding[d];
    return run_of(-floor_div(from - low, w.stride[d]), floor_div(high - 1 - from, w.stride[d]) + 1, w.output[d]);
}

__device__ inline Run outputs_inside(const Window& w, int d, int k) { return outputs_on(w, d, k, 0, w.size[d]); }

// f(o, i) for a run of outputs along the last dimension, i the element that place k of output o lies on. With neighbours
// next to each other where the stride is 1.
template <class F>
__device__ __forceinline__ void each_of_run(const Window& w, int k, Run run, F f) {
    const long long from = (long long)k * w.dilation[2] - w.padding[2], stride = w.stride[2];
    if (stride == 1) {
#pragma GCC ivdep
        for (long long o = run.first; o < run.last; o++) f(o, o + from);
    } else {
#pragma GCC ivdep
        for (long long o = run.first; o < run.last; o++) f(o, o * stride + from);
    }
}

// The output that has place k on element i along dimension d, or -1.
__device__ inline int output_on(const Window& w, int d, int k, int i) {
    const int from = i + w.padding[d] - k * w.dilation[d];
    if (from < 0 || from % w.stride[d]) return -1;
    return from / w.stride[d] < w.output[d] ? from / w.stride[d] : -1;
}

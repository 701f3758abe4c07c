// Pooling of planes x[plane, size] over sliding windows, and the gradients, on the host.
//
// The rules of kernels/pool.cu, which has a thread for each output or element. Here a core goes along a row of outputs at
// once, a pass for each place of the window, so that what is inside is a loop's bounds and nothing is asked of an element;
// and the gradients are sent to where they go, a plane being one core's.
#include "lanes.cuh"
#include "window.cuh"

const int STRIP = 64;  // neighbouring outputs at a time

extern "C" void* malloc(size_t);
extern "C" void free(void*);

// The outputs among first ... first + STRIP - 1 of the last dimension whose place k lies on x: begin ... end - 1.
struct Run {
    int begin, end;
};

__device__ inline Run run_of(const Window& w, int first, int k) {
    const int before = w.padding[2] - k * w.dilation[2], stride = w.stride[2];
    int begin = before > 0 ? (before + stride - 1) / stride : 0;
    int last = before + w.size[2] - 1, end = last < 0 ? 0 : last / stride + 1;
    return {max(begin, first), min(min(end, w.output[2]), first + STRIP)};
}

// visit(first output of a strip, o0, o1, o2 of it)
template <class Visit>
__device__ __forceinline__ void each_strip(const Window& w, Visit visit) {
    for (int o0 = 0; o0 < w.output[0]; o0++)
        for (int o1 = 0; o1 < w.output[1]; o1++)
            for (int o2 = 0; o2 < w.output[2]; o2 += STRIP)
                visit((o0 * w.output[1] + o1) * w.output[2] + o2, o0, o1, o2);
}

// visit(the outputs o2 of a run, of the strip from `first`; the element that o2 = 0 would lie on) for each place of the
// windows, in row-major order.
template <class Visit>
__device__ __forceinline__ void each_place(const Window& w, int o0, int o1, int first, Visit visit) {
    for (int k0 = 0; k0 < w.kernel[0]; k0++) {
        const int i0 = w.place(0, o0, k0);
        if (!w.inside(0, i0)) continue;
        for (int k1 = 0; k1 < w.kernel[1]; k1++) {
            const int i1 = w.place(1, o1, k1);
            if (!w.inside(1, i1)) continue;
            for (int k2 = 0; k2 < w.kernel[2]; k2++)
                visit(run_of(w, first, k2), (i0 * w.size[1] + i1) * w.size[2] + k2 * w.dilation[2] - w.padding[2]);
        }
    }
}

// f(o2) for each output of a run: with a stride that the compiler knows where it is a frequent one.
template <class F>
__device__ __forceinline__ void along(Run run, int stride, F f) {
    if (stride == 1)
#pragma GCC ivdep
        for (long o = run.begin; o < run.end; o++) f(o, o);
    else if (stride == 2)
#pragma GCC ivdep
        for (long o = run.begin; o < run.end; o++) f(o, 2 * o);
    else
        for (long o = run.begin; o < run.end; o++) f(o, stride * o);
}

FLATTENED static void max_pool_plane(const scalar_t* x, scalar_t* y, long long* index, const Window& w) {
    each_strip(w, [&](int output, int o0, int o1, int first) {
        acc_t best[STRIP];
        int at[STRIP];
        const int count = min(STRIP, w.output[2] - first);
        for (int o = 0; o < count; o++) best[o] = -INF_F, at[o] = w.first_place(o0, o1, first + o);
        each_place(w, o0, o1, first, [&](Run run, int start) {
            along(run, w.stride[2], [&](long o, long step) {
                const acc_t value = load(x + start + step), so_far = best[o - first];
                const bool better = (value > so_far) | (value != value);  // the last NaN wins
                best[o - first] = better ? value : so_far;
                at[o - first] = better ? (int)(start + step) : at[o - first];
            });
        });
        for (int o = 0; o < count; o++) store(y + output + o, best[o]), index[output + o] = at[o];
    });
}

// By how much the mean over the window of output o is divided along dimension d: the places of the window that lie on x,
// with `include_pad` on its padding too (but never beyond).
__device__ inline int share_of(const Window& w, int d, int o, int include_pad) {
    const int low = o * w.stride[d] - w.padding[d], high = low + w.kernel[d];
    const int end = include_pad ? w.size[d] + w.padding[d] : w.size[d];
    return min(high, end) - (include_pad || low > 0 ? low : 0);
}

// The divisors of a strip's outputs.
__device__ __forceinline__ void divisors(acc_t* count, const Window& w, int o0, int o1, int first, int include_pad,
                                         int divisor) {
    const acc_t across = divisor ? 1 : acc_t(share_of(w, 0, o0, include_pad)) * share_of(w, 1, o1, include_pad);
    for (int o = 0; o < STRIP; o++)
        count[o] = divisor ? acc_t(divisor) : across * share_of(w, 2, first + o, include_pad);
}

FLATTENED static void avg_pool_plane(const scalar_t* x, scalar_t* y, const Window& w, int include_pad, int divisor) {
    each_strip(w, [&](int output, int o0, int o1, int first) {
        double sum[STRIP] = {};  // of windows of any size
        acc_t count[STRIP];
        each_place(w, o0, o1, first, [&](Run run, int start) {
            along(run, w.stride[2], [&](long o, long step) { sum[o - first] += load(x + start + step); });
        });
        divisors(count, w, o0, o1, first, include_pad, divisor);
        for (int o = 0; o < min(STRIP, w.output[2] - first); o++) store(y + output + o, sum[o] / count[o]);
    });
}

// Its windows have no gaps: they are never dilated.
FLATTENED static void avg_pool_backward_plane(const scalar_t* gy, acc_t* gx, const Window& w, int include_pad,
                                              int divisor) {
    each_strip(w, [&](int output, int o0, int o1, int first) {
        acc_t share[STRIP], count[STRIP];
        divisors(count, w, o0, o1, first, include_pad, divisor);
        for (int o = 0; o < min(STRIP, w.output[2] - first); o++) share[o] = load(gy + output + o) / count[o];
        each_place(w, o0, o1, first, [&](Run run, int start) {
            along(run, w.stride[2], [&](long o, long step) { gx[start + step] += share[o - first]; });
        });
    });
}

// A block's planes: send(plane, sums) adds to a plane of zeros, which is then gx's.
template <class Send>
__device__ inline void gather_planes(scalar_t* gx, const Window& w, long long planes, Send send) {
    const long size = w.size_of_plane();
    acc_t* sums = (acc_t*)malloc(size * sizeof(acc_t));
    if (!sums) __trap();
    for (Share share = my_share(planes); share.begin < share.end; share.begin++) {
        for (long i = 0; i < size; i++) sums[i] = 0;
        send(share.begin, sums);
        for (long i = 0; i < size; i++) store(gx + share.begin * size + i, sums[i]);
    }
    free(sums);
}

// ---- entry points

extern "C" __global__ void max_pool(const scalar_t* x, scalar_t* y, long long* index, Window w, long long planes) {
    const long long outputs = w.size_of_output();
    for (Share plane = my_share(planes); plane.begin < plane.end; plane.begin++)
        max_pool_plane(x + plane.begin * w.size_of_plane(), y + plane.begin * outputs, index + plane.begin * outputs, w);
}

extern "C" __global__ void max_pool_backward(const scalar_t* gy, const long long* index, scalar_t* gx, Window w,
                                             long long planes) {
    const long long outputs = w.size_of_output();
    const unsigned long long size = w.size_of_plane();
    gather_planes(gx, w, planes, [&](long long plane, acc_t* sums) {
        // Of a window that steps over all of x the place lies on nothing.
        for (long long o = plane * outputs; o < (plane + 1) * outputs; o++)
            if ((unsigned long long)index[o] < size) sums[index[o]] += load(gy + o);
    });
}

extern "C" __global__ void avg_pool(const scalar_t* x, scalar_t* y, Window w, long long planes, int include_pad,
                                    int divisor) {
    for (Share plane = my_share(planes); plane.begin < plane.end; plane.begin++)
        avg_pool_plane(x + plane.begin * w.size_of_plane(), y + plane.begin * w.size_of_output(), w, include_pad, divisor);
}

extern "C" __global__ void avg_pool_backward(const scalar_t* gy, scalar_t* gx, Window w, long long planes,
                                             int include_pad, int divisor) {
    gather_planes(gx, w, planes, [&](long long plane, acc_t* sums) {
        avg_pool_backward_plane(gy + plane * w.size_of_output(), sums, w, include_pad, divisor);
    });
}

// Pooling of planes over sliding windows and the gradients, on the host: a strip of neighbouring outputs at a time.
//
// Beside kernels/pool.cu because the loop over a window's places goes outside the one over outputs, which then is one over
// neighbours. Windows, ties and NaN as there.

#include "sliding.cuh"

const int STRIP = 128;

// f(o0, o1, where a strip of outputs along the last dimension begins and ends) for a block's share of the planes' lines;
// its outputs begin at `at` of all outputs.
template <class F>
__device__ __forceinline__ void each_strip(const Window& w, long long planes, F f) {
    const long long lines = (long long)w.output[0] * w.output[1];
    for (Share share = my_share(planes * lines); share.begin < share.end; share.begin++) {
        const int o0 = share.begin % lines / w.output[1], o1 = share.begin % lines % w.output[1];
        for (int low = 0; low < w.output[2]; low += STRIP)
            f(share.begin / lines, o0, o1, low, min(low + STRIP, w.output[2]), share.begin * w.output[2] + low);
    }
}

// f(k2, the outputs of [low, high) that have it inside, where their line of x begins in its plane) for each place.
template <class F>
__device__ __forceinline__ void each_place(const Window& w, int o0, int o1, int low, int high, F f) {
    for (int k0 = 0; k0 < w.kernel[0]; k0++) {
        const int i0 = w.place(0, o0, k0);
        if (!w.inside(0, i0)) continue;
        for (int k1 = 0; k1 < w.kernel[1]; k1++) {
            const int i1 = w.place(1, o1, k1);
            if (!w.inside(1, i1)) continue;
            for (int k2 = 0; k2 < w.kernel[2]; k2++) {
                const Run all = outputs_inside(w, 2, k2);
                const int first = all.first > low ? all.first : low, last = min(all.last, high);
                if (first < last) f(k2, Run{first, last}, (i0 * w.size[1] + i1) * w.size[2]);
            }
        }
    }
}

FLATTENED static void largest(const scalar_t* x, scalar_t* y, long long* index, const Window& w, long long planes) {
    each_strip(w, planes, [&](long long plane, int o0, int o1, int low, int high, long long at) {
        acc_t best[STRIP];
        int place[STRIP];
        for (int k = 0; k < high - low; k++) best[k] = -INF_F, place[k] = w.first_place(o0, o1, low + k);
        const scalar_t* from = x + plane * w.size_of_plane();
        each_place(w, o0, o1, low, high, [&](int k2, Run run, int line) {
            each_of_run(w, k2, run, [&](long long o, long long i) {
                const acc_t value = load(from + line + i);
                const bool better = value > best[o - low] || value != value;
                best[o - low] = better ? value : best[o - low];
                place[o - low] = better ? line + (int)i : place[o - low];
            });
        });
        for (int k = 0; k < high - low; k++) store(y + at + k, best[k]), index[at + k] = place[k];
    });
}

extern "C" __global__ void max_pool(const scalar_t* x, scalar_t* y, long long* index, Window w, long long planes) {
    largest(x, y, index, w, planes);
}

// In the order of the outputs, summed in acc_t: of a half type a plane's sums are made beside it.
extern "C" __global__ void max_pool_backward(
    const scalar_t* gy, const long long* index, scalar_t* gx, Window w, long long planes, acc_t* sums) {
    const long long size = w.size_of_plane(), outputs = w.size_of_output();
    for (Share share = my_share(planes); share.begin < share.end; share.begin++) {
        acc_t* sum = sums + share.begin * size;
        for (long long i = 0; i < size; i++) sum[i] = 0;
        for (long long o = share.begin * outputs; o < (share.begin + 1) * outputs; o++) {
            if ((unsigned long long)index[o] < (unsigned long long)size) sum[index[o]] += load(gy + o);
        }
        if (sizeof(scalar_t) != sizeof(acc_t))
            for (long long i = 0; i < size; i++) store(gx + share.begin * size + i, sum[i]);
    }
}

// By how much the mean over a window is divided: `divisor`, or where that is 0 the places that lie on x, along one
// dimension, with `include_pad` on its padding too (but never beyond).
__device__ inline int count_along(const Window& w, int d, int o, int include_pad) {
    const int low = o * w.stride[d] - w.padding[d], high = low + w.kernel[d];
    const int end = include_pad ? w.size[d] + w.padding[d] : w.size[d];
    return (high < end ? high : end) - (include_pad || low > 0 ? low : 0);
}

FLATTENED static void mean(const scalar_t* x, scalar_t* y, const Window& w, long long planes, int include_pad,
                           int divisor) {
    each_strip(w, planes, [&](long long plane, int o0, int o1, int low, int high, long long at) {
        acc_t sum[STRIP] = {};
        const scalar_t* from = x + plane * w.size_of_plane();
        each_place(w, o0, o1, low, high, [&](int k2, Run run, int line) {
            each_of_run(w, k2, run, [&](long long o, long long i) { sum[o - low] += load(from + line + i); });
        });
        const acc_t lines = divisor ? acc_t(1) : acc_t(count_along(w, 0, o0, include_pad)) * count_along(w, 1, o1, include_pad);
        for (int k = 0; k < high - low; k++)
            store(y + at + k, sum[k] / (divisor ? acc_t(divisor) : lines * count_along(w, 2, low + k, include_pad)));
    });
}

extern "C" __global__ void avg_pool(
    const scalar_t* x, scalar_t* y, Window w, long long planes, int include_pad, int divisor) {
    mean(x, y, w, planes, include_pad, divisor);
}

FLATTENED static void shares(const scalar_t* gy, scalar_t* gx, const Window& w, long long planes, int include_pad,
                             int divisor) {
    const long long lines = (long long)w.size[0] * w.size[1];
    for (Share share = my_share(planes * lines); share.begin < share.end; share.begin++) {
        const int i0 = share.begin % lines / w.size[1], i1 = share.begin % lines % w.size[1];
        const scalar_t* from = gy + share.begin / lines * w.size_of_output();
        for (int low = 0; low < w.size[2]; low += STRIP) {
            const int high = min(low + STRIP, w.size[2]);
            acc_t sum[STRIP] = {};
            for (int o0 = w.first_over(0, i0); o0 <= w.last_over(0, i0); o0++)
                for (int o1 = w.first_over(1, i1); o1 <= w.last_over(1, i1); o1++) {
                    const acc_t over = divisor ? acc_t(1)
                        : acc_t(count_along(w, 0, o0, include_pad)) * count_along(w, 1, o1, include_pad);
                    const scalar_t* line = from + ((long long)o0 * w.output[1] + o1) * w.output[2];
                    for (int k2 = 0; k2 < w.kernel[2]; k2++)
                        each_of_run(w, k2, outputs_on(w, 2, k2, low, high), [&](long long o, long long i) {
                            sum[i - low] += load(line + o) /
                                (divisor ? acc_t(divisor) : over * count_along(w, 2, (int)o, include_pad));
                        });
                }
            scalar_t* to = gx + share.begin * w.size[2] + low;
            for (int i = 0; i < high - low; i++) store(to + i, sum[i]);
        }
    }
}

extern "C" __global__ void avg_pool_backward(
    const scalar_t* gy, scalar_t* gx, Window w, long long planes, int include_pad, int divisor) {
    shares(gy, gx, w, planes, include_pad, divisor);
}

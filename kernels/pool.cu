// Pooling of planes x[plane, size] over sliding windows, and the gradients, where every element of x gathers from the
// windows that lie on it. blockIdx.x: elements of a plane; blockIdx.y: planes in steps. A window's elements overlap its
// neighbours' and meet them in the L1 cache; nothing is divided inside the loops.
#include "window.cuh"

// visit(at) for each element of the plane that output o's window holds, in row-major order.
template <class Visit>
__device__ inline void each_element(const Window& w, const Place& o, Visit visit) {
    for (int k0 = 0; k0 < w.kernel[0]; k0++) {
        int i0 = w.place(0, o.at[0], k0);
        if (!w.inside(0, i0)) continue;
        for (int k1 = 0; k1 < w.kernel[1]; k1++) {
            int i1 = w.place(1, o.at[1], k1);
            if (!w.inside(1, i1)) continue;
            for (int k2 = 0; k2 < w.kernel[2]; k2++) {
                int i2 = w.place(2, o.at[2], k2);
                if (w.inside(2, i2)) visit((i0 * w.size[1] + i1) * w.size[2] + i2);
            }
        }
    }
}

// visit(o0, o1, o2, which output that is) for each output whose window reaches over element i.
template <class Visit>
__device__ inline void each_window(const Window& w, const Place& i, Visit visit) {
    int first[3], last[3];
    for (int d = 0; d < 3; d++) first[d] = w.first_over(d, i.at[d]), last[d] = w.last_over(d, i.at[d]);
    for (int o0 = first[0]; o0 <= last[0]; o0++)
        for (int o1 = first[1]; o1 <= last[1]; o1++)
            for (int o2 = first[2]; o2 <= last[2]; o2++) visit(o0, o1, o2, (o0 * w.output[1] + o1) * w.output[2] + o2);
}

// y = the largest in each window, index = where in its plane it is: the first of several, the last NaN if there is one.
// A window that steps over all of x has -inf and, as in PyTorch, its first place, which lies on nothing.
extern "C" __global__ void max_pool(const scalar_t* x, scalar_t* y, long long* index, Window w, long long planes) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output();
    if (i >= outputs) return;
    Place o = unravel(i, w.output);
    for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        const scalar_t* from = x + plane * w.size_of_plane();
        acc_t best = -INF_F;
        int best_at = w.first_place(o.at[0], o.at[1], o.at[2]);
        each_element(w, o, [&](int at) {
            acc_t value = load(from + at);
            if (value > best || value != value) best = value, best_at = at;
        });
        store(y + plane * outputs + i, best);
        index[plane * outputs + i] = best_at;
    }
}

extern "C" __global__ void max_pool_backward(
    const scalar_t* gy, const long long* index, scalar_t* gx, Window w, long long planes) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output();
    if (i >= w.size_of_plane()) return;
    Place at = unravel(i, w.size);
    for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        acc_t sum = 0;
        each_window(w, at, [&](int, int, int, int o) {
            if (index[plane * outputs + o] == i) sum += load(gy + plane * outputs + o);
        });
        store(gx + plane * w.size_of_plane() + i, sum);
    }
}

// By how much the mean over the window of output o is divided: `divisor`, or where that is 0 the places of the window
// that lie on x, with `include_pad` on its padding too (but never beyond).
__device__ inline acc_t divisor_of(const Window& w, int o0, int o1, int o2, int include_pad, int divisor) {
    if (divisor) return divisor;
    int o[3] = {o0, o1, o2};
    acc_t count = 1;
    for (int d = 0; d < 3; d++) {
        int low = o[d] * w.stride[d] - w.padding[d], high = low + w.kernel[d];
        int end = include_pad ? w.size[d] + w.padding[d] : w.size[d];
        count *= (high < end ? high : end) - (include_pad || low > 0 ? low : 0);
    }
    return count;
}

extern "C" __global__ void avg_pool(
    const scalar_t* x, scalar_t* y, Window w, long long planes, int include_pad, int divisor) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output();
    if (i >= outputs) return;
    Place o = unravel(i, w.output);
    acc_t count = divisor_of(w, o.at[0], o.at[1], o.at[2], include_pad, divisor);
    for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        const scalar_t* from = x + plane * w.size_of_plane();
        acc_t sum = 0;
        each_element(w, o, [&](int at) { sum += load(from + at); });
        store(y + plane * outputs + i, sum / count);
    }
}

// Its windows have no gaps: they are never dilated.
extern "C" __global__ void avg_pool_backward(
    const scalar_t* gy, scalar_t* gx, Window w, long long planes, int include_pad, int divisor) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output();
    if (i >= w.size_of_plane()) return;
    Place at = unravel(i, w.size);
    for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        acc_t sum = 0;
        each_window(w, at, [&](int o0, int o1, int o2, int o) {
            sum += load(gy + plane * outputs + o) / divisor_of(w, o0, o1, o2, include_pad, divisor);
        });
        store(gx + plane * w.size_of_plane() + i, sum);
    }
}

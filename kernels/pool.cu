// Pooling of planes x[plane, size] over sliding windows, and the gradients, where every element of x gathers from the
// windows that lie on it. blockIdx.x: elements of a plane; blockIdx.y: planes in steps.
#include "window.cuh"

// y = the largest in each window, index = where in its plane it is: the first of several, the last NaN if there is one.
extern "C" __global__ void max_pool(const scalar_t* x, scalar_t* y, long long* index, Window w, long long planes) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output();
    if (i >= outputs) return;
    Place o = unravel(i, w.output);
    for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        const scalar_t* from = x + plane * w.size_of_plane();
        acc_t best = 0;
        int best_at = -1;
        for (int k = 0; k < w.size_of_kernel(); k++) {
            Place p = unravel(k, w.kernel);
            int i0 = w.place(0, o.at[0], p.at[0]), i1 = w.place(1, o.at[1], p.at[1]), i2 = w.place(2, o.at[2], p.at[2]);
            if (!w.inside(0, i0) || !w.inside(1, i1) || !w.inside(2, i2)) continue;
            int at = (i0 * w.size[1] + i1) * w.size[2] + i2;
            acc_t value = load(from + at);
            if (best_at < 0 || value > best || value != value) best = value, best_at = at;
        }
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
        for (int k = 0; k < w.size_of_kernel(); k++) {
            Place p = unravel(k, w.kernel);
            int o0 = w.output_over(0, at.at[0], p.at[0]), o1 = w.output_over(1, at.at[1], p.at[1]);
            int o2 = w.output_over(2, at.at[2], p.at[2]);
            if (o0 < 0 || o1 < 0 || o2 < 0) continue;
            long long o = plane * outputs + (o0 * w.output[1] + o1) * w.output[2] + o2;
            if (index[o] == i) sum += load(gy + o);
        }
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
        acc_t sum = 0;
        for (int k = 0; k < w.size_of_kernel(); k++) {
            Place p = unravel(k, w.kernel);
            int i0 = w.place(0, o.at[0], p.at[0]), i1 = w.place(1, o.at[1], p.at[1]), i2 = w.place(2, o.at[2], p.at[2]);
            if (!w.inside(0, i0) || !w.inside(1, i1) || !w.inside(2, i2)) continue;
            sum += load(x + plane * w.size_of_plane() + (i0 * w.size[1] + i1) * w.size[2] + i2);
        }
        store(y + plane * outputs + i, sum / count);
    }
}

extern "C" __global__ void avg_pool_backward(
    const scalar_t* gy, scalar_t* gx, Window w, long long planes, int include_pad, int divisor) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output();
    if (i >= w.size_of_plane()) return;
    Place at = unravel(i, w.size);
    for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        acc_t sum = 0;
        for (int k = 0; k < w.size_of_kernel(); k++) {
            Place p = unravel(k, w.kernel);
            int o0 = w.output_over(0, at.at[0], p.at[0]), o1 = w.output_over(1, at.at[1], p.at[1]);
            int o2 = w.output_over(2, at.at[2], p.at[2]);
            if (o0 < 0 || o1 < 0 || o2 < 0) continue;
            acc_t value = load(gy + plane * outputs + (o0 * w.output[1] + o1) * w.output[2] + o2);
            sum += value / divisor_of(w, o0, o1, o2, include_pad, divisor);
        }
        store(gx + plane * w.size_of_plane() + i, sum);
    }
}

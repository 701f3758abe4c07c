// Sliding windows as columns: columns[c, k, n, o] = x[n, c, place k of output o], and the way back, where every element
// of x gathers what lies on it, in the order of the outputs: no atomics, the same bits each time.
#include "window.cuh"

// blockIdx.x: outputs; blockIdx.y: (c, k) in steps; blockIdx.z: n in steps.
extern "C" __global__ void im2col(const scalar_t* x, scalar_t* columns, Window w, int batch, int channels) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output(), places = w.size_of_kernel();
    if (i >= outputs) return;
    Place o = unravel(i, w.output);
    for (int row = blockIdx.y; row < channels * places; row += gridDim.y) {
        Place k = unravel(row % places, w.kernel);
        int i0 = w.place(0, o.at[0], k.at[0]), i1 = w.place(1, o.at[1], k.at[1]), i2 = w.place(2, o.at[2], k.at[2]);
        bool inside = w.inside(0, i0) && w.inside(1, i1) && w.inside(2, i2);
        for (int n = blockIdx.z; n < batch; n += gridDim.z) {
            long long plane = ((long long)n * channels + row / places) * w.size_of_plane();
            const scalar_t* from = x + plane + ((long long)i0 * w.size[1] + i1) * w.size[2] + i2;
            store(columns + ((long long)row * batch + n) * outputs + i, inside ? load(from) : acc_t(0));
        }
    }
}

// blockIdx.x: elements of a plane; blockIdx.y: c in steps; blockIdx.z: n in steps.
extern "C" __global__ void col2im(const scalar_t* columns, scalar_t* x, Window w, int batch, int channels) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, outputs = w.size_of_output(), places = w.size_of_kernel();
    if (i >= w.size_of_plane()) return;
    Place at = unravel(i, w.size);
    int first[3], last[3];
    for (int d = 0; d < 3; d++) first[d] = w.first_over(d, at.at[d]), last[d] = w.last_over(d, at.at[d]);
    for (int c = blockIdx.y; c < channels; c += gridDim.y) {
        for (int n = blockIdx.z; n < batch; n += gridDim.z) {
            acc_t sum = 0;
            for (int o0 = first[0]; o0 <= last[0]; o0++) {
                int k0 = w.place_on(0, at.at[0], o0);
                if (k0 < 0) continue;
                for (int o1 = first[1]; o1 <= last[1]; o1++) {
                    int k1 = w.place_on(1, at.at[1], o1);
                    if (k1 < 0) continue;
                    for (int o2 = first[2]; o2 <= last[2]; o2++) {
                        int k2 = w.place_on(2, at.at[2], o2);
                        if (k2 < 0) continue;
                        long long k = (long long)c * places + (k0 * w.kernel[1] + k1) * w.kernel[2] + k2;
                        sum += load(columns + (k * batch + n) * outputs + (o0 * w.output[1] + o1) * w.output[2] + o2);
                    }
                }
            }
            store(x + ((long long)n * channels + c) * w.size_of_plane() + i, sum);
        }
    }
}

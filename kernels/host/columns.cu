// Sliding windows as columns and the way back, on the host: columns[c, k, n, o] as in kernels/columns.cu, or an image at a
// time, columns[n, c, k, o].
//
// Beside kernels/columns.cu because a core moves a run of neighbours at once, where a GPU has a thread for each.

#include "sliding.cuh"

template <bool BY_IMAGE>
FLATTENED static void gather(const scalar_t* x, scalar_t* columns, const Window& w, int batch, int channels) {
    const int places = w.size_of_kernel();
    const long long outputs = w.size_of_output(), rows = (long long)channels * places;
    for (Share share = my_share(rows * batch); share.begin < share.end; share.begin++) {
        const long long row = BY_IMAGE ? share.begin % rows : share.begin / batch;
        const long long n = BY_IMAGE ? share.begin / rows : share.begin % batch;
        const scalar_t* plane = x + (n * channels + row / places) * w.size_of_plane();
        const Place k = unravel(row % places, w.kernel);
        const Run run = outputs_inside(w, 2, k.at[2]);
        scalar_t* to = columns + share.begin * outputs;
        for (int o0 = 0; o0 < w.output[0]; o0++)
            for (int o1 = 0; o1 < w.output[1]; o1++, to += w.output[2]) {
                const int i0 = w.place(0, o0, k.at[0]), i1 = w.place(1, o1, k.at[1]);
                const bool inside = w.inside(0, i0) && w.inside(1, i1);
                const Run here = inside ? run : Run{0, 0};
                for (int o = 0; o < here.first; o++) to[o] = scalar_t{};
                for (int o = here.last; o < w.output[2]; o++) to[o] = scalar_t{};
                if (!inside) continue;
                const scalar_t* from = plane + ((long long)i0 * w.size[1] + i1) * w.size[2];
                each_of_run(w, k.at[2], here, [&](long long o, long long i) { to[o] = from[i]; });
            }
    }
}

const int STRIP = 256;  // elements of a row that are summed at once

template <bool BY_IMAGE>
FLATTENED static void scatter(const scalar_t* columns, scalar_t* x, const Window& w, int batch, int channels) {
    const int places = w.size_of_kernel();
    const long long outputs = w.size_of_output(), lines = (long long)w.size[0] * w.size[1];
    const long long step = BY_IMAGE ? outputs : outputs * batch;  // from a place's columns to the next one's
    for (Share share = my_share(lines * batch * channels); share.begin < share.end; share.begin++) {
        const long long plane = share.begin / lines, n = plane / channels, c = plane % channels;
        const int i0 = share.begin % lines / w.size[1], i1 = share.begin % lines % w.size[1];
        const scalar_t* from = columns + (BY_IMAGE ? plane * places : c * places * batch + n) * outputs;
        for (int low = 0; low < w.size[2]; low += STRIP) {
            const int high = min(low + STRIP, w.size[2]);
            acc_t sum[STRIP] = {};
            for (int k0 = 0; k0 < w.kernel[0]; k0++) {
                const int o0 = output_on(w, 0, k0, i0);
                for (int k1 = 0; k1 < w.kernel[1] && o0 >= 0; k1++) {
                    const int o1 = output_on(w, 1, k1, i1);
                    for (int k2 = 0; k2 < w.kernel[2] && o1 >= 0; k2++) {
                        const int k = (k0 * w.kernel[1] + k1) * w.kernel[2] + k2;
                        const scalar_t* line = from + k * step + ((long long)o0 * w.output[1] + o1) * w.output[2];
                        each_of_run(w, k2, outputs_on(w, 2, k2, low, high),
                                    [&](long long o, long long i) { sum[i - low] += load(line + o); });
                    }
                }
            }
            scalar_t* to = x + share.begin * w.size[2] + low;
            for (int i = 0; i < high - low; i++) store(to + i, sum[i]);
        }
    }
}

#define COLUMN_KERNELS(NAME, BY_IMAGE)                                                                                  \
    extern "C" __global__ void im2col##NAME(const scalar_t* x, scalar_t* columns, Window w, int batch, int channels) { \
        gather<BY_IMAGE>(x, columns, w, batch, channels);                                                              \
    }                                                                                                                  \
    extern "C" __global__ void col2im##NAME(const scalar_t* columns, scalar_t* x, Window w, int batch, int channels) { \
        scatter<BY_IMAGE>(columns, x, w, batch, channels);                                                             \
    }

COLUMN_KERNELS(, false)
COLUMN_KERNELS(_by_image, true)

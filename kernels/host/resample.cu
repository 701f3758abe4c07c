// A sparse matrix times the middle dimension of x (outer, length, inner) on the host, as kernels/resample.cu: a line of y for
// a line of x where there is no inner dimension, else a strip of neighbours at a time.

#include "lanes.cuh"

const int STRIP = 256;

FLATTENED static void resampled(const scalar_t* x, const long long* start, const long long* index, const acc_t* weight,
                                scalar_t* y, long long outer, long long length, long long count, long long inner) {
    for (Share share = my_share(inner == 1 ? outer : outer * count); share.begin < share.end; share.begin++) {
        if (inner == 1) {
            const scalar_t* from = x + share.begin * length;
            for (long long i = 0; i < count; i++) {
                double sum = 0;  // a pool over a whole image has many entries
                for (long long e = start[i]; e < start[i + 1]; e++) sum += weight[e] * load(from + index[e]);
                store(y + share.begin * count + i, sum);
            }
            continue;
        }
        const long long i = share.begin % count;
        const scalar_t* from = x + share.begin / count * length * inner;
        for (long long low = 0; low < inner; low += STRIP) {
            const int width = (int)min((long long)STRIP, inner - low);
            double sum[STRIP] = {};
            for (long long e = start[i]; e < start[i + 1]; e++)
                for (int r = 0; r < width; r++) sum[r] += weight[e] * load(from + index[e] * inner + low + r);
            for (int r = 0; r < width; r++) store(y + share.begin * inner + low + r, sum[r]);
        }
    }
}

extern "C" __global__ void resample(const scalar_t* x, const long long* start, const long long* index,
                                    const acc_t* weight, scalar_t* y, long long outer, long long length,
                                    long long count, long long inner) {
    resampled(x, start, index, weight, y, outer, length, count, inner);
}

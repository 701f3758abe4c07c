// Rows by number on the host.
//
// Beside kernels/index.cu, of which this is what pays: a core copies a row whole. Sums of rows by number are those of bags
// of one (bag.cu); the rest is NumPy's.

#include "lanes.cuh"

// out[i, :] = x[index[i], :], where a number may count from the end.
FLATTENED static void gather(const scalar_t* x, const long long* index, scalar_t* out, long long x_rows, long long x_stride,
                             long long rows, int cols) {
    for (Share row = my_share(rows); row.begin < row.end; row.begin++) {
        long long r = index[row.begin];
        if (r < -x_rows || r >= x_rows) __trap();
        const scalar_t* from = x + (r < 0 ? r + x_rows : r) * x_stride;
        scalar_t* to = out + row.begin * cols;
        for (int c = 0; c < cols; c++) to[c] = from[c];
    }
}

extern "C" __global__ void gather_rows(const scalar_t* x, const long long* index, scalar_t* out, long long x_rows,
                                       long long x_stride, long long rows, int cols) {
    gather(x, index, out, x_rows, x_stride, rows, cols);
}

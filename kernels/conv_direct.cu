// Convolutions of groups with so few channels that a tile of their product would be mostly empty, depthwise ones above
// all: every output for itself (conv.cuh says of what it is a sum). The kernel's reads of the image overlap and meet in
// the L1 cache, so that memory sees each element about once.
#include "conv.cuh"
#include "reduce.cuh"

const int RUN = 4;      // outputs of a thread, which share the loads of the weights
const int TOGETHER = 9;  // columns of a thread: a whole 3 x 3 kernel's gradient in one reading of gy

// out[row, column], a thread RUN columns a block's width apart. blockIdx.x: columns; blockIdx.y: rows of all groups.
extern "C" __global__ void __launch_bounds__(256)
    conv_direct(const scalar_t* matrix, const scalar_t* image, scalar_t* out, const Product p) {
    int first = blockIdx.x * blockDim.x * RUN + threadIdx.x;
    Spot column[RUN];
#pragma unroll
    for (int r = 0; r < RUN; r++) column[r] = spot(p.columns, first + r * blockDim.x);
    for (long long line = blockIdx.y; line < p.groups * p.rows; line += gridDim.y) {
        long long group = line / p.rows, row = line % p.rows;
        const scalar_t* weights = matrix + p.matrix_start + group * p.matrix_group + row * p.matrix_row;
        const scalar_t* planes = image + group * p.image_group;
        acc_t sums[RUN] = {};
        Spot depth = spot(p.depth, 0);
#pragma unroll 1
        for (int k = 0; k < p.length; k++, next(p.depth, depth)) {
            acc_t weight = load(weights + alongside(p.depth, depth));
#pragma unroll
            for (int r = 0; r < RUN; r++) {
                if (first + r * (int)blockDim.x >= p.cols) continue;
                scalar_t seen = gather(planes, p, column[r], depth);
                sums[r] += weight * load(&seen);
            }
        }
        long long at = p.out_start + group * p.out_group + row * p.out_row;
        for (int r = 0; r < RUN; r++) {
            if (first + r * (int)blockDim.x < p.cols) store(out + at + alongside(p.columns, column[r]), sums[r]);
        }
    }
}

// The same where the depth is long and the columns are few, the gradient of the weight: a block's threads share the
// depth. blockIdx.x: rows of all groups; blockIdx.y: slices of the depth; blockIdx.z: TOGETHER columns.
extern "C" __global__ void __launch_bounds__(256)
    conv_direct_weight(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial, const Product p) {
    __shared__ acc_t scratch[WARP];
    int group = blockIdx.x / (int)p.rows, row = blockIdx.x % (int)p.rows;
    int begin = (int)(blockIdx.y * p.slice), end = (int)min(begin + p.slice, p.length);
    Part part{row, (int)blockIdx.z * TOGETHER, begin, end, (int)blockIdx.y, group};
    matrix += p.matrix_start + group * p.matrix_group + row * p.matrix_row;
    image += group * p.image_group;
    Spot column[TOGETHER];
#pragma unroll
    for (int c = 0; c < TOGETHER; c++) column[c] = spot(p.columns, part.col + c);

    acc_t sums[TOGETHER] = {};
    for (int k = part.begin + threadIdx.x; k < part.end; k += blockDim.x) {
        Spot depth = spot(p.depth, k);
        acc_t g = load(matrix + alongside(p.depth, depth));
#pragma unroll
        for (int c = 0; c < TOGETHER; c++) {
            if (part.col + c >= p.cols) continue;
            scalar_t seen = gather(image, p, column[c], depth);
            sums[c] += g * load(&seen);
        }
    }
#pragma unroll
    for (int c = 0; c < TOGETHER; c++) {
        acc_t total = block_reduce(sums[c], Plus(), scratch);
        if (threadIdx.x > 0 || part.col + c >= p.cols) continue;
        put(out, partial, p, part, alongside(p.columns, column[c]) + row * p.out_row, total);
    }
}

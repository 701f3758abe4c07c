// Convolutions of groups with so few channels that a tile of their product would be mostly empty, depthwise ones above
// all: every output for itself (conv.cuh says of what it is a sum). The kernel's reads of the image overlap and meet in
// the L1 cache, so that memory sees each element about once.
#include "conv.cuh"
#include "reduce.cuh"

const int RUN = 4;      // outputs of a thread, which share the loads of the weights
const int TOGETHER = 9;  // columns of a thread: a whole 3 x 3 kernel's gradient in one reading of gy

// Where a spot of a walk lies in the image by itself; of a column and a depth, both add up.
struct Position {
    int at[3];
    long long offset;  // from the image's first element
};

__device__ inline Position position(const Product& p, const Walk& walk, const Spot& spot) {
    Position found;
    for (int d = 0; d < 3; d++) found.at[d] = walk.start[d] + spot.index[d] * walk.step[d];
    long long line = (long long)found.at[0] * p.size[1] + found.at[1];
    found.offset = spot.outer * walk.image + line * p.size[2] + found.at[2];
    return found;
}

__device__ inline bool inside(const Product& p, int d, int at) { return (unsigned)at < (unsigned)p.size[d]; }

// out[row, column], a thread RUN columns a block's width apart. What a line of the kernel sees is found once for the
// line. blockIdx.x: columns; blockIdx.y: rows of all groups.
extern "C" __global__ void __launch_bounds__(256)
    conv_direct(const scalar_t* matrix, const scalar_t* image, scalar_t* out, const Product p) {
    int first = blockIdx.x * blockDim.x * RUN + threadIdx.x;
    int lines = (int)(p.length / p.depth.size[2].size), along = (int)p.depth.size[2].size;
    Position column[RUN];
    long long to[RUN];
#pragma unroll
    for (int r = 0; r < RUN; r++) {
        Spot place = spot(p.columns, first + r * blockDim.x);
        column[r] = position(p, p.columns, place);
        to[r] = alongside(p.columns, place);
        if (first + r * (int)blockDim.x >= p.cols) column[r].at[0] = -(1 << 30);  // sees nothing
    }
    for (long long line = blockIdx.y; line < p.groups * p.rows; line += gridDim.y) {
        long long group = line / p.rows, row = line % p.rows;
        const scalar_t* weights = matrix + p.matrix_start + group * p.matrix_group + row * p.matrix_row;
        const scalar_t* planes = image + group * p.image_group;
        acc_t sums[RUN] = {};
        Spot depth = {};
#pragma unroll 1
        for (int i = 0; i < lines; i++) {
            Position seen = position(p, p.depth, depth);
            const scalar_t* weight = weights + alongside(p.depth, depth);
            bool in_line[RUN];
#pragma unroll
            for (int r = 0; r < RUN; r++)
                in_line[r] = inside(p, 0, column[r].at[0] + seen.at[0]) && inside(p, 1, column[r].at[1] + seen.at[1]);
            const scalar_t* from = planes + seen.offset;
#pragma unroll 1
            for (int k = 0, at = seen.at[2]; k < along; k++, at += p.depth.step[2], from += p.depth.step[2]) {
                acc_t w = load(weight + k * p.depth.inner[2]);
#pragma unroll
                for (int r = 0; r < RUN; r++) {
                    if (in_line[r] && inside(p, 2, column[r].at[2] + at)) sums[r] += w * load(from + column[r].offset);
                }
            }
            depth.index[2] = along - 1;
            next(p.depth, depth);
        }
        long long start = p.out_start + group * p.out_group + row * p.out_row;
        for (int r = 0; r < RUN; r++) {
            if (first + r * (int)blockDim.x < p.cols) store(out + start + to[r], sums[r]);
        }
    }
}

// The same where the depth is long and the columns are few, the gradient of the weight: a block's threads share the
// depth. blockIdx.x: rows of all groups; blockIdx.y: slices of the depth; blockIdx.z: TOGETHER columns.
extern "C" __global__ void __launch_bounds__(256, 2)
    conv_direct_weight(const scalar_t* matrix, const scalar_t* image, scalar_t* out, acc_t* partial, const Product p) {
    __shared__ acc_t scratch[WARP];
    int group = blockIdx.x / (int)p.rows, row = blockIdx.x % (int)p.rows;
    int begin = (int)(blockIdx.y * p.slice), end = (int)min(begin + p.slice, p.length);
    Part part{row, (int)blockIdx.z * TOGETHER, begin, end, (int)blockIdx.y, group};
    matrix += p.matrix_start + group * p.matrix_group + row * p.matrix_row;
    image += group * p.image_group;
    Position column[TOGETHER];
#pragma unroll
    for (int c = 0; c < TOGETHER; c++) {
        column[c] = position(p, p.columns, spot(p.columns, part.col + c));
        if (part.col + c >= p.cols) column[c].at[0] = -(1 << 30);  // sees nothing
    }

    acc_t sums[TOGETHER] = {};
    for (int k = part.begin + threadIdx.x; k < part.end; k += blockDim.x) {
        Spot depth = spot(p.depth, k);
        Position seen = position(p, p.depth, depth);
        acc_t g = load(matrix + alongside(p.depth, depth));
        const scalar_t* from = image + seen.offset;
#pragma unroll
        for (int c = 0; c < TOGETHER; c++) {
            bool in_image = true;
            for (int d = 0; d < 3; d++) in_image &= inside(p, d, column[c].at[d] + seen.at[d]);
            if (in_image) sums[c] += g * load(from + column[c].offset);
        }
    }
#pragma unroll
    for (int c = 0; c < TOGETHER; c++) {
        acc_t total = block_reduce(sums[c], Plus(), scratch);
        if (threadIdx.x > 0 || part.col + c >= p.cols) continue;
        long long at = alongside(p.columns, spot(p.columns, part.col + c));
        put(out, partial, p, part, at + row * p.out_row, total);
    }
}

// A convolution and its two gradients as one product that never writes its columns down:
//
//     out[row, column] = the sum over depth of matrix[row, depth] * image[column's place + depth's place]
//
//                        rows            columns            depth              matrix    image
//     convolution        filters         images, outputs    channels, kernel   weight    x
//     gradient of x      channels        images, elements   filters, kernel    weight    gy
//     gradient of weight filters         channels, kernel   images, outputs    gy        x
//
// Columns and depth are walks over an outer number and a box of up to three dimensions. arrays/cuda/conv.py says how
// each step moves in the image and in the array that lies alongside: `out` for columns, `matrix` for depth.
#pragma once

#include "scalar.cuh"
#include "strides.cuh"

struct Walk {
    Divisor size[3];            // of the box, outermost first
    int start[3], step[3];      // where in the image: start + index * step
    long long image;            // elements of the image from one outer number to the next
    long long outer, inner[3];  // the same, and for each dimension of the box, of the array alongside
};

// Field for field what arrays/cuda/conv.py packs.
struct Product {
    Walk columns, depth;
    long long rows, cols, length;  // length: of the depth
    long long slices, slice;       // the depth in `slices` parts of `slice`
    long long matrix_start, matrix_row, matrix_group;
    long long out_start, out_row, out_group, out_size;
    long long image_group;
    int size[3], groups;  // the image's box: zeros around it
};

// A step of a walk.
struct Spot {
    int index[3], outer;
};

__device__ inline Spot spot(const Walk& walk, unsigned i) {
    Spot spot;
#pragma unroll
    for (int d = 2; d >= 0; d--) {
        unsigned rest = walk.size[d].divide(i);
        spot.index[d] = i - rest * walk.size[d].size;
        i = rest;
    }
    spot.outer = i;
    return spot;
}

__device__ inline void next(const Walk& walk, Spot& spot) {
    if (++spot.index[2] < (int)walk.size[2].size) return;
    spot.index[2] = 0;
    if (++spot.index[1] < (int)walk.size[1].size) return;
    spot.index[1] = 0;
    if (++spot.index[0] < (int)walk.size[0].size) return;
    spot.index[0] = 0;
    spot.outer++;
}

// Where the spot lies in the array alongside.
__device__ inline long long alongside(const Walk& walk, const Spot& spot) {
    return spot.outer * walk.outer + spot.index[0] * walk.inner[0] + spot.index[1] * walk.inner[1] +
           spot.index[2] * walk.inner[2];
}

// What this column sees of the image at this depth; 0 around the image.
__device__ inline scalar_t gather(const scalar_t* image, const Product& p, const Spot& column, const Spot& depth) {
    int at[3];
    bool inside = true;
#pragma unroll
    for (int d = 0; d < 3; d++) {
        at[d] = p.columns.start[d] + column.index[d] * p.columns.step[d] + p.depth.start[d] +
                depth.index[d] * p.depth.step[d];
        inside &= (unsigned)at[d] < (unsigned)p.size[d];
    }
    if (!inside) return scalar_t{0};
    long long plane = column.outer * p.columns.image + depth.outer * p.depth.image;
    return image[plane + ((long long)at[0] * p.size[1] + at[1]) * p.size[2] + at[2]];
}

// The work of one block: the tile of the product from (row, col), over depths begin ... end - 1, of one group.
struct Part {
    int row, col, begin, end, slice, group;
};

// blockIdx.x: tiles, those of the same columns together; blockIdx.y: slices; blockIdx.z: groups.
__device__ inline Part my_part(const Product& p, int tile_rows, int tile_cols) {
    int row_tiles = (int)((p.rows + tile_rows - 1) / tile_rows), begin = (int)(blockIdx.y * p.slice);
    return Part{(int)blockIdx.x % row_tiles * tile_rows, (int)blockIdx.x / row_tiles * tile_cols,
                begin, (int)min(begin + p.slice, p.length), (int)blockIdx.y, (int)blockIdx.z};
}

// Where element (row, column) goes: the result, or this slice's share of it where there are several.
__device__ inline void put(scalar_t* out, acc_t* partial, const Product& p, const Part& part, long long at, acc_t sum) {
    at += p.out_start + part.group * p.out_group;
    if (p.slices == 1) store(out + at, sum);
    else partial[part.slice * p.out_size + at] = sum;
}

// A thread's share of the next panels of a ROWS x COLS tile: one depth and several rows of the matrix, so that
// neighbours read along the depth; one column and several depths of the image, so that neighbours read along its rows.
template <int ROWS, int COLS, int DEPTH, int THREADS>
struct Fetched {
    static const int ROWS_EACH = ROWS * DEPTH / THREADS, ROW_STEP = THREADS / DEPTH;
    static const int DEPTHS_EACH = COLS * DEPTH / THREADS;
    scalar_t matrix[ROWS_EACH], image[DEPTHS_EACH];

    static __device__ int matrix_depth() { return threadIdx.x % DEPTH; }
    static __device__ int matrix_row(int i) { return threadIdx.x / DEPTH + i * ROW_STEP; }
    static __device__ int image_column() { return threadIdx.x % COLS; }
    static __device__ int image_depth(int i) { return threadIdx.x / COLS * DEPTHS_EACH + i; }

    // `column` is this thread's, part.col + image_column().
    __device__ void fetch(const scalar_t* from, const scalar_t* from_image, const Product& p, const Part& part,
                          const Spot& column, int depth) {
        int k = depth + matrix_depth();
        if (k < part.end) from += alongside(p.depth, spot(p.depth, k));
#pragma unroll
        for (int i = 0; i < ROWS_EACH; i++) {
            int row = part.row + matrix_row(i);
            matrix[i] = row < p.rows && k < part.end ? from[row * p.matrix_row] : scalar_t{0};
        }
        k = depth + image_depth(0);
        Spot step = spot(p.depth, k);
        bool exists = part.col + image_column() < p.cols;
#pragma unroll
        for (int i = 0; i < DEPTHS_EACH; i++, next(p.depth, step)) {
            image[i] = exists && k + i < part.end ? gather(from_image, p, column, step) : scalar_t{0};
        }
    }
};

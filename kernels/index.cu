// Rows by number: gather, scatter, scatter-add, and where the nonzero elements are.
//
// Nothing here depends on the order in which threads run: scatter-add first sorts the row numbers (a stable radix
// sort), then sums each destination's sources in that order. The only atomics are on integers, whose sum or maximum
// has no order.

#include "row.cuh"
#include "search.cuh"

// A row number that may count from the end; a number outside the array stops the kernel.
__device__ inline long long wrap(long long row, long long rows) {
    if (row < -rows || row >= rows) __trap();
    return row < 0 ? row + rows : row;
}

// out[i, :] = x[index[i], :]. A team of threads per row of out; x's rows may lie any distance apart.
extern "C" __global__ void ROW_BOUNDS
    gather_rows(const scalar_t* x, const long long* index, scalar_t* out, long long x_rows, long long x_stride,
                long long rows, int cols) {
    Row row = my_row(rows, cols, out);
    if (row.cols == 0) return;
    const scalar_t* x_row = x + wrap(index[row.index], x_rows) * x_stride;
    row.visit([&](int c, auto width) { write(out + row.start + c, read_anywhere<width>(x_row + c)); });
}

// ---- scatter: out[index[i], :] = x[i, :], the last i of a destination wins

// last[r] = the greatest i with index[i] == r; it comes filled with -1.
extern "C" __global__ void scatter_claim(const long long* index, int* last, int rows, long long out_rows) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < rows) atomicMax(&last[wrap(index[i], out_rows)], i);
}

extern "C" __global__ void ROW_BOUNDS
    scatter_rows(scalar_t* out, const long long* index, const scalar_t* x, const int* last, long long out_rows,
                 long long row_stride, long long col_stride, int rows, int cols) {
    int i = blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= rows) return;
    long long r = wrap(index[i], out_rows);
    if (last[r] != i) return;
    for (int c = threadIdx.x; c < cols; c += blockDim.x)
        out[r * row_stride + c * col_stride] = x[(long long)i * cols + c];
}

// ---- a stable radix sort of (row number, position) pairs, 8 bits a pass: count, scan, place

const int DIGITS = 256, SORT_CHUNK = 1024;  // a block sorts this many pairs

extern "C" __global__ void sort_begin(const long long* index, int* key, int* position, int n, long long rows) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) key[i] = (int)wrap(index[i], rows), position[i] = i;
}

// count[digit, chunk]: how many keys of the chunk have the digit.
extern "C" __global__ void __launch_bounds__(DIGITS)
    sort_count(const int* key, long long* count, int n, int shift) {
    __shared__ int histogram[DIGITS];
    histogram[threadIdx.x] = 0;
    __syncthreads();
    int begin = blockIdx.x * SORT_CHUNK, end = min(n - begin, SORT_CHUNK) + begin;
    for (int i = begin + threadIdx.x; i < end; i += DIGITS) atomicAdd(&histogram[key[i] >> shift & (DIGITS - 1)], 1);
    __syncthreads();
    count[(long long)threadIdx.x * gridDim.x + blockIdx.x] = histogram[threadIdx.x];
}

// One warp carries a chunk's pairs, 32 at a time and in order, to where the scanned counts say.
extern "C" __global__ void __launch_bounds__(32)
    sort_place(const int* key, const int* position, const long long* offset, int* sorted_key, int* sorted_position,
               int n, int shift) {
    __shared__ long long next[DIGITS];
    int lane = threadIdx.x;
    for (int digit = lane; digit < DIGITS; digit += 32)
        next[digit] = offset[(long long)digit * gridDim.x + blockIdx.x];
    __syncwarp();

    int begin = blockIdx.x * SORT_CHUNK, end = min(n - begin, SORT_CHUNK) + begin;
    for (int i = begin + lane; i - lane < end; i += 32) {
        int digit = i < end ? key[i] >> shift & (DIGITS - 1) : -1;
        unsigned alike = __ballot_sync(0xffffffff, digit >= 0);  // becomes: the lanes with this lane's digit
        for (int bit = 1; bit < DIGITS; bit *= 2) {
            unsigned ones = __ballot_sync(0xffffffff, digit & bit);
            alike &= digit & bit ? ones : ~ones;
        }
        int rank = __popc(alike & ((1u << lane) - 1));
        long long to = digit < 0 ? 0 : next[digit] + rank;
        __syncwarp();
        if (digit >= 0) {
            sorted_key[to] = key[i];
            sorted_position[to] = position[i];
            if (alike >> lane == 1) next[digit] = to + 1;  // the last of the lanes with this digit
        }
        __syncwarp();
    }
}

// values[i] becomes the sum of values[0..i-1], values[n] the sum of all. One block.
extern "C" __global__ void __launch_bounds__(1024) exclusive_scan(long long* values, long long n) {
    __shared__ long long warp_sum[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    long long before = 0;  // the sum of the tiles done
    for (long long tile = 0; tile < n; tile += 1024) {
        long long i = tile + threadIdx.x, value = i < n ? values[i] : 0, sum = value;
        for (int step = 1; step < 32; step *= 2) {
            long long lower = __shfl_up_sync(0xffffffff, sum, step);
            if (lane >= step) sum += lower;
        }
        if (lane == 31) warp_sum[warp] = sum;
        __syncthreads();
        for (int w = 0; w < warp; w++) sum += warp_sum[w];
        if (i < n) values[i] = before + sum - value;
        for (int w = 0; w < 32; w++) before += warp_sum[w];
        __syncthreads();
    }
    if (threadIdx.x == 0) values[n] = before;
}

// ---- scatter-add: out[r, :] = the sum of gy[i, :] over all i whose row number is r, zeros if there is none

const int SUMS = 8;  // of a thread at most
const int SUM_WIDE = WIDE < SUMS ? WIDE : SUMS;

// A thread's WIDTH columns from c on: the sum over its share of the row's sources, then over the threads beside it.
template <int WIDTH>
__device__ inline void add_rows(const scalar_t* gy, const int* position, scalar_t* out, int begin, int end, int c,
                                int cols) {
    __shared__ acc_t part[1024 > 256 * SUM_WIDE ? 1024 : 256 * SUM_WIDE];
    acc_t* mine = part + (threadIdx.y * blockDim.x + threadIdx.x) * WIDTH;
    acc_t sum[WIDTH] = {};
    if (c < cols) {
#pragma unroll 4
        for (int i = begin + threadIdx.y; i < end; i += blockDim.y) {
            Pack<scalar_t, WIDTH> pack = *(const Pack<scalar_t, WIDTH>*)(gy + (long long)position[i] * cols + c);
            for (int k = 0; k < WIDTH; k++) sum[k] += load(&pack.item[k]);
        }
    }
    for (int k = 0; k < WIDTH; k++) mine[k] = sum[k];
    __syncthreads();
    if (threadIdx.y > 0 || c >= cols) return;
    Pack<scalar_t, WIDTH> total;
    for (int k = 0; k < WIDTH; k++) {
        for (int y = 1; y < blockDim.y; y++) sum[k] += mine[y * blockDim.x * WIDTH + k];
        store(&total.item[k], sum[k]);
    }
    *(Pack<scalar_t, WIDTH>*)(out + c) = total;
}

// A block per row of out (blockIdx.x) and blockDim.x of its columns, or of its packs of columns where rows are whole,
// aligned ones; threadIdx.y shares out the sources.
extern "C" __global__ void __launch_bounds__(1024)
    scatter_add_rows(const scalar_t* gy, const int* sorted_key, const int* position, scalar_t* out, int n, int cols,
                     int packs) {
    long long r = blockIdx.x;
    int c = blockIdx.y * blockDim.x + threadIdx.x;
    int begin = lower_bound(sorted_key, n, r), end = lower_bound(sorted_key, n, r + 1);
    if (packs) add_rows<SUM_WIDE>(gy, position, out + r * cols, begin, end, c * SUM_WIDE, cols);
    else add_rows<1>(gy, position, out + r * cols, begin, end, c, cols);
}

// ---- nonzero: count per block, scan, then each block writes its own coordinates

extern "C" __global__ void __launch_bounds__(1024) nonzero_count(const scalar_t* x, long long* count, long long n) {
    long long i = (long long)blockIdx.x * 1024 + threadIdx.x;
    int total = __syncthreads_count(i < n && load(x + i) != 0);
    if (threadIdx.x == 0) count[blockIdx.x] = total;
}

struct Shape {
    long long size[8];
};

extern "C" __global__ void __launch_bounds__(1024)
    nonzero_write(const scalar_t* x, const long long* offset, long long* out, long long n, Shape shape, int ndim) {
    __shared__ int warp_count[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    long long i = (long long)blockIdx.x * 1024 + threadIdx.x;
    bool found = i < n && load(x + i) != 0;
    unsigned lanes = __ballot_sync(0xffffffff, found);
    if (lane == 0) warp_count[warp] = __popc(lanes);
    __syncthreads();
    if (!found) return;
    long long to = offset[blockIdx.x] + __popc(lanes & ((1u << lane) - 1));
    for (int w = 0; w < warp; w++) to += warp_count[w];
    for (int dim = ndim - 1; dim >= 0; dim--) {
        out[to * ndim + dim] = i % shape.size[dim];
        i /= shape.size[dim];
    }
}

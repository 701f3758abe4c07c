// Bags of rows: bag b names rows index[i] of x and their weights, i from begin(b) to end(b). A row of -1 is nothing.
// The sum over a bag, what it passes back to the rows and to the weights, and the largest of a bag.
#include "scalar.cuh"
#include "search.cuh"

// Where the bags lie among the items: at offsets[0 ... bags], or where that is null `size` items each.
struct Bags {
    const long long* offsets;
    long long size, bags;

    __device__ long long begin(long long bag) const { return offsets ? offsets[bag] : bag * size; }
    __device__ long long end(long long bag) const { return begin(bag + 1); }

    // The bag of item i: the last that begins at i or before.
    __device__ long long of(long long i) const {
        if (!offsets) return i / size;
        long long low = 0, high = bags - 1;
        while (low < high) {
            long long middle = (low + high + 1) / 2;
            if (offsets[middle] <= i) low = middle;
            else high = middle - 1;
        }
        return low;
    }
};

__device__ inline void check(long long row, long long rows) {
    if (row < -1 || row >= rows) __trap();
}

// y[b, c] = the sum of weight[i] * x[index[i], c] over bag b. A thread per element of y.
extern "C" __global__ void bag_sum(const scalar_t* x, const long long* index, const scalar_t* weight,
                                   const long long* offsets, scalar_t* y, long long size, long long bags,
                                   long long rows, int cols) {
    Bags bag{offsets, size, bags};
    long long count = bags * cols, threads = (long long)gridDim.x * blockDim.x;
    for (long long e = blockIdx.x * (long long)blockDim.x + threadIdx.x; e < count; e += threads) {
        long long b = e / cols, c = e % cols;
        acc_t sum = 0;
        for (long long i = bag.begin(b), end = bag.end(b); i < end; i++) {
            check(index[i], rows);
            if (index[i] >= 0) sum += (weight ? load(weight + i) : acc_t(1)) * load(x + index[i] * cols + c);
        }
        store(y + e, sum);
    }
}

// gx[r, c] = the sum of weight[i] * gy[bag of i, c] over the items i whose row is r. The rows come sorted with the
// items they stood at. threadIdx: column, share of a row's items, row; the shares are added up in order.
extern "C" __global__ void __launch_bounds__(1024)
    bag_scatter(const scalar_t* gy, const int* sorted_row, const int* item, const scalar_t* weight,
                const long long* offsets, scalar_t* gx, long long size, long long bags, int items, long long rows,
                int cols) {
    __shared__ acc_t part[1024];
    Bags bag{offsets, size, bags};
    long long r = (long long)blockIdx.x * blockDim.z + threadIdx.z;
    int c = blockIdx.y * blockDim.x + threadIdx.x;
    acc_t sum = 0;
    if (r < rows && c < cols) {
        int begin = lower_bound(sorted_row, items, r), end = lower_bound(sorted_row, items, r + 1);
        for (int i = begin + threadIdx.y; i < end; i += blockDim.y)
            sum += (weight ? load(weight + item[i]) : acc_t(1)) * load(gy + bag.of(item[i]) * cols + c);
    }
    acc_t* mine = part + threadIdx.z * blockDim.y * blockDim.x + threadIdx.x;
    mine[threadIdx.y * blockDim.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || r >= rows || c >= cols) return;
    for (int y = 1; y < blockDim.y; y++) sum += mine[y * blockDim.x];
    store(gx + r * cols + c, sum);
}

// gweight[i] = gy[bag of i, :] . x[index[i], :], 0 for no row. blockDim.x lanes, a power of two, share an item.
extern "C" __global__ void bag_dot(const scalar_t* gy, const scalar_t* x, const long long* index,
                                   const long long* offsets, scalar_t* gweight, long long size, long long bags,
                                   long long items, long long rows, int cols) {
    Bags bag{offsets, size, bags};
    long long i = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    long long row = i < items ? index[i] : -1;
    check(row, rows);
    acc_t sum = 0;
    if (row >= 0) {
        const scalar_t *from = x + row * cols, *by = gy + bag.of(i) * cols;
        for (int c = threadIdx.x; c < cols; c += blockDim.x) sum += load(by + c) * load(from + c);
    }
    for (int lanes = blockDim.x / 2; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffff, sum, lanes);
    if (i < items && threadIdx.x == 0) store(gweight + i, sum);
}

// y[b, c] = the largest x[index[i], c] of bag b and its row: the first of equals, NaN before all. 0 and -1 for no rows.
extern "C" __global__ void bag_max(const scalar_t* x, const long long* index, const long long* offsets, scalar_t* y,
                                   long long* row_of, long long size, long long bags, long long rows, int cols) {
    Bags bag{offsets, size, bags};
    long long count = bags * cols, threads = (long long)gridDim.x * blockDim.x;
    for (long long e = blockIdx.x * (long long)blockDim.x + threadIdx.x; e < count; e += threads) {
        long long b = e / cols, c = e % cols, best_row = -1;
        acc_t best = 0;
        for (long long i = bag.begin(b), end = bag.end(b); i < end; i++) {
            long long row = index[i];
            check(row, rows);
            if (row < 0) continue;
            acc_t value = load(x + row * cols + c);
            if (best_row < 0 || value > best || (value != value && best == best)) best = value, best_row = row;
        }
        store(y + e, best);
        row_of[e] = best_row;
    }
}

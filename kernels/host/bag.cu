// Bags of rows on the host: what kernels/bag.cu computes, a strip of a row's columns at a time.
//
// Beside kernels/bag.cu because a core reads neighbouring columns at once, and because it puts the items of a scatter in the
// order of their rows by counting. Not more than BLOCK numbers are added one by one: a long bag keeps its digits.

#include "lanes.cuh"

const int STRIP = 64, BLOCK = 64;

struct Bags {
    const long long* offsets;
    long long size;

    long long begin(long long bag) const { return offsets ? offsets[bag] : bag * size; }
    long long end(long long bag) const { return begin(bag + 1); }
};

static inline void check(long long row, long long rows) {
    if (row < -1 || row >= rows) __trap();
}

// y[c] = the sum over i from begin to end of factor(i) * source(i)[c], for a strip of columns; nothing where source is null.
template <class Source, class Factor>
__device__ __forceinline__ void sum_of_rows(long long begin, long long end, scalar_t* y, int width, Source source,
                                            Factor factor) {
    double total[STRIP] = {};
    for (long long i = begin; i < end;) {
        acc_t sum[STRIP] = {};
        for (long long last = min(i + BLOCK, end); i < last; i++) {
            const scalar_t* from = source(i);
            if (!from) continue;
            const acc_t by = factor(i);
            for (int c = 0; c < width; c++) sum[c] += by * load(from + c);
        }
        for (int c = 0; c < width; c++) total[c] += sum[c];
    }
    for (int c = 0; c < width; c++) store(y + c, (acc_t)total[c]);
}

FLATTENED static void sums(const scalar_t* x, const long long* index, const scalar_t* weight, const Bags& bag,
                           scalar_t* y, long long bags, long long rows, int cols) {
    for (Share share = my_share(bags); share.begin < share.end; share.begin++)
        for (int low = 0; low < cols; low += STRIP)
            sum_of_rows(
                bag.begin(share.begin), bag.end(share.begin), y + share.begin * cols + low, min(STRIP, cols - low),
                [&](long long i) {
                    check(index[i], rows);
                    return index[i] < 0 ? (const scalar_t*)nullptr : x + index[i] * cols + low;
                },
                [&](long long i) { return weight ? load(weight + i) : acc_t(1); });
}

extern "C" __global__ void bag_sum(const scalar_t* x, const long long* index, const scalar_t* weight,
                                   const long long* offsets, scalar_t* y, long long size, long long bags,
                                   long long rows, int cols) {
    sums(x, index, weight, Bags{offsets, size}, y, bags, rows, cols);
}

// The items that name row r are item[begin[r]] to item[begin[r + 1]], in order of appearance, of the bags bag_of[...].
// One block. begin has rows + 2 places.
extern "C" __global__ void bag_order(const long long* index, const long long* offsets, int* begin, int* item,
                                     int* bag_of, long long size, long long bags, long long rows) {
    const Bags bag{offsets, size};
    for (long long r = 0; r < rows + 2; r++) begin[r] = 0;
    for (long long i = 0; i < bag.begin(bags); i++) {
        check(index[i], rows);
        if (index[i] >= 0) begin[index[i] + 2]++;
    }
    for (long long r = 2; r < rows + 2; r++) begin[r] += begin[r - 1];
    for (long long b = 0; b < bags; b++)
        for (long long i = bag.begin(b); i < bag.end(b); i++)
            if (index[i] >= 0) {
                const int place = begin[index[i] + 1]++;
                item[place] = (int)i, bag_of[place] = (int)b;
            }
}

FLATTENED static void scatter(const scalar_t* gy, const int* begin, const int* item, const int* bag_of,
                              const scalar_t* weight, scalar_t* gx, long long rows, int cols) {
    for (Share share = my_share(rows); share.begin < share.end; share.begin++)
        for (int low = 0; low < cols; low += STRIP)
            sum_of_rows(
                begin[share.begin], begin[share.begin + 1], gx + share.begin * cols + low, min(STRIP, cols - low),
                [&](long long place) { return gy + (long long)bag_of[place] * cols + low; },
                [&](long long place) { return weight ? load(weight + item[place]) : acc_t(1); });
}

extern "C" __global__ void bag_scatter(const scalar_t* gy, const int* begin, const int* item, const int* bag_of,
                                       const scalar_t* weight, scalar_t* gx, long long rows, int cols) {
    scatter(gy, begin, item, bag_of, weight, gx, rows, cols);
}

const int DOT_LANES = 16;

FLATTENED static acc_t dot(const scalar_t* x, const scalar_t* y, int cols) {
    acc_t lane[DOT_LANES] = {};
    long long c = 0;
    for (; c + DOT_LANES <= cols; c += DOT_LANES)
        for (int k = 0; k < DOT_LANES; k++) lane[k] += load(x + c + k) * load(y + c + k);
    for (int k = 0; c + k < cols; k++) lane[k] += load(x + c + k) * load(y + c + k);
    for (int half = DOT_LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) lane[k] += lane[k + half];
    return lane[0];
}

extern "C" __global__ void bag_dot(const scalar_t* gy, const scalar_t* x, const long long* index,
                                   const long long* offsets, scalar_t* gweight, long long size, long long bags,
                                   long long rows, int cols) {
    const Bags bag{offsets, size};
    for (Share share = my_share(bags); share.begin < share.end; share.begin++)
        for (long long i = bag.begin(share.begin); i < bag.end(share.begin); i++) {
            check(index[i], rows);
            store(gweight + i, index[i] < 0 ? acc_t(0) : dot(gy + share.begin * cols, x + index[i] * cols, cols));
        }
}

FLATTENED static void largest(const scalar_t* x, const long long* index, const Bags& bag, scalar_t* y,
                              long long* row_of, long long bags, long long rows, int cols) {
    for (Share share = my_share(bags); share.begin < share.end; share.begin++)
        for (int low = 0; low < cols; low += STRIP) {
            const int width = min(STRIP, cols - low);
            acc_t best[STRIP] = {};
            long long best_row[STRIP];
            for (int c = 0; c < width; c++) best_row[c] = -1;
            for (long long i = bag.begin(share.begin), end = bag.end(share.begin); i < end; i++) {
                const long long row = index[i];
                check(row, rows);
                if (row < 0) continue;
                const scalar_t* from = x + row * cols + low;
                for (int c = 0; c < width; c++) {
                    const acc_t value = load(from + c);
                    const bool better = best_row[c] < 0 || value > best[c] || (value != value && best[c] == best[c]);
                    best[c] = better ? value : best[c], best_row[c] = better ? row : best_row[c];
                }
            }
            const long long at = share.begin * cols + low;
            for (int c = 0; c < width; c++) store(y + at + c, best[c]), row_of[at + c] = best_row[c];
        }
}

extern "C" __global__ void bag_max(const scalar_t* x, const long long* index, const long long* offsets, scalar_t* y,
                                   long long* row_of, long long size, long long bags, long long rows, int cols) {
    largest(x, index, Bags{offsets, size}, y, row_of, bags, rows, cols);
}

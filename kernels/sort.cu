// Stable sort of rows with the order it took: chunks in shared memory, then merged pairwise until a row is one chunk.
//
// NaN is greater than any number. Equal keys stand in the order of their indices, in either direction, so there is
// exactly one right answer.
#include "scalar.cuh"

const int CHUNK = 1024;  // elements a block sorts, two a thread

__device__ inline bool less(acc_t a, acc_t b) {
    bool a_nan = a != a, b_nan = b != b;
    return a_nan || b_nan ? !a_nan && b_nan : a < b;
}

__device__ inline bool before(acc_t a, long long i, acc_t b, long long j, int descending) {
    if (descending ? less(b, a) : less(a, b)) return true;
    if (descending ? less(a, b) : less(b, a)) return false;
    return i < j;
}

// Bitonic network (Batcher 1968), one block a chunk, `chunks` of them a row. Places past the end of the row come last.
extern "C" __global__ void sort_chunks(const scalar_t* x, scalar_t* values, long long* indices, long long n,
                                       int chunks, int descending) {
    __shared__ acc_t key[CHUNK];
    __shared__ int place[CHUNK];
    long long start = blockIdx.x % chunks * (long long)CHUNK, row = blockIdx.x / chunks * n;
    int filled = (int)min((long long)CHUNK, n - start);
    for (int i = threadIdx.x; i < CHUNK; i += blockDim.x) {
        key[i] = i < filled ? load(x + row + start + i) : acc_t(0);
        place[i] = i;
    }
    for (int run = 2; run <= CHUNK; run *= 2) {
        for (int gap = run / 2; gap > 0; gap /= 2) {
            __syncthreads();
            for (int t = threadIdx.x; t < CHUNK / 2; t += blockDim.x) {
                int i = 2 * t - (t & (gap - 1)), j = i + gap;  // the t-th pair at this distance
                bool i_filled = place[i] < filled, j_filled = place[j] < filled;
                bool in_order = i_filled && j_filled ? before(key[i], place[i], key[j], place[j], descending)
                                                     : i_filled || (!j_filled && place[i] < place[j]);
                bool ascending = (i & run) == 0;
                if (in_order != ascending) {
                    acc_t k = key[i];
                    key[i] = key[j];
                    key[j] = k;
                    int p = place[i];
                    place[i] = place[j];
                    place[j] = p;
                }
            }
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < filled; i += blockDim.x) {
        store(values + row + start + i, key[i]);
        indices[row + start + i] = start + place[i];
    }
}

// How many of the sorted run [0, length) of `values` stand before (key, index): a binary search.
__device__ inline long long rank(const scalar_t* values, const long long* indices, long long length, acc_t key,
                                 long long index, int descending) {
    long long low = 0, high = length;
    while (low < high) {
        long long middle = (low + high) / 2;
        if (before(load(values + middle), indices[middle], key, index, descending)) low = middle + 1;
        else high = middle;
    }
    return low;
}

// Merges neighbouring runs of `width`, `blocks` blocks a row: each element goes where its place in its own run and its
// rank in the other say.
extern "C" __global__ void merge_runs(const scalar_t* values, const long long* indices, scalar_t* merged_values,
                                      long long* merged_indices, long long n, int blocks, long long width,
                                      int descending) {
    long long i = blockIdx.x % blocks * (long long)blockDim.x + threadIdx.x, row = blockIdx.x / blocks * n;
    if (i >= n) return;
    long long pair = i / (2 * width) * (2 * width), middle = min(pair + width, n), end = min(pair + 2 * width, n);
    bool left = i < middle;
    long long other = left ? middle : pair, other_length = left ? end - middle : middle - pair;
    acc_t key = load(values + row + i);
    long long index = indices[row + i];
    long long ahead = rank(values + row + other, indices + row + other, other_length, key, index, descending);
    long long target = row + pair + (left ? i - pair : i - middle) + ahead;
    store(merged_values + target, key);
    merged_indices[target] = index;
}

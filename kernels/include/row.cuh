// A row of a matrix and the team of threads that owns it.
//
// blockDim.x threads share a row and blockDim.y rows share a block: a short row gets some lanes of a warp, a long one a
// whole block. blockDim.x is a power of two; above 32 the team is alone in its block. Whatever the row's alignment, all
// but its ends travel 16 bytes at a time.
#pragma once

#include "scalar.cuh"

// The most threads of a team (LARGEST_TEAM in rows.py). At least two such blocks share a multiprocessor.
#define ROW_BOUNDS __launch_bounds__(512, 2)

// ---- N neighbouring elements, as they lie in memory

template <int N>
struct alignas(N * sizeof(scalar_t)) Chunk {
    scalar_t item[N];
    __device__ acc_t operator[](int i) const { return load(item + i); }
    __device__ void set(int i, acc_t value) { store(item + i, value); }
};

const int WIDE = 16 / sizeof(scalar_t);

template <int N>
__device__ inline Chunk<N> read(const scalar_t* p) {
    Chunk<N> chunk;
    if constexpr (N == 1) chunk.item[0] = *p;
    else *(uint4*)&chunk = *(const uint4*)p;
    return chunk;
}

// The same from an address of any alignment, for an operand that does not share the row's.
template <int N>
__device__ inline Chunk<N> read_anywhere(const scalar_t* p) {
    if ((size_t)p % sizeof(Chunk<N>) == 0) return read<N>(p);
    Chunk<N> chunk;
    for (int i = 0; i < N; i++) chunk.item[i] = p[i];
    return chunk;
}

template <int N>
__device__ inline void write(scalar_t* p, const Chunk<N>& chunk) {
    if constexpr (N == 1) *p = chunk.item[0];
    else *(uint4*)p = *(const uint4*)&chunk;
}

// The same where only the first `count` elements exist: what is read of the others is 0, and they are not written.
template <int N>
__device__ inline Chunk<N> read_some(const scalar_t* p, int count) {
    if (count >= N) return read_anywhere<N>(p);
    Chunk<N> chunk;
    for (int i = 0; i < N; i++) chunk.item[i] = i < count ? p[i] : scalar_t{};
    return chunk;
}

template <int N>
__device__ inline void write_some(scalar_t* p, const Chunk<N>& chunk, int count) {
    if (count >= N && (size_t)p % sizeof(Chunk<N>) == 0) return write(p, chunk);
    for (int i = 0; i < N; i++)
        if (i < count) p[i] = chunk.item[i];
}

// ---- the team's row

template <int N>
struct Width {
    __device__ constexpr operator int() const { return N; }
};

struct Row {
    long long index, start;  // its number, and where its first element lies
    int cols;                // 0 for a team past the last row: it still takes part in barriers and shuffles
    int head;                // columns before the first 16-byte boundary

    // visit(c, width) once for every run of `width` columns from c. A thread sees the same columns in every visit, so
    // what it wrote in one it may read in the next without a barrier.
    template <class Visit>
    __device__ void visit(Visit visit) const {
        int body = (cols - head) / WIDE * WIDE, ends = cols - body;
        for (int c = threadIdx.x * WIDE; c < body; c += blockDim.x * WIDE) visit(head + c, Width<WIDE>());
        for (int c = threadIdx.x; c < ends; c += blockDim.x) visit(c < head ? c : c + body, Width<1>());
    }

    // This team's part of the dynamic shared memory, `slot` elements a team: room for the row, aligned as the row is.
    __device__ scalar_t* cache(uint4* shared, int slot) const {
        return (scalar_t*)shared + threadIdx.y * slot + (WIDE - head % WIDE) % WIDE;
    }
};

// The row of this team in a C-contiguous (rows, cols) array. `first` and the others are the arrays that are visited:
// 16-byte access needs them to have the same alignment, and then each row has the same head in all.
template <class... Others>
__device__ inline Row my_row(long long rows, int cols, const scalar_t* first, Others... others) {
    long long index = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (index >= rows) return Row{index, 0, 0, 0};
    bool alike = ((((size_t)first ^ (size_t)others) % 16 == 0) && ...);
    int head = (16 - (size_t)(first + index * cols) % 16) % 16 / sizeof(scalar_t);
    return Row{index, index * cols, cols, alike && head < cols ? head : cols};
}

// ---- reductions over the team: each thread gets the result, in an order that the geometry alone decides

__device__ inline acc_t shuffle_xor(acc_t value, int lanes) { return __shfl_xor_sync(0xffffffff, value, lanes); }

// T has combine(T, T) and shuffle_xor(T, int).
template <class T, class Combine>
__device__ inline T team_reduce(T value, Combine combine) {
    for (int lanes = min(blockDim.x, 32u) / 2; lanes > 0; lanes /= 2) value = combine(value, shuffle_xor(value, lanes));
    if (blockDim.x <= 32) return value;

    __shared__ T warp_value[32];
    int warps = blockDim.x / 32;
    __syncthreads();  // the values of the reduction before may still be being read
    if (threadIdx.x % 32 == 0) warp_value[threadIdx.x / 32] = value;
    __syncthreads();
    value = warp_value[threadIdx.x % warps];
    for (int lanes = warps / 2; lanes > 0; lanes /= 2) value = combine(value, shuffle_xor(value, lanes));
    return value;
}

__device__ inline acc_t team_sum(acc_t value) {
    return team_reduce(value, [](acc_t a, acc_t b) { return a + b; });
}

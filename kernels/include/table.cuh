// Many tensors in one launch. A table has a row a tensor: the addresses of its arrays, one a column, then its number of
// elements and the first of the blocks that work on it. Each block works on a part of one tensor.
#pragma once

#include "scalar.cuh"

// Elements of a part: enough that finding it costs little, few enough that the last blocks end together. CHUNK in
// tables.py.
const int CHUNK = 8192;

// As much of a table as travels with a launch, whose parameters may take 4 KB. A greater one lies in device memory, and
// a kernel gets both: the second is null where the first is meant. BY_VALUE in tables.py.
struct Table {
    long long word[480];
};

// Row `index` of a table of so many columns.
template <int COLUMNS>
__device__ inline const long long* row_of(const Table& here, const long long* there, int index) {
    return (there ? there : here.word) + index * (COLUMNS + 2);
}

// A block's part of its tensor.
struct Part {
    const long long* row;
    long long start;
    int count;

    // Where the part begins in the array of a column; null where the column has none.
    template <class T>
    __device__ T* array(int column) const {
        T* base = (T*)row[column];
        return base ? base + start : nullptr;
    }
};

template <int COLUMNS>
__device__ inline Part my_part(const Table& here, const long long* there, int tensors) {
    const int COUNT = COLUMNS, FIRST_BLOCK = COLUMNS + 1;
    int low = 0, high = tensors;  // ours is the last row of [low, high) that begins at this block or before it
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (row_of<COLUMNS>(here, there, middle)[FIRST_BLOCK] <= blockIdx.x) low = middle;
        else high = middle;
    }
    const long long* row = row_of<COLUMNS>(here, there, low);
    long long start = (blockIdx.x - row[FIRST_BLOCK]) * CHUNK;
    return {row, start, (int)min((long long)CHUNK, row[COUNT] - start)};
}

// ---- f(x, y, ...) for every element of a part, x of the first array and so on, as references to what f may change.
// ---- Arrays of const are only read. 16 bytes at a time where all arrays are aligned to that.

#ifdef CUDA_HOST

template <class T, class Value>
__device__ inline void keep(T* p, Value value) {
    store(p, value);
}

template <class T, class Value>
__device__ inline void keep(const T*, Value) {}

// One plain loop, of which the compiler makes vector code.
template <class F, class... T>
__attribute__((flatten, noinline)) static void update_part(const Part& part, F f, T*... arrays) {
    const long long count = part.count;
#pragma GCC ivdep
    for (long long i = 0; i < count; i++) {
        auto update = [&](auto... value) {
            f(value...);
            (keep(arrays + i, value), ...);
        };
        update(load(arrays + i)...);
    }
}

#else

template <int WIDTH, class T>
__device__ inline Pack<T, WIDTH> read(const T* p) {
    return *(const Pack<T, WIDTH>*)p;
}

template <class T, int WIDTH>
__device__ inline void write(T* p, const Pack<T, WIDTH>& pack) {
    *(Pack<T, WIDTH>*)p = pack;
}

template <class T, int WIDTH>
__device__ inline void write(const T*, const Pack<T, WIDTH>&) {}

// What f makes of the packs, of each array one.
template <int WIDTH, class F, class... Packs>
__device__ inline void update_lanes(F& f, Packs&... packs) {
    auto lane = [&](int k, auto... value) {
        f(value...);
        (store(&packs.item[k], value), ...);
    };
#pragma unroll
    for (int k = 0; k < WIDTH; k++) lane(k, load(&packs.item[k])...);
}

template <int WIDTH, class F, class... T>
__device__ inline void update_at(F& f, int i, T*... arrays) {
    auto update = [&](auto... packs) {
        update_lanes<WIDTH>(f, packs...);
        (write(arrays + i, packs), ...);
    };
    update(read<WIDTH>(arrays + i)...);
}

// The same at two places, both of which are on their way from memory at once.
template <int WIDTH, class F, class... T>
__device__ inline void update_at_both(F& f, int i, int j, T*... arrays) {
    auto first = [&](auto... packs) {
        auto second = [&](auto... others) {
            update_lanes<WIDTH>(f, packs...);
            update_lanes<WIDTH>(f, others...);
            (write(arrays + i, packs), ...);
            (write(arrays + j, others), ...);
        };
        second(read<WIDTH>(arrays + j)...);
    };
    first(read<WIDTH>(arrays + i)...);
}

template <class F, class... T>
__device__ inline void update_part(const Part& part, F f, T*... arrays) {
    constexpr int WIDTH = 16 / sizeof(scalar_t);
    constexpr bool TWO = sizeof...(T) <= 2;  // few loads at one place keep too little of the memory busy
    int packed = ((0 | ... | (size_t)arrays) & 15) == 0 ? part.count / WIDTH * WIDTH : 0, apart = blockDim.x * WIDTH;
    for (int i = threadIdx.x * WIDTH; i < packed; i += TWO ? 2 * apart : apart) {
        if (TWO && i + apart < packed) update_at_both<WIDTH>(f, i, i + apart, arrays...);
        else update_at<WIDTH>(f, i, arrays...);
    }
#pragma unroll 1
    for (int i = packed + threadIdx.x; i < part.count; i += blockDim.x) update_at<1>(f, i, arrays...);
}

#endif

// out[i] = f(a[i], b[i], ...): the one loop behind every elementwise kernel.
//
// Where out's neighbours lie together in whole, aligned packs of up to 16 bytes, a thread makes a pack, two in flight
// where f is cheap: inputs that lie as out does are read in packs, those repeated or across it element by element. What
// is left, and every other layout, goes element by element. `out` may be an input: a thread reads an element before it
// writes it, nobody else does. That is also why the pointers are not __restrict__.
#pragma once

#include "scalar.cuh"
#include "strides.cuh"

// From an element of array SLOT to the next along out's neighbours.
template <int SLOT, int N>
__device__ inline long long step_of(const Layout<N>& layout) {
    return layout.dims == 0 ? 1 : layout.stride[0][SLOT];
}

// Whether the arrays whose neighbours are out's lie in whole packs of WIDTH, which the pointers' own alignment aside
// makes every pack aligned.
template <int WIDTH, int N>
__device__ inline bool lies_in_packs(const Layout<N>& layout) {
    if (layout.dims == 0) return true;
    if (layout.stride[0][0] != 1 || layout.size[0].size % WIDTH) return false;
    for (int n = 0; n < N; n++)
        for (int d = 1; d < layout.dims; d++)
            if (layout.stride[0][n] == 1 && layout.stride[d][n] % WIDTH) return false;
    return true;
}

// An input: an array, or where `data` is null a number that stands for every element. SLOT is its place in the layout.
template <class T, int SLOT>
struct Operand {
    typedef decltype(load((const T*)0)) Value;
    const T* data;
    Value value;

    __device__ Value at(long long i) const { return data ? load(data + i) : value; }

    template <int N>
    __device__ Value at(const Offsets<N>& offsets) const {
        return at(offsets.of[SLOT]);
    }

    // WIDTH elements of a row, `step` apart; left alone where a number stands in.
    template <int WIDTH, int N>
    __device__ Pack<T, WIDTH> pack(const Layout<N>& layout, const Offsets<N>& offsets) const {
        Pack<T, WIDTH> pack;
        if (!data) return pack;
        const T* p = data + offsets.of[SLOT];
        long long step = step_of<SLOT>(layout);
        if (step == 1) return *(const Pack<T, WIDTH>*)p;
#pragma unroll
        for (int k = 0; k < WIDTH; k++) pack.item[k] = p[k * step];
        return pack;
    }

    template <int WIDTH>
    __device__ Value lane(const Pack<T, WIDTH>& pack, int k) const {
        return data ? load(&pack.item[k]) : value;
    }
};

__device__ constexpr int widest(int size) { return size; }

template <class... Sizes>
__device__ constexpr int widest(int size, Sizes... others) {
    return size > widest(others...) ? size : widest(others...);
}

template <int WIDTH, class Out, class F, int N, class... In>
__device__ inline Pack<Out, WIDTH> map_pack(F f, const Layout<N>& layout, const Offsets<N>& offsets, In... in) {
    auto lanes = [&](auto... pack) {
        Pack<Out, WIDTH> result;
#pragma unroll
        for (int k = 0; k < WIDTH; k++) store(&result.item[k], f(in.lane(pack, k)...));
        return result;
    };
    return lanes(in.template pack<WIDTH>(layout, offsets)...);
}

// What f costs beside the memory's traffic. CHEAP: next to nothing, so two packs or elements a thread are in flight to
// hide the latency. COSTLY: one pack of at most four elements keeps the memory busy enough. SLOW: no packs, which would
// only multiply the code.
enum Cost { CHEAP, COSTLY, SLOW };

template <Cost COST = CHEAP, class F, class Out, int N, class... In>
__device__ inline void map(F f, Out* out, long long count, const Layout<N>& layout, In... in) {
    // 16 bytes of the widest operand, but no more than 8 elements: what 16-byte packs of bools take in registers
    // costs more than it gains.
    constexpr int FULL = 16 / widest(sizeof(Out), sizeof(*in.data)...), LIMIT = COST == CHEAP ? 8 : 4;
    constexpr int WIDTH = FULL < LIMIT ? FULL : LIMIT;
    constexpr bool TWO = COST == CHEAP;
    long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x, threads = (long long)gridDim.x * blockDim.x;
    long long step = TWO ? 2 * threads : threads, done = 0;
    if (COST != SLOW && (((size_t)out | ... | (size_t)in.data) & 15) == 0 && lies_in_packs<WIDTH>(layout)) {
        long long packs = count / WIDTH;
        for (long long i = thread; i < packs; i += step) {
            long long j = i + threads;
            Offsets<N> here = locate(layout, i * WIDTH), there;
            Pack<Out, WIDTH> first = map_pack<WIDTH, Out>(f, layout, here, in...), second;
            if (TWO && j < packs) {
                there = locate(layout, j * WIDTH);
                second = map_pack<WIDTH, Out>(f, layout, there, in...);
            }
            *(Pack<Out, WIDTH>*)(out + here.of[0]) = first;
            if (TWO && j < packs) *(Pack<Out, WIDTH>*)(out + there.of[0]) = second;
        }
        done = packs * WIDTH;
    }
#pragma unroll 1
    for (long long i = done + thread; i < count; i += step) {
        long long j = i + threads;
        Offsets<N> here = locate(layout, i);
        auto first = f(in.at(here)...);
        if (TWO && j < count) {
            Offsets<N> there = locate(layout, j);
            store(out + there.of[0], f(in.at(there)...));
        }
        store(out + here.of[0], first);
    }
}

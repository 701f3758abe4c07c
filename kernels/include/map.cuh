// out[i] = f(a[i], b[i], ...): the one loop behind every elementwise kernel.
//
// C-contiguous, 16-byte aligned operands move in packs of up to 16 bytes, where f is cheap two in flight a thread;
// whatever is left, and every other layout, element by element. `out` may be an input: a thread reads an element before
// it writes it, nobody else does. That is also why the pointers are not __restrict__.
#pragma once

#include "scalar.cuh"
#include "strides.cuh"

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

    // `width` elements from memory at once; left alone where a number stands in.
    template <int WIDTH>
    __device__ Pack<T, WIDTH> pack(long long i) const {
        Pack<T, WIDTH> pack;
        if (data) pack = *(const Pack<T, WIDTH>*)(data + i);
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

template <int WIDTH, class Out, class F, class... In>
__device__ inline Pack<Out, WIDTH> map_pack(F f, long long i, In... in) {
    auto lanes = [&](auto... pack) {
        Pack<Out, WIDTH> result;
#pragma unroll
        for (int k = 0; k < WIDTH; k++) store(&result.item[k], f(in.lane(pack, k)...));
        return result;
    };
    return lanes(in.template pack<WIDTH>(i)...);
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
    if (COST != SLOW && layout.dims == 0 && (((size_t)out | ... | (size_t)in.data) & 15) == 0) {
        long long packs = count / WIDTH;
        for (long long i = thread; i < packs; i += step) {
            Pack<Out, WIDTH> first = map_pack<WIDTH, Out>(f, i * WIDTH, in...), second;
            long long j = i + threads;
            if (TWO && j < packs) second = map_pack<WIDTH, Out>(f, j * WIDTH, in...);
            *(Pack<Out, WIDTH>*)(out + i * WIDTH) = first;
            if (TWO && j < packs) *(Pack<Out, WIDTH>*)(out + j * WIDTH) = second;
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

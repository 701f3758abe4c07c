// Several elementwise functions in one pass: f(side...) makes one element, a side is a Result or an Operand, and f takes
// a pointer to the element of each. Kernels of this are written by arrays/fusion/text.py.
//
// A thread makes a pack of up to 16 bytes where every array's neighbours lie as the results', in whole packs, else an
// element; it reads what it needs before it writes, so that a result may lie where an operand lay.
#pragma once

#include "map.cuh"

// x as it is when it has been stored in a T.
template <class T, class X>
__device__ inline auto kept(X x) {
    T place;
    store(&place, x);
    return load(&place);
}

template <class T, int SLOT>
struct Result {
    typedef T Element;
    T* data;

    template <int WIDTH, int N>
    __device__ Pack<T, WIDTH> pack(const Layout<N>&, const Offsets<N>&) const {
        return {};
    }
    template <int N>
    __device__ T* at(const Offsets<N>& offsets) const {
        return data + offsets.of[SLOT];
    }
    template <int WIDTH, int N>
    __device__ void put(const Pack<T, WIDTH>& pack, const Offsets<N>& offsets) const {
        *(Pack<T, WIDTH>*)(data + offsets.of[SLOT]) = pack;
    }
    template <int N>
    __device__ bool lies_together(const Layout<N>& layout) const {
        return step_of<SLOT>(layout) == 1;
    }
};

template <class T, int SLOT>
struct Read : Operand<T, SLOT> {
    typedef T Element;

    template <int N>
    __device__ const T* at(const Offsets<N>& offsets) const {
        return this->data + offsets.of[SLOT];
    }
    template <int WIDTH, int N>
    __device__ void put(const Pack<T, WIDTH>&, const Offsets<N>&) const {}
    template <int N>
    __device__ bool lies_together(const Layout<N>&) const {
        return true;
    }
};

template <class T, int SLOT>
__device__ inline Result<T, SLOT> side_of(Result<T, SLOT> out) {
    return out;
}
template <class T, int SLOT>
__device__ inline Read<T, SLOT> side_of(Operand<T, SLOT> in) {
    return {in};
}

template <class F, int N, class... Side>
__device__ inline void fuse_sides(const F& f, long long count, const Layout<N>& layout, Side... side) {
    constexpr int FULL = 16 / widest(sizeof(typename Side::Element)...), WIDTH = FULL < 4 ? FULL : 4;
    const long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    const long long threads = (long long)gridDim.x * blockDim.x;
    long long done = 0;
    if (((0 | ... | (size_t)side.data) & 15) == 0 && lies_in_packs<WIDTH>(layout) &&
        (true && ... && side.lies_together(layout))) {
        const long long packs = count / WIDTH;
        for (long long i = thread; i < packs; i += threads) {
            const Offsets<N> here = locate(layout, i * WIDTH);
            auto make = [&](auto... pack) {
#pragma unroll
                for (int k = 0; k < WIDTH; k++) f((pack.item + k)...);
                (side.put(pack, here), ...);
            };
            make(side.template pack<WIDTH>(layout, here)...);
        }
        done = packs * WIDTH;
    }
#pragma unroll 1
    for (long long i = done + thread; i < count; i += threads) {
        const Offsets<N> here = locate(layout, i);
        f(side.at(here)...);
    }
}

template <class F, int N, class... Side>
__device__ inline void fuse(F f, long long count, const Layout<N>& layout, Side... side) {
    fuse_sides(f, count, layout, side_of(side)...);
}

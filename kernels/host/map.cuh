// out[i] = f(a[i], b[i], ...) on the host: the same interface as on a GPU (include/map.cuh), by strips instead of packs.
//
// A block makes its share of the elements, STRIP at a time: what lies together is used where it lies, what does not is
// gathered first, and a number that stands for an operand fills a strip of its own. So f is compiled into one plain
// loop over neighbours, whatever the layouts, and the compiler makes vector code of it. Half types are strips of float.
// `out` may be an input: a strip is read before it is written, and nobody else writes it.
#pragma once

#include "scalar.cuh"
#include "strides.cuh"

const int STRIP = 512;

// What neighbours of T are computed from: themselves, or what a half type is converted to.
template <class T>
struct Lanes {
    typedef T Item;
};
template <>
struct Lanes<f16> {
    typedef float Item;
};
template <>
struct Lanes<bf16> {
    typedef float Item;
};

template <class T>
__device__ inline T converted(const T* p) {
    return *p;
}
__device__ inline float converted(const f16* p) { return load(p); }
__device__ inline float converted(const bf16* p) { return load(p); }

__device__ inline void store(float* p, double x) { *p = (float)x; }

// Whether array SLOT's elements lie in memory in the order in which they are counted.
template <int SLOT, int N>
__device__ inline bool lies_together(const Layout<N>& layout) {
    long long step = 1;
    for (int d = 0; d < layout.dims; d++) {
        if (layout.stride[d][SLOT] != step) return false;
        step *= layout.size[d].size;
    }
    return true;
}

// to[k] = from[k * step], converted. Of its own, so that no kernel has a copy.
template <class T>
__attribute__((noinline)) static void gather(typename Lanes<T>::Item* __restrict__ to, const T* from, long long step,
                                             int count) {
    if (step == 1)
        for (int k = 0; k < count; k++) to[k] = converted(from + k);
    else if (step == 0) {
        auto item = converted(from);
        for (int k = 0; k < count; k++) to[k] = item;
    } else
        for (int k = 0; k < count; k++) to[k] = converted(from + k * step);
}

template <class T, class Item>
__attribute__((noinline)) static void scatter(T* to, long long step, const Item* __restrict__ from, int count) {
    if (step == 1)
        for (int k = 0; k < count; k++) store(to + k, from[k]);
    else
        for (int k = 0; k < count; k++) store(to + k * step, from[k]);
}

// An input: an array, or where `data` is null a number that stands for every element. SLOT is its place in the layout.
template <class T, int SLOT>
struct Operand {
    typedef decltype(load((const T*)0)) Value;
    typedef T Element;
    typedef typename Lanes<T>::Item Item;
    static constexpr int slot = SLOT;
    const T* data;
    Value value;
};

// An operand's strip at hand.
template <class In>
struct Source {
    In in;
    bool together;
    alignas(64) typename In::Item lanes[STRIP];

    template <int N>
    __device__ Source(In in, const Layout<N>& layout) : in(in), together(in.data && lies_together<In::slot>(layout)) {
        if (in.data && is_one(layout)) gather<typename In::Element>(lanes, in.data, 0, STRIP), this->in.data = nullptr;
        else if (!in.data)
            for (int k = 0; k < STRIP; k++) store(lanes + k, in.value);
    }

    // Whether every element is the same place in memory.
    template <int N>
    __device__ static bool is_one(const Layout<N>& layout) {
        for (int d = 0; d < layout.dims; d++)
            if (layout.stride[d][In::slot] != 0) return false;
        return layout.dims > 0;
    }

    __device__ bool gathers() const { return in.data && !together; }

    static constexpr bool CONVERTS = sizeof(typename In::Element) != sizeof(typename In::Item);

    // Elements i, i + 1, ... where they lie as counted; else what `collect` has gathered.
    __device__ const typename In::Item* strip(long long i, int count) {
        if (!together) return lanes;
        if constexpr (!CONVERTS) return in.data + i;
        gather<typename In::Element>(lanes, in.data + i, 1, count);
        return lanes;
    }

    // A run of `count` elements that go to `place` of the strip.
    template <int N>
    __device__ void collect(int place, const Offsets<N>& at, const Layout<N>& layout, int count) {
        if (!gathers()) return;
        gather<typename In::Element>(lanes + place, in.data + at.of[In::slot], layout.stride[0][In::slot], count);
    }
};

// The one loop that f is compiled into, and all that is compiled for every kernel anew.
template <class F, class Out, class... In>
__attribute__((noinline, flatten)) static void map_strip(const void* f, Out* out, int count, const In*... in) {
    const F function = *(const F*)f;
#pragma GCC ivdep
    for (int k = 0; k < count; k++) store(out + k, function(load(in + k)...));
}

template <class Out, class... In>
using Loop = void (*)(const void* f, typename Lanes<Out>::Item* out, int count, const typename In::Item*... in);

// Elements begin ... end - 1 with the loop of some f.
template <class Out, int N, class... In>
__device__ inline void map_elements(Loop<Out, In...> loop, const void* f, Out* out, long long begin, long long end,
                                    const Layout<N>& layout, Source<In>&&... in) {
    typedef typename Lanes<Out>::Item Item;
    const bool together = lies_together<0>(layout), gathers = !(together && ... && !in.gathers());
    alignas(64) Item lanes[STRIP];
    Offsets<N> run[STRIP];
    int length[STRIP];
    for (long long i = begin; i < end; i += STRIP) {
        const int count = (int)min((long long)STRIP, end - i);
        int runs = 0;
        if (gathers)
            for (int done = 0; done < count; done += length[runs++]) {
                const long long size = layout.size[0].size;
                run[runs] = locate(layout, i + done);
                length[runs] = (int)min((long long)(count - done), size - (i + done) % size);
                (in.collect(done, run[runs], layout, length[runs]), ...);
            }
        const bool in_place = together && sizeof(Out) == sizeof(Item);
        loop(f, in_place ? (Item*)out + i : lanes, count, in.strip(i, count)...);
        if (in_place) continue;
        if (together) scatter(out + i, 1, lanes, count);
        else
            for (int r = 0, done = 0; r < runs; done += length[r++])
                scatter(out + run[r].of[0], layout.stride[0][0], lanes + done, length[r]);
    }
}

// A block's share of the elements.
template <class Out, int N, class... In>
__attribute__((noinline)) static void map_share(Loop<Out, In...> loop, const void* f, Out* out, long long count,
                                                const Layout<N>& layout, In... in) {
    long long strips = (count + STRIP - 1) / STRIP;
    long long begin = strips * blockIdx.x / gridDim.x * STRIP, end = strips * (blockIdx.x + 1) / gridDim.x * STRIP;
    map_elements<Out, N, In...>(loop, f, out, begin, min(end, count), layout, Source<In>(in, layout)...);
}

// How much f costs matters to a GPU's packs alone.
enum Cost { CHEAP, COSTLY, SLOW };

template <Cost COST = CHEAP, class F, class Out, int N, class... In>
__device__ inline void map(F f, Out* out, long long count, const Layout<N>& layout, In... in) {
    map_share<Out, N, In...>(map_strip<F, typename Lanes<Out>::Item, typename In::Item...>, &f, out, count, layout, in...);
}

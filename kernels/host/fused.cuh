// Several elementwise functions in one pass on the host: the same interface as on a GPU (include/fused.cuh), and the
// reduction of what they give, as host/reduce.cu has it. Kernels of this are written by arrays/fusion/text.py.
//
// f(side...) makes one element: a side is a Result or an Operand, and f takes a pointer to the element of each. Whatever
// f reads of a strip is read before anything of the strip is written.
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
    typedef typename Lanes<T>::Item Item;
    T* data;
};

// A result's strip at hand.
template <class T, int SLOT>
struct Target {
    typedef typename Lanes<T>::Item Item;
    static constexpr bool CONVERTS = sizeof(T) != sizeof(Item);
    T* data;
    bool together;
    alignas(64) Item lanes[STRIP];

    template <int N>
    __device__ Target(Result<T, SLOT> out, const Layout<N>& layout)
        : data(out.data), together(lies_together<SLOT>(layout)) {}

    __device__ bool gathers() const { return !together; }
    __device__ Item* strip(long long i, int) { return together && !CONVERTS ? (Item*)data + i : lanes; }

    template <int N>
    __device__ void collect(int, const Offsets<N>&, const Layout<N>&, int) {}
};

// What goes to a reduction alone.
template <class T>
struct Reduced {
    typedef typename Lanes<T>::Item Item;
    alignas(64) Item lanes[STRIP];

    __device__ bool gathers() const { return false; }
    __device__ Item* strip(long long, int) { return lanes; }

    template <int N>
    __device__ void collect(int, const Offsets<N>&, const Layout<N>&, int) {}
};

template <class T, int SLOT, int N>
__device__ inline Source<Operand<T, SLOT>> at_hand(Operand<T, SLOT> in, const Layout<N>& layout) {
    return Source<Operand<T, SLOT>>(in, layout);
}
template <class T, int SLOT, int N>
__device__ inline Target<T, SLOT> at_hand(Result<T, SLOT> out, const Layout<N>& layout) {
    return Target<T, SLOT>(out, layout);
}

// A strip on its way from where it was made to where it belongs, run by run.
template <int N, class Side>
__device__ inline void put(Side&, long long, int, const Offsets<N>*, const int*, const Layout<N>&) {}

template <int N, class T, int SLOT>
__device__ inline void put(Target<T, SLOT>& side, long long i, int count, const Offsets<N>* run, const int* length,
                           const Layout<N>& layout) {
    if (side.together) {
        if (side.CONVERTS) scatter(side.data + i, 1, side.lanes, count);
        return;
    }
    for (int done = 0; done < count; done += *length++, run++)
        scatter(side.data + run->of[SLOT], layout.stride[0][SLOT], side.lanes + done, *length);
}

// The one loop that all functions are compiled into.
template <class F, class... Item>
__attribute__((noinline, flatten)) static void fused_strip(const F* f, int count, Item*... at) {
    const F function = *f;
#pragma GCC ivdep
    for (int k = 0; k < count; k++) function((at + k)...);
}

// Elements begin ... end - 1; after(how many) whenever a strip of them is made.
template <class F, int N, class After, class... Side>
__device__ inline void fused_elements(const F& f, long long begin, long long end, const Layout<N>& layout, After after,
                                      Side&... side) {
    const bool gathers = (side.gathers() || ...);
    Offsets<N> run[STRIP];
    int length[STRIP];
    for (long long i = begin; i < end; i += STRIP) {
        const int count = (int)min((long long)STRIP, end - i);
        if (gathers)
            for (int done = 0, runs = 0; done < count; done += length[runs++]) {
                const long long size = layout.size[0].size;
                run[runs] = locate(layout, i + done);
                length[runs] = (int)min((long long)(count - done), size - (i + done) % size);
                (side.collect(done, run[runs], layout, length[runs]), ...);
            }
        fused_strip(&f, count, side.strip(i, count)...);
        (put<N>(side, i, count, run, length, layout), ...);
        after(count);
    }
}

// ---- a kernel's blocks: each its share of the elements, or of a reduction's outputs

template <class F, int N, class... Side>
__attribute__((noinline)) static void fuse(F f, long long count, const Layout<N>& layout, Side... side) {
    const long long strips = (count + STRIP - 1) / STRIP;
    const long long begin = strips * blockIdx.x / gridDim.x * STRIP, end = strips * (blockIdx.x + 1) / gridDim.x * STRIP;
    auto run = [&](auto&&... at) { fused_elements(f, begin, min(end, count), layout, [](int) {}, at...); };
    run(at_hand(side, layout)...);
}

// Elements of a strip into WIDTH states, one after another.
template <int WIDTH, class States, class Item>
__attribute__((noinline, flatten)) static void take_strip(States& states, const Item* lanes, int count) {
    int c = 0;
    for (; c + WIDTH <= count; c += WIDTH)
#pragma GCC ivdep
        for (int k = 0; k < WIDTH; k++) states.take(k, load(lanes + c + k), 0);
#pragma GCC ivdep
    for (int k = 0; k < count - c; k++) states.take(k, load(lanes + c + k), 0);
}

// The reduction of rows of `length` (reduce.cu: rows, of one segment), and of x (outer, n, inner) over the middle.
struct Extent {
    double divisor;
    long long outer, n, inner, slice;  // of rows: 1, outputs, length
};

template <int WIDTH, class States, class State, class T, class Out, class F, int N, class... Side>
__attribute__((noinline)) static void fuse_rows(F f, const Layout<N>& layout, State* partial, Out* out, Extent extent,
                                                Side... side) {
    const long long begin = blockIdx.y * extent.slice, end = min(begin + extent.slice, extent.inner);
    long long row = extent.n * blockIdx.x / gridDim.x;
    const long long last = extent.n * (blockIdx.x + 1) / gridDim.x;
    auto run = [&](auto&&... at) {
        Reduced<T> value;
        for (; row < last; row++) {
            States states;
            auto take = [&](int count) { take_strip<WIDTH>(states, value.lanes, count); };
            fused_elements(f, row * extent.inner + begin, row * extent.inner + end, layout, take, value, at...);
            State state = states.of(0);
            for (int k = 1; k < WIDTH; k++) state.merge(states.of(k));
            finish(state, row, partial, extent.n, out, (long long*)nullptr, extent.divisor);
        }
    };
    run(at_hand(side, layout)...);
}

template <int WIDTH, class States, class State, class T, class Out, class F, int N, class... Side>
__attribute__((noinline)) static void fuse_columns(F f, const Layout<N>& layout, State* partial, Out* out, Extent extent,
                                                   Side... side) {
    const int MOST = STRIP / WIDTH;  // strips of columns at once
    const long long inner = extent.inner, strips = (inner + WIDTH - 1) / WIDTH, all = extent.outer * strips;
    const long long begin = blockIdx.y * extent.slice, end = min(begin + extent.slice, extent.n);
    long long strip = all * blockIdx.x / gridDim.x;
    const long long last = all * (blockIdx.x + 1) / gridDim.x;
    auto run = [&](auto&&... at) {
        Reduced<T> value;
        while (strip < last) {
            const long long place = strip / strips, first = strip % strips * WIDTH;
            const int together = (int)min(min((long long)MOST, last - strip), strips - strip % strips);
            const int width = (int)min((long long)together * WIDTH, inner - first);
            States states[MOST];
            auto take = [&](int) {
                for (int s = 0; s < together; s++)
                    take_strip<WIDTH>(states[s], value.lanes + s * WIDTH, min(WIDTH, width - s * WIDTH));
            };
            for (long long r = begin; r < end; r++) {
                const long long start = (place * extent.n + r) * inner + first;
                fused_elements(f, start, start + width, layout, take, value, at...);
            }
            for (int c = 0; c < width; c++)
                finish(states[c / WIDTH].of(c % WIDTH), place * inner + first + c, partial, extent.outer * inner, out,
                       (long long*)nullptr, extent.divisor);
            strip += together;
        }
    };
    run(at_hand(side, layout)...);
}

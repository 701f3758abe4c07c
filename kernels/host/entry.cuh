// A kernel's entry point: its arguments from a packed buffer, as a GPU's launch takes them, and its blocks one after
// another. arrays/native/build.py adds HOST_ENTRY(name) for each kernel at the end of its file.
#pragma once

template <int... I>
struct Indices {};

#ifdef __clang__
template <class T, T... I>
struct IndicesOf {
    typedef Indices<I...> type;
};
#define INDICES(count) typename __make_integer_seq<IndicesOf, int, count>::type
#else
#define INDICES(count) Indices<__integer_pack(count)...>
#endif

template <class Kernel>
struct HostEntry;

template <class... A>
struct HostEntry<void (*)(A...)> {
    // Where argument `index` lies: each at its natural alignment.
    static constexpr int offset(int index) {
        constexpr int sizes[] = {(int)sizeof(A)..., 0}, alignments[] = {(int)alignof(A)..., 1};
        int position = 0;
        for (int i = 0; i <= index; i++) {
            position = (position + alignments[i] - 1) / alignments[i] * alignments[i];
            if (i < index) position += sizes[i];
        }
        return position;
    }

    template <void (*kernel)(A...), int... I>
    static inline __attribute__((always_inline)) void call(const char* packed, Indices<I...>) {
        kernel(*(const A*)(packed + offset(I))...);
    }

    // Blocks [first, last) of the grid; 1 where one of them trapped.
    template <void (*kernel)(A...)>
    static int run(const char* packed, long first, long last, const unsigned* grid) {
        gridDim = {grid[0], grid[1], grid[2]};
        blockIdx = {(unsigned)(first % grid[0]), (unsigned)(first / grid[0] % grid[1]),
                    (unsigned)(first / grid[0] / grid[1])};
        try {
            for (long block = first; block < last; block++) {
                call<kernel>(packed, INDICES(sizeof...(A))());
                if (++blockIdx.x < grid[0]) continue;
                blockIdx.x = 0;
                if (++blockIdx.y < grid[1]) continue;
                blockIdx.y = 0, blockIdx.z++;
            }
        } catch (const HostTrap&) {
            return 1;
        }
        return 0;
    }
};

#define HOST_ENTRY(name)                                                                          \
    extern "C" int name##_host(const char* packed, long first, long last, const unsigned* grid) { \
        return HostEntry<decltype(&name)>::run<&name>(packed, first, last, grid);                 \
    }

// Where element i of a strided array lies. Sizes and strides are prepared by arrays/strides.py: dimensions that
// lie together are merged, so `dims` is small, and zero when every operand is C-contiguous.
#pragma once

#define MAX_DIMS 8

// i / size by one multiplication (Granlund & Montgomery 1994); exact for i < 2^31.
struct Divisor {
    unsigned size, multiplier, shift, unused;

    __device__ unsigned divide(unsigned i) const { return (__umulhi(i, multiplier) + i) >> shift; }
};

// N arrays walked together, innermost dimension first, strides in elements.
template <int N>
struct Layout {
    long long dims;
    Divisor size[MAX_DIMS];
    long long stride[MAX_DIMS][N];
};

template <int N>
struct Offsets {
    long long of[N];
};

// The offset of element i in each array. Strided walks stay below 2^31 elements: the host splits greater ones.
template <int N>
__device__ inline Offsets<N> locate(const Layout<N>& layout, long long i) {
    Offsets<N> offsets;
    if (layout.dims == 0) {
        for (int n = 0; n < N; n++) offsets.of[n] = i;
        return offsets;
    }
    for (int n = 0; n < N; n++) offsets.of[n] = 0;
    unsigned rest = (unsigned)i;
#pragma unroll 1
    for (int d = 0; d < layout.dims; d++) {
        unsigned outer = layout.size[d].divide(rest);
        long long index = rest - outer * layout.size[d].size;
        for (int n = 0; n < N; n++) offsets.of[n] += index * layout.stride[d][n];
        rest = outer;
    }
    return offsets;
}

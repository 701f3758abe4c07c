// Sliding windows over the last one to three dimensions of x[n, c, size]: place k of output o lies on
// o * stride + k * dilation - padding. Unused leading dimensions have size, output and kernel 1.
#pragma once

#include "scalar.cuh"

struct Window {
    int size[3], output[3], kernel[3], stride[3], padding[3], dilation[3];

    __device__ int size_of_plane() const { return size[0] * size[1] * size[2]; }
    __device__ int size_of_output() const { return output[0] * output[1] * output[2]; }
    __device__ int size_of_kernel() const { return kernel[0] * kernel[1] * kernel[2]; }

    // Where place k of output o lies along dimension d; perhaps outside of 0 ... size - 1.
    __device__ int place(int d, int o, int k) const { return o * stride[d] + k * dilation[d] - padding[d]; }
    __device__ bool inside(int d, int i) const { return i >= 0 && i < size[d]; }

    // The first place of output o that does not lie before x along dimension d; perhaps behind it.
    __device__ int first_place(int d, int o) const {
        int start = o * stride[d] - padding[d];
        return start >= 0 ? start : (dilation[d] - -start % dilation[d]) % dilation[d];
    }
    __device__ int first_place(int o0, int o1, int o2) const {
        return (first_place(0, o0) * size[1] + first_place(1, o1)) * size[2] + first_place(2, o2);
    }

    // The outputs whose windows reach from before element i along dimension d to behind it: first ... last. With
    // dilation some of them step over i.
    __device__ int first_over(int d, int i) const {
        int behind = i + padding[d] - (kernel[d] - 1) * dilation[d];
        return behind <= 0 ? 0 : (behind + stride[d] - 1) / stride[d];
    }
    __device__ int last_over(int d, int i) const {
        int last = (i + padding[d]) / stride[d];
        return last < output[d] ? last : output[d] - 1;
    }

    // The place of output o that lies on element i, or -1 if its window steps over i.
    __device__ int place_on(int d, int i, int o) const {
        int from = i + padding[d] - o * stride[d];
        if (dilation[d] == 1) return from;
        return from % dilation[d] == 0 ? from / dilation[d] : -1;
    }
};

struct Place {
    int at[3];
};

// Element i of a row-major box as its three coordinates.
__device__ inline Place unravel(int i, const int* size) {
    Place place;
    place.at[2] = i % size[2];
    place.at[1] = i / size[2] % size[1];
    place.at[0] = i / size[2] / size[1];
    return place;
}

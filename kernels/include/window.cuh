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

    // The output whose place k is i along dimension d, or -1.
    __device__ int output_over(int d, int i, int k) const {
        int from = i + padding[d] - k * dilation[d];
        return from >= 0 && from % stride[d] == 0 && from / stride[d] < output[d] ? from / stride[d] : -1;
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

// What the attention kernels share: how operands lie, and which keys a query sees.
#pragma once

#include "online.cuh"

// Where a (batch, heads, length, d) operand's matrices and rows lie, in elements; along d they are contiguous.
struct Strides {
    long long batch, head, row;
};

// Field for field what backends/cuda/attention.py packs, as are the Strides.
struct Sizes {
    double scale;
    int heads, queries, keys, d;
    long long causal;
};

// The part of q, k or v that belongs to one of the batch x heads.
__device__ inline const scalar_t* matrix(const scalar_t* x, Strides strides, int index, Sizes sizes) {
    return x + index / sizes.heads * strides.batch + index % sizes.heads * strides.head;
}

__device__ inline bool seen(int query, int key, Sizes sizes) {
    return query < sizes.queries && key < sizes.keys && (!sizes.causal || key <= query);
}

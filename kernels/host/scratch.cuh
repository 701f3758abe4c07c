// Memory of a block's own for as long as it runs.
#pragma once

#include "scalar.cuh"

extern "C" void* malloc(size_t);
extern "C" void free(void*);

// Room for `count` numbers, on a vector's boundary.
struct Scratch {
    void* memory;
    acc_t* numbers;

    __device__ Scratch(long count) : memory(malloc(count * sizeof(acc_t) + 64)) {
        if (!memory) __trap();
        numbers = (acc_t*)(((size_t)memory + 63) / 64 * 64);
    }
    __device__ ~Scratch() { free(memory); }
};

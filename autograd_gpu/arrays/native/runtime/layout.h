// How a kernel walks strided arrays: what strides.py packs for a GPU's launch, computed here at every call.
#pragma once

#include <string.h>

#include "python.h"

const int MAX_DIMS = 8;                    // of a Layout (kernels/include/strides.cuh)
const long MAX_STRIDED = 2147483647;       // elements: more are Python's to divide
const int MAX_ARRAYS = 8;

struct Divisor {
    unsigned size, multiplier, shift, unused;
};

// size, and the multiplier and shift that divide by it: Granlund & Montgomery 1994, round-up variant.
inline Divisor divisor(unsigned long size) {
    unsigned shift = 0;
    while ((1ul << shift) < size) shift++;
    unsigned long multiplier = ((1ul << 32) * ((1ul << shift) - size)) / size + 1;
    return {(unsigned)size, (unsigned)multiplier, shift, 0};
}

struct Operand {
    const long* strides;  // in bytes; null where there is no array
    long width;           // bytes of an element
};

// Writes a Layout of the arrays, the first of which says the order: its elements are met in the order of memory. Returns
// its bytes; 0 where there are more dimensions or elements than one holds, or a stride that is no number of elements.
inline long write_layout(char* to, int dims, const long* shape, const Operand* arrays, int count) {
    const long bytes = 8 + MAX_DIMS * (sizeof(Divisor) + 8 * count);
    long order[64], elements = 1;
    int used = 0;
    for (int d = 0; d < dims && d < 64; d++) {
        elements *= shape[d];
        if (shape[d] == 1) continue;
        const long step = arrays[0].strides[d] < 0 ? -arrays[0].strides[d] : arrays[0].strides[d];
        int place = used++;
        for (; place > 0; place--) {
            const long before = arrays[0].strides[order[place - 1]];
            if ((before < 0 ? -before : before) >= step) break;
            order[place] = order[place - 1];
        }
        order[place] = d;
    }
    long sizes[MAX_DIMS], steps[MAX_DIMS][MAX_ARRAYS];
    int merged = 0;  // outermost first
    for (int o = 0; o < used; o++) {
        const long d = order[o], size = shape[d];
        bool joins = merged > 0;
        long step[MAX_ARRAYS];
        for (int n = 0; n < count; n++) {
            step[n] = 0;
            if (arrays[n].strides) {
                if (arrays[n].strides[d] % arrays[n].width) return 0;
                step[n] = arrays[n].strides[d] / arrays[n].width;
            }
            joins = joins && steps[merged - 1][n] == step[n] * size;
        }
        if (joins) sizes[merged - 1] *= size;
        else if (merged == MAX_DIMS) return 0;
        else sizes[merged++] = size;
        memcpy(steps[merged - 1], step, sizeof step);
    }
    if (elements > MAX_STRIDED) return 0;
    memset(to, 0, bytes);
    bool flat = merged <= 1;
    for (int n = 0; n < count && merged; n++) flat = flat && steps[0][n] == 1;
    if (flat) return bytes;
    *(long*)to = merged;
    for (int d = 0; d < merged; d++) {
        const int place = merged - 1 - d;  // innermost first
        ((Divisor*)(to + 8))[place] = divisor(sizes[d]);
        memcpy(to + 8 + MAX_DIMS * sizeof(Divisor) + 8l * count * place, steps[d], 8 * count);
    }
    return bytes;
}

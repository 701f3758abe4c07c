// What every kind of call shares: Python's objects, the kinds of dtypes, packed arguments, and running blocks.
#pragma once

#include <string.h>

#include "pool.h"
#include "python.h"
#include "tape.h"

namespace call {
using host::Entry;
using host::Launch;

const int KINDS = 10;  // float16 bfloat16 float32 float64 bool uint8 int8 int16 int32 int64, as in sources.py: SCALARS
const int FLOAT_KIND = 2, DOUBLE_KIND = 3, BOOL_KIND = 4, LONG_KIND = 9;
const long WIDTHS[KINDS] = {2, 2, 4, 8, 1, 1, 1, 2, 4, 8};

extern Object *None, *True, *array_type, *float_type, *int_type, *bool_type, *bytes_type, *tuple_type, *dtypes[KINDS], *fault_type;

int kind_of(const Object* dtype);  // -1 for another

inline bool is_array(const Object* object) { return type_of(object) == array_type; }

inline bool is_plain(const Array* x) { return (x->flags & (C_CONTIGUOUS | ALIGNED)) == (C_CONTIGUOUS | ALIGNED); }

inline long size_of(const Array* x) {
    long size = 1;
    for (int d = 0; d < x->dims; d++) size *= x->shape[d];
    return size;
}

// A new array of these sizes, its elements not set yet.
Object* new_array_of(int kind, int dims, const long* shape);

// ---- arguments, packed at their natural alignment

struct Packed {
    alignas(16) char bytes[4096];
    long size = 0;

    template <class T>
    bool add(T value) {
        size = (size + alignof(T) - 1) & -(long)alignof(T);
        if (size + (long)sizeof(T) > (long)sizeof(bytes)) return false;
        memcpy(bytes + size, &value, sizeof(T));
        size += sizeof(T);
        return true;
    }

    bool add(const void* data, long count) {
        size = (size + 7) & -8;
        if (size + count > (long)sizeof(bytes)) return false;
        if (data) memcpy(bytes + size, data, count);
        else memset(bytes + size, 0, count);
        size += count;
        return true;
    }
};

// A Python number as double and as long long; false for what is none, or does not fit.
bool number(Object* object, double& real, long long& whole, bool& is_real);

// ---- blocks

// How many blocks share out so many rows that are `work` additions in all.
long shares(long rows, double work);

// Runs the blocks, whose arguments take so many bytes; false with an exception set when one of them met an index out of
// range.
bool run(const Launch& launch, double work, long bytes);

enum Outcome { DONE, LEFT, FAILED };

template <class T>
Object* function_over(T* record, Method& method, const char* name, const char* documentation, FastCall function) {
    method = {strdup(name), function, FASTCALL_WITH_KEYWORDS, strdup(documentation)};
    return PyCFunction_NewEx(&method, PyCapsule_New(record, nullptr, nullptr), nullptr);
}
}  // namespace call

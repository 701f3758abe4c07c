// y[i] = (type)x[i], from scalar_t to each dtype. Reals lose their fraction on the way to an integer, and what an
// integer cannot hold wraps; to bool, whatever is not zero is true.
#include "map.cuh"

#define CAST(name, out_t, value_t)                                                                           \
    extern "C" __global__ void cast_to_##name(out_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        map([](acc_t x) { return (value_t)x; }, y, count, layout, Operand<scalar_t, 1>{x, 0});               \
    }

CAST(float16, f16, float)
CAST(bfloat16, bf16, float)
CAST(float32, float, float)
CAST(float64, double, double)
CAST(uint8, u8, i64)
CAST(int8, i8, i64)
CAST(int16, i16, i64)
CAST(int32, i32, i64)
CAST(int64, i64, i64)

extern "C" __global__ void cast_to_bool(bool* y, long long count, Layout<2> layout, const scalar_t* x) {
    map([](acc_t x) { return x != 0; }, y, count, layout, Operand<scalar_t, 1>{x, 0});
}

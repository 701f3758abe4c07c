// y[i] = (type)x[i], from scalar_t to each dtype. Reals lose their fraction on the way to an integer, and what an
// integer cannot hold wraps; to bool, whatever is not zero is true.
#include "map.cuh"

#define CAST(cost, name, out_t, formula)                                                                        \
    extern "C" __global__ void cast_to_##name(out_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        map<cost>([](acc_t x) { return formula; }, y, count, layout, Operand<scalar_t, 1>{x, 0});               \
    }
#define TO_REAL(name, out_t, value_t) CAST(CHEAP, name, out_t, (value_t)x)
#define TO_INTEGER(name, out_t) CAST(COSTLY, name, out_t, (i64)x)

TO_REAL(float16, f16, float)
TO_REAL(bfloat16, bf16, float)
TO_REAL(float32, float, float)
TO_REAL(float64, double, double)
TO_INTEGER(uint8, u8)
TO_INTEGER(int8, i8)
TO_INTEGER(int16, i16)
TO_INTEGER(int32, i32)
TO_INTEGER(int64, i64)
CAST(COSTLY, bool, bool, x != 0)

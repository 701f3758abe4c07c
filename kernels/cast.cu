// y[i] = (type)x[i], from scalar_t to each dtype; to bool, whatever is not zero is true. Reals lose their fraction on the
// way to an integer. What 32 (64 for int64) bits cannot hold becomes the nearest that they can, NaN 0: comparisons, since C
// leaves open what a conversion does there, and processors differ. Narrower integers are the low bits of that, so that
// -1 is 255 as it is from an integer.
#include "map.cuh"

template <typename T> __device__ i32 to_i32(T x) { return (i32)x; }
template <typename T> __device__ i64 to_i64(T x) { return (i64)x; }

const i32 LEAST32 = -2147483647 - 1;
const i64 LEAST64 = -9223372036854775807LL - 1;

#define FROM_REAL(real)                                            \
    __device__ i32 to_i32(real x) {                                \
        if (x != x) return 0;                                      \
        if (x >= (real)2147483648.0) return 2147483647;            \
        return x > (real)-2147483649.0 ? (i32)x : LEAST32;         \
    }                                                              \
    __device__ i64 to_i64(real x) {                                \
        if (x != x) return 0;                                      \
        if (x >= (real)9223372036854775808.0) return ~LEAST64;     \
        return x > (real)-9223372036854775808.0 ? (i64)x : LEAST64; \
    }
FROM_REAL(float)
FROM_REAL(double)

#define CAST(cost, name, out_t, formula)                                                                        \
    struct cast_to_##name##_of {                                                                                \
        __device__ auto operator()(acc_t x) const { return formula; }                                           \
    };                                                                                                          \
    extern "C" __global__ void cast_to_##name(out_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        map<cost>(cast_to_##name##_of(), y, count, layout, Operand<scalar_t, 1>{x, 0});                         \
    }
#define TO_REAL(name, out_t, value_t) CAST(CHEAP, name, out_t, (value_t)x)
#define TO_INTEGER(name, out_t, whole) CAST(COSTLY, name, out_t, whole(x))

TO_REAL(float16, f16, float)
TO_REAL(bfloat16, bf16, float)
TO_REAL(float32, float, float)
TO_REAL(float64, double, double)
TO_INTEGER(uint8, u8, to_i32)
TO_INTEGER(int8, i8, to_i32)
TO_INTEGER(int16, i16, to_i32)
TO_INTEGER(int32, i32, to_i32)
TO_INTEGER(int64, i64, to_i64)
CAST(COSTLY, bool, bool, x != 0)

// z[i] = f(x[i], y[i]); a null pointer's operand is the number that comes with it.
#include "map.cuh"

#define MAP(name, cost, out_t)                                                                               \
    extern "C" __global__ void binary_##name(out_t* z, long long count, Layout<3> layout, const scalar_t* x, \
                                             acc_t x_value, const scalar_t* y, acc_t y_value) {              \
        Operand<scalar_t, 1> a{x, x_value};                                                                  \
        Operand<scalar_t, 2> b{y, y_value};                                                                  \
        map<cost>(binary_##name##_of(), z, count, layout, a, b);                                             \
    }
#define FORMULA(name, formula)                                                  \
    struct binary_##name##_of {                                                 \
        __device__ acc_t operator()(acc_t x, acc_t y) const { return formula; } \
    };
#define BINARY(name, formula) FORMULA(name, formula) MAP(name, CHEAP, scalar_t)
// Integers divide in so many steps that the memory waits anyway.
#ifdef FLOATING
#define FUNCTION(name, formula) FORMULA(name, formula) MAP(name, COSTLY, scalar_t)
#else
#define FUNCTION(name, formula) FORMULA(name, formula) MAP(name, SLOW, scalar_t)
#endif
#define COMPARE(name, formula) FORMULA(name, formula) MAP(name, CHEAP, bool)

BINARY(add, x + y)
BINARY(mul, x * y)
BINARY(maximum, x > y || x != x ? x : y)  // NaN wins
BINARY(minimum, x < y || x != x ? x : y)

#ifndef DTYPE_BOOL
BINARY(sub, x - y)
#endif

COMPARE(eq, x == y)
COMPARE(ne, x != y)
COMPARE(lt, x < y)
COMPARE(le, x <= y)
COMPARE(gt, x > y)
COMPARE(ge, x >= y)
COMPARE(logical_and, x != 0 && y != 0)
COMPARE(logical_or, x != 0 || y != 0)
COMPARE(logical_xor, (x != 0) != (y != 0))

#ifdef FLOATING

__device__ inline acc_t python_remainder(acc_t x, acc_t y) {
    acc_t r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

// floor(x / y) of the exact quotient: x / y itself may round up to an integer.
__device__ inline acc_t python_floor_divide(acc_t x, acc_t y) {
    if (y == 0) return x / y;
    acc_t r = fmod(x, y), q = (x - r) / y;
    if (r != 0 && (r < 0) != (y < 0)) q -= 1;
    if (q == 0) return copysign(acc_t(0), x / y);
    acc_t whole = floor(q);
    return q - whole > acc_t(0.5) ? whole + 1 : whole;
}

BINARY(div, x / y)
FUNCTION(pow, pow(x, y))
FUNCTION(fmod, fmod(x, y))
FUNCTION(remainder, python_remainder(x, y))
FUNCTION(floor_divide, python_floor_divide(x, y))
FUNCTION(atan2, atan2(x, y))
BINARY(copysign, copysign(x, y))

#else

#ifndef DTYPE_BOOL

// Division by zero gives 0, as in NumPy; the least integer by -1 wraps instead of trapping.
__device__ inline acc_t c_remainder(acc_t x, acc_t y) { return y == 0 || y == -1 ? 0 : x % y; }

__device__ inline acc_t python_remainder(acc_t x, acc_t y) {
    acc_t r = c_remainder(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

__device__ inline acc_t python_floor_divide(acc_t x, acc_t y) {
    if (y == 0) return 0;
    if (y == -1) return -x;
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

// By squaring; a negative power of an integer is 0 but for 1 and -1.
__device__ inline acc_t integer_pow(acc_t x, acc_t y) {
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    unsigned long long result = 1, power = (unsigned long long)x;
    for (; y > 0; y >>= 1, power *= power) result *= y & 1 ? power : 1;
    return (acc_t)result;
}

// Euclid's algorithm.
__device__ inline acc_t greatest_common_divisor(acc_t x, acc_t y) {
    while (y != 0) {
        acc_t r = c_remainder(x, y);
        x = y;
        y = r;
    }
    return x < 0 ? -x : x;
}

FUNCTION(gcd, greatest_common_divisor(x, y))
FUNCTION(pow, integer_pow(x, y))
FUNCTION(fmod, c_remainder(x, y))
FUNCTION(remainder, python_remainder(x, y))
FUNCTION(floor_divide, python_floor_divide(x, y))

#endif

BINARY(bitwise_and, x & y)
BINARY(bitwise_or, x | y)
BINARY(bitwise_xor, x ^ y)

#endif

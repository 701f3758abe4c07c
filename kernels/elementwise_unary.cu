// y[i] = f(x[i]).
#include "map.cuh"

// A formula stands in a type of its own, `<kernel>_of`, of which fused kernels are made as well.
#define MAP(name, cost, out_t, formula)                                                                       \
    struct unary_##name##_of {                                                                                \
        __device__ auto operator()(acc_t x) const { return formula; }                                         \
    };                                                                                                        \
    extern "C" __global__ void unary_##name(out_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        map<cost>(unary_##name##_of(), y, count, layout, Operand<scalar_t, 1>{x, 0});                         \
    }
#define UNARY(name, formula) MAP(name, CHEAP, scalar_t, formula)
#define FUNCTION(name, formula) MAP(name, COSTLY, scalar_t, formula)
#define PREDICATE(name, formula) MAP(name, CHEAP, bool, formula)

UNARY(neg, -x)
UNARY(abs, x < 0 ? -x : x + 0)  // + 0: the absolute value of -0 is 0
UNARY(sign, acc_t(x > 0) - acc_t(x < 0))  // 0 for NaN, as in PyTorch
UNARY(square, x * x)
UNARY(relu, x > 0 || x != x ? x : acc_t(0))
PREDICATE(logical_not, x == 0)

#ifdef FLOATING

FUNCTION(exp, exp(x))
FUNCTION(log, log(x))
FUNCTION(sqrt, sqrt(x))
FUNCTION(rsqrt, 1 / sqrt(x))
FUNCTION(reciprocal, 1 / x)
FUNCTION(tanh, tanh(x))
FUNCTION(sigmoid, 1 / (1 + exp(-x)))
FUNCTION(sin, sin(x))
FUNCTION(cos, cos(x))
FUNCTION(tan, tan(x))
FUNCTION(asin, asin(x))
FUNCTION(acos, acos(x))
FUNCTION(atan, atan(x))
FUNCTION(sinh, sinh(x))
FUNCTION(cosh, cosh(x))
FUNCTION(asinh, asinh(x))
FUNCTION(acosh, acosh(x))
FUNCTION(atanh, atanh(x))
FUNCTION(erf, erf(x))
FUNCTION(erfc, erfc(x))
FUNCTION(exp2, exp2(x))
FUNCTION(expm1, expm1(x))
FUNCTION(log2, log2(x))
FUNCTION(log10, log10(x))
FUNCTION(log1p, log1p(x))
UNARY(floor, floor(x))
UNARY(ceil, ceil(x))
UNARY(trunc, trunc(x))
UNARY(round, rint(x))  // halves to even
PREDICATE(isnan, x != x)
PREDICATE(isinf, x - x != 0 && x == x)
PREDICATE(isfinite, x - x == 0)

#else

UNARY(floor, x)
UNARY(ceil, x)
UNARY(trunc, x)
UNARY(round, x)
PREDICATE(isnan, x != x)
PREDICATE(isinf, x != x)
PREDICATE(isfinite, x == x)
#ifdef DTYPE_BOOL
UNARY(bitwise_not, !x)
#else
UNARY(bitwise_not, ~x)
#endif

#endif

// y[i] = f(x[i]).
#include "map.cuh"

#define MAP(name, cost, out_t, formula)                                                                       \
    extern "C" __global__ void unary_##name(out_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        auto f = [](acc_t x) { return formula; };                                                             \
        map<cost>(f, y, count, layout, Operand<scalar_t, 1>{x, 0});                                           \
    }
#define UNARY(name, formula) MAP(name, SIMPLE, scalar_t, formula)
#define FUNCTION(name, formula) MAP(name, COSTLY, scalar_t, formula)
#define RARE_FUNCTION(name, formula) MAP(name, SLOW, scalar_t, formula)
#define PREDICATE(name, formula) MAP(name, SIMPLE, bool, formula)

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
RARE_FUNCTION(tan, tan(x))
RARE_FUNCTION(asin, asin(x))
RARE_FUNCTION(acos, acos(x))
RARE_FUNCTION(atan, atan(x))
RARE_FUNCTION(sinh, sinh(x))
RARE_FUNCTION(cosh, cosh(x))
RARE_FUNCTION(asinh, asinh(x))
RARE_FUNCTION(acosh, acosh(x))
RARE_FUNCTION(atanh, atanh(x))
FUNCTION(erf, erf(x))
RARE_FUNCTION(erfc, erfc(x))
RARE_FUNCTION(exp2, exp2(x))
RARE_FUNCTION(expm1, expm1(x))
RARE_FUNCTION(log2, log2(x))
RARE_FUNCTION(log10, log10(x))
RARE_FUNCTION(log1p, log1p(x))
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

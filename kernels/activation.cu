// Activations of one element and up to three numbers a, b, c: y = f(x) and gx = gy * f'(x).
#include "map.cuh"

#define ACTIVATION(name, value, slope)                                                                          \
    struct name##_of {                                                                                          \
        acc_t a, b, c;                                                                                          \
        __device__ acc_t operator()(acc_t x) const { return acc_t(value); }                                     \
    };                                                                                                          \
    struct name##_backward_of {                                                                                 \
        acc_t a, b, c;                                                                                          \
        __device__ acc_t operator()(acc_t gy, acc_t x) const { return gy * acc_t(slope); }                      \
    };                                                                                                          \
    extern "C" __global__ void name(scalar_t* y, long long count, Layout<2> layout, const scalar_t* x, acc_t a, \
                                    acc_t b, acc_t c) {                                                         \
        map<COSTLY>(name##_of{a, b, c}, y, count, layout, Operand<scalar_t, 1>{x, 0});                          \
    }                                                                                                           \
    extern "C" __global__ void name##_backward(scalar_t* gx, long long count, Layout<3> layout,                 \
                                               const scalar_t* gy, const scalar_t* x, acc_t a, acc_t b,         \
                                               acc_t c) {                                                       \
        map<COSTLY>(name##_backward_of{a, b, c}, gx, count, layout, Operand<scalar_t, 1>{gy, 0},                \
                    Operand<scalar_t, 2>{x, 0});                                                                \
    }

__device__ inline acc_t logistic(acc_t x) { return 1 / (1 + exp(-x)); }
__device__ inline acc_t held_to_one(acc_t x) { return x < 0 ? acc_t(0) : x > 1 ? acc_t(1) : x; }
__device__ inline acc_t magnitude(acc_t x) { return x < 0 ? -x : x; }

// log(1 + e^x), which overflows nowhere.
__device__ inline acc_t log_of_one_and_exp(acc_t x) { return (x > 0 ? x : acc_t(0)) + log1p(exp(-magnitude(x))); }

__device__ inline acc_t silu_slope(acc_t x) {
    acc_t s = logistic(x);
    return s * (1 + x * (1 - s));
}

__device__ inline acc_t mish_slope(acc_t x) {
    acc_t t = tanh(log_of_one_and_exp(x));
    return t + x * logistic(x) * (1 - t * t);
}

__device__ inline acc_t tanh_squared(acc_t x) {
    acc_t t = tanh(x);
    return t * t;
}

__device__ inline acc_t softsign_slope(acc_t x) {
    acc_t rest = 1 / (1 + magnitude(x));
    return rest * rest;
}

// Comparisons are written so that NaN gives NaN.
ACTIVATION(elu, x <= 0 ? a * expm1(x * c) : x * b, x <= 0 ? a * c * exp(x * c) : b)
ACTIVATION(hardshrink, -a <= x && x <= a ? acc_t(0) : x, -a <= x && x <= a ? acc_t(0) : acc_t(1))
ACTIVATION(hardsigmoid, held_to_one(x / 6 + acc_t(0.5)), -3 < x && x < 3 ? acc_t(1) / 6 : acc_t(0))
ACTIVATION(hardswish, x * held_to_one(x / 6 + acc_t(0.5)),
             x <= -3 ? acc_t(0) : x < 3 ? x / 3 + acc_t(0.5) : acc_t(1))
ACTIVATION(hardtanh, x < a ? a : x > b ? b : x, x <= a || x >= b ? acc_t(0) : acc_t(1))
ACTIVATION(leaky_relu, x > 0 ? x : x * a, x > 0 ? acc_t(1) : a)
ACTIVATION(logsigmoid, -log_of_one_and_exp(-x), logistic(-x))
ACTIVATION(mish, x * tanh(log_of_one_and_exp(x)), mish_slope(x))
ACTIVATION(silu, x * logistic(x), silu_slope(x))
ACTIVATION(softplus, x * a > b ? x : log_of_one_and_exp(x * a) / a, x * a > b ? acc_t(1) : logistic(x * a))
ACTIVATION(softshrink, x > a ? x - a : x < -a ? x + a : x * 0, -a <= x && x <= a ? acc_t(0) : acc_t(1))
ACTIVATION(softsign, x / (1 + magnitude(x)), softsign_slope(x))
ACTIVATION(tanhshrink, x - tanh(x), tanh_squared(x))
ACTIVATION(threshold, x <= a ? b : x, x <= a ? acc_t(0) : acc_t(1))

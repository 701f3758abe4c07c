// gelu(x) = x * Phi(x), Phi the normal distribution, and its slope on the host, as include/gelu.cuh has them: there by
// erfc and exp, here with the one exponential that Phi and its density share.
#pragma once

#include "scalar.cuh"

#define SQRT_HALF acc_t(0.70710678118654752440)
#define SQRT_2_OVER_PI acc_t(0.79788456080286535588)
#define INV_SQRT_2PI acc_t(0.39894228040143267794)

struct Normal {
    acc_t cdf, bell;  // bell = exp(-x^2 / 2)
};

__device__ inline Normal normal(acc_t x) {
    acc_t bell = exp_of_negative(acc_t(-0.5) * x * x), tail = acc_t(0.5) * bell * erfc_factor(fabs(x) * SQRT_HALF);
    return {x < 0 ? tail : 1 - tail, bell};
}

__device__ inline acc_t gelu_value(acc_t x) { return x * normal(x).cdf; }
__device__ inline acc_t gelu_slope(acc_t x) {
    Normal at = normal(x);
    return at.cdf + x * INV_SQRT_2PI * at.bell;
}

__device__ inline acc_t tanh_of_cubic(acc_t x) { return tanh(SQRT_2_OVER_PI * (x + acc_t(0.044715) * x * x * x)); }

__device__ inline acc_t gelu_tanh_value(acc_t x) { return acc_t(0.5) * x * (1 + tanh_of_cubic(x)); }

__device__ inline acc_t gelu_tanh_slope(acc_t x) {
    acc_t t = tanh_of_cubic(x), slope_of_cubic = SQRT_2_OVER_PI * (1 + acc_t(3 * 0.044715) * x * x);
    acc_t flat = 1 - t * t;  // where it is 0 the cubic may be infinite
    return acc_t(0.5) * (1 + t + (flat == 0 ? 0 : x * flat * slope_of_cubic));
}

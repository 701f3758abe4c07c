// gelu(x) = x * Phi(x), Phi the normal distribution, and its slope: exactly, and by tanh (Hendrycks & Gimpel 2016).
#pragma once

#include "scalar.cuh"

#define SQRT_HALF acc_t(0.70710678118654752440)
#define SQRT_2_OVER_PI acc_t(0.79788456080286535588)
#define INV_SQRT_2PI acc_t(0.39894228040143267794)

// By erfc, which keeps its digits where 1 + erf cancels.
__device__ inline acc_t normal_cdf(acc_t x) { return acc_t(0.5) * erfc(-x * SQRT_HALF); }
__device__ inline acc_t normal_pdf(acc_t x) { return INV_SQRT_2PI * exp(acc_t(-0.5) * x * x); }

__device__ inline acc_t gelu_value(acc_t x) { return x * normal_cdf(x); }
__device__ inline acc_t gelu_slope(acc_t x) { return normal_cdf(x) + x * normal_pdf(x); }

__device__ inline acc_t tanh_of_cubic(acc_t x) { return tanh(SQRT_2_OVER_PI * (x + acc_t(0.044715) * x * x * x)); }

__device__ inline acc_t gelu_tanh_value(acc_t x) { return acc_t(0.5) * x * (1 + tanh_of_cubic(x)); }

__device__ inline acc_t gelu_tanh_slope(acc_t x) {
    acc_t t = tanh_of_cubic(x), slope_of_cubic = SQRT_2_OVER_PI * (1 + acc_t(3 * 0.044715) * x * x);
    acc_t flat = 1 - t * t;  // where it is 0 the cubic may be infinite
    return acc_t(0.5) * (1 + t + (flat == 0 ? 0 : x * flat * slope_of_cubic));
}

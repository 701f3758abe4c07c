// Activations and their derivatives, and what else is worth one pass instead of several.
#include "map.cuh"

#define SQRT_HALF acc_t(0.70710678118654752440)
#define SQRT_2_OVER_PI acc_t(0.79788456080286535588)
#define INV_SQRT_2PI acc_t(0.39894228040143267794)

#define MAP1(name, formula)                                                                              \
    extern "C" __global__ void name(scalar_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        auto f = [](acc_t x) { return formula; };                                                        \
        map<COSTLY>(f, y, count, layout, Operand<scalar_t, 1>{x, 0});                                    \
    }
#define MAP2(name, cost, a, b, formula)                                                                  \
    extern "C" __global__ void name(scalar_t* out, long long count, Layout<3> layout, const scalar_t* a, \
                                    const scalar_t* b) {                                                 \
        auto f = [](acc_t a, acc_t b) { return formula; };                                               \
        map<cost>(f, out, count, layout, Operand<scalar_t, 1>{a, 0}, Operand<scalar_t, 2>{b, 0});        \
    }

// gelu(x) = x Phi(x); Phi by erfc, which keeps its digits where 1 + erf cancels.
__device__ inline acc_t normal_cdf(acc_t x) { return acc_t(0.5) * erfc(-x * SQRT_HALF); }
__device__ inline acc_t normal_pdf(acc_t x) { return INV_SQRT_2PI * exp(acc_t(-0.5) * x * x); }

// Phi(x) by tanh: Hendrycks & Gimpel 2016.
__device__ inline acc_t tanh_of_cubic(acc_t x) { return tanh(SQRT_2_OVER_PI * (x + acc_t(0.044715) * x * x * x)); }

__device__ inline acc_t gelu_tanh_slope(acc_t x) {
    acc_t t = tanh_of_cubic(x), slope_of_cubic = SQRT_2_OVER_PI * (1 + acc_t(3 * 0.044715) * x * x);
    return acc_t(0.5) * (1 + t + x * (1 - t * t) * slope_of_cubic);
}

MAP1(gelu, x * normal_cdf(x))
MAP1(gelu_tanh, acc_t(0.5) * x * (1 + tanh_of_cubic(x)))
MAP2(gelu_backward, COSTLY, gy, x, gy * (normal_cdf(x) + x * normal_pdf(x)))
MAP2(gelu_tanh_backward, COSTLY, gy, x, gy * gelu_tanh_slope(x))
MAP2(relu_backward, CHEAP, gy, y, y <= 0 ? acc_t(0) : gy)
MAP2(tanh_backward, CHEAP, gy, y, gy * (1 - y * y))
MAP2(sigmoid_backward, CHEAP, gy, y, gy * y * (1 - y))

// out[i] = x[i] + value * y[i] * z[i].
extern "C" __global__ void addcmul(scalar_t* out, long long count, Layout<4> layout, const scalar_t* x,
                                   const scalar_t* y, const scalar_t* z, acc_t value) {
    auto f = [=](acc_t x, acc_t y, acc_t z) { return x + value * y * z; };
    map(f, out, count, layout, Operand<scalar_t, 1>{x, 0}, Operand<scalar_t, 2>{y, 0}, Operand<scalar_t, 3>{z, 0});
}

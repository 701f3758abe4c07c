// Activations and their derivatives, and what else is worth one pass instead of several.
#include "gelu.cuh"
#include "map.cuh"

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

MAP1(gelu, gelu_value(x))
MAP1(gelu_tanh, gelu_tanh_value(x))
MAP2(gelu_backward, COSTLY, gy, x, gy * gelu_slope(x))
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

// Activations and their derivatives, and what else is worth one pass instead of several.
#include "gelu.cuh"
#include "map.cuh"

#define MAP1(name, formula)                                                                              \
    struct name##_of {                                                                                   \
        __device__ auto operator()(acc_t x) const { return formula; }                                    \
    };                                                                                                   \
    extern "C" __global__ void name(scalar_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        map<COSTLY>(name##_of(), y, count, layout, Operand<scalar_t, 1>{x, 0});                          \
    }
#define MAP2(name, cost, a, b, formula)                                                                  \
    struct name##_of {                                                                                   \
        __device__ auto operator()(acc_t a, acc_t b) const { return formula; }                           \
    };                                                                                                   \
    extern "C" __global__ void name(scalar_t* out, long long count, Layout<3> layout, const scalar_t* a, \
                                    const scalar_t* b) {                                                 \
        map<cost>(name##_of(), out, count, layout, Operand<scalar_t, 1>{a, 0}, Operand<scalar_t, 2>{b, 0}); \
    }

MAP1(gelu, gelu_value(x))
MAP1(gelu_tanh, gelu_tanh_value(x))
MAP2(gelu_backward, COSTLY, gy, x, gy * gelu_slope(x))
MAP2(gelu_tanh_backward, COSTLY, gy, x, gy * gelu_tanh_slope(x))
MAP2(relu_backward, CHEAP, gy, y, y <= 0 ? acc_t(0) : gy)
MAP2(tanh_backward, CHEAP, gy, y, gy * (1 - y * y))
MAP2(sigmoid_backward, CHEAP, gy, y, gy * y * (1 - y))

struct addcmul_of {
    acc_t value;
    __device__ acc_t operator()(acc_t x, acc_t y, acc_t z) const { return x + value * y * z; }
};

// out[i] = x[i] + value * y[i] * z[i].
extern "C" __global__ void addcmul(scalar_t* out, long long count, Layout<4> layout, const scalar_t* x,
                                   const scalar_t* y, const scalar_t* z, acc_t value) {
    map(addcmul_of{value}, out, count, layout, Operand<scalar_t, 1>{x, 0}, Operand<scalar_t, 2>{y, 0},
        Operand<scalar_t, 3>{z, 0});
}

// Choosing between values: where and clamp.
#include "map.cuh"

struct where_of {
    __device__ acc_t operator()(int condition, acc_t x, acc_t y) const { return condition ? x : y; }
};

// z[i] = condition[i] ? x[i] : y[i]; a null pointer's operand is the number that comes with it.
extern "C" __global__ void where(scalar_t* z, long long count, Layout<4> layout, const bool* condition,
                                 const scalar_t* x, acc_t x_value, const scalar_t* y, acc_t y_value) {
    map(where_of(), z, count, layout, Operand<bool, 1>{condition, 0}, Operand<scalar_t, 2>{x, x_value},
        Operand<scalar_t, 3>{y, y_value});
}

// NaN stays NaN, and the upper bound wins over the lower.
struct clamp_of {
    int has_minimum;
    acc_t minimum;
    int has_maximum;
    acc_t maximum;

    __device__ acc_t operator()(acc_t x) const {
        if (has_minimum && x < minimum) x = minimum;
        if (has_maximum && x > maximum) x = maximum;
        return x;
    }
};

// y[i] = x[i] held between the bounds that are given.
extern "C" __global__ void clamp(scalar_t* y, long long count, Layout<2> layout, const scalar_t* x, int has_minimum,
                                 acc_t minimum, int has_maximum, acc_t maximum) {
    map(clamp_of{has_minimum, minimum, has_maximum, maximum}, y, count, layout, Operand<scalar_t, 1>{x, 0});
}

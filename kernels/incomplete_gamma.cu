// The regularised incomplete gamma functions: the gamma distribution's share below and above x. Numbers are those of
// formulas in Abramowitz & Stegun.
#include "map.cuh"

const int TERMS = 20000;  // more than either expansion takes for a up to 1e7
const acc_t EPSILON = sizeof(acc_t) == 4 ? acc_t(2.4e-7) : acc_t(4e-16);  // two roundings: it need not come nearer

__device__ const double STIRLING[10] = {1.0 / 12,      -1.0 / 360,       1.0 / 1260, -1.0 / 1680,     1.0 / 1188,
                                        -691.0 / 360360, 1.0 / 156, -3617.0 / 122400, 43867.0 / 244188,
                                        -174611.0 / 125400};

// x^a exp(-x) / Gamma(a), which for large a is only small differences of large logarithms.
__device__ inline acc_t density(acc_t a, acc_t x) {
    if (!(a >= 10)) return exp(a * log(x) - x - lgamma(a));
    acc_t excess = (x - a) / a, power = 1 / a, series = 0;
    for (int k = 0; k < 10; k++, power /= a * a) series += (acc_t)STIRLING[k] * power;
    return exp(a * (log1p(excess) - excess) - series) * sqrt(a * acc_t(0.15915494309189535));
}

// 6.5.29.
__device__ inline acc_t below(acc_t a, acc_t x) {
    acc_t term = 1 / a, total = term;
    for (int n = 1; n < TERMS && term > EPSILON * total; n++) total += term *= x / (a + n);
    return density(a, x) * total;
}

// 6.5.31, by Lentz's method.
__device__ inline acc_t above(acc_t a, acc_t x) {
    acc_t b = x + 1 - a, d = 1 / b, c = sizeof(acc_t) == 4 ? acc_t(1e30) : acc_t(1e300), fraction = d, factor = 0;
    for (int n = 1; n < TERMS && fabs(factor - 1) > EPSILON; n++) {
        acc_t numerator = n * (a - n);
        b += 2;
        d = 1 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= factor = c * d;
    }
    return density(a, x) * fraction;
}

__device__ inline acc_t share(acc_t a, acc_t x, bool of_below) {
    bool a_infinite = a - a != 0, x_infinite = x - x != 0;
    if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a_infinite && x_infinite)) return acc_t(NAN_F);
    if (x == 0 || a_infinite) return of_below ? 0 : 1;
    if (a == 0 || x_infinite) return of_below ? 1 : 0;
    bool is_low = x <= a || x <= 1;
    acc_t part = is_low ? below(a, x) : above(a, x);
    return is_low == of_below ? part : 1 - part;
}

#define SHARE(name, of_below)                                                                                      \
    extern "C" __global__ void name(scalar_t* y, long long count, Layout<3> layout, const scalar_t* a, acc_t a_value, \
                                    const scalar_t* x, acc_t x_value) {                                            \
        map<SLOW>([](acc_t a, acc_t x) { return share(a, x, of_below); }, y, count, layout,                        \
                  Operand<scalar_t, 1>{a, a_value}, Operand<scalar_t, 2>{x, x_value});                             \
    }

SHARE(igamma, true)
SHARE(igammac, false)

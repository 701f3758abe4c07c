// The gamma function's family, the inverse error function and modified Bessel functions, element by element; numbers
// are those of formulas in Abramowitz & Stegun. Where CUDA has the function, it is CUDA's.
#include "map.cuh"

#define INTO(name, out_t, formula)                                                                            \
    extern "C" __global__ void special_##name(out_t* y, long long count, Layout<2> layout, const scalar_t* x) { \
        map<SLOW>([](acc_t x) { return formula; }, y, count, layout, Operand<scalar_t, 1>{x, 0});             \
    }
#define UNARY(name, formula) INTO(name, scalar_t, formula)
#define BINARY(name, formula)                                                                                 \
    extern "C" __global__ void special_##name(scalar_t* z, long long count, Layout<3> layout, const scalar_t* x, \
                                              acc_t x_value, const scalar_t* y, acc_t y_value) {              \
        Operand<scalar_t, 1> a{x, x_value};                                                                   \
        Operand<scalar_t, 2> b{y, y_value};                                                                   \
        map<SLOW>([](acc_t x, acc_t y) { return formula; }, z, count, layout, a, b);                          \
    }

const acc_t PI = acc_t(3.14159265358979323846);
const int SHIFT = 10;  // asymptotic series in 1/x are exact beyond this
const int TERMS = 10;

__device__ const double BERNOULLI[TERMS] = {1.0 / 6,        -1.0 / 30, 1.0 / 42,        -1.0 / 30,      5.0 / 66,
                                            -691.0 / 2730, 7.0 / 6,   -3617.0 / 510, 43867.0 / 798, -174611.0 / 330};

// 6.3.7 (reflection) below 0, then 6.3.6 (recurrence) and 6.3.18 (asymptotic).
__device__ inline acc_t digamma(acc_t x) {
    acc_t y = x < 0 ? 1 - x : x;
    acc_t psi = -1 / y;  // not y + 0, which loses the sign of a zero
    for (int k = 1; k < SHIFT; k++) psi -= 1 / (y + k);
    y += SHIFT;
    acc_t inverse = 1 / (y * y), power = 1, series = 0;
    for (int k = 1; k <= TERMS; k++) series += (acc_t)BERNOULLI[k - 1] / (2 * k) * (power *= inverse);
    psi += log(y) - acc_t(0.5) / y - series;
    if (!(x < 0)) return psi;
    acc_t fraction = x - rint(x);
    return fraction == 0 ? acc_t(NAN_F) : psi - PI / tan(PI * fraction);
}

// The sum of (q + k)^-s over k >= 0, for q > 0: Euler & Maclaurin's summation, 23.1.30 and 3.6.28.
__device__ inline acc_t zeta_positive(acc_t s, acc_t q) {
    acc_t total = 0;
    for (int k = 0; k < SHIFT; k++) total += pow(q + k, -s);
    q += SHIFT;
    acc_t term = pow(q, -s), inverse = 1 / (q * q);
    total += term * (q / (s - 1) + acc_t(0.5));
    term *= acc_t(0.5) * s / q;
    for (int k = 1; k <= TERMS; k++) {  // term = s (s + 1) ... (s + 2k - 2) / (2k)! * q^(1 - s - 2k)
        total += (acc_t)BERNOULLI[k - 1] * term;
        term *= inverse * ((s + (2 * k - 1)) * (s + 2 * k) / ((2 * k + 1) * (2 * k + 2)));
    }
    return total;
}

// Mirrored where q < 0 and s is whole.
__device__ inline acc_t zeta(acc_t s, acc_t q) {
    if (!(s > 1)) return s == 1 ? acc_t(INF_F) : acc_t(NAN_F);
    if (q > 0 && 1 / q == 0) return 0;
    if (!(q <= 0)) return zeta_positive(s, q);
    acc_t fraction = q - floor(q);
    if (fraction == 0) return acc_t(INF_F);
    if (s != floor(s)) return acc_t(NAN_F);
    acc_t mirrored = zeta_positive(s, 1 - fraction) - zeta_positive(s, 1 - q);
    return zeta_positive(s, fraction) + (fmod(s, acc_t(2)) == 0 ? mirrored : -mirrored);
}

// exp(x * x) erfc(x), by a continued fraction (7.1.14) where erfc would underflow.
__device__ inline acc_t scaled_erfc(acc_t x) {
    const acc_t END = sizeof(acc_t) == 4 ? 5 : 10;
    if (!(x > END)) return exp(x * x) * erfc(x);
    acc_t fraction = x;
    for (int k = 12; k > 0; k--) fraction = x + acc_t(0.5) * k / fraction;
    return 1 / (sqrt(PI) * fraction);
}

// The modified Bessel function of order 0 or 1, scaled by exp(-|x|) or not: 9.6.10 (power series) up to 20, then 9.7.1
// (asymptotic series).
template <int ORDER, bool SCALED>
__device__ inline acc_t bessel_i(acc_t x) {
    acc_t size = fabs(x), y;
    if (!(size > 20)) {
        acc_t half = size / 2, term = ORDER ? half : 1;
        y = term;
        for (int k = 1; k < 37; k++) y += term *= half * half / (k * (k + ORDER));
        if (SCALED) y *= exp(-size);
    } else {
        acc_t term = 1, total = 1;
        for (int k = 1; k < 30; k++) total += term *= ((2 * k - 1) * (2 * k - 1) - 4 * ORDER) / (8 * k * size);
        y = total / (sqrt(2 * PI) * sqrt(size));
        acc_t root = exp(size / 2);  // its square would overflow before the product does
        if (!SCALED) y = 1 / size == 0 ? size : y * root * root;
    }
    return ORDER ? copysign(y, x) : y;
}

// The next number of scalar_t from x towards y: numbers of one sign are ordered as their bits.
__device__ inline acc_t next_after(acc_t x, acc_t y) {
#if defined(DTYPE_F16) || defined(DTYPE_BF16)
    if (x != x || y != y) return x + y;
    if (x == y) return y;
    scalar_t next;
    store(&next, x == 0 ? copysign(acc_t(0), y) : x);
    next.bits += x == 0 || (x < y) == (x > 0) ? 1 : -1;
    return load(&next);
#else
    return nextafter(x, y);
#endif
}

// x = m * 2^e with 1/2 <= |m| < 1, and e = 0 for zeros, infinities and NaN.
struct Frexp {
    acc_t mantissa;
    int exponent;
};

__device__ inline Frexp frexp_of(acc_t x) {
    int exponent = 0;
    acc_t mantissa = x - x == 0 ? acc_t(frexp(x, &exponent)) : x;
    return Frexp{mantissa, exponent};
}

UNARY(frexp_mantissa, frexp_of(x).mantissa)
INTO(frexp_exponent, int, frexp_of(x).exponent)
UNARY(lgamma, lgamma(x))
UNARY(digamma, digamma(x))
#ifndef CUDA_HOST  // C has none: on the CPU it is NumPy's path
UNARY(erfinv, erfinv(x))
#endif
UNARY(erfcx, scaled_erfc(x))
UNARY(i0, (bessel_i<0, false>(x)))
UNARY(i0e, (bessel_i<0, true>(x)))
UNARY(i1, (bessel_i<1, false>(x)))
UNARY(i1e, (bessel_i<1, true>(x)))
BINARY(zeta, zeta(x, y))
BINARY(nextafter, next_after(x, y))

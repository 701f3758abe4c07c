// Exponentials, logarithms, error functions and their kin without branches or calls: a loop over them becomes vector
// code on every processor, and gives the same bits on every one, since what is fused is written so. Errors in units of
// the last place (measured by tests/native/test_mathematics.py): 1 for exp and log, 2 and a little for the rest.
// NaN, infinities, zeros' signs and subnormal numbers are right.
//
// The polynomials interpolate at Chebyshev's nodes, in 60 digits; the functions are reduced as in Cody & Waite 1980.
#pragma once

template <class T>
struct Form;

template <>
struct Form<float> {
    typedef int Bits;
    static constexpr int DIGITS = 23, BIAS = 127;
    static constexpr float ROUND = 0x1.8p23f, NORMAL = 0x1p-126f, INF = __builtin_inff(), NAN = __builtin_nanf("");
    static constexpr float EXP_LEAST = -104, EXP_MOST = 90;  // 0 below, infinite above
    static constexpr float EXP_NORMAL = -87.3f;                       // a normal number from there on
    static constexpr float LN2 = 0x1.62e43p-1f, LN2_HIGH = 0x1.62e4p-1f, LN2_LOW = 0x1.7f7d1cp-20f;
    static constexpr float LOG2_E = 0x1.715476p+0f, LOG2_E_LOW = 0x1.4ae0cp-26f, LOG10_E = 0x1.bcb7b2p-2f;
    static constexpr float LOG10_2_HIGH = 0x1.344p-2f, LOG10_2_LOW = 0x1.3509f8p-18f;
    static constexpr float SQRT_OF_HALF = 0x1.6a09e6p-1f;
};

template <>
struct Form<double> {
    typedef long long Bits;
    static constexpr int DIGITS = 52, BIAS = 1023;
    static constexpr double ROUND = 0x1.8p52, NORMAL = 0x1p-1022, INF = __builtin_inf(), NAN = __builtin_nan("");
    static constexpr double EXP_LEAST = -746, EXP_MOST = 711, EXP_NORMAL = -708.3;
    static constexpr double LN2 = 0x1.62e42fefa39efp-1, LN2_HIGH = 0x1.62e42fefa2p-1, LN2_LOW = 0x1.9ef35793c7673p-41;
    static constexpr double LOG2_E = 0x1.71547652b82fep+0, LOG2_E_LOW = 0x1.777d0ffda0d24p-56;
    static constexpr double LOG10_E = 0x1.bcb7b1526e50ep-2;
    static constexpr double LOG10_2_HIGH = 0x1.34413509f6p-2, LOG10_2_LOW = 0x1.9fef311f12b36p-42;
    static constexpr double SQRT_OF_HALF = 0x1.6a09e667f3bcdp-1;
};

HOST_MATH int bits_of(float x) { return __float_as_int(x); }
HOST_MATH long long bits_of(double x) { return __double_as_longlong(x); }
HOST_MATH float with_bits(int bits) { return __int_as_float(bits); }
HOST_MATH double with_bits(long long bits) { return __longlong_as_double(bits); }

// c0 + c1 x + c2 x^2 + ...
template <class T>
HOST_MATH T polynomial(T, T c0) {
    return c0;
}
template <class T, class... C>
HOST_MATH T polynomial(T x, T c0, C... others) {
    return fma(polynomial(x, others...), x, c0);
}

// ---- exponentials

// (exp(r) - 1 - r) / r^2 for |r| up to ln(2) / 2.
HOST_MATH float exp_tail(float r) {
    return polynomial(r, 0x1p-1f, 0x1.5554d8p-3f, 0x1.555516p-5f, 0x1.12106cp-7f, 0x1.6d1606p-10f);
}
HOST_MATH double exp_tail(double r) {
    return polynomial(r, 0x1p-1, 0x1.5555555555557p-3, 0x1.5555555555556p-5, 0x1.111111110ff87p-7, 0x1.6c16c16c16212p-10,
                      0x1.a01a01aca0134p-13, 0x1.a01a01a741b3cp-16, 0x1.71ddffef9e7b1p-19, 0x1.27e4da1a3bf04p-22,
                      0x1.af52906239de4p-26, 0x1.1f75aba0b1e2ep-29);
}

// 2^n where that is a normal number.
template <class T>
HOST_MATH T power_of_two(typename Form<T>::Bits n) {
    return with_bits((n + Form<T>::BIAS) << Form<T>::DIGITS);
}

// x * 2^n in two steps, so that neither power overflows and a subnormal result is rounded once.
template <class T>
HOST_MATH T scaled(T x, typename Form<T>::Bits n) {
    auto half = n >> 1;
    return x * power_of_two<T>(half) * power_of_two<T>(n - half);
}

// x as n ln(2) + r, and exp(r) - 1.
template <class T>
struct Parts {
    typename Form<T>::Bits n;
    T e;
};

template <class T>
HOST_MATH Parts<T> exp_parts(T x) {
    typedef Form<T> F;
    T shifted = fma(x, F::LOG2_E, F::ROUND), n = shifted - F::ROUND;
    T r = fma(n, -F::LN2_LOW, fma(n, -F::LN2_HIGH, x));
    return {bits_of(shifted) - bits_of(F::ROUND), fma(exp_tail(r) * r, r, r)};
}

// Comparisons like these two let NaN pass.
template <class T>
HOST_MATH T at_least(T least, T x) {
    return x < least ? least : x;
}
template <class T>
HOST_MATH T at_most(T most, T x) {
    return x > most ? most : x;
}

// exp(x) * 2^shift
template <class T>
HOST_MATH T exp_shifted(T x, int shift) {
    Parts<T> parts = exp_parts(at_most(Form<T>::EXP_MOST, at_least(Form<T>::EXP_LEAST, x)));
    return scaled(parts.e + 1, parts.n + shift);
}

// exp(x) of an x that is not above 0, as rows and bells need it, in fewer instructions: 0 where the result would be
// subnormal, since processors take a hundred times as long over such a product, and masked scores make many.
template <class T>
HOST_MATH T exp_of_negative(T x) {
    Parts<T> parts = exp_parts(x);
    T y = (parts.e + 1) * power_of_two<T>(parts.n);
    return x < Form<T>::EXP_NORMAL ? 0 : y;
}

HOST_MATH float exp(float x) { return exp_shifted(x, 0); }
HOST_MATH double exp(double x) { return exp_shifted(x, 0); }
HOST_MATH float __expf(float x) { return exp(x); }

template <class T>
HOST_MATH T exp2_of(T x) {
    typedef Form<T> F;
    T least = F::EXP_LEAST * F::LOG2_E, most = F::EXP_MOST * F::LOG2_E;
    T held = at_most(most, at_least(least, x));
    T shifted = held + F::ROUND, r = (held - (shifted - F::ROUND)) * F::LN2;
    return scaled(fma(exp_tail(r) * r, r, r) + 1, bits_of(shifted) - bits_of(F::ROUND));
}
HOST_MATH float exp2(float x) { return exp2_of(x); }
HOST_MATH double exp2(double x) { return exp2_of(x); }

// exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), halved meanwhile: 2^n alone may overflow where the result does not. For x
// between -40 and the logarithm of the largest number.
template <class T>
HOST_MATH T expm1_within(T x) {
    Parts<T> parts = exp_parts(x);
    T half_power = power_of_two<T>(parts.n - 1);
    return 2 * fma(half_power, parts.e, half_power - T(0.5));
}

template <class T>
HOST_MATH T expm1_of(T x) {
    typedef Form<T> F;
    T most = F::EXP_MOST - 1, y = expm1_within(at_most(most, at_least(T(-40), x)));
    return x >= most ? F::INF : fabs(x) < power_of_two<T>(-F::DIGITS - 2) ? x : y;
}
HOST_MATH float expm1(float x) { return expm1_of(x); }
HOST_MATH double expm1(double x) { return expm1_of(x); }

// ---- logarithms

// log(1 + f) from 1 + f = sqrt(1/2) ... sqrt(2), plus whole * ln(2).
HOST_MATH float log_sum(float f, float whole) {
    typedef Form<float> F;
    float square = f * f, tail = f * square *
        polynomial(f, 0x1.555554p-2f, -0x1.fffffcp-3f, 0x1.999d5cp-3f, -0x1.555b5p-3f, 0x1.23d1d6p-3f, -0x1.fcf30ep-4f,
                   0x1.dea656p-4f, -0x1.d6453cp-4f, 0x1.1d9828p-4f);
    tail = fma(whole, F::LN2_LOW, tail);
    return fma(whole, F::LN2_HIGH, fma(-0.5f, square, tail) + f);
}
HOST_MATH double log_sum(double f, double whole) {
    typedef Form<double> F;
    // By s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + 2 s^2 / 3 + ...)
    double s = f / (2 + f), z = s * s, half_square = 0.5 * f * f;
    double series = z * polynomial(z, 0x1.5555555555555p-1, 0x1.9999999999a50p-2, 0x1.24924924733f3p-2, 0x1.c71c720793d58p-3,
                                   0x1.745cf67195106p-3, 0x1.3b1cbff6601c4p-3, 0x1.0fb03ad29c301p-3, 0x1.0c983ef1db931p-3);
    double tail = fma(s, half_square + series, whole * F::LN2_LOW) - half_square;
    return fma(whole, F::LN2_HIGH, tail + f);
}

// A positive number as 2^whole (1 + f).
template <class T>
struct Scaled {
    T f, whole;
    typename Form<T>::Bits n;
};

template <class T>
HOST_MATH Scaled<T> log_parts(T x) {
    typedef Form<T> F;
    bool subnormal = x < F::NORMAL;
    auto bits = bits_of(subnormal ? x * T(1ll << (F::DIGITS + 1)) : x);
    auto n = (bits - bits_of(F::SQRT_OF_HALF)) >> F::DIGITS;
    T f = with_bits(bits - (n << F::DIGITS)) - 1;
    n -= subnormal ? F::DIGITS + 1 : 0;
    return {f, with_bits(n + bits_of(F::ROUND)) - F::ROUND, n};
}

// `y` where x is a positive number, else what a logarithm is there.
template <class T>
HOST_MATH T unless_special(T x, T y) {
    typedef Form<T> F;
    return x > 0 ? (x < F::INF ? y : x) : x == 0 ? -F::INF : F::NAN;
}

template <class T>
HOST_MATH T log_of(T x) {
    Scaled<T> parts = log_parts(x);
    return unless_special(x, log_sum(parts.f, parts.whole));
}
HOST_MATH float log(float x) { return log_of(x); }
HOST_MATH double log(double x) { return log_of(x); }

template <class T>
HOST_MATH T log2_of(T x) {
    typedef Form<T> F;
    Scaled<T> parts = log_parts(x);
    T fraction = log_sum(parts.f, T(0));
    return unless_special(x, parts.whole + fma(fraction, F::LOG2_E, fraction * F::LOG2_E_LOW));
}
HOST_MATH float log2(float x) { return log2_of(x); }
HOST_MATH double log2(double x) { return log2_of(x); }

template <class T>
HOST_MATH T log10_of(T x) {
    typedef Form<T> F;
    Scaled<T> parts = log_parts(x);
    T fraction = log_sum(parts.f, T(0));
    return unless_special(x, fma(parts.whole, F::LOG10_2_HIGH, fma(fraction, F::LOG10_E, parts.whole * F::LOG10_2_LOW)));
}
HOST_MATH float log10(float x) { return log10_of(x); }
HOST_MATH double log10(double x) { return log10_of(x); }

// log(u) with u = 1 + x rounded, and what the rounding lost added to u's fraction.
template <class T>
HOST_MATH T log1p_of(T x) {
    typedef Form<T> F;
    T u = 1 + x, lost = x < 1 ? x - (u - 1) : 1 - (u - x);
    Scaled<T> parts = log_parts(u);
    auto n = parts.n > F::BIAS ? F::BIAS : parts.n;
    T f = fma(lost, power_of_two<T>(-n), parts.f);
    T y = unless_special(u, log_sum(f, parts.whole));
    return x == 0 ? x : y;
}
HOST_MATH float log1p(float x) { return log1p_of(x); }
HOST_MATH double log1p(double x) { return log1p_of(x); }

// ---- hyperbolic functions

// tanh(x) = m / (m + 2), m = exp(2x) - 1; 1 from some place on.
template <class T>
HOST_MATH T tanh_of(T x) {
    typedef Form<T> F;
    T a = fabs(x), m = expm1_within(2 * at_most(T(0.5) * (F::DIGITS + 3), a)), y = m / (m + 2);
    return copysign(a < power_of_two<T>(-F::DIGITS / 2 - 1) ? a : y, x);
}
HOST_MATH float tanh(float x) { return tanh_of(x); }
HOST_MATH double tanh(double x) { return tanh_of(x); }

template <class T>
HOST_MATH T sinh_of(T x) {
    T a = fabs(x), m = expm1(a), h = exp_shifted(a, -1);
    T near = T(0.5) * (m + m / (m + 1)), far = h - T(0.25) / h;
    return copysign(a < 1 ? near : far, x);
}
HOST_MATH float sinh(float x) { return sinh_of(x); }
HOST_MATH double sinh(double x) { return sinh_of(x); }

template <class T>
HOST_MATH T cosh_of(T x) {
    T h = exp_shifted(fabs(x), -1);
    return h + T(0.25) / h;
}
HOST_MATH float cosh(float x) { return cosh_of(x); }
HOST_MATH double cosh(double x) { return cosh_of(x); }

// log(a + sqrt(a^2 + 1)); beyond `large`, where squares might overflow, log(2 a).
template <class T>
HOST_MATH T asinh_of(T x) {
    T a = fabs(x), large = T(1ll << (Form<T>::DIGITS / 2 + 2)), square = a * a;
    T near = log1p(a + square / (1 + sqrt(square + 1))), far = log(a) + Form<T>::LN2;
    return copysign(a < large ? near : far, x);
}
HOST_MATH float asinh(float x) { return asinh_of(x); }
HOST_MATH double asinh(double x) { return asinh_of(x); }

template <class T>
HOST_MATH T acosh_of(T x) {
    T t = x - 1, large = T(1ll << (Form<T>::DIGITS / 2 + 2));
    T y = x < large ? log1p(t + sqrt(t * (t + 2))) : log(x) + Form<T>::LN2;
    return x < 1 ? Form<T>::NAN : y;
}
HOST_MATH float acosh(float x) { return acosh_of(x); }
HOST_MATH double acosh(double x) { return acosh_of(x); }

template <class T>
HOST_MATH T atanh_of(T x) {
    T a = fabs(x);
    return copysign(T(0.5) * log1p(2 * a / (1 - a)), x);
}
HOST_MATH float atanh(float x) { return atanh_of(x); }
HOST_MATH double atanh(double x) { return atanh_of(x); }

// ---- error functions

// exp(a^2) erfc(a) for a >= 0, as a polynomial in t = (a - K) / (a + K) over a + K (after Shepherd & Laframboise 1981).
HOST_MATH float erfc_factor(float a) {
    float u = 1 / (a + 2.5f), t = fma(-5.0f, u, 1.0f);
    return u * polynomial(t, 0x1.0dd508p+0f, -0x1.9bfb52p-1f, 0x1.d0cee4p-2f, -0x1.5eb97ap-3f, 0x1.d0a454p-6f,
                          0x1.135296p-7f, -0x1.3abf62p-8f, -0x1.e9c3c6p-12f, 0x1.537986p-11f, 0x1.4f4658p-14f,
                          -0x1.4a1872p-15f);
}
HOST_MATH double erfc_factor(double a) {
    double u = 1 / (a + 4), t = fma(-8.0, u, 1.0);
    return u * polynomial(t, 0x1.18932bf08e154p+0, -0x1.f3fe31ecb49bfp-1, 0x1.8be202d26c706p-1, -0x1.14eacb1ad0344p-1,
                          0x1.52cac23710126p-2, -0x1.645fd8a4bbbf2p-3, 0x1.38dbd2c8e44b0p-4, -0x1.b00c052c641fap-6,
                          0x1.908f47216bf4bp-8, -0x1.269b51b03e503p-12, -0x1.dd2843188b2c6p-12, 0x1.72cda237225ccp-13,
                          -0x1.e7f096be0f1d6p-19, -0x1.3c6e22c5c38bfp-16, 0x1.3b19bb2b63951p-18, 0x1.7e326d086830ap-20,
                          -0x1.c7809ce1da6efp-21, -0x1.4228734a4bb60p-24, 0x1.11df27f95e2a4p-23, 0x1.3aeaedbde66d0p-31,
                          -0x1.3d291a4a06786p-26, 0x1.ee3d500cc2969p-35, 0x1.36d085061d3bcp-29, 0x1.27530a9b40315p-33,
                          -0x1.e7c15e8df92e2p-34);
}

// erf(x) / x - 1 for |x| up to 1, by z = x^2.
HOST_MATH float erf_series(float z) {
    return polynomial(z, 0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2d1p-4f, -0x1.b7fabap-6f, 0x1.541270p-8f, -0x1.a45088p-11f,
                      0x1.4a569p-14f);
}
HOST_MATH double erf_series(double z) {
    return polynomial(z, 0x1.06eba8214db68p-3, -0x1.812746b0379e6p-2, 0x1.ce2f21a042b30p-4, -0x1.b82ce31284e00p-6,
                      0x1.565bcd0dbaa38p-8, -0x1.c02db3dac435fp-11, 0x1.f9a321d5b8e1ep-14, -0x1.f4d1e3183f7aep-17,
                      0x1.b9df224ca4b97p-20, -0x1.5f1ecb6f0764cp-23, 0x1.f7b4bf3b13964p-27, -0x1.389d4f2641625p-30,
                      0x1.05ffd737fb32ep-34);
}

// erfc(a) for a >= 0: exp(-a^2), with the square's own rounding error made good, times the factor.
template <class T>
HOST_MATH T erfc_tail(T a) {
    T held = at_most(sqrt(-Form<T>::EXP_LEAST), a);  // 0 from there on
    T square = held * held, y = exp(-square);
    return fma(y, -fma(held, held, -square), y) * erfc_factor(a);
}

template <class T>
HOST_MATH T erfc_of(T x) {
    T a = fabs(x), y = erfc_tail(a), near = 1 - fma(x, erf_series(x * x), x);
    return a < T(0.5) ? near : x < 0 ? 2 - y : y;
}
HOST_MATH float erfc(float x) { return erfc_of(x); }
HOST_MATH double erfc(double x) { return erfc_of(x); }

template <class T>
HOST_MATH T erf_of(T x) {
    T a = fabs(x), near = fma(x, erf_series(x * x), x), far = copysign(1 - erfc_tail(a), x);
    return a < 1 ? near : far;
}
HOST_MATH float erf(float x) { return erf_of(x); }
HOST_MATH double erf(double x) { return erf_of(x); }

// Angles, their inverses and powers of floats, computed in double and rounded once, without branches. Those of doubles are
// the C library's.
#pragma once

// 2/pi times a power of two, less whole turns: for each exponent of a float, 29 bits whose product with its 24 digits is
// exact, and the next 53. So any float is reduced as well as a small one (Payne & Hanek 1983).
struct Quarters {
    double high[255] = {}, low[255] = {};

    constexpr Quarters() {
        constexpr unsigned two_over_pi[] = {0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041};
        double power = 1;  // of the last of the float's digits; below 2^-63 all is the same but for that
        for (int i = 0; i < 63; i++) power /= 2;
        for (int exponent = 87; exponent < 255; exponent++, power *= 2) {
            const int first = exponent > 151 ? exponent - 151 : 1;  // bits before that are whole turns
            double weight = power;
            for (int bit = 1; bit < first + 29 + 53; bit++) {
                weight /= 2;
                if (bit < first || !(two_over_pi[(bit - 1) / 32] >> (31 - (bit - 1) % 32) & 1)) continue;
                (bit < first + 29 ? high : low)[exponent] += weight;
            }
        }
    }
};
static constexpr Quarters QUARTERS;

// x as a number of quarter turns and the rest, an angle of up to pi / 4 or a little more.
struct Angle {
    double rest;
    long long quarters;
};

HOST_MATH Angle angle_of(float x) {
    const int bits = __float_as_int(x) & 0x7fffffff, exponent = bits >> 23;
    const int place = exponent < 87 ? 87 : exponent > 254 ? 254 : exponent;
    const double digits = __int_as_float((bits & 0x7fffff) | 0x4b000000);
    const double whole = digits * QUARTERS.high[place], part = digits * QUARTERS.low[place];
    const double shifted = (whole + part) + Form<double>::ROUND, near = shifted - Form<double>::ROUND;
    return {((whole - near) + part) * 1.57079632679489661923, bits_of(shifted)};
}

HOST_MATH double sine_of(double r) {
    double z = r * r;
    double tail = polynomial(z, -0x1.5555555449984p-3, 0x1.11110dbdfb290p-7, -0x1.a01365cb7d412p-13, 0x1.6da8eb8e30cdfp-19);
    return fma(tail * z, r, r);
}
HOST_MATH double cosine_of(double r) {
    double z = r * r;
    double tail = polynomial(z, 0x1.55555554fbfbfp-5, -0x1.6c16bf340de7ep-10, 0x1.a01598916be10p-16, -0x1.2516355dc2b23p-22);
    return fma(z * z, tail, fma(-0.5, z, 1.0));
}

// sin of x and `turn` quarters more.
HOST_MATH float sine_turned(float x, int turn) {
    Angle angle = angle_of(x);
    const long long quarters = angle.quarters + turn;
    const double y = quarters & 1 ? cosine_of(angle.rest) : sine_of(angle.rest);
    return (float)(quarters & 2 ? -y : y) + (x - x);  // infinities have no angle
}

HOST_MATH float sin(float x) {
    const float y = sine_turned(x, 0), a = fabs(x);
    return a < 0x1p-12f ? x : x < 0 ? -y : y;
}
HOST_MATH float cos(float x) { return sine_turned(x, 1); }
HOST_MATH float tan(float x) {
    Angle angle = angle_of(x);
    const double s = sine_of(angle.rest), c = cosine_of(angle.rest);
    const float y = (float)(angle.quarters & 1 ? -c / s : s / c) + (x - x), a = fabs(x);
    return a < 0x1p-12f ? x : x < 0 ? -y : y;
}

// ---- inverses

// atan of a number that is not negative.
HOST_MATH double atan_of(double a) {
    const bool beyond = a > 1;
    const double t = beyond ? 1 / a : a, z = t * t;
    const double tail = polynomial(z, -0x1.555555543c557p-2, 0x1.9999971f594e7p-3, -0x1.2491d128f2977p-3,
                                   0x1.c70a6be6d4163p-4, -0x1.73a719b0b93d9p-4, 0x1.36bfd2210f14ap-4,
                                   -0x1.ffb2b9595f5b2p-5, 0x1.837061ab40426p-5, -0x1.ea18af61c3e87p-6,
                                   0x1.cd243cc325c05p-7, -0x1.14abab0185470p-8, 0x1.36ecfc48d188bp-11);
    const double y = fma(tail * z, t, t);
    return beyond ? 1.57079632679489661923 - y : y;
}

HOST_MATH float atan(float x) { return copysign((float)atan_of(fabs((double)x)), x); }
HOST_MATH float asin(float x) {
    const double a = fabs((double)x);
    return copysign((float)atan_of(a / sqrt((1 - a) * (1 + a))), x);
}
HOST_MATH float acos(float x) {
    const double a = x;
    return (float)(2 * atan_of(sqrt((1 - a) / (1 + a))));
}

// ---- powers, with C's rules for zeros, infinities and NaN

HOST_MATH float pow(float x, float y) {
    const float a = fabs(x), half = y * 0.5f;
    const bool whole = rint(y) == y, odd = whole & (rint(half) != half);
    float z = (float)exp((double)y * log((double)a));
    z = (a == 1) & (fabs(y) == Form<float>::INF) ? 1 : z;
    z = (x < 0) & !whole & (a != Form<float>::INF) ? Form<float>::NAN : z;
    z = odd ? copysign(z, x) : z;
    return (y == 0) | (x == 1) ? 1 : z;
}

"""The gamma function's family, the inverse error function and Bessel functions on the CPU, which NumPy lacks.

All compute in float64, whatever the dtype, and round once; a block of elements at a time, so that temporaries stay in
the cache. Sources, by Abramowitz & Stegun's numbers, are at each function; the two fits are Chebyshev interpolations
made in 60-digit arithmetic.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from .erf import NEAR_ZERO, blockwise, complement, erfc_float, horner
from .precision import wide
from .quiet import quiet

__all__ = [
    "digamma", "erfcx", "erfinv", "frexp_exponent", "frexp_mantissa", "i0", "i0e", "i1", "i1e", "lgamma", "nextafter",
    "zeta",
]  # fmt: skip

# lgamma(x) = (x - 1) (x - 2) P(t), t = (x - 2.75) / (x + 2.75), on 1 <= x <= 8: relative error 3e-17.
_LGAMMA = (
    0.3620683176494759, -0.3615114135736489, 0.12342618618337496, -0.12692859335120915,
    0.07966497491832798, -0.08052642039445533, 0.05990100102653714, -0.0599619132821949,
    0.048224156045464574, -0.04803348870265082, 0.04040125581724642, -0.04014721433839313,
    0.034778496801431205, -0.034508339084105326, 0.030422923739173435, -0.030335505866921374,
    0.028046146559425108, -0.026824946503595317, 0.019443814759553348, -0.023852953963777315,
    0.042352363782919414, -0.028813906386205627, -0.028183790090137165, 0.005808492780528601,
    0.08027423937498443, -0.06337789525247924,
)  # fmt: skip
_LGAMMA_CENTRE, _LGAMMA_END = 2.75, 8.0
# erfinv(y) = y sqrt(1 + w) P(t), w = -log(1 - y*y), t = (w - 6) / (w + 6), on w <= 37: relative error 4e-6.
_ERFINV = (
    0.8641876821391108, 0.16517253650565647, -0.020746879740040126, -0.0923211357283056,
    0.13584689047100604, 0.0069766376551146795, -0.11512625710036302, -0.0494023576933389,
    0.12403480854291576, 0.07059419909642696, -0.05234593243251045, -0.05139269048232039,
)  # fmt: skip
_ERFINV_CENTRE = 6.0
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1))
_DIGAMMA = tuple(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1))
_SHIFT = 10  # asymptotic series in 1/x are exact to float64 beyond this
_BESSEL_END = 20.0  # power series up to here, asymptotic series beyond
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _export(name, function):
    def apply(x, out=None):
        y = blockwise(lambda block: function(block.astype(np.float64)), x)
        if out is None:
            return y
        np.copyto(out, y)
        return out

    apply.__name__ = apply.__qualname__ = name
    return apply


def _lgamma(x):
    """log|Gamma(x)|: 6.1.17 (reflection) below 0, 6.1.15 (recurrence) below 1."""
    y = np.where(x < 0, 1 - x, np.where(x < 1, x + 1, x))
    near = np.minimum(y, _LGAMMA_END)
    result = (near - 1) * (near - 2) * horner(_LGAMMA, (near - _LGAMMA_CENTRE) / (near + _LGAMMA_CENTRE))
    if (y > _LGAMMA_END).any():
        far = np.maximum(y, _LGAMMA_END)  # 6.1.41 (Stirling)
        series = horner(STIRLING, 1 / (far * far)) / far
        result = np.where(y > _LGAMMA_END, (far - 0.5) * (np.log(far) - 1) + (_HALF_LOG_2PI - 0.5) + series, result)
    if (x < 1).any():
        sine = np.abs(np.sin(np.pi * _from_nearest(x)))
        reflected = math.log(math.pi) - np.log(sine) - result
        result = np.where(x < 1, np.where(x < 0, reflected, result - np.log(np.abs(x))), result)
    return np.where(np.isnan(y), y, np.where(np.isinf(x), np.inf, result))


def _from_nearest(x):
    """x less the nearest integer: sines of multiples of pi are exact in it."""
    return x - np.round(x)


def _digamma(x):
    """The derivative of lgamma: 6.3.7 (reflection) below 0, then 6.3.6 (recurrence) and 6.3.18 (asymptotic)."""
    y = np.where(x < 0, 1 - x, x)
    psi = -1 / y  # not y + 0, which loses the sign of a zero
    for k in range(1, _SHIFT):
        psi -= 1 / (y + k)
    y += _SHIFT
    inverse = 1 / (y * y)
    psi += np.log(y) - 0.5 / y - horner(_DIGAMMA, inverse) * inverse
    if (x < 0).any():
        fraction = _from_nearest(x)
        reflected = np.where(fraction == 0, np.nan, psi - np.pi / np.tan(np.pi * fraction))
        psi = np.where(x < 0, reflected, psi)
    return psi


def _zeta(s, q):
    """The sum of (q + k)**-s over k >= 0, mirrored where q < 0 and s is whole."""
    result = _zeta_positive(s, q)
    if (q <= 0).any():
        fraction = q - np.floor(q)
        mirrored = _zeta_positive(s, 1 - fraction) - _zeta_positive(s, 1 - q)
        below = _zeta_positive(s, fraction) + np.where(s % 2 == 0, mirrored, -mirrored)
        below = np.where(fraction == 0, np.inf, np.where(s == np.floor(s), below, np.nan))
        result = np.where(q <= 0, below, result)
    result = np.where(q == np.inf, 0.0, result)
    return np.where(s > 1, result, np.where(s == 1, np.inf, np.nan))


def _zeta_positive(s, q):
    """Euler & Maclaurin's summation, 23.1.30 and 3.6.28."""
    power = _negative_power(s)
    total = power(q)
    for k in range(1, _SHIFT):
        total += power(q + k)
    q = q + _SHIFT
    term = power(q)
    total += term * (q / (s - 1) + 0.5)
    term *= 0.5 * s / q
    inverse = 1 / (q * q)
    for k, bernoulli in enumerate(_BERNOULLI, 1):  # term = s (s + 1) ... (s + 2k - 2) / (2k)! * q**(1 - s - 2k)
        total += bernoulli * term
        term *= inverse * ((s + (2 * k - 1)) * (s + 2 * k) / ((2 * k + 1) * (2 * k + 2)))
    return total


def _negative_power(s):
    """q -> q**-s, which for the small whole numbers that polygamma asks for is a few products."""
    if s.ndim == 0 and s in range(2, 6):
        return lambda q: functools.reduce(np.multiply, [1 / q] * int(s))
    return lambda q: np.asarray(q**-s)


def _erfinv(y):
    """A fit in log(1 - y*y), on which the inverse is smooth (Giles 2010), and a step of Halley's method."""
    size = np.abs(y)
    rest = 1 - size
    w = np.minimum(-np.log(rest * (1 + size)), 37.0)
    x = size * np.sqrt(1 + w) * horner(_ERFINV, (w - _ERFINV_CENTRE) / (w + _ERFINV_CENTRE))
    small = np.minimum(x, 1)
    error = small * horner(NEAR_ZERO, small * small) - size
    error = np.where(size < 0.6, error, rest - complement(np.maximum(x, 0.5)))
    step = error * (0.5 * math.sqrt(math.pi)) * np.exp(x * x)
    x -= step / (1 + x * step)
    return np.copysign(np.where(size < 1, x, np.where(size == 1, np.inf, np.nan)), y)


def _erfcx(x):
    """exp(x*x) erfc(x), by a continued fraction (7.1.14) where erfc would underflow."""
    near = np.minimum(x, 10.0)
    y = np.exp(near * near) * erfc_float(near)
    if (x > 10).any():
        far = np.maximum(x, 10.0)
        fraction = far
        for k in range(12, 0, -1):
            fraction = far + 0.5 * k / fraction
        y = np.where(x > 10, 1 / (math.sqrt(math.pi) * fraction), y)
    return y


def _bessel_i(order, scaled):
    """The modified Bessel function of order 0 or 1, with `scaled` times exp(-|x|)."""

    def bessel(x):
        size = np.abs(x)
        half = 0.5 * np.minimum(size, _BESSEL_END)
        y = _power_series(order, half)
        if scaled:
            y *= np.exp(-2 * half)
        if (size > _BESSEL_END).any():
            far = np.maximum(size, _BESSEL_END)
            tail = _asymptotic_series(order, far)
            if not scaled:
                root = np.exp(0.5 * far)  # its square would overflow before the product does
                tail = np.where(np.isinf(far), far, tail * root * root)
            y = np.where(size > _BESSEL_END, tail, y)
        return np.copysign(y, x) if order else y

    return bessel


def _power_series(order, half):
    """9.6.10, in half of x."""
    square = half * half
    term = half.copy() if order else np.ones_like(half)
    total = term.copy()
    for k in range(1, 37):
        term *= square
        term /= k * (k + order)
        total += term
    return total


def _asymptotic_series(order, x):
    """9.7.1."""
    eighth = 0.125 / x
    term = np.ones_like(x)
    total = term.copy()
    for k in range(1, 30):
        term *= eighth
        term *= ((2 * k - 1) ** 2 - 4 * order) / k
        total += term
    return total / (math.sqrt(2 * math.pi) * np.sqrt(x))


lgamma = _export("lgamma", _lgamma)
digamma = _export("digamma", _digamma)
erfinv = _export("erfinv", _erfinv)
erfcx = _export("erfcx", _erfcx)
i0 = _export("i0", _bessel_i(0, scaled=False))
i0e = _export("i0e", _bessel_i(0, scaled=True))
i1 = _export("i1", _bessel_i(1, scaled=False))
i1e = _export("i1e", _bessel_i(1, scaled=True))


@quiet
def zeta(x, y, out=None):
    """The Hurwitz zeta function of exponent x and offset y, either of which may be a number."""
    if isinstance(x, np.ndarray):
        result = np.asarray(_zeta(x.astype(np.float64), np.asarray(y, np.float64))).astype(x.dtype)
    else:
        exponent = np.float64(x)
        result = blockwise(lambda block: _zeta(exponent, block.astype(np.float64)), y)
    if out is None:
        return result
    np.copyto(out, result)
    return out


@quiet
def nextafter(x, y, out=None):
    """The number next to x in the direction of y."""
    result = np.asarray(np.nextafter(x, y))
    if out is None:
        return result
    np.copyto(out, result)
    return out


def frexp_mantissa(x):
    """The m of x = m * 2**e with 1/2 <= |m| < 1."""
    return np.asarray(np.frexp(wide(x))[0]).astype(x.dtype, copy=False)


def frexp_exponent(x):
    """The e of x = m * 2**e with 1/2 <= |m| < 1, an int32; 0 for zeros, infinities and NaN."""
    return np.asarray(np.frexp(wide(x))[1], np.int32)

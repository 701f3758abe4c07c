"""The regularised incomplete gamma functions on the CPU, in float64; numbers are those of Abramowitz & Stegun."""

from __future__ import annotations

import math

import numpy as np

from .erf import horner
from .quiet import quiet
from .special import STIRLING, lgamma

__all__ = ["igamma", "igammac"]

_TERMS = 20000  # more than either expansion takes for a up to 1e7


@quiet
def igamma(a, x):
    """The share of the gamma distribution of shape a below x."""
    lower, upper, is_low = _shares(a, x)
    return _rounded(np.where(is_low, lower, 1 - upper), a, x)


@quiet
def igammac(a, x):
    """The share of the gamma distribution of shape a above x."""
    lower, upper, is_low = _shares(a, x)
    return _rounded(np.where(is_low, 1 - lower, upper), a, x)


def _rounded(share, a, x):
    return np.asarray(share).astype((x if isinstance(x, np.ndarray) else a).dtype)


def _shares(a, x):
    """The share below, the share above, and where the former is the one that was computed."""
    a, x = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (a, x)))
    is_low = (x <= a) | (x <= 1)
    density = _density(a, x)
    lower = density * _series(np.where(is_low, a, 1.0), np.where(is_low, x, 0.0))
    upper = density * _continued_fraction(np.where(is_low, 1.0, a), np.where(is_low, 2.0, x))
    outside = ~((a >= 0) & (x >= 0)) | ((a == 0) & (x == 0)) | (np.isinf(a) & np.isinf(x))
    lower = np.where(outside, np.nan, np.where((x == 0) | np.isinf(a), 0.0, np.where(a == 0, 1.0, lower)))
    upper = np.where(outside, np.nan, np.where(np.isinf(x), 0.0, np.where(a == 0, 0.0, upper)))
    return lower, upper, is_low


def _density(a, x):
    """x**a exp(-x) / Gamma(a), which for large a is only small differences of large logarithms."""
    excess = (x - a) / a
    large = np.maximum(a, 10.0)
    stirling = horner(STIRLING, 1 / (large * large)) / large
    far = np.exp(large * (np.log1p(excess) - excess) - stirling) * np.sqrt(large / (2 * math.pi))
    return np.where(a >= 10, far, np.exp(a * np.log(x) - x - lgamma(a)))


def _series(a, x):
    """6.5.29: the sum of x**n / (a (a + 1) ... (a + n))."""
    term = 1 / a
    total = term.copy()
    for n in range(1, _TERMS):
        term = term * (x / (a + n))
        total += term
        if not (term > 1e-17 * total).any():
            break
    return total


def _continued_fraction(a, x):
    """6.5.31, by Lentz's method."""
    b = x + 1 - a
    d = 1 / b
    c, fraction, is_open = np.full_like(b, 1e300), d.copy(), np.isfinite(b)
    for n in range(1, _TERMS):
        numerator = n * (a - n)
        b = b + 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        factor = c * d
        np.multiply(fraction, factor, out=fraction, where=is_open)
        is_open &= np.abs(factor - 1) > 4e-16  # two roundings: it need not come nearer
        if not is_open.any():
            break
    return fraction

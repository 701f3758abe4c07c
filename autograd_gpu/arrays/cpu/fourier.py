"""Discrete Fourier transforms along one dimension, not scaled: NumPy's pocketfft, which keeps the precision.

Forward sums x exp(-2 pi i jk / n), backward x exp(2 pi i jk / n).
"""

from __future__ import annotations

import numpy as np

from .quiet import quiet

__all__ = ["fft", "irfft", "rfft"]


@quiet
def fft(x, dim, inverse):
    """Of complex x; with `inverse` the sum of the conjugate factors."""
    if not x.size:
        return x.copy()
    return np.fft.ifft(x, axis=dim, norm="forward") if inverse else np.fft.fft(x, axis=dim)


@quiet
def rfft(x, dim):
    """Of real x the first n // 2 + 1 results, of which the others are the conjugates."""
    if not x.size:
        shape = [n // 2 + 1 if d == dim % x.ndim else n for d, n in enumerate(x.shape)]
        return np.zeros(shape, np.result_type(x.dtype, np.complex64))
    return np.fft.rfft(x, axis=dim)


@quiet
def irfft(x, dim, count):
    """The `count` real numbers, of whose transform x is what `rfft` gives, times `count`."""
    if not x.size:
        shape = [count if d == dim % x.ndim else n for d, n in enumerate(x.shape)]
        return np.zeros(shape, x.real.dtype)
    return np.fft.irfft(x, count, axis=dim, norm="forward")

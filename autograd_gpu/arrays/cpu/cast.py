"""Conversion between dtypes on the CPU."""

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["cast"]


@quiet
def cast(x, dtype):
    if dtype.kind in "iu" and x.dtype.kind in "fV":
        return _cut_off(wide(x), dtype)
    if x.dtype.kind == "c" and dtype.kind != "c":
        return x != 0 if dtype.kind == "b" else cast(x.real, dtype)
    return x.astype(dtype, order="C")


def _cut_off(x, dtype):
    """As kernels/cast.cu does it: without the fraction, the nearest of 32 (or 64) bits, NaN 0; then the low bits."""
    whole = np.dtype(np.int64 if dtype == np.int64 else np.int32)
    limits = np.iinfo(whole)
    y = x.astype(whole, order="C")
    beyond = ~(np.abs(x) < float(limits.max))
    if beyond.any():
        beyond &= ~((x > limits.min - 1.0) & (x < 0))  # the least itself, and what is cut off to it
        places = x[beyond]
        y[beyond] = np.where(places != places, 0, np.where(places > 0, limits.max, limits.min))
    return y.astype(dtype, copy=False)

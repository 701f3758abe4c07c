"""Scans on the CPU: NumPy's running ufuncs, and recurrences by doubling."""

from __future__ import annotations

import numpy as np

from .precision import accumulator, wide
from .quiet import quiet

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "linear_scan", "logcumsumexp"]


@quiet
def cumsum(x, dim, dtype):
    if x.ndim == 0:
        return x.astype(dtype)
    return np.add.accumulate(x, axis=dim, dtype=accumulator(dtype)).astype(dtype, copy=False)


@quiet
def cumprod(x, dim, dtype):
    if x.ndim == 0:
        return x.astype(dtype)
    return np.multiply.accumulate(x, axis=dim, dtype=accumulator(dtype)).astype(dtype, copy=False)


@quiet
def logcumsumexp(x, dim):
    if x.ndim == 0:
        return x.copy()
    return np.logaddexp.accumulate(wide(x), axis=dim).astype(x.dtype, copy=False)


def cummax(x, dim):
    return _with_index(np.maximum, x, dim)


def cummin(x, dim):
    return _with_index(np.minimum, x, dim)


def _with_index(extreme, x, dim):
    """The extreme so far, and where it last was; NaN wins."""
    if x.ndim == 0:
        return x.copy(), np.zeros((), np.int64)
    keys = wide(x)
    best = extreme.accumulate(keys, axis=dim)
    is_best = keys == best
    if x.dtype.kind in "fV":
        is_best |= keys != keys
    places = np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    index = np.maximum.accumulate(np.where(is_best, places, 0), axis=dim)
    return np.take_along_axis(x, index, axis=dim), index


@quiet
def linear_scan(a, b, dim, reverse):
    """y[i] = a[i] * y[i-1] + b[i], from y[-1] = 0; with `reverse` its transpose, y[i] = a[i+1] * y[i+1] + b[i].

    By doubling (Hillis & Steele 1986): after a step, y holds what comes of the `step` elements up to each.
    """
    if b.ndim == 0:
        return b.copy()
    factor, y = (np.array(np.moveaxis(wide(v), dim, -1)) for v in (a, b))  # copies
    if reverse:
        factor, y = np.roll(factor, -1, -1)[..., ::-1], y[..., ::-1]
    step = 1
    while step < y.shape[-1]:
        y[..., step:] += factor[..., step:] * y[..., :-step]
        factor[..., step:] *= factor[..., :-step]
        step *= 2
    y = y[..., ::-1] if reverse else y
    return np.ascontiguousarray(np.moveaxis(y, -1, dim)).astype(b.dtype, copy=False)

"""Scans on the CPU: NumPy's running ufuncs, and recurrences, which step along all lines at once."""

from __future__ import annotations

import math

import numpy as np

from .precision import accumulator, wide
from .quiet import quiet

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "linear_scan", "logcumsumexp"]

_LONG, _WIDE = 64, 128  # steps that are few, and lines that are enough to be worth a step of Python


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
    index = np.multiply(is_best, places)
    np.maximum.accumulate(index, axis=dim, out=index)
    return best.astype(x.dtype, copy=False), index


@quiet
def linear_scan(a, b, dim, reverse):
    """y[i] = a[i] * y[i-1] + b[i], from y[-1] = 0; with `reverse` its transpose, y[i] = a[i+1] * y[i+1] + b[i]."""
    if b.size == 0 or b.ndim == 0:
        return b.copy()
    factor, y = (np.moveaxis(wide(v), dim, 0) for v in (a, b))
    shape = y.shape
    if reverse:  # first the factor of the last element, which has nothing after it
        factor, y = np.concatenate((factor[:1], factor[:0:-1])), y[::-1]
    y = _recurrence(factor.reshape(len(y), -1), np.array(y, order="C").reshape(len(y), -1)).reshape(shape)
    y = np.moveaxis(y[::-1] if reverse else y, 0, dim)
    return np.ascontiguousarray(y).astype(b.dtype, copy=False)


def _recurrence(factor, y):
    """y[i] += factor[i] * y[i-1], in place, for rows i = 1, 2, ...; long narrow matrices are first cut into blocks."""
    length, width = y.shape
    if length <= _LONG or width >= _WIDE:
        product = np.empty(width, y.dtype)
        for i in range(1, length):
            y[i] += np.multiply(factor[i], y[i - 1], out=product)
        return y
    block = math.isqrt(length)
    count = -(-length // block)
    # A block a column: (block, count, width), each scanned from nothing, then what its neighbour ends in carried through.
    factor, parts = (_in_blocks(v, block, count) for v in (factor, y))
    parts = _recurrence(factor.reshape(block, -1), parts.reshape(block, -1)).reshape(parts.shape)
    carried = np.multiply.accumulate(factor, axis=0)
    ends = _recurrence(carried[-1], parts[-1].copy())
    parts[:, 1:] += carried[:, 1:] * ends[:-1]
    return np.moveaxis(parts, 1, 0).reshape(-1, width)[:length]


def _in_blocks(v, block, count):
    padded = np.zeros((count * block, v.shape[1]), v.dtype)
    padded[: len(v)] = v
    return np.ascontiguousarray(np.moveaxis(padded.reshape(count, block, -1), 1, 0))

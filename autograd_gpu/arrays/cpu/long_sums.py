"""Sums of any number of values, right in every digit but the last ones.

NumPy adds pairwise along the innermost dimension only, along all others one by one: a float32 that has grown stops
growing. Here no more than BLOCK values are added one by one; what these blocks come to is added in float64.
"""

from __future__ import annotations

import math

import numpy as np

from .precision import FLOAT32, accumulator

BLOCK = 64  # values, whose roundings are at most 64 * 2^-24 = 4e-6 of their sum
SHORT = 128  # values that are added in any way
WIDE = 256  # elements: rows that are shorter are added several at once, as longer ones

FLOAT64 = np.dtype(np.float64)
COMPLEX64 = np.dtype(np.complex64)


def sums_of(count, dtype):
    """The dtype for sums of `count` values of a dtype that are added one by one."""
    dtype = accumulator(dtype)
    return FLOAT64 if dtype == FLOAT32 and count > BLOCK else dtype


def total(x, dims, keepdim, dtype=None):
    """The sum of x over dims (none: over all of them), in the accumulator of `dtype`, by default of x's own."""
    dtype = accumulator(x.dtype if dtype is None else dtype)
    if dtype == COMPLEX64 and x.size > SHORT:
        parts = total(np.stack((x.real, x.imag), -1), dims or tuple(range(x.ndim)), keepdim, FLOAT32)
        return np.ascontiguousarray(parts).view(COMPLEX64)[..., 0]
    # reduce() without ndarray.sum's wrapper; axis=() would mean "no axis" on 0-d arrays too
    if dtype != FLOAT32 or x.size <= SHORT:
        return np.asarray(np.add.reduce(x, axis=dims or None, keepdims=keepdim, dtype=dtype), order="C")
    dims = dims or tuple(range(x.ndim))
    flat = x.flags.c_contiguous
    if math.prod([x.shape[d] for d in dims]) <= SHORT or (flat and dims[0] == x.ndim - len(dims)):  # few, or pairwise
        return np.asarray(np.add.reduce(x, axis=dims, keepdims=keepdim, dtype=dtype), order="C")
    y = _reduced(x, list(dims)) if flat else _as_it_lies(x, dims)
    if keepdim:
        y = y.reshape([1 if d in dims else n for d, n in enumerate(x.shape)])
    return np.asarray(y, FLOAT32, order="C")


def _as_it_lies(x, dims):
    """x without dims, of any strides; what is the same element again and again is multiplied."""
    repeated = [d for d in dims if x.strides[d] == 0]
    times = math.prod([x.shape[d] for d in repeated])
    once = x[tuple([slice(0, 1) if d in repeated else slice(None) for d in range(x.ndim)])]
    order = sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))  # the outermost first
    y = _reduced(once.transpose(order), sorted(map(order.index, dims)))
    kept = [d for d in order if d not in dims]
    y = np.transpose(y, sorted(range(len(kept)), key=kept.__getitem__))
    return np.asarray(y if times == 1 else y * FLOAT64.type(times), order="C")


def _reduced(x, axes):
    """x without `axes`, in float32 or float64; its dimensions lie in memory in their order."""
    while math.prod([x.shape[a] for a in axes]) > SHORT:
        axis = axes.pop()  # the innermost that is left, one with those before it that lie side by side
        while axes and axes[-1] == axis - 1 and x.strides[axis - 1] == x.strides[axis] * x.shape[axis]:
            axis = axes.pop()
            x = x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
        if x.shape[axis] > SHORT and axis < x.ndim - 1:
            return _by_blocks(x, axis, axes)
        x = np.add.reduce(x, axis=axis, dtype=FLOAT32)  # few values, or pairwise
    return np.add.reduce(x, axis=tuple(axes), dtype=FLOAT32) if axes else x


def _by_blocks(x, axis, others):
    """The sum over an axis and others before it, in float64."""
    n = x.shape[axis]
    # Rows that lie side by side are one longer row: its elements are added first, then those that belong together.
    together = min(max(1, WIDE // math.prod(x.shape[axis + 1 :])), n // BLOCK)
    blocks = n // (BLOCK * together)
    at, whole = (slice(None),) * axis, blocks * BLOCK * together
    parted = x[(*at, slice(whole))].reshape(*x.shape[:axis], blocks, BLOCK, together, *x.shape[axis + 1 :])
    parts = np.add.reduce(parted, axis=axis + 1, dtype=FLOAT32)
    result = np.add.reduce(parts, axis=(*others, axis, axis + 1), dtype=FLOAT64)
    if whole < n:
        result = result + np.add.reduce(x[(*at, slice(whole, None))], axis=(*others, axis), dtype=FLOAT64)
    return result

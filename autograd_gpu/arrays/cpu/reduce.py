"""Reductions on the CPU."""

from __future__ import annotations

import numpy as np

from .long_sums import total
from .precision import accumulator, wide
from .quiet import quiet

__all__ = [
    "all", "amax", "amin", "any", "max_with_index", "mean", "min_with_index", "prod", "sum", "var",
]  # fmt: skip


def sum(x, dims, keepdim, dtype):
    if not dims and x.ndim:
        return x.astype(dtype)
    return total(x, dims, keepdim, dtype).astype(dtype, copy=False)


@quiet
def mean(x, dims, keepdim):
    count = np.prod([x.shape[d] for d in dims], dtype=np.int64)
    y = total(x, dims, keepdim)
    return np.divide(y, count, dtype=y.dtype).astype(x.dtype, copy=False)


@quiet
def prod(x, dims, keepdim, dtype):
    if not dims and x.ndim:
        return x.astype(dtype)
    return np.asarray(np.multiply.reduce(x, axis=dims or None, keepdims=keepdim, dtype=accumulator(dtype))).astype(
        dtype, copy=False
    )


def _extremum(name, function):
    def reduce(x, dims, keepdim):
        for d in dims:
            if x.shape[d] == 0:
                raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
        if not dims:
            return x.copy()
        return np.asarray(function.reduce(wide(x), axis=dims, keepdims=keepdim)).astype(x.dtype, copy=False)

    reduce.__name__ = reduce.__qualname__ = name
    return reduce


amax = _extremum("amax", np.maximum)
amin = _extremum("amin", np.minimum)


def any(x, dims, keepdim):
    return np.asarray(np.any(wide(x), axis=dims or None, keepdims=keepdim)) if dims or not x.ndim else x != 0


def all(x, dims, keepdim):
    return np.asarray(np.all(wide(x), axis=dims or None, keepdims=keepdim)) if dims or not x.ndim else x != 0


@quiet
def var(x, dims, keepdim, correction):
    wide_x = wide(x)
    count = int(np.prod([x.shape[d] for d in dims], dtype=np.int64))
    first = wide_x[tuple(slice(0, 1) if d in dims else slice(None) for d in range(x.ndim))] if x.size else 0
    apart = wide_x - first  # of a constant, nothing
    centred = np.asarray(apart - total(apart, dims, True) / wide_x.dtype.type(count))
    squares = total(np.square(centred, out=centred), dims, keepdim)
    return (squares / squares.dtype.type(max(count - correction, 0))).astype(x.dtype, copy=False)


def _with_index(x, dim, keepdim, best):
    if x.ndim == 0:
        return x.copy(), np.zeros((), np.int64)
    if x.shape[dim] == 0:
        raise IndexError(f"max(): Expected reduction dim {dim} to have non-zero size.")
    index = np.expand_dims(best(wide(x), axis=dim), dim)  # NaN counts as extreme, the first one wins
    values = np.take_along_axis(x, index, axis=dim)
    if not keepdim:
        values, index = values.squeeze(dim), index.squeeze(dim)
    return values, index.astype(np.int64, copy=False)


def max_with_index(x, dim, keepdim):
    return _with_index(x, dim, keepdim, np.argmax)


def min_with_index(x, dim, keepdim):
    return _with_index(x, dim, keepdim, np.argmin)

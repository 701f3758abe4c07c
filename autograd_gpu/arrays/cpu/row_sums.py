"""Sums along a dimension that broadcast against what was summed, as softmax and the norms need them."""

from __future__ import annotations

import functools

import numpy as np

from .long_sums import total

# Products of a tiny matrix's elements with ones. Up to here a product with a square of ones, which leaves each sum in
# all of its row, and an operation on arrays of one shape take half the time of a reduction and a broadcasting
# operation.
TINY = 4096
PIECE = 1024


def sums_along(x, dim):
    """The sums of x along dim, of x's shape or with size 1 there."""
    if x.ndim == 2 and dim == 1 and 0 < x.size * x.shape[1] <= TINY:
        return x.dot(_ones(x.shape[1], x.dtype))
    return total(x, (dim,), True)


def products_along(x, y, dim):
    """The sums of x * y along dim, of their shape or with size 1 there."""
    if x.ndim == 2 and dim == 1 and 0 < x.size * x.shape[1] <= TINY:
        return (x * y).dot(_ones(x.shape[1], x.dtype))
    if dim == x.ndim - 1:
        return _products(x, y)[..., None]
    return total(x * y, (dim,), True)  # vecdot along a stride would read a value a cache line


def _products(x, y):
    """vecdot, which adds one by one: long rows in pieces whose sums are then added pairwise."""
    n = x.shape[-1]
    if n <= PIECE:
        return np.vecdot(x, y)
    whole = n // PIECE * PIECE
    parts = (v[..., :whole].reshape(*v.shape[:-1], -1, PIECE) for v in (x, y))
    return np.add.reduce(np.vecdot(*parts), -1) + np.vecdot(x[..., whole:], y[..., whole:])


@functools.lru_cache(maxsize=64)
def _ones(count, dtype):
    return np.ones((count, count), dtype)

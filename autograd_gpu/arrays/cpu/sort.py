"""Sorting on the CPU. Always stable: equal elements keep their order."""

from __future__ import annotations

import numpy as np

from .precision import wide

__all__ = ["sort"]


def sort(x, dim, descending, stable):
    if x.ndim == 0:
        return x.copy(), np.zeros((), np.int64)
    keys = wide(x)
    if descending:  # flip, sort stably, flip back: equal elements keep their order, NaN comes first
        index = np.flip(np.argsort(np.flip(keys, dim), axis=dim, kind="stable"), dim)
        index = x.shape[dim] - 1 - index
    else:
        index = np.argsort(keys, axis=dim, kind="stable")
    index = np.ascontiguousarray(index, np.int64)
    return np.take_along_axis(x, index, axis=dim), index

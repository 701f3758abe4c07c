"""Sorting on the CPU. Always stable: equal elements keep their order."""

from __future__ import annotations

import numpy as np

from .precision import wide

__all__ = ["sort", "topk"]


def sort(x, dim, descending, stable):
    if x.ndim == 0:
        return x.copy(), np.zeros((), np.int64)
    keys = wide(x)
    if descending:  # flip, sort stably, flip back: equal elements keep their order, NaN comes first
        index = np.flip(_order(np.flip(keys, dim), dim), dim)
        index = x.shape[dim] - 1 - index
    else:
        index = _order(keys, dim)
    index = np.ascontiguousarray(index, np.int64)
    return np.take_along_axis(x, index, axis=dim), index


def _order(keys, dim):
    """The stable order. Where no two are equal it is the only one, and NumPy finds it faster by its unstable sort."""
    if keys.dtype.kind == "f" and keys.size > MANY:
        order = np.argsort(keys, axis=dim)
        ordered = np.take_along_axis(keys, order, dim)
        lower, upper = (ordered[(slice(None),) * dim + (part,)] for part in (slice(None, -1), slice(1, None)))
        if (lower < upper).all():  # not with NaN
            return order
    return np.argsort(keys, axis=dim, kind="stable")


MANY = 1 << 12


def topk(x, dim, k, largest):
    """The k largest elements along dim (or the smallest), in order, and where they were: the others are not sorted."""
    if x.ndim == 0 or 4 * k > x.shape[dim] or k == 0 or not x.size:
        values, index = sort(x, dim, largest, True)
        return (values, index) if x.ndim == 0 else (_first(values, dim, k), _first(index, dim, k))
    moved = np.moveaxis(wide(x), dim, -1)
    keys = moved.reshape(-1, moved.shape[-1])
    n = keys.shape[1]
    part = np.argpartition(keys, n - k, axis=1)[:, n - k :] if largest else np.argpartition(keys, k - 1, axis=1)[:, :k]
    chosen = np.take_along_axis(keys, part, 1)
    order = sort(chosen, 1, largest, True)[1]
    _take_the_first_of_equals(keys, part, chosen, np.take_along_axis(chosen, order[:, -1:], 1))
    part.sort(axis=1)
    order = sort(np.take_along_axis(keys, part, 1), 1, largest, True)[1]
    index = np.take_along_axis(part, order, 1).reshape(*moved.shape[:-1], k)
    index = np.ascontiguousarray(np.moveaxis(index, -1, dim), np.int64)
    return np.take_along_axis(x, index, axis=dim), index


def _take_the_first_of_equals(keys, part, chosen, last):
    """Of elements equal to the last one that is taken there may be more: those in front are."""
    is_last, is_taken = (z == last for z in (keys, chosen))
    if keys.dtype.kind == "f" and np.isnan(last).any():
        is_last |= np.isnan(keys) & np.isnan(last)
        is_taken |= np.isnan(chosen) & np.isnan(last)
    if np.count_nonzero(is_last) == np.count_nonzero(is_taken):
        return
    taken = is_taken.sum(1)
    for row in np.flatnonzero(is_last.sum(1) > taken):
        part[row, is_taken[row]] = np.flatnonzero(is_last[row])[: taken[row]]


def _first(x, dim, k):
    return np.ascontiguousarray(x[(slice(None),) * dim + (slice(0, k),)])

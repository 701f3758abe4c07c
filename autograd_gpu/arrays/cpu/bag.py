"""Bags of rows on the CPU: sums and largest, and what the sums pass back. A row of -1 is nothing.

Bags are the rows of index (bags, size), or the runs of index (items,) between the numbers of offsets (bags + 1,).
"""

from __future__ import annotations

import numpy as np

from .index import scatter_add_rows
from .long_sums import sums_of
from .precision import wide
from .quiet import quiet

__all__ = ["bag_dot", "bag_max", "bag_scatter", "bag_sum"]


@quiet
def bag_sum(x, index, weight, offsets):
    index, weight = _as_table(index, weight, offsets)
    y = np.zeros((len(index), x.shape[1]), sums_of(index.shape[1], x.dtype))
    for place, row in enumerate(index.T):  # a pass over the bags for each of their places
        named = row >= 0
        if named.all():
            named = slice(None)
        term = wide(x[row[named]])
        y[named] += term if weight is None else term * weight[named, place, None]
    return y.astype(x.dtype, copy=False)


@quiet
def bag_scatter(gy, index, weight, offsets, count):
    item = np.flatnonzero(index.reshape(-1) >= 0)
    products = wide(gy[_bag_of(index, offsets)[item]])
    if weight is not None:
        products = products * wide(weight.reshape(-1)[item])[:, None]
    return scatter_add_rows(products, index.reshape(-1)[item], count).astype(gy.dtype, copy=False)


@quiet
def bag_dot(gy, x, index, offsets):
    row = index.reshape(-1)
    products = (
        np.einsum("ic,ic->i", wide(gy[_bag_of(index, offsets)]), wide(x[np.maximum(row, 0)])) if row.size else row
    )
    return np.where(row >= 0, products, 0).astype(x.dtype).reshape(index.shape)


@quiet
def bag_max(x, index, offsets):
    index, _ = _as_table(index, None, offsets)
    best = np.zeros((len(index), x.shape[1]), x.dtype)
    best_row = np.full(best.shape, -1, np.int64)
    for row in index.T:
        value = x[np.maximum(row, 0)]
        better = (best_row < 0) | (value > best) | ((value != value) & (best == best))
        better &= (row >= 0)[:, None]
        np.copyto(best, value, where=better)
        np.copyto(best_row, row[:, None], where=better)
    return best, best_row


def _bag_of(index, offsets):
    """Return the bag of each item."""
    if offsets is None:
        return np.repeat(np.arange(len(index)), index.shape[1])
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _as_table(index, weight, offsets):
    """Return bags of different sizes as rows of one, filled up with -1, and their weights."""
    if offsets is None:
        return index, None if weight is None else wide(weight)
    size = np.diff(offsets)
    item = offsets[:-1, None] + np.arange(size.max(initial=0))
    inside = item < offsets[1:, None]
    item = np.where(inside, item, 0)
    if not item.size:
        return np.full(item.shape, -1), None if weight is None else np.zeros(item.shape, weight.dtype)
    return np.where(inside, index[item], -1), None if weight is None else wide(weight)[item]

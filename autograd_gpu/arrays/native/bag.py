"""Bags of rows, compiled for this processor: kernels/host/bag.cu."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.columns import SHARES
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, contiguous_or_none

__all__ = ["bag_dot", "bag_max", "bag_scatter", "bag_sum"]

MOST_ITEMS = 2**31 - 1  # that a scatter numbers

_sum = Kernel("bag.cu", "bag_sum", "PPPPPqqqi")
_order = Kernel("bag.cu", "bag_order", "PPPPPqqq")
_scatter = Kernel("bag.cu", "bag_scatter", "PPPPPPqi")
_dot = Kernel("bag.cu", "bag_dot", "PPPPPqqqi")
_max = Kernel("bag.cu", "bag_max", "PPPPPqqqi")


def bag_sum(x, index, weight, offsets):
    run = _sum[x.dtype]
    if run is None:
        return cpu.bag_sum(x, index, weight, offsets)
    (bags, size), offsets = _bags(index, offsets), contiguous_or_none(offsets)
    y = np.empty((bags, x.shape[1]), x.dtype)
    if y.size:
        weight = contiguous_or_none(weight)
        arrays = (contiguous(x), contiguous(index), weight, offsets, y)
        run(min(bags, SHARES), index.size * x.shape[1], *arrays, size, bags, len(x), x.shape[1])
    return y


def bag_scatter(gy, index, weight, offsets, count):
    run, bags_and_size = _scatter[gy.dtype], _bags(index, offsets)
    if run is None or index.size > MOST_ITEMS:
        return cpu.bag_scatter(gy, index, weight, offsets, count)
    offsets = contiguous_or_none(offsets)
    gx = np.empty((count, gy.shape[1]), gy.dtype)
    if gx.size:
        begin, item, bag_of = (np.empty(size, np.int32) for size in (count + 2, index.size, index.size))
        bags, size = bags_and_size
        _order[gy.dtype](1, index.size, contiguous(index), offsets, begin, item, bag_of, size, bags, count)
        weight = contiguous_or_none(weight)
        arrays = (contiguous(gy), begin, item, bag_of, weight, gx)
        run(min(count, SHARES), max(index.size * gy.shape[1], gx.size), *arrays, count, gy.shape[1])
    return gx


def bag_dot(gy, x, index, offsets):
    run = _dot[x.dtype]
    if run is None:
        return cpu.bag_dot(gy, x, index, offsets)
    gweight = np.empty(index.shape, x.dtype)
    if gweight.size:
        (bags, size), offsets = _bags(index, offsets), contiguous_or_none(offsets)
        arrays = (contiguous(gy), contiguous(x), contiguous(index), offsets, gweight)
        run(min(bags, SHARES), index.size * x.shape[1], *arrays, size, bags, len(x), x.shape[1])
    return gweight


def bag_max(x, index, offsets):
    run = _max[x.dtype]
    if run is None:
        return cpu.bag_max(x, index, offsets)
    (bags, size), offsets = _bags(index, offsets), contiguous_or_none(offsets)
    y, row_of = np.empty((bags, x.shape[1]), x.dtype), np.empty((bags, x.shape[1]), np.int64)
    if y.size:
        arrays = (contiguous(x), contiguous(index), offsets, y, row_of)
        run(min(bags, SHARES), index.size * x.shape[1], *arrays, size, bags, len(x), x.shape[1])
    return y, row_of


def _bags(index: np.ndarray, offsets: np.ndarray | None) -> tuple[int, int]:
    """How many bags there are, and the size that all of them have: rows of index, or runs between offsets."""
    return index.shape if offsets is None else (len(offsets) - 1, 0)

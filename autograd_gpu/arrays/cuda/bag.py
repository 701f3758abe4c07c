"""Bags of rows, summed and maximised, and their gradients: launches kernels/bag.cu."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda.elementwise import lt, where
from autograd_gpu.arrays.cuda.index import _sort_rows
from autograd_gpu.arrays.cuda.launch import WARP, Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty, full
from autograd_gpu.arrays.cuda.rows import power_of_two

__all__ = ["bag_dot", "bag_max", "bag_scatter", "bag_sum"]

Array = Any

INT64 = np.dtype(np.int64)
LARGEST_BLOCK = 1024
MOST_BLOCKS = 1 << 16

_bag_sum = Kernel("bag.cu", "bag_sum", "PPPPPqqqi")
_bag_scatter = Kernel("bag.cu", "bag_scatter", "PPPPPPqqiqi")
_bag_dot = Kernel("bag.cu", "bag_dot", "PPPPPqqqqi")
_bag_max = Kernel("bag.cu", "bag_max", "PPPPPqqqi")


def bag_sum(x: Array, index: Array, weight: Array | None, offsets: Array | None) -> Array:
    """(bags, C): the sum over each bag of weight[i] * x[index[i]], x (N, C); -1 is no row.

    Bags are the rows of index (bags, size), or the runs of index (items,) between the numbers of offsets (bags + 1,).
    """
    x, index, weight, offsets = (_contiguous(array) for array in (x, index, weight, offsets))
    size, bags = _bags(index, offsets)
    y = empty((bags, x.shape[1]), x.dtype)
    if y.size:
        grid, block = _threads(y.size)
        _bag_sum(x.dtype, grid, block, x, index, weight, offsets, y, size, bags, *x.shape)
    return y


def bag_scatter(gy: Array, index: Array, weight: Array | None, offsets: Array | None, count: int) -> Array:
    """(count, C): row r is the sum of weight[i] * gy[bag of i] over the items whose row is r, in their order."""
    gy, index, weight, offsets = (_contiguous(array) for array in (gy, index, weight, offsets))
    size, bags = _bags(index, offsets)
    items, cols = index.size, gy.shape[1]
    if items == 0 or cols == 0:
        return full((count, cols), 0, gy.dtype)
    gx = empty((count, cols), gy.dtype)
    if count:
        flat = index.reshape((items,))
        named = where(lt(flat, 0), count, flat)  # no row sorts behind all rows
        row, item = _sort_rows(named, count + 1, gy.dtype)
        grid, block = _scatter_geometry(count, items, cols)
        _bag_scatter(gy.dtype, grid, block, gy, row, item, weight, offsets, gx, size, bags, items, count, cols)
    return gx


def bag_dot(gy: Array, x: Array, index: Array, offsets: Array | None) -> Array:
    """What bag_sum passes back to its weights, in index's shape: gy[bag of i] . x[index[i]], 0 for no row."""
    gy, x, index, offsets = (_contiguous(array) for array in (gy, x, index, offsets))
    size, bags = _bags(index, offsets)
    gweight = empty(index.shape, x.dtype)
    if gweight.size:
        lanes = min(WARP, power_of_two(max(x.shape[1], 1)))
        block = (lanes, 128 // lanes)
        items = index.size
        _bag_dot(x.dtype, ceil_div(items, block[1]), block, gy, x, index, offsets, gweight, size, bags, items, *x.shape)
    return gweight


def bag_max(x: Array, index: Array, offsets: Array | None) -> tuple[Array, Array]:
    """The largest of each bag and column, and the row it is from, (bags, C) each; 0 and -1 for a bag of no rows."""
    x, index, offsets = (_contiguous(array) for array in (x, index, offsets))
    size, bags = _bags(index, offsets)
    y, row = empty((bags, x.shape[1]), x.dtype), empty((bags, x.shape[1]), INT64)
    if y.size:
        grid, block = _threads(y.size)
        _bag_max(x.dtype, grid, block, x, index, offsets, y, row, size, bags, *x.shape)
    return y, row


def _contiguous(array: Array | None) -> Array | None:
    return None if array is None else contiguous(array)


def _bags(index: Array, offsets: Array | None) -> tuple[int, int]:
    """(size, bags): how many items a bag has, where all have as many, and how many bags there are."""
    return (index.shape[1], index.shape[0]) if offsets is None else (0, offsets.size - 1)


def _threads(elements: int) -> tuple[int, int]:
    block = block_for(elements)
    return min(ceil_div(elements, block), MOST_BLOCKS), block


@functools.lru_cache(maxsize=1024)
def _scatter_geometry(rows: int, items: int, cols: int) -> tuple[tuple[int, int], tuple[int, int, int]]:
    """As many threads share a row's items as a row has on average; the others take columns, then more rows."""
    across = min(power_of_two(cols), 256)
    sharing = min(WARP, 1 << (items // rows).bit_length(), LARGEST_BLOCK // across)
    together = min(64, max(1, 256 // (across * sharing)))  # the most that CUDA allows along z
    return (ceil_div(rows, together), ceil_div(cols, across)), (across, sharing, together)

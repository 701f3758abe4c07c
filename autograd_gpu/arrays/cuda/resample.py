"""A sparse matrix times one dimension of an array: launches kernels/resample.cu."""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty

__all__ = ["resample"]

Array = Any

MOST_BLOCKS = 1 << 16

_resample = Kernel("resample.cu", "resample", "PPPPPqqqq")


def resample(x: Array, start: Array, index: Array, weight: Array) -> Array:
    """y (outer, count, inner) of x (outer, length, inner): y[:, i] is the sum of weight[e] * x[:, index[e]] over e.

    Row i's e are those from start[i] to start[i + 1], start (count + 1,); weight has the accumulator's dtype.
    """
    outer, length, inner = x.shape
    count = start.size - 1
    y = empty((outer, count, inner), x.dtype)
    if y.size:
        block = block_for(y.size)
        grid = min(ceil_div(y.size, block), MOST_BLOCKS)
        _resample(x.dtype, grid, block, contiguous(x), start, index, weight, y, outer, length, count, inner)
    return y

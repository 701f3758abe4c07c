"""Rows by number, compiled for this processor: kernels/host/index.cu, and sums of rows as bags of one."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.bag import bag_scatter
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, shares

__all__ = ["gather_rows", "scatter_add_rows"]

ROW_COST = 16  # of finding a row, which is seldom in the cache

_gather_rows = Kernel("index.cu", "gather_rows", "PPPqqqi")


def gather_rows(x, index):
    run, (count, cols) = _gather_rows[x.dtype], x.shape
    if run is None:
        return cpu.gather_rows(x, index)
    if (cols > 1 and x.strides[1] != x.itemsize) or x.strides[0] % x.itemsize:
        x = contiguous(x)
    rows = index.size
    out, work = np.empty((rows, cols), x.dtype), rows * (cols + ROW_COST)
    if not out.size:
        return cpu.gather_rows(x, index)
    try:
        run(shares(rows, work), work, x, contiguous(index), out, count, x.strides[0] // x.itemsize, rows, cols)
    except IndexError:
        return cpu.gather_rows(x, index)  # which finds the number, and says it
    return out


def scatter_add_rows(gy, index, count):
    if not gy.size or not count or gy.dtype.kind not in "fV":
        return cpu.scatter_add_rows(gy, index, count)
    if index.min() < 0:
        index = np.where(index < 0, index + count, index)
        if index.min() < 0:  # a bag takes -1 for no row
            return cpu.scatter_add_rows(gy, index - count, count)
    if index.max() >= count:
        return cpu.scatter_add_rows(gy, index, count)
    return bag_scatter(gy, index.reshape(-1, 1), None, None, count)

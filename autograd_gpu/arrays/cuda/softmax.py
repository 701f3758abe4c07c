"""softmax and log_softmax along one dimension, and their gradients: launches kernels/softmax.cu."""

from __future__ import annotations

import math
from typing import Any

from autograd_gpu.arrays.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty
from autograd_gpu.arrays.cuda.rows import cache_slot, teams

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward"]

Array = Any

COLUMN_THREADS = 16  # as in softmax.cu: threads that share a column when `dim` is not the last

_softmax_forward = Kernel("softmax.cu", "softmax_forward", "PPqii")
_softmax_backward = Kernel("softmax.cu", "softmax_backward", "PPPqii")
_softmax_forward_columns = Kernel("softmax.cu", "softmax_forward_columns", "PPqiq")
_softmax_backward_columns = Kernel("softmax.cu", "softmax_backward_columns", "PPPqiq")
_log_softmax_forward = Kernel("softmax.cu", "log_softmax_forward", "PPqii")
_log_softmax_backward = Kernel("softmax.cu", "log_softmax_backward", "PPPqii")
_log_softmax_forward_columns = Kernel("softmax.cu", "log_softmax_forward_columns", "PPqiq")
_log_softmax_backward_columns = Kernel("softmax.cu", "log_softmax_backward_columns", "PPPqiq")


def softmax(x: Array, dim: int) -> Array:
    """exp(x) / sum(exp(x)) along `dim`."""
    return _along(dim, _softmax_forward, _softmax_forward_columns, x)


def log_softmax(x: Array, dim: int) -> Array:
    """x - log(sum(exp(x))) along `dim`."""
    return _along(dim, _log_softmax_forward, _log_softmax_forward_columns, x)


def softmax_backward(gy: Array, y: Array, dim: int) -> Array:
    """y * (gy - sum(gy * y)) along `dim`."""
    return _along(dim, _softmax_backward, _softmax_backward_columns, gy, y)


def log_softmax_backward(gy: Array, y: Array, dim: int) -> Array:
    """gy - exp(y) * sum(gy) along `dim`."""
    return _along(dim, _log_softmax_backward, _log_softmax_backward_columns, gy, y)


def _along(dim: int, rows_kernel: Kernel, columns_kernel: Kernel, *inputs: Array) -> Array:
    inputs = tuple(contiguous(x) for x in inputs)
    shape, dtype = inputs[0].shape, inputs[0].dtype
    out = empty(shape, dtype)
    if out.size == 0:
        return out
    n, inner = (shape[dim], math.prod(shape[dim + 1 :])) if shape else (1, 1)
    if inner == 1:
        rows = out.size // n
        grid, block = teams(rows, n, dtype)
        kept = len(inputs) * block[1]
        slot = cache_slot(n, dtype, kept)
        rows_kernel(dtype, grid, block, *inputs, out, rows, n, slot, shared_mem=kept * slot * dtype.itemsize)
    else:
        columns = out.size // n
        columns_kernel(dtype, ceil_div(columns, WARP), (WARP, COLUMN_THREADS), *inputs, out, columns, n, inner)
    return out

"""Scans on the GPU. Knows rows and columns; kernels/scan.cu goes along them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_gpu.backends.cuda.cast import cast
from autograd_gpu.backends.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.backends.cuda.memory import contiguous, copy, empty, full

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "linear_scan", "logcumsumexp"]

INT64 = np.dtype(np.int64)


class ScanKernels:
    """A scan's two kernels: along the last dimension, and along another."""

    def __init__(self, name: str, parameters: str) -> None:
        self._rows = Kernel("scan.cu", f"{name}_rows", parameters + "q")
        self._columns = Kernel("scan.cu", f"{name}_columns", parameters + "qqq")

    def __call__(self, y: Any, dim: int, *parameters: Any) -> Any:
        """Run along dimension `dim` of arrays that lie as y does, and return y."""
        if y.size == 0:
            return y
        n, inner = y.shape[dim], math.prod(y.shape[dim + 1 :])
        lines = y.size // n
        if inner == 1:
            self._rows(y.dtype, lines, block_for(n), *parameters, n)
        else:
            block = block_for(lines)
            self._columns(y.dtype, ceil_div(lines, block), block, *parameters, lines, n, inner)
        return y


_cumsum, _cumprod, _logcumsumexp = (ScanKernels(name, "P") for name in ("cumsum", "cumprod", "logcumsumexp"))
_cummax, _cummin = (ScanKernels(name, "PPP") for name in ("cummax", "cummin"))
_linear_scan = ScanKernels("linear_scan", "PPi")


def cumsum(x, dim, dtype):
    y = cast(x, dtype)
    return _cumsum(y, dim, y) if y.ndim else y


def cumprod(x, dim, dtype):
    y = cast(x, dtype)
    return _cumprod(y, dim, y) if y.ndim else y


def logcumsumexp(x, dim):
    y = copy(x)
    return _logcumsumexp(y, dim, y) if y.ndim else y


def cummax(x, dim):
    return _with_index(_cummax, x, dim)


def cummin(x, dim):
    return _with_index(_cummin, x, dim)


def _with_index(kernels, x, dim):
    if x.ndim == 0:
        return copy(x), full((), 0, INT64)
    values, indices = empty(x.shape, x.dtype), empty(x.shape, INT64)
    kernels(values, dim, contiguous(x), values, indices)
    return values, indices


def linear_scan(a, b, dim, reverse):
    """y[i] = a[i] * y[i-1] + b[i], from y[-1] = 0; with `reverse` its transpose, y[i] = a[i+1] * y[i+1] + b[i]."""
    y = copy(b)
    return _linear_scan(y, dim, contiguous(a), y, reverse) if y.ndim else y

"""Scans on the GPU. Knows rows and columns; kernels/scan.cu goes along them."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda.cast import cast
from autograd_gpu.arrays.cuda.compile import dtype_name
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, copy, empty, full
from autograd_gpu.arrays.sources import SCALARS

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "linear_scan", "logcumsumexp"]

INT64, BYTE = np.dtype(np.int64), np.dtype(np.uint8)

THREADS = 256
# Fewer blocks than this leave a GPU idle: rows are cut into chunks, but none shorter than SHORTEST.
ENOUGH_BLOCKS = 512
SHORTEST = 4096
# A thread goes along a line across memory; where such lines are fewer than this and longer, they are turned first.
FEW = 1024


class ScanKernels:
    """A scan's kernels, along the last dimension and along another, and the bytes of the state carried along.

    An `A` in `state` is the type computed in.
    """

    def __init__(self, name: str, parameters: str, state: str) -> None:
        self._state = state
        self._rows = Kernel("scan.cu", f"{name}_rows", parameters + "qqPP")
        self._carries = Kernel("scan.cu", f"{name}_carries", "PPi")
        self._columns = Kernel("scan.cu", f"{name}_columns", parameters + "qqq")

    def __call__(self, y: Any, dim: int, *parameters: Any) -> Any:
        """Run along dimension `dim` of arrays that lie as y does, and return y."""
        if y.size == 0:
            return y
        n, inner = y.shape[dim], math.prod(y.shape[dim + 1 :])
        lines = y.size // n
        if inner > 1:
            block = block_for(lines)
            self._columns(y.dtype, ceil_div(lines, block), block, *parameters, lines, n, inner)
            return y
        chunks = max(1, min(ENOUGH_BLOCKS // lines, n // SHORTEST))
        if chunks == 1:
            self._rows(y.dtype, lines, block_for(n), *parameters, n, n, None, None)
            return y
        chunk = ceil_div(n, chunks)
        chunks = ceil_div(n, chunk)
        totals, carries = (empty((lines * chunks * self._state_bytes(y.dtype),), BYTE) for _ in range(2))
        self._rows(y.dtype, (lines, chunks), THREADS, *parameters, n, chunk, totals, None)
        self._carries(y.dtype, lines, block_for(chunks), totals, carries, chunks)
        self._rows(y.dtype, (lines, chunks), THREADS, *parameters, n, chunk, None, carries)
        return y

    def _state_bytes(self, dtype: np.dtype) -> int:
        letter = SCALARS[dtype_name(dtype)][2]
        return struct.calcsize("@" + self._state.replace("A", letter))


_cumsum, _cumprod, _logcumsumexp = (ScanKernels(name, "P", "A") for name in ("cumsum", "cumprod", "logcumsumexp"))
_cummax, _cummin = (ScanKernels(name, "PPP", "Aq") for name in ("cummax", "cummin"))
_linear_scan = ScanKernels("linear_scan", "PPi", "AA")


def _turned_when_few(scan: Callable) -> Callable:
    """The scan, with few long lines across memory laid along it meanwhile."""

    @functools.wraps(scan)
    def run(*arguments: Any) -> Any:
        arrays = [v for v in arguments if hasattr(v, "swapaxes")]
        dim, *rest = arguments[len(arrays) :]
        shape = arrays[0].shape
        if dim >= len(shape) - 1 or not 0 < arrays[0].size < FEW * shape[dim] or shape[dim] < FEW:
            return scan(*arguments)
        results = scan(*(x.swapaxes(dim, -1) for x in arrays), len(shape) - 1, *rest)
        back = tuple(contiguous(y.swapaxes(dim, -1)) for y in (results if isinstance(results, tuple) else (results,)))
        return back if isinstance(results, tuple) else back[0]

    return run


@_turned_when_few
def cumsum(x, dim, dtype):
    y = cast(x, dtype)
    return _cumsum(y, dim, y) if y.ndim else y


@_turned_when_few
def cumprod(x, dim, dtype):
    y = cast(x, dtype)
    return _cumprod(y, dim, y) if y.ndim else y


@_turned_when_few
def logcumsumexp(x, dim):
    y = copy(x)
    return _logcumsumexp(y, dim, y) if y.ndim else y


@_turned_when_few
def cummax(x, dim):
    return _with_index(_cummax, x, dim)


@_turned_when_few
def cummin(x, dim):
    return _with_index(_cummin, x, dim)


def _with_index(kernels, x, dim):
    if x.ndim == 0:
        return copy(x), full((), 0, INT64)
    values, indices = empty(x.shape, x.dtype), empty(x.shape, INT64)
    kernels(values, dim, contiguous(x), values, indices)
    return values, indices


@_turned_when_few
def linear_scan(a, b, dim, reverse):
    """y[i] = a[i] * y[i-1] + b[i], from y[-1] = 0; with `reverse` its transpose, y[i] = a[i+1] * y[i+1] + b[i]."""
    y = copy(b)
    return _linear_scan(y, dim, contiguous(a), y, reverse) if y.ndim else y

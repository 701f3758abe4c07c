"""Rows by number, and where the nonzero elements are: launches kernels/index.cu."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.launch import WARP, Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty, full, to_numpy
from autograd_gpu.arrays.cuda.rows import teams

__all__ = ["gather_rows", "nonzero", "scatter_add_rows", "scatter_rows"]

Array = Any

DIGITS, DIGIT_BITS, SORT_CHUNK = 256, 8, 1024  # as in index.cu
MOST_DIMS = 8
LARGEST_BLOCK = 1024
MOST_SUMS, PACK_BLOCK = (
    8,
    256,
)  # sums of a thread of scatter_add_rows, and its block where it takes packs; as in index.cu
INT32_MAX = np.iinfo(np.int32).max

_gather_rows = Kernel("index.cu", "gather_rows", "PPPqqqi")
_scatter_claim = Kernel("index.cu", "scatter_claim", "PPiq")
_scatter_rows = Kernel("index.cu", "scatter_rows", "PPPPqqqii")
_sort_begin = Kernel("index.cu", "sort_begin", "PPPiq")
_sort_count = Kernel("index.cu", "sort_count", "PPii")
_exclusive_scan = Kernel("index.cu", "exclusive_scan", "Pq")
_sort_place = Kernel("index.cu", "sort_place", "PPPPPii")
_scatter_add_rows = Kernel("index.cu", "scatter_add_rows", "PPPPiii")
_nonzero_count = Kernel("index.cu", "nonzero_count", "PPq")
_nonzero_write = Kernel("index.cu", "nonzero_write", f"PPPq{8 * MOST_DIMS}si")


def gather_rows(x: Array, index: Array) -> Array:
    """x[index]: row index[i] of x (N, C) becomes row i. A row number outside x stops the kernel."""
    index = contiguous(index)
    itemsize = x.dtype.itemsize
    if x.shape[1] > 1 and x.strides[1] != itemsize:
        x = contiguous(x)
    rows, cols = index.size, x.shape[1]
    out = empty((rows, cols), x.dtype)
    if out.size:
        grid, block = teams(rows, cols, x.dtype)
        stride = x.strides[0] // itemsize
        _gather_rows(x.dtype, grid, block, x, index, out, x.shape[0], stride, rows, cols)
    return out


def scatter_add_rows(gy: Array, index: Array, count: int) -> Array:
    """(count, C): row r is the sum, in order of i, of the rows gy[i] whose index[i] is r."""
    gy = contiguous(gy)
    rows, cols = gy.shape
    if rows == 0:
        return full((count, cols), 0, gy.dtype)
    out = empty((count, cols), gy.dtype)
    if out.size == 0:
        return out
    key, position = _sort_rows(index, count, gy.dtype)
    wide = min(16 // gy.itemsize, MOST_SUMS)
    packs = cols % wide == 0 and driver.current().pointer(gy) % 16 == 0
    columns, threads = (cols // wide, PACK_BLOCK) if packs else (cols, LARGEST_BLOCK)
    # As many threads share a row's sources as a row has on average, the others take columns.
    sharing = min(WARP, 1 << (rows // count).bit_length())
    across = min(block_for(columns), threads // sharing)
    grid = (count, ceil_div(columns, across))
    _scatter_add_rows(gy.dtype, grid, (across, sharing), gy, key, position, out, rows, cols, packs)
    return out


def scatter_rows(out: Array, index: Array, x: Array) -> None:
    """out[index] = x for rows of the view `out` (N, C); of duplicates the last wins."""
    index, x, dtype = contiguous(index), contiguous(x), x.dtype
    rows, cols = x.shape
    if x.size == 0:
        return
    _check_rows("scatter_rows", rows)
    last = full((out.shape[0],), -1, np.dtype(np.int32))
    threads = block_for(rows)
    _scatter_claim(dtype, ceil_div(rows, threads), threads, index, last, rows, out.shape[0])
    row_stride, col_stride = (stride // dtype.itemsize for stride in out.strides)
    grid, block = teams(rows, cols, dtype)
    _scatter_rows(dtype, grid, block, out, index, x, last, out.shape[0], row_stride, col_stride, rows, cols)


def nonzero(x: Array) -> Array:
    """The coordinates (n, ndim) of the elements of x that are not 0, row-major. Waits for the device to learn n."""
    if x.ndim > MOST_DIMS:
        raise TypeError(f"nonzero: at most {MOST_DIMS} dimensions, got {x.ndim}")
    x, n = contiguous(x), x.size
    if n == 0:
        return empty((0, x.ndim), np.dtype(np.int64))
    blocks = ceil_div(n, LARGEST_BLOCK)
    offsets = empty((blocks + 1,), np.dtype(np.int64))
    _nonzero_count(x.dtype, blocks, LARGEST_BLOCK, x, offsets, n)
    _exclusive_scan(x.dtype, 1, LARGEST_BLOCK, offsets, blocks)
    found = int(to_numpy(offsets[blocks:])[0])
    out = empty((found, x.ndim), np.dtype(np.int64))
    if out.size:
        sizes = struct.pack(f"{MOST_DIMS}q", *x.shape, *(1,) * (MOST_DIMS - x.ndim))
        _nonzero_write(x.dtype, blocks, LARGEST_BLOCK, x, offsets, out, n, sizes, x.ndim)
    return out


def _sort_rows(index: Array, count: int, dtype: np.dtype) -> tuple[Array, Array]:
    """The row numbers of `index` in ascending order, and where each came from; equal numbers keep their order."""
    index, n = contiguous(index), index.size
    _check_rows("scatter_add_rows", max(n, count))
    key, position, sorted_key, sorted_position = (empty((n,), np.dtype(np.int32)) for _ in range(4))
    threads, chunks = block_for(n), ceil_div(n, SORT_CHUNK)
    _sort_begin(dtype, ceil_div(n, threads), threads, index, key, position, n, count)
    counts = empty((DIGITS * chunks + 1,), np.dtype(np.int64))
    for shift in range(0, (count - 1).bit_length(), DIGIT_BITS):
        _sort_count(dtype, chunks, DIGITS, key, counts, n, shift)
        _exclusive_scan(dtype, 1, LARGEST_BLOCK, counts, DIGITS * chunks)
        _sort_place(dtype, chunks, WARP, key, position, counts, sorted_key, sorted_position, n, shift)
        key, sorted_key = sorted_key, key
        position, sorted_position = sorted_position, position
    return key, position


def _check_rows(function: str, rows: int) -> None:
    if rows > INT32_MAX:
        raise ValueError(f"{function}: at most {INT32_MAX} rows, got {rows}")

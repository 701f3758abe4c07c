"""The matrix product, batched and strided: chooses among the kernels of kernels/matmul.cu and kernels/matmul_tensor.cu.

Transposed operands and stride-0 batches are multiplied as they lie. The choice depends on shapes, strides and dtype
alone, so that a product has the same bits on every GPU.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from autograd_gpu.backends.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.backends.cuda.memory import copy, empty, fill
from autograd_gpu.backends.cuda.rows import accumulator

__all__ = ["matmul"]

__all__ = ["matmul"]

Array = Any
Batch = list[tuple[int, int, int]]  # size, stride in x, stride in y

BATCH_DIMS = 6  # as in matmul.cuh
PROBLEM = struct.Struct(f"{10 + 3 * BATCH_DIMS}q")
_FORMAT = f"PPPP{PROBLEM.size}s"
THREADS = 256
SIMT_TILES = (128, 64)
TENSOR_TILE, STAGES = 128, 3  # as in matmul_tensor.cu
TENSOR_SHARED = STAGES * 2 * TENSOR_TILE * (32 + 8) * 2  # its ring of panels, in bytes

ENOUGH_BLOCKS = 128  # keep a large GPU busy; fewer output tiles than that share out K as well
SHORTEST_SLICE, SLICE_STEP = 256, 32

_simt = {tile: Kernel("matmul.cu", f"matmul_{tile}", _FORMAT) for tile in SIMT_TILES}
_simt_total = Kernel("matmul.cu", "matmul_total", "PPqi")
_tensor = {layout: Kernel("matmul_tensor.cu", f"matmul_{layout}", _FORMAT) for layout in ("nn", "nt", "tn", "tt")}
_tensor_total = Kernel("matmul_tensor.cu", "matmul_total", "PPqi")


def matmul(x: Array, y: Array) -> Array:
    """x @ y for x (*batch, M, K) and y (*batch, K, N) of any strides."""
    if x.dtype != y.dtype:
        raise TypeError(f"matmul: operands must have one dtype, got {x.dtype} and {y.dtype}")
    if x.dtype.name in ("float16", "bfloat16"):
        return _matmul_tensor(x, y)
    if x.dtype.name in ("float32", "float64"):
        return _matmul_simt(x, y)
    raise TypeError(f"matmul: no CUDA kernel for {x.dtype}; there is one for float16, bfloat16, float32, float64")


def _matmul_simt(x: Array, y: Array) -> Array:
    (*batch, m, _), n = x.shape, y.shape[-1]
    large, small = SIMT_TILES
    tiles = math.prod(batch) * ceil_div(m, large) * ceil_div(n, large)
    # A float64 tile of the large size would leave room for one block's registers only.
    tile = large if x.dtype.itemsize == 4 and tiles >= ENOUGH_BLOCKS else small
    return _launch(_simt[tile], _simt_total, tile, 0, x, y)


def _matmul_tensor(x: Array, y: Array) -> Array:
    x_layout, y_layout = _layout(x), _layout(y)
    if x_layout is None:
        x, x_layout = copy(x), "n"
    if y_layout is None:
        y, y_layout = copy(y), "n"
    return _launch(_tensor[x_layout + y_layout], _tensor_total, TENSOR_TILE, TENSOR_SHARED, x, y)


def _layout(x: Array) -> str | None:
    """n: the elements of a row are neighbours; t: those of a column; None: neither."""
    (rows, cols), (row_stride, col_stride) = x.shape[-2:], x.strides[-2:]
    if col_stride == x.dtype.itemsize:
        return "n"
    if row_stride == x.dtype.itemsize:
        return "t"
    # A dimension of one element has no neighbours to be near to.
    return "n" if cols <= 1 else "t" if rows <= 1 else None


def _launch(kernel: Kernel, total: Kernel, tile: int, shared: int, x: Array, y: Array) -> Array:
    (*batch, m, k), n, dtype = x.shape, y.shape[-1], x.dtype
    out = empty((*batch, m, n), dtype)
    if out.size == 0:
        return out
    if k == 0:
        fill(out, 0)
        return out

    *x_batch, x_row, x_col = (stride // dtype.itemsize for stride in x.strides)
    *y_batch, y_row, y_col = (stride // dtype.itemsize for stride in y.strides)
    dims = _merge(list(zip(batch, x_batch, y_batch, strict=True)))
    if len(dims) == 1 and dims[0][2] == 0 and (m == 1 or dims[0][1] == m * x_row):
        # One y for all: the batch is nothing but more rows of x.
        m, x_row, dims = m * dims[0][0], dims[0][1] // m, []
    if len(dims) > BATCH_DIMS:
        raise ValueError(f"matmul: at most {BATCH_DIMS} batch dimensions that do not merge, got {len(dims)}")

    tiles = math.prod(size for size, _, _ in dims) * ceil_div(m, tile) * ceil_div(n, tile)
    slices = 1 if tiles >= ENOUGH_BLOCKS else max(1, min(ceil_div(ENOUGH_BLOCKS, tiles), k // SHORTEST_SLICE))
    slice = ceil_div(ceil_div(k, slices), SLICE_STEP) * SLICE_STEP
    slices = ceil_div(k, slice)
    padded = dims + [(1, 0, 0)] * (BATCH_DIMS - len(dims))
    strides = (x_row, x_col, y_row, y_col)
    problem = PROBLEM.pack(m, n, k, *strides, slices, slice, len(dims), *(v for field in zip(*padded) for v in field))

    partial = empty((slices, out.size), accumulator(dtype)) if slices > 1 else None
    kernel(dtype, tiles * slices, THREADS, x, y, out, partial, problem, shared_mem=shared)
    if partial is not None:
        threads = block_for(out.size)
        total(dtype, ceil_div(out.size, threads), threads, partial, out, out.size, slices)
    return out


def _merge(dims: Batch) -> Batch:
    """The same batch with as few dimensions: neighbours that one stride steps through become one."""
    merged: Batch = []
    for size, x_stride, y_stride in dims:
        if size == 1:
            continue
        if merged and merged[-1][1:] == (x_stride * size, y_stride * size):
            size *= merged.pop()[0]
        merged.append((size, x_stride, y_stride))
    return merged

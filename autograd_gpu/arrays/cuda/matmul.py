"""The matrix product, batched and strided: chooses among the kernels of kernels/matmul.cu and kernels/matmul_tensor.cu.

Transposed operands and stride-0 batches are multiplied as they lie. The choice among our kernels depends on shapes,
strides, dtype and float32's precision alone, so that they give the same bits on every GPU. Where cuBLASLt was measured
to be faster (matmul_choice.py), it does the product instead.
"""

from __future__ import annotations

import functools
import math
import struct
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.alike import check_dtype
from autograd_gpu.arrays.cuda import blas
from autograd_gpu.arrays.cuda import matmul_choice as choice
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.matmul_problem import layout, problem_of
from autograd_gpu.arrays.cuda.memory import copy, copy_into, empty, expand, fill
from autograd_gpu.arrays.cuda.rows import accumulator
from autograd_gpu.settings import allows_tf32

__all__ = ["matmul"]

Array = Any
Shape = tuple[int, ...]

BATCH_DIMS = 6  # as in matmul.cuh
PROBLEM = struct.Struct(f"{10 + 3 * BATCH_DIMS}q")
_FORMAT = f"PPPPP{PROBLEM.size}s"
THREADS = 256
SIMT_TILES = (128, 64)
TENSOR_TILE, STAGES = 128, 3  # as in matmul_tensor.cu
TENSOR_SHARED = STAGES * 2 * TENSOR_TILE * (32 + 8) * 2  # its ring of panels, in bytes

ENOUGH_BLOCKS = 128  # keep a large GPU busy; fewer output tiles than that share out K as well
SHORTEST_SLICE, SLICE_STEP = 256, 32

_simt = {tile: Kernel("matmul.cu", f"matmul_{tile}", _FORMAT) for tile in SIMT_TILES}
_simt_total = Kernel("matmul.cu", "matmul_total", "PPPqqi")
_tensor = {layout: Kernel("matmul_tensor.cu", f"matmul_{layout}", _FORMAT) for layout in ("nn", "nt", "tn", "tt")}
_tensor_total = Kernel("matmul_tensor.cu", "matmul_total", "PPPqqi")


def matmul(x: Array, y: Array) -> Array:
    """x @ y for x (*batch, M, K) and y (*batch, K, N) of any strides."""
    return product("matmul", x, y, None)


def product(function: str, x: Array, y: Array, bias: Array | None) -> Array:
    """x @ y + bias, bias (N,) contiguous or None; errors name `function`."""
    dtype = x.dtype
    if dtype is not y.dtype or (bias is not None and bias.dtype is not dtype):
        check_dtype(function, x=x, y=y, bias=bias)
    if choice.mode() != choice.OWN and (out := blas.product(x, y, bias)) is not None:
        return out
    plan = plan_of(x, y)
    if plan is None:
        return product(function, _with_neighbours(x), _with_neighbours(y), bias)
    out = empty((*x.shape[:-1], y.shape[-1]), dtype)
    if plan.grid == 0:
        if bias is None:
            fill(out, 0)
        else:
            copy_into(out, expand(bias.reshape(1, -1), out.shape))
        return out
    partial = empty((plan.slices, out.size), accumulator(dtype)) if plan.slices > 1 else None
    plan.kernel(dtype, plan.grid, THREADS, x, y, bias, out, partial, plan.problem, shared_mem=plan.shared)
    if partial is not None:
        threads = block_for(out.size)
        grid = ceil_div(out.size, threads)
        plan.total(dtype, grid, threads, partial, bias, out, out.size, out.shape[-1], plan.slices)
    return out


def plan_of(x: Array, y: Array) -> Plan | None:
    """How to multiply x and y; None when one of them must be copied first."""
    dtype = x.dtype
    tf32 = dtype == np.float32 and allows_tf32()
    return _plan(dtype, tf32, x.shape, x.strides, y.shape, y.strides)


class Plan(NamedTuple):
    kernel: Kernel
    layout: str  # of x and y, as the tensor-core kernels are named; "" for the others
    total: Kernel  # adds up the slices of K
    grid: int  # 0: nothing to multiply
    slices: int
    shared: int
    problem: bytes


# Host time counts: a training step asks for the same few products again and again.
@functools.lru_cache(maxsize=4096)
def _plan(
    dtype: np.dtype, tf32: bool, x_shape: Shape, x_strides: Shape, y_shape: Shape, y_strides: Shape
) -> Plan | None:
    asked = problem_of(dtype.itemsize, x_shape, x_strides, y_shape, y_strides)
    *sizes_and_strides, dims = asked
    m, n, k = sizes_and_strides[:3]
    if len(dims) > BATCH_DIMS:
        raise ValueError(f"matmul: at most {BATCH_DIMS} batch dimensions that do not merge, got {len(dims)}")

    def tiles(tile: int) -> int:
        return math.prod(size for size, _, _ in dims) * ceil_div(m, tile) * ceil_div(n, tile)

    tensor_layout = ""
    if tf32 or dtype.name in ("float16", "bfloat16"):
        if asked.x_layout is None or asked.y_layout is None:
            return None
        tensor_layout = asked.x_layout + asked.y_layout
        kernel, total, blocks, shared = _tensor[tensor_layout], _tensor_total, tiles(TENSOR_TILE), TENSOR_SHARED
    elif dtype.name in ("float32", "float64") or dtype.kind in "iu":
        large, small = SIMT_TILES
        # A float64 tile of the large size would leave room for one block's registers only.
        tile = large if dtype.name == "float32" and tiles(large) >= ENOUGH_BLOCKS else small
        kernel, total, blocks, shared = _simt[tile], _simt_total, tiles(tile), 0
    else:
        raise TypeError(f"matmul: no CUDA kernel for {dtype}; there is one for floats and integers")
    if asked.is_empty:
        return Plan(kernel, tensor_layout, total, 0, 1, 0, b"")

    slices = 1 if blocks >= ENOUGH_BLOCKS else max(1, min(ceil_div(ENOUGH_BLOCKS, blocks), k // SHORTEST_SLICE))
    slice = ceil_div(ceil_div(k, slices), SLICE_STEP) * SLICE_STEP
    slices = ceil_div(k, slice)
    padded = dims + ((1, 0, 0),) * (BATCH_DIMS - len(dims))
    fields = [value for field in zip(*padded, strict=True) for value in field]
    problem = PROBLEM.pack(*sizes_and_strides, slices, slice, len(dims), *fields)
    return Plan(kernel, tensor_layout, total, blocks * slices, slices, shared, problem)


def _with_neighbours(x: Array) -> Array:
    (rows, cols), strides = x.shape[-2:], (stride // x.dtype.itemsize for stride in x.strides[-2:])
    return copy(x) if layout(rows, cols, *strides) is None else x

"""Scaled dot-product attention and its gradients, without a T x S matrix.

Launches kernels/attention_tensor.cu for 16-bit dtypes and head dimensions up to 128, kernels/attention.cu for the rest.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.backends.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.backends.cuda.memory import contiguous, empty, fill
from autograd_gpu.backends.cuda.rows import accumulator

__all__ = ["attention", "attention_backward"]

Array = Any

THREADS = 128
SIZES, STRIDES = struct.Struct("d4iq"), struct.Struct("3q")  # as in attention.cuh
_STRIDES, _SIZES = f"{STRIDES.size}s", f"{SIZES.size}s"

# As in attention.cu: rows_for, and as in attention_tensor.cu: a block's rows, and the others' that it holds at a time.
TILE_BYTES, MOST_ROWS = 32768, 32
TENSOR_ROWS, TENSOR_COLS, TENSOR_PAD = 64, 64, 8


class _Kernels(NamedTuple):
    forward: Kernel
    backward_keys: Kernel
    backward_queries: Kernel


def _kernels(file: str, most: int) -> _Kernels:
    formats = {
        "forward": "PPPPP" + 3 * _STRIDES + _SIZES,
        "backward_keys": "PPPPPPPP" + 4 * _STRIDES + _SIZES,
        "backward_queries": "PPPPPPP" + 4 * _STRIDES + _SIZES,
    }
    return _Kernels(*(Kernel(file, f"attention_{name}_{most}", format) for name, format in formats.items()))


# By the largest head dimension that they take.
_simt = {most: _kernels("attention.cu", most) for most in (64, 128, 256)}
_tensor = {most: _kernels("attention_tensor.cu", most) for most in (64, 128)}
_delta = Kernel("attention.cu", "attention_delta", "PPP" + _STRIDES + "q" + _SIZES)


def attention(q: Array, k: Array, v: Array, causal: bool, scale: float) -> tuple[Array, Array]:
    """softmax(scale * q @ k^T, masked if causal) @ v, and the log of each query's sum of exponentials (B, H, T)."""
    plan = _plan("attention", q, k, v)
    batch, heads, queries, d = q.shape
    keys, dtype = k.shape[2], q.dtype
    o, lse = empty(q.shape, dtype), empty((batch, heads, queries), accumulator(dtype))
    if o.size == 0 or keys == 0:
        fill(o, 0)
        fill(lse, -np.inf)
        return o, lse
    (q, k, v), strides = _along_d(q, k, v)
    grid = batch * heads * ceil_div(queries, plan.forward_rows)
    sizes = SIZES.pack(scale, heads, queries, keys, d, causal)
    shared = plan.forward_shared
    plan.kernels.forward(dtype, grid, THREADS, q, k, v, o, lse, *strides, sizes, shared_mem=shared)
    return o, lse


def attention_backward(
    go: Array, q: Array, k: Array, v: Array, o: Array, lse: Array, causal: bool, scale: float
) -> tuple[Array, Array, Array]:
    """The gradients of q, k and v, given those of o."""
    plan = _plan("attention_backward", q, k, v, go, o)
    batch, heads, queries, d = q.shape
    keys, dtype = k.shape[2], q.dtype
    gq, gk, gv = (empty(x.shape, dtype) for x in (q, k, v))
    if q.size == 0 or keys == 0:
        for g in (gq, gk, gv):
            fill(g, 0)
        return gq, gk, gv
    (go, q, k, v), strides = _along_d(go, q, k, v)
    o, delta = contiguous(o), empty(lse.shape, lse.dtype)
    sizes = SIZES.pack(scale, heads, queries, keys, d, causal)
    rows_per_block = THREADS // WARP
    grid, block = ceil_div(lse.size, rows_per_block), (WARP, rows_per_block)
    _delta(dtype, grid, block, go, o, delta, strides[0], lse.size, sizes)

    operands, shared = (go, q, k, v, lse, delta), plan.backward_shared
    grid = batch * heads * ceil_div(keys, plan.backward_rows)
    plan.kernels.backward_keys(dtype, grid, THREADS, *operands, gk, gv, *strides, sizes, shared_mem=shared)
    grid = batch * heads * ceil_div(queries, plan.backward_rows)
    plan.kernels.backward_queries(dtype, grid, THREADS, *operands, gq, *strides, sizes, shared_mem=shared)
    return gq, gk, gv


class _Plan(NamedTuple):
    """Which kernels run, how many rows a block of theirs owns, and the dynamic shared memory that it needs."""

    kernels: _Kernels
    forward_rows: int
    backward_rows: int
    forward_shared: int = 0
    backward_shared: int = 0


def _plan(function: str, q: Array, *others: Array) -> _Plan:
    for x in others:
        if x.dtype != q.dtype:
            raise TypeError(f"{function}: operands must have one dtype, got {q.dtype} and {x.dtype}")
    d, dtype = q.shape[3], q.dtype
    for most in _tensor if dtype.name in ("float16", "bfloat16") else ():
        if d <= most:
            line = dtype.itemsize * (most + TENSOR_PAD)
            # Forward holds a tile each of q, k and v; backward two of its rows, two of each of two others in turn.
            shared = (TENSOR_ROWS + 2 * TENSOR_COLS) * line, (2 * TENSOR_ROWS + 2 * TENSOR_COLS) * line
            return _Plan(_tensor[most], TENSOR_ROWS, TENSOR_ROWS, *shared)
    for most in _simt:
        if d <= most:
            return _Plan(_simt[most], _rows(most, 2, dtype), _rows(most, 4, dtype))
    raise TypeError(f"{function}: head dimension at most {most}, got {d}")


def _rows(d: int, tiles: int, dtype: np.dtype) -> int:
    """rows_for of attention.cu."""
    return min(MOST_ROWS, TILE_BYTES // accumulator(dtype).itemsize // tiles // d)


def _along_d(*operands: Array) -> tuple[list[Array], list[bytes]]:
    """The operands with their last dimension contiguous, copied only where it is not, and their other strides."""
    arrays = [x if x.shape[3] == 1 or x.strides[3] == x.dtype.itemsize else contiguous(x) for x in operands]
    return arrays, [STRIDES.pack(*(stride // x.dtype.itemsize for stride in x.strides[:3])) for x in arrays]

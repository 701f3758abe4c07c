"""Scaled dot-product attention and its gradients, without a T x S matrix: launches kernels/attention.cu."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from autograd_gpu.backends.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.backends.cuda.memory import contiguous, empty, fill
from autograd_gpu.backends.cuda.rows import accumulator

__all__ = ["attention", "attention_backward"]

__all__ = ["attention", "attention_backward"]

Array = Any

THREADS = 128
SIZES, STRIDES = struct.Struct("d4iq"), struct.Struct("3q")  # as in attention.cu
TILE_BYTES, MOST_ROWS = 32768, 32
_STRIDES, _SIZES = f"{STRIDES.size}s", f"{SIZES.size}s"

_forward, _backward_keys, _backward_queries = (
    {most: Kernel("attention.cu", f"attention_{name}_{most}", format) for most in (64, 128, 256)}
    for name, format in (
        ("forward", "PPPPP" + 3 * _STRIDES + _SIZES),
        ("backward_keys", "PPPPPPPP" + 4 * _STRIDES + _SIZES),
        ("backward_queries", "PPPPPPP" + 4 * _STRIDES + _SIZES),
    )
)
_delta = Kernel("attention.cu", "attention_delta", "PPP" + _STRIDES + "q" + _SIZES)


def attention(q: Array, k: Array, v: Array, causal: bool, scale: float) -> tuple[Array, Array]:
    """softmax(scale * q @ k^T, masked if causal) @ v, and the log of each query's sum of exponentials (B, H, T)."""
    most = _check("attention", q, k, v)
    batch, heads, queries, d = q.shape
    keys, dtype = k.shape[2], q.dtype
    o, lse = empty(q.shape, dtype), empty((batch, heads, queries), accumulator(dtype))
    if o.size == 0 or keys == 0:
        fill(o, 0)
        fill(lse, -np.inf)
        return o, lse
    (q, k, v), strides = _along_d(q, k, v)
    grid = batch * heads * ceil_div(queries, _rows(most, 2, dtype))
    sizes = SIZES.pack(scale, heads, queries, keys, d, causal)
    _forward[most](dtype, grid, THREADS, q, k, v, o, lse, *strides, sizes)
    return o, lse


def attention_backward(
    go: Array, q: Array, k: Array, v: Array, o: Array, lse: Array, causal: bool, scale: float
) -> tuple[Array, Array, Array]:
    """The gradients of q, k and v, given those of o."""
    most = _check("attention_backward", q, k, v, go, o)
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

    tile = _rows(most, 4, dtype)
    operands = (go, q, k, v, lse, delta)
    grid = batch * heads * ceil_div(keys, tile)
    _backward_keys[most](dtype, grid, THREADS, *operands, gk, gv, *strides, sizes)
    grid = batch * heads * ceil_div(queries, tile)
    _backward_queries[most](dtype, grid, THREADS, *operands, gq, *strides, sizes)
    return gq, gk, gv


def _rows(d: int, tiles: int, dtype: np.dtype) -> int:
    """rows_for of attention.cu."""
    return min(MOST_ROWS, TILE_BYTES // accumulator(dtype).itemsize // tiles // d)


def _along_d(*operands: Array) -> tuple[list[Array], list[bytes]]:
    """The operands with their last dimension contiguous, copied only where it is not, and their other strides."""
    arrays = [x if x.shape[3] == 1 or x.strides[3] == x.dtype.itemsize else contiguous(x) for x in operands]
    return arrays, [STRIDES.pack(*(stride // x.dtype.itemsize for stride in x.strides[:3])) for x in arrays]


def _check(function: str, q: Array, *others: Array) -> int:
    """The kernels' bound on d that fits."""
    for x in others:
        if x.dtype != q.dtype:
            raise TypeError(f"{function}: operands must have one dtype, got {q.dtype} and {x.dtype}")
    for most in _forward:
        if q.shape[3] <= most:
            return most
    raise TypeError(f"{function}: head dimension at most {most}, got {q.shape[3]}")

"""Scaled dot-product attention and its gradients, without a T x S matrix.

Launches kernels/attention_tensor.cu for 16-bit dtypes and kernels/attention.cu for the others; both share the loops of
kernels/include/attention.cuh.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.alike import check_dtype
from autograd_gpu.arrays.attention_problem import PROBLEM_FORMAT, along_d, problem
from autograd_gpu.arrays.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty, fill
from autograd_gpu.arrays.cuda.rows import accumulator

__all__ = ["attention", "attention_backward"]

Array = Any

HEAD_DIMS = (64, 128, 256)  # a kernel for each; d is at most one of them
DELTA_THREADS = 128


class _Team(NamedTuple):
    """A block's threads, the rows that it owns, and the shared memory that it needs: Team of the .cu files."""

    threads: int
    rows: int
    shared: int


class _Kernels(NamedTuple):
    forward: Kernel
    keys: Kernel
    queries: Kernel
    delta: Kernel


def _kernels(file: str, most: int) -> _Kernels:
    return _Kernels(
        Kernel(file, f"attention_forward_{most}", f"PPPPPP{PROBLEM_FORMAT}"),
        Kernel(file, f"attention_backward_keys_{most}", f"PPPPPPPPP{PROBLEM_FORMAT}"),
        Kernel(file, f"attention_backward_queries_{most}", f"PPPPPPPP{PROBLEM_FORMAT}"),
        _deltas[file],
    )


_deltas = {
    file: Kernel(file, "attention_delta", f"PPPq{PROBLEM_FORMAT}") for file in ("attention.cu", "attention_tensor.cu")
}
_simt = {most: _kernels("attention.cu", most) for most in HEAD_DIMS}
_tensor = {most: _kernels("attention_tensor.cu", most) for most in HEAD_DIMS}


class _Plan(NamedTuple):
    kernels: _Kernels
    forward: _Team
    keys: _Team
    queries: _Team


def _tensor_plan(most: int) -> _Plan:
    line = 2 * (most + 8)
    cols, split = (16, 2) if most > 128 else (32, 1)
    # Forward holds a tile each of q, k and v; backward two of its own rows, and two stages of two of others.
    backward = (2 * 64 + 2 * 2 * cols) * line
    forward = _Team(128, 64, (64 + 2 * 64) * line)
    return _Plan(_tensor[most], forward, _Team(128 * split, 64, backward), _Team(128, 64, backward))


def _simt_plan(most: int, itemsize: int) -> _Plan:
    def team(tiles: int, tile_bytes: int) -> _Team:
        rows = min(32, tile_bytes // itemsize // most)
        return _Team(128, rows, (rows * (rows + 1) + tiles * rows * (most + 4)) * itemsize)

    return _Plan(_simt[most], team(3, 16384), team(4, 8192), team(4, 8192))


_PLANS = {
    **{(name, most): _tensor_plan(most) for name in ("float16", "bfloat16") for most in HEAD_DIMS},
    **{(name, most): _simt_plan(most, size) for name, size in (("float32", 4), ("float64", 8)) for most in HEAD_DIMS},
}


def attention(q: Array, k: Array, v: Array, mask: Array | None, causal: bool, scale: float) -> tuple[Array, Array]:
    """softmax(scale * q @ k^T + mask) @ v, and the log of each query's sum of exponentials (B, H, T)."""
    plan = _plan("attention", q, k, mask)
    batch, heads, queries, _ = q.shape
    o, lse = empty(q.shape, q.dtype), empty((batch, heads, queries), accumulator(q.dtype))
    if o.size == 0 or k.size == 0:
        fill(o, 0)
        fill(lse, -np.inf)
        return o, lse
    q, k, v = (along_d(x, contiguous) for x in (q, k, v))
    team = plan.forward
    grid = batch * heads * ceil_div(queries, team.rows)
    packed = problem(q, k, v, None, mask, causal, scale)
    plan.kernels.forward(q.dtype, grid, team.threads, q, k, v, mask, o, lse, packed, shared_mem=team.shared)
    return o, lse


def attention_backward(
    go: Array, q: Array, k: Array, v: Array, o: Array, lse: Array, mask: Array | None, causal: bool, scale: float
) -> tuple[Array, Array, Array]:
    """The gradients of q, k and v, given those of o."""
    plan = _plan("attention_backward", q, k, mask)
    batch, heads, queries, _ = q.shape
    gq, gk, gv = (empty(x.shape, q.dtype) for x in (q, k, v))
    if q.size == 0 or k.size == 0:
        for g in (gq, gk, gv):
            fill(g, 0)
        return gq, gk, gv
    go, q, k, v = (along_d(x, contiguous) for x in (go, q, k, v))
    delta = empty(lse.shape, lse.dtype)
    packed = problem(q, k, v, go, mask, causal, scale)
    block = (WARP, DELTA_THREADS // WARP)
    plan.kernels.delta(q.dtype, ceil_div(lse.size, block[1]), block, go, contiguous(o), delta, lse.size, packed)

    operands, team = (go, q, k, v, mask, lse, delta), plan.keys
    grid = batch * k.shape[1] * ceil_div(k.shape[2], team.rows)
    plan.kernels.keys(q.dtype, grid, team.threads, *operands, gk, gv, packed, shared_mem=team.shared)
    team = plan.queries
    grid = batch * heads * ceil_div(queries, team.rows)
    plan.kernels.queries(q.dtype, grid, team.threads, *operands, gq, packed, shared_mem=team.shared)
    return gq, gk, gv


def _plan(function: str, q: Array, k: Array, mask: Array | None) -> _Plan:
    if mask is not None:
        if mask.dtype != bool:
            check_dtype(function, q=q, mask=mask)
        scores = (*q.shape[:3], k.shape[2])
        if any(own not in (1, size) for own, size in zip(mask.shape, scores, strict=True)):
            raise RuntimeError(f"{function}: The size of mask {mask.shape} must broadcast to that of scores {scores}")
    return _plan_for(function, q.dtype, q.shape[3])


# Host time counts: a training step asks for the same few attentions again and again.
@functools.lru_cache(maxsize=256)
def _plan_for(function: str, dtype: np.dtype, d: int) -> _Plan:
    for most in HEAD_DIMS:
        if d <= most:
            if (dtype.name, most) in _PLANS:
                return _PLANS[dtype.name, most]
            raise TypeError(f"{function}: no CUDA kernel for {dtype}; there is one for float dtypes")
    raise TypeError(f"{function}: head dimension at most {most}, got {d}")

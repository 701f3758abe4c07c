"""Layer norm over rows and its gradients: launches kernels/norm.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_gpu.backends.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.backends.cuda.memory import contiguous, empty, fill
from autograd_gpu.backends.cuda.rows import BLOCK, LARGEST_TEAM, accumulator, cache_slot, power_of_two, teams

__all__ = ["layer_norm", "layer_norm_backward"]

__all__ = ["layer_norm", "layer_norm_backward"]

Array = Any

HELD, ROW_THREADS = 2, 16  # as in norm.cu: chunks of a row that a thread holds; threads that share a column's rows
ROWS_PER_PART, MOST_PARTS = 8, 1024

_forward = Kernel("norm.cu", "layer_norm_forward", "PPPPPPqiAi")
_backward = Kernel("norm.cu", "layer_norm_backward", "PPPPPPPPqi")
_backward_rows = Kernel("norm.cu", "layer_norm_backward_rows", "PPPPPPqii")
_partials = Kernel("norm.cu", "layer_norm_partials", "PPPPPPqi")
_total = Kernel("norm.cu", "layer_norm_total", "PPPPii")


def layer_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """(x - mean) * rstd * weight + bias for each row of x, with the mean and rstd of each row."""
    _check_same_dtype("layer_norm", x, weight, bias)
    x, weight, bias = contiguous(x), _contiguous(weight), _contiguous(bias)
    rows, cols = x.shape
    y, dtype = empty(x.shape, x.dtype), x.dtype
    mean, rstd = empty((rows,), accumulator(dtype)), empty((rows,), accumulator(dtype))
    if rows:
        grid, block = teams(rows, cols, dtype)
        slot = cache_slot(cols, dtype, block[1])
        shared = block[1] * slot * dtype.itemsize
        _forward(dtype, grid, block, x, weight, bias, y, mean, rstd, rows, cols, eps, slot, shared_mem=shared)
    return y, mean, rstd


def layer_norm_backward(
    gy: Array, x: Array, mean: Array, rstd: Array, weight: Array | None
) -> tuple[Array, Array | None, Array]:
    """The gradients of x, of weight (None without one) and of bias."""
    _check_same_dtype("layer_norm_backward", x, gy, weight)
    gy, x, weight = contiguous(gy), contiguous(x), _contiguous(weight)
    rows, cols = x.shape
    gx, gbias, dtype = empty(x.shape, x.dtype), empty((cols,), x.dtype), x.dtype
    gweight = None if weight is None else empty((cols,), dtype)
    if cols == 0:
        return gx, gweight, gbias
    if rows == 0:
        for sum_of_none in (gweight, gbias):
            if sum_of_none is not None:
                fill(sum_of_none, 0)
        return gx, gweight, gbias

    wide = 16 // dtype.itemsize
    team = max(WARP, power_of_two(ceil_div(cols, HELD * wide)))
    if cols >= WARP * wide and team <= LARGEST_TEAM:
        partials = _backward_at_once(team, gy, x, mean, rstd, weight, gx)
    else:
        partials = _backward_in_two_readings(gy, x, mean, rstd, weight, gx)
    parts = partials[0].shape[0]
    _total(dtype, ceil_div(cols, WARP), (WARP, ROW_THREADS), *partials, gweight, gbias, parts, cols)
    return gx, gweight, gbias


def _backward_at_once(
    team: int, gy: Array, x: Array, mean: Array, rstd: Array, weight: Array | None, gx: Array
) -> tuple[Array, Array]:
    """Fills gx and gives the partial sums of gweight and gbias, `team` threads to a row."""
    (rows, cols), dtype = x.shape, x.dtype
    block = (team, BLOCK // WARP if team == WARP else 1)
    grid = ceil_div(min(MOST_PARTS, ceil_div(rows, ROWS_PER_PART)), block[1])
    partials = _partial_sums(grid * block[1], cols, dtype)
    _backward(dtype, grid, block, gy, x, mean, rstd, weight, gx, *partials, rows, cols)
    return partials


def _backward_in_two_readings(
    gy: Array, x: Array, mean: Array, rstd: Array, weight: Array | None, gx: Array
) -> tuple[Array, Array]:
    """The same for rows of any length: one kernel for gx, one for the partial sums."""
    (rows, cols), dtype = x.shape, x.dtype
    grid, block = teams(rows, cols, dtype)
    kept = 2 * block[1]
    slot = cache_slot(cols, dtype, kept)
    shared = kept * slot * dtype.itemsize
    _backward_rows(dtype, grid, block, gy, x, mean, rstd, weight, gx, rows, cols, slot, shared_mem=shared)

    parts = min(MOST_PARTS // ROW_THREADS, ceil_div(rows, ROWS_PER_PART * ROW_THREADS))
    partials = _partial_sums(parts, cols, dtype)
    tiles = (ceil_div(cols, WARP), parts)
    _partials(dtype, tiles, (WARP, ROW_THREADS), gy, x, mean, rstd, *partials, rows, cols)
    return partials


def _partial_sums(parts: int, cols: int, dtype: np.dtype) -> tuple[Array, Array]:
    return empty((parts, cols), accumulator(dtype)), empty((parts, cols), accumulator(dtype))


def _contiguous(x: Array | None) -> Array | None:
    return None if x is None else contiguous(x)


def _check_same_dtype(function: str, x: Array, *others: Array | None) -> None:
    for other in others:
        if other is not None and other.dtype != x.dtype:
            raise TypeError(f"{function}: operands must have one dtype, got {x.dtype} and {other.dtype}")

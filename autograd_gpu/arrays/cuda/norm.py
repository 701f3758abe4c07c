"""Layer norm and RMS norm over rows, also of a sum, and their gradients: launches kernels/norm.cu."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty, fill
from autograd_gpu.arrays.cuda.rows import LARGEST_TEAM, accumulator, cache_slot, power_of_two, teams

__all__ = ["add_layer_norm", "add_rms_norm", "layer_norm", "layer_norm_backward", "rms_norm", "rms_norm_backward"]

Array = Any

BACKWARD_BLOCK = 256  # threads of a block whose teams are no longer than a warp
COLUMN_BLOCK, PART_THREADS = 128, 16  # as in norm.cu
# Each part, the share of some rows in gweight and gbias, is written and read once more: a part for many rows, but parts
# enough for every multiprocessor.
ROWS_PER_PART, MOST_PARTS, MOST_COLUMN_BLOCKS = 8, 512, 2048


class Kernels(NamedTuple):
    """The kernels of one kind of norm."""

    forward: Kernel
    backward: Kernel
    means: Kernel
    columns: Kernel


_layer = Kernels(
    Kernel("norm.cu", "layer_norm_forward", "PPPPPPPPqiAi"),
    Kernel("norm.cu", "layer_norm_backward", "PPPPPPPPPqi"),
    Kernel("norm.cu", "layer_norm_backward_means", "PPPPPPqi"),
    Kernel("norm.cu", "layer_norm_backward_columns", "PPPPPPPPPPqi"),
)
_rms = Kernels(
    Kernel("norm.cu", "rms_norm_forward", "PPPPPPPPqiAi"),
    Kernel("norm.cu", "rms_norm_backward", "PPPPPPPPPqi"),
    Kernel("norm.cu", "rms_norm_backward_means", "PPPPPPqi"),
    Kernel("norm.cu", "rms_norm_backward_columns", "PPPPPPPPPPqi"),
)
_total = Kernel("norm.cu", "norm_total", "PPPPii")


def layer_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """(x - mean) * rstd * weight + bias for each row of x, with the mean and rstd of each row."""
    mean = empty((x.shape[0],), accumulator(x.dtype))
    y, _, rstd = _forward(_layer, x, None, weight, bias, mean, eps)
    return y, mean, rstd


def add_layer_norm(
    x: Array, residual: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array, Array]:
    """The layer norm of x + residual, then the sum itself, and the mean and rstd of its rows."""
    mean = empty((x.shape[0],), accumulator(x.dtype))
    y, total, rstd = _forward(_layer, x, residual, weight, bias, mean, eps)
    return y, total, mean, rstd


def rms_norm(x: Array, weight: Array | None, eps: float) -> tuple[Array, Array]:
    """x * rstd * weight for each row of x, with the rstd of each row."""
    y, _, rstd = _forward(_rms, x, None, weight, None, None, eps)
    return y, rstd


def add_rms_norm(x: Array, residual: Array, weight: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """The RMS norm of x + residual, then the sum itself, and the rstd of its rows."""
    return _forward(_rms, x, residual, weight, None, None, eps)


def layer_norm_backward(
    gy: Array, x: Array, mean: Array, rstd: Array, weight: Array | None, gsum: Array | None, biased: bool
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x (and gsum), of weight (None without one) and of bias (None unless `biased`)."""
    return _backward(_layer, gy, gsum, x, mean, rstd, weight, biased)


def rms_norm_backward(
    gy: Array, x: Array, rstd: Array, weight: Array | None, gsum: Array | None
) -> tuple[Array, Array | None]:
    """The gradients of x (and gsum) and of weight (None without one)."""
    return _backward(_rms, gy, gsum, x, None, rstd, weight, False)[:2]


def _forward(
    kernels: Kernels,
    x: Array,
    residual: Array | None,
    weight: Array | None,
    bias: Array | None,
    mean: Array | None,
    eps: float,
) -> tuple[Array, Array | None, Array]:
    """y, the sum if there is a residual, and rstd; fills mean."""
    x, residual, weight, bias = contiguous(x), _contiguous(residual), _contiguous(weight), _contiguous(bias)
    (rows, cols), dtype = x.shape, x.dtype
    y, rstd = empty(x.shape, dtype), empty((rows,), accumulator(dtype))
    total = None if residual is None else empty(x.shape, dtype)
    if rows:
        grid, block = teams(rows, cols, dtype)
        slot = cache_slot(cols, dtype, block[1])
        kernels.forward(
            dtype, grid, block, x, residual, weight, bias, total, y, mean, rstd, rows, cols, eps, slot,
            shared_mem=block[1] * slot * dtype.itemsize,
        )  # fmt: skip
    return y, total, rstd


def _backward(
    kernels: Kernels,
    gy: Array,
    gsum: Array | None,
    x: Array,
    mean: Array | None,
    rstd: Array,
    weight: Array | None,
    biased: bool,
) -> tuple[Array, Array | None, Array | None]:
    gy, gsum, x, weight = contiguous(gy), _contiguous(gsum), contiguous(x), _contiguous(weight)
    (rows, cols), dtype = x.shape, x.dtype
    gx = empty(x.shape, dtype)
    gweight = None if weight is None else empty((cols,), dtype)
    gbias = empty((cols,), dtype) if biased else None
    if rows and cols:
        inputs = gy, gsum, x, mean, rstd, weight
        if cols <= LARGEST_TEAM * _held(dtype):
            parts = _at_once(kernels, inputs, gx, gweight, gbias)
        else:
            parts = _in_two_readings(kernels, inputs, gx, gweight, gbias)
        if weight is not None or biased:
            count = (parts[0] if parts[1] is None else parts[1]).shape[0]
            _total(dtype, ceil_div(cols, WARP), (WARP, PART_THREADS), *parts, gweight, gbias, count, cols)
    else:
        for sum_of_none in (gweight, gbias):
            if sum_of_none is not None:
                fill(sum_of_none, 0)
    return gx, gweight, gbias


def _at_once(
    kernels: Kernels, inputs: tuple, gx: Array, gweight: Array | None, gbias: Array | None
) -> tuple[Array | None, Array | None]:
    """Fills gx; the partial sums of gweight and gbias. A row is held in the registers of a team."""
    (rows, cols), dtype = gx.shape, gx.dtype
    team = power_of_two(ceil_div(cols, _held(dtype)))
    block = (team, BACKWARD_BLOCK // team if team <= WARP else 1)
    grid = min(MOST_PARTS, ceil_div(rows, max(block[1], ROWS_PER_PART)))
    parts = _parts(grid, cols, dtype, gweight, gbias)
    kernels.backward(dtype, grid, block, *inputs, gx, *parts, rows, cols)
    return parts


def _in_two_readings(
    kernels: Kernels, inputs: tuple, gx: Array, gweight: Array | None, gbias: Array | None
) -> tuple[Array | None, Array | None]:
    """The same for rows of any length: one kernel for the means along the rows, one for all that hangs on them."""
    (rows, cols), dtype = gx.shape, gx.dtype
    gy, _, *rest = inputs
    means = empty((rows, 2), accumulator(dtype))
    grid, block = teams(rows, cols, dtype)
    kernels.means(dtype, grid, block, gy, *rest, means, rows, cols)

    tiles = ceil_div(cols, COLUMN_BLOCK * (16 // dtype.itemsize))
    count = max(1, min(MOST_PARTS, ceil_div(rows, ROWS_PER_PART), MOST_COLUMN_BLOCKS // tiles))
    parts = _parts(count, cols, dtype, gweight, gbias)
    kernels.columns(dtype, (tiles, count), COLUMN_BLOCK, *inputs, means, gx, *parts, rows, cols)
    return parts


def _held(dtype: np.dtype) -> int:
    """Elements of a row that a thread of the one-reading backward holds: HELD chunks, as in norm.cu."""
    return 16 if dtype.itemsize <= 4 else 8


def _parts(
    count: int, cols: int, dtype: np.dtype, gweight: Array | None, gbias: Array | None
) -> tuple[Array | None, Array | None]:
    gweight_parts, gbias_parts = (
        None if g is None else empty((count, cols), accumulator(dtype)) for g in (gweight, gbias)
    )
    return gweight_parts, gbias_parts


def _contiguous(x: Array | None) -> Array | None:
    return None if x is None else contiguous(x)

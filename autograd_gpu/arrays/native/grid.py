"""Pictures read at the places of a grid, compiled for this processor: kernels/host/grid.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import accumulator
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, shares
from autograd_gpu.arrays.picture import PICTURE_BYTES, pack_picture, taps

__all__ = ["grid_sample", "grid_sample_backward"]

STRIP, VECTOR_BYTES = 64, 32  # places, and what channels are filled up to, as in grid.cu
OF_A_TAP = 8  # additions that finding a pixel and its weight takes

_rows = Kernel("grid.cu", "grid_rows", f"PP{PICTURE_BYTES}si")
_sample = Kernel("grid.cu", "grid_sample", f"PPP{PICTURE_BYTES}si")
_backward = Kernel("grid.cu", "grid_sample_backward", f"PPPP{PICTURE_BYTES}si")
_backward_input = Kernel("grid.cu", "grid_sample_backward_input", f"PPP{PICTURE_BYTES}s")


def grid_sample(x, grid, mode, padding, is_aligned):
    run = _sample[x.dtype]
    if run is None:
        return cpu.grid_sample(x, grid, mode, padding, is_aligned)
    y = np.empty((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    if y.size:
        picture = pack_picture(x.shape, grid.shape, mode, padding, is_aligned)
        rows = _as_rows(x, picture)
        run(*_by_strips(y, grid, mode), rows, contiguous(grid), y, picture, rows.shape[-1])
    return y


def grid_sample_backward(gy, x, grid, mode, padding, is_aligned, needs_x, needs_grid):
    run, run_input = _backward[gy.dtype], _backward_input[gy.dtype]
    if run is None:
        return cpu.grid_sample_backward(gy, x, grid, mode, padding, is_aligned, needs_x, needs_grid)
    gy, grid, gx, ggrid = contiguous(gy), contiguous(grid), None, None
    picture = pack_picture(x.shape, grid.shape, mode, padding, is_aligned)
    if needs_x:
        gx, work = np.empty(x.shape, x.dtype), x.size + gy.size * taps(x.ndim - 2, mode)
        if gx.size:
            run_input(shares(len(x) * -(-x.shape[1] // _lanes(x)), work), work, gy, grid, gx, picture)
    if needs_grid:
        ggrid = np.empty(grid.shape, grid.dtype)
        if ggrid.size:
            rows = _as_rows(x, picture)
            run(*_by_strips(gy, grid, mode), gy, rows, grid, ggrid, picture, rows.shape[-1])
    return gx, ggrid


def _as_rows(x, picture):
    """x as the kernels read it: a row of channels for each pixel, and one of zeros."""
    (batch, channels, *size), lanes = x.shape, _lanes(x)
    rows = np.empty((batch, math.prod(size) + 1, -(-channels // lanes) * lanes), accumulator(x.dtype))
    _rows[x.dtype](shares(batch * -(-math.prod(size) // STRIP), rows.size), rows.size, contiguous(x), rows, picture,
                   rows.shape[-1])  # fmt: skip
    return rows


def _lanes(x):
    return VECTOR_BYTES // accumulator(x.dtype).itemsize


def _by_strips(y, grid, mode):
    places, dims = grid.size // grid.shape[-1], grid.shape[-1]
    work = (y.size + OF_A_TAP * places) * taps(dims, mode)
    return shares(len(grid) * -(-places // len(grid) // STRIP), work), work

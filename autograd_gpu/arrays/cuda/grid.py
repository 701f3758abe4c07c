"""Pictures read at the places of a grid: launches kernels/grid.cu."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda.bag import bag_scatter
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.map import MAX_BLOCKS
from autograd_gpu.arrays.cuda.memory import contiguous, empty
from autograd_gpu.arrays.picture import PICTURE_BYTES, pack_picture, taps

__all__ = ["grid_sample", "grid_sample_backward"]

Array = Any

_sample = Kernel("grid.cu", "grid_sample", f"PPP{PICTURE_BYTES}s")
_taps = Kernel("grid.cu", "grid_taps", f"PPP{PICTURE_BYTES}si")
_backward = Kernel("grid.cu", "grid_sample_backward", f"PPPP{PICTURE_BYTES}s")


def grid_sample(x: Array, grid: Array, mode: str, padding: str, is_aligned: bool) -> Array:
    """x (batch, channels, *size) at the places of grid (batch, *places, dims): (batch, channels, *places)."""
    y = empty((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    if y.size:
        picture = pack_picture(x.shape, grid.shape, mode, padding, is_aligned)
        _sample(x.dtype, *_geometry(y.size), contiguous(x), contiguous(grid), y, picture)
    return y


def grid_sample_backward(
    gy: Array, x: Array, grid: Array, mode: str, padding: str, is_aligned: bool, needs_x: bool, needs_grid: bool
) -> tuple[Array | None, Array | None]:
    """gx, ggrid; None for what is not needed."""
    gx, ggrid, grid = None, None, contiguous(grid)
    (batch, channels, *size), places = x.shape, math.prod(grid.shape[:-1])
    picture = pack_picture(x.shape, grid.shape, mode, padding, is_aligned)
    if needs_x:
        count, dims = taps(len(size), mode), range(2, x.ndim)
        pixel, weight = empty((places, count), np.dtype(np.int64)), empty((places, count), x.dtype)
        if places:
            _taps(x.dtype, *_geometry(places), grid, pixel, weight, picture, count)
        rows = contiguous(gy.transpose((0, *dims, 1))).reshape((places, channels))
        gx = bag_scatter(rows, pixel, weight, None, batch * math.prod(size)).reshape((batch, *size, channels))
        gx = contiguous(gx.transpose((0, x.ndim - 1, *(d - 1 for d in dims))))
    if needs_grid:
        ggrid = empty(grid.shape, grid.dtype)
        if ggrid.size:
            _backward(x.dtype, *_geometry(places), contiguous(gy), contiguous(x), grid, ggrid, picture)
    return gx, ggrid


def _geometry(count: int) -> tuple[int, int]:
    block = block_for(count)
    return min(MAX_BLOCKS, ceil_div(count, block)), block

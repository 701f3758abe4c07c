"""Copies between layouts whose neighbours lie along different dimensions. Knows when they do; kernels/transpose.cu
turns tiles."""

from __future__ import annotations

import functools
import math
import struct
from typing import Any, NamedTuple

from autograd_gpu.arrays.cuda.launch import Kernel, ceil_div
from autograd_gpu.arrays.strides import Strides, collapse, layout_format, pack_layout

Array = Any

LANES, LINES = 32, 8  # as in transpose.cu
# Sides shorter than this leave a tile mostly empty.
SHORTEST_SIDE = 16
MOST_STEPS = 65535  # the most blocks that CUDA allows along y
_TRANSPOSE = struct.Struct("@5q" + layout_format(2))

_copy_transposed = Kernel("transpose.cu", "copy_transposed", f"PP{_TRANSPOSE.size}s")


def copied_transposed(out: Array, x: Array) -> bool:
    """Copy x into `out`, of its shape and dtype, if their neighbours lie along different, long dimensions."""
    plan = _plan(out.shape, out.strides, x.strides, x.itemsize)
    if plan is None:
        return False
    _copy_transposed(x.dtype, plan.grid, (LANES, LINES), out, x, plan.transpose)
    return True


class _Plan(NamedTuple):
    grid: tuple[int, int]
    transpose: bytes


@functools.lru_cache(maxsize=4096)
def _plan(shape: Strides, out_strides: Strides, x_strides: Strides, itemsize: int) -> _Plan | None:
    if 0 in shape:
        return None
    # Outermost first, as `out` lies: its neighbours are then along the last dimension.
    order = sorted(range(len(shape)), key=lambda d: -abs(out_strides[d]))
    steps = [tuple(strides[d] // itemsize for d in order) for strides in (out_strides, x_strides)]
    sizes, (out_steps, x_steps) = collapse([shape[d] for d in order], steps)
    if len(sizes) < 2 or out_steps[-1] != 1 or 1 not in x_steps[:-1]:
        return None
    row, col = x_steps.index(1), len(sizes) - 1
    if min(sizes[row], sizes[col]) < SHORTEST_SIDE:
        return None
    others = [d for d in range(col) if d != row]
    layout = pack_layout(
        tuple(sizes[d] for d in others),
        (tuple(out_steps[d] for d in others), tuple(x_steps[d] for d in others)),
        reorder=False,
    )
    if layout is None:
        return None
    count = math.prod(sizes[d] for d in others)
    tile = 64 if itemsize <= 2 else 32  # as in transpose.cu
    tiles = ceil_div(sizes[row], tile) * ceil_div(sizes[col], tile)
    transpose = _TRANSPOSE.pack(sizes[row], sizes[col], out_steps[row], x_steps[col], count, layout)
    return _Plan((tiles, min(count, MOST_STEPS)), transpose)

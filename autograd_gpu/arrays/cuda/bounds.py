"""Integers that must lie between bounds: launches kernels/bounds.cu, and waits for no answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.map import MAX_BLOCKS
from autograd_gpu.arrays.cuda.memory import contiguous, empty, to_numpy

__all__ = ["checked_index", "refuse_zeros"]

NOTHING = np.iinfo(np.int64).min  # ignored where nothing is: no array is so large

_checked_index = Kernel("bounds.cu", "checked_index", "PPqqqqPI")
_refuse_zeros = Kernel("bounds.cu", "refuse_zeros", "PqPI")


def checked_index(index: Any, low: int, high: int, ignored: int | None, refuse: Any) -> Any:
    """Return index counted from the front. What lies outside [low, high) and is not `ignored` counts as 0, and
    refuse(number) is raised when the program next waits for the device."""
    if not index.size:
        return index
    if high <= 0 and ignored is None:  # not even 0 would be right
        raise refuse(int(to_numpy(index).reshape(-1)[0]))
    index, n = contiguous(index), index.size
    out = empty(index.shape, index.dtype)
    gpu = driver.current()
    word, ticket = gpu.refusals.ticket(gpu, refuse)
    block = block_for(n)
    grid = min(MAX_BLOCKS, ceil_div(n, block))
    _checked_index(
        out.dtype, grid, block, index, out, n, low, high, NOTHING if ignored is None else ignored, word, ticket
    )
    gpu.refusals.listen_if_done()
    return out


def refuse_zeros(x: Any, refuse: Any) -> None:
    """Raise refuse(0), when the program next waits for the device, if an element is 0."""
    if x.size:
        x, n = contiguous(x), x.size
        gpu = driver.current()
        word, ticket = gpu.refusals.ticket(gpu, refuse)
        block = block_for(n)
        _refuse_zeros(x.dtype, min(MAX_BLOCKS, ceil_div(n, block)), block, x, n, word, ticket)
        gpu.refusals.listen_if_done()

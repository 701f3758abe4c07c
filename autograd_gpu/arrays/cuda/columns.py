"""An image's sliding windows as columns and the way back: launches kernels/columns.cu."""

from __future__ import annotations

import math
from typing import Any

from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty
from autograd_gpu.arrays.window import WINDOW_BYTES, pack_window

__all__ = ["col2im", "im2col"]

Array = Any
Sizes = tuple[int, ...]

MOST_STEPS = 65535  # the most blocks that CUDA allows along y and z

_im2col = Kernel("columns.cu", "im2col", f"PP{WINDOW_BYTES}sii")
_col2im = Kernel("columns.cu", "col2im", f"PP{WINDOW_BYTES}sii")


def im2col(
    x: Array, size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """(C, *kernel, N, *output): what each place of the kernel sees of x (N, C, *size); zeros around x."""
    batch, channels = x.shape[:2]
    columns = empty((channels, *kernel, batch, *output), x.dtype)
    if columns.size:
        window, outputs = pack_window(size, output, kernel, stride, padding, dilation), math.prod(output)
        block, rows = block_for(outputs), channels * math.prod(kernel)
        grid = (ceil_div(outputs, block), min(rows, MOST_STEPS), min(batch, MOST_STEPS))
        _im2col(x.dtype, grid, block, contiguous(x), columns, window, batch, channels)
    return columns


def col2im(
    columns: Array, size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """(N, C, *size): the sum of what columns (C, *kernel, N, *output) lay on each element."""
    channels, batch = columns.shape[0], columns.shape[1 + len(kernel)]
    x = empty((batch, channels, *size), columns.dtype)
    if x.size:
        window, elements = pack_window(size, output, kernel, stride, padding, dilation), math.prod(size)
        block = block_for(elements)
        grid = (ceil_div(elements, block), min(channels, MOST_STEPS), min(batch, MOST_STEPS))
        _col2im(x.dtype, grid, block, contiguous(columns), x, window, batch, channels)
    return x

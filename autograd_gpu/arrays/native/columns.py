"""Sliding windows as columns and the way back, compiled for this processor: kernels/host/columns.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous
from autograd_gpu.arrays.window import WINDOW_BYTES, pack_window

__all__ = ["col2im", "im2col"]

SHARES = 1024  # the most blocks; each takes its share of the lines

_im2col = Kernel("columns.cu", "im2col", f"PP{WINDOW_BYTES}sii")
_col2im = Kernel("columns.cu", "col2im", f"PP{WINDOW_BYTES}sii")
_im2col_by_image = Kernel("columns.cu", "im2col_by_image", f"PP{WINDOW_BYTES}sii")
_col2im_by_image = Kernel("columns.cu", "col2im_by_image", f"PP{WINDOW_BYTES}sii")


def im2col(x, size, output, kernel, stride, padding, dilation):
    window = (size, output, kernel, stride, padding, dilation)
    batch, channels = x.shape[:2]
    columns = np.empty((channels, *kernel, batch, *output), x.dtype)
    return columns if gather(x, columns, window) else cpu.im2col(x, *window)


def col2im(columns, size, output, kernel, stride, padding, dilation):
    window = (size, output, kernel, stride, padding, dilation)
    x = np.empty((columns.shape[1 + len(kernel)], columns.shape[0], *size), columns.dtype)
    return x if scatter(columns, x, window) else cpu.col2im(columns, *window)


def gather(x: np.ndarray, columns: np.ndarray, window: tuple, by_image: bool = False) -> bool:
    """Write the columns of x (N, C, *size), (C, *kernel, N, *output) or by_image (N, C, *kernel, *output) elements in
    C order. False where there is no kernel for the dtype."""
    run = (_im2col_by_image if by_image else _im2col)[x.dtype]
    return run is not None and _launch(run, contiguous(x), columns, x, columns, window)


def scatter(columns: np.ndarray, x: np.ndarray, window: tuple, by_image: bool = False) -> bool:
    """Write into x (N, C, *size) the sum of what the columns, in either of gather's orders, lay on each element."""
    run = (_col2im_by_image if by_image else _col2im)[x.dtype]
    return run is not None and _launch(run, contiguous(columns), x, x, columns, window)


def _launch(run, source, target, x, columns, window) -> bool:
    batch, channels = x.shape[:2]
    if target.size:
        blocks = min(batch * channels * math.prod(window[2] if target is columns else window[0][:-1]), SHARES)
        run(blocks, max(columns.size, x.size), source, target, pack_window(*window), batch, channels)
    return True

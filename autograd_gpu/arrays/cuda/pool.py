"""Pooling over sliding windows and its gradients: launches kernels/pool.cu."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, empty
from autograd_gpu.arrays.window import WINDOW_BYTES, pack_window

__all__ = ["avg_pool", "avg_pool_backward", "max_pool", "max_pool_backward"]

Array = Any
Sizes = tuple[int, ...]

MOST_STEPS = 65535  # the most blocks that CUDA allows along y

_max_pool = Kernel("pool.cu", "max_pool", f"PPP{WINDOW_BYTES}sq")
_max_pool_backward = Kernel("pool.cu", "max_pool_backward", f"PPP{WINDOW_BYTES}sq")
_avg_pool = Kernel("pool.cu", "avg_pool", f"PP{WINDOW_BYTES}sqii")
_avg_pool_backward = Kernel("pool.cu", "avg_pool_backward", f"PP{WINDOW_BYTES}sqii")


def max_pool(
    x: Array, size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> tuple[Array, Array]:
    """The largest of each window of x (planes, *size), and its place in its plane: (planes, *output) each."""
    planes = x.shape[0]
    y, index = empty((planes, *output), x.dtype), empty((planes, *output), np.dtype(np.int64))
    if y.size:
        window = pack_window(size, output, kernel, stride, padding, dilation)
        _max_pool(x.dtype, *_geometry(output, planes), contiguous(x), y, index, window, planes)
    return y, index


def max_pool_backward(
    gy: Array, index: Array, size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """(planes, *size): the sum of gy (planes, *output) over the windows whose largest each element is."""
    planes = gy.shape[0]
    gx = empty((planes, *size), gy.dtype)
    if gx.size:
        window = pack_window(size, output, kernel, stride, padding, dilation)
        gy, index = contiguous(gy), contiguous(index)
        _max_pool_backward(gy.dtype, *_geometry(size, planes), gy, index, gx, window, planes)
    return gx


def avg_pool(
    x: Array,
    size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
    include_pad: bool, divisor: int,
) -> Array:  # fmt: skip
    """The mean of each window of x (planes, *size); its sum over `divisor` where that is not 0."""
    planes = x.shape[0]
    y = empty((planes, *output), x.dtype)
    if y.size:
        window = pack_window(size, output, kernel, stride, padding, dilation)
        _avg_pool(x.dtype, *_geometry(output, planes), contiguous(x), y, window, planes, include_pad, divisor)
    return y


def avg_pool_backward(
    gy: Array,
    size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
    include_pad: bool, divisor: int,
) -> Array:  # fmt: skip
    """(planes, *size): what avg_pool passes back of gy (planes, *output)."""
    planes = gy.shape[0]
    gx = empty((planes, *size), gy.dtype)
    if gx.size:
        window = pack_window(size, output, kernel, stride, padding, dilation)
        _avg_pool_backward(gy.dtype, *_geometry(size, planes), contiguous(gy), gx, window, planes, include_pad, divisor)
    return gx


def _geometry(plane: Sizes, planes: int) -> tuple[tuple[int, int], int]:
    """Grid and block for a thread an element of a plane."""
    elements = math.prod(plane)
    block = block_for(elements)
    return (ceil_div(elements, block), min(planes, MOST_STEPS)), block

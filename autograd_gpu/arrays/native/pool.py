"""Pooling over sliding windows and its gradients, compiled for this processor: kernels/host/pool.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import accumulator
from autograd_gpu.arrays.native.columns import SHARES
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.window import WINDOW_BYTES, pack_window

__all__ = ["avg_pool", "avg_pool_backward", "max_pool", "max_pool_backward"]

_max_pool = Kernel("pool.cu", "max_pool", f"PPP{WINDOW_BYTES}sq")
_max_pool_backward = Kernel("pool.cu", "max_pool_backward", f"PPP{WINDOW_BYTES}sqP")
_avg_pool = Kernel("pool.cu", "avg_pool", f"PP{WINDOW_BYTES}sqii")
_avg_pool_backward = Kernel("pool.cu", "avg_pool_backward", f"PP{WINDOW_BYTES}sqii")


def max_pool(x, size, output, kernel, stride, padding, dilation):
    window = (size, output, kernel, stride, padding, dilation)
    run, planes = _max_pool[x.dtype], x.shape[0]
    if run is None:
        return cpu.max_pool(x, *window)
    y, index = np.empty((planes, *output), x.dtype), np.empty((planes, *output), np.int64)
    if y.size:
        work = y.size * math.prod(kernel)
        run(_shares(planes, output), work, np.ascontiguousarray(x), y, index, pack_window(*window), planes)
    return y, index


def max_pool_backward(gy, index, size, output, kernel, stride, padding, dilation):
    window = (size, output, kernel, stride, padding, dilation)
    run, planes = _max_pool_backward[gy.dtype], gy.shape[0]
    if run is None:
        return cpu.max_pool_backward(gy, index, *window)
    gx = np.empty((planes, *size), gy.dtype)
    if gx.size:
        gy, index = np.ascontiguousarray(gy), np.ascontiguousarray(index)
        sums = gx if accumulator(gy.dtype) == gy.dtype else np.empty(gx.shape, accumulator(gy.dtype))
        run(min(planes, SHARES), gx.size, gy, index, gx, pack_window(*window), planes, sums)
    return gx


def avg_pool(x, size, output, kernel, stride, padding, dilation, include_pad, divisor):
    window = (size, output, kernel, stride, padding, dilation)
    run, planes = _avg_pool[x.dtype], x.shape[0]
    if run is None:
        return cpu.avg_pool(x, *window, include_pad, divisor)
    y = np.empty((planes, *output), x.dtype)
    if y.size:
        x, work = np.ascontiguousarray(x), y.size * math.prod(kernel)
        run(_shares(planes, output), work, x, y, pack_window(*window), planes, include_pad, divisor or 0)
    return y


def avg_pool_backward(gy, size, output, kernel, stride, padding, dilation, include_pad, divisor):
    window = (size, output, kernel, stride, padding, dilation)
    run, planes = _avg_pool_backward[gy.dtype], gy.shape[0]
    if run is None:
        return cpu.avg_pool_backward(gy, *window, include_pad, divisor)
    gx = np.empty((planes, *size), gy.dtype)
    if gx.size:
        gy, work = np.ascontiguousarray(gy), gy.size * math.prod(kernel)
        run(_shares(planes, size), work, gy, gx, pack_window(*window), planes, include_pad, divisor or 0)
    return gx


def _shares(planes: int, plane: tuple[int, ...]) -> int:
    return min(planes * math.prod(plane[:-1]), SHARES)

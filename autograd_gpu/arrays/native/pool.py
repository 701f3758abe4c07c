"""Pooling over sliding windows and its gradients, compiled for this processor: kernels/host/pool.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, shares
from autograd_gpu.arrays.window import WINDOW_BYTES, pack_window

__all__ = ["avg_pool", "avg_pool_backward", "max_pool", "max_pool_backward"]

_max_pool = Kernel("pool.cu", "max_pool", f"PPP{WINDOW_BYTES}sq")
_max_pool_backward = Kernel("pool.cu", "max_pool_backward", f"PPP{WINDOW_BYTES}sq")
_avg_pool = Kernel("pool.cu", "avg_pool", f"PP{WINDOW_BYTES}sqii")
_avg_pool_backward = Kernel("pool.cu", "avg_pool_backward", f"PP{WINDOW_BYTES}sqii")


def max_pool(x, size, output, kernel, stride, padding, dilation):
    run = _max_pool[x.dtype]
    if run is None:
        return cpu.max_pool(x, size, output, kernel, stride, padding, dilation)
    planes = x.shape[0]
    y, index = np.empty((planes, *output), x.dtype), np.empty((planes, *output), np.int64)
    if y.size:
        window, work = pack_window(size, output, kernel, stride, padding, dilation), _work(y, kernel)
        run(shares(planes, work), work, contiguous(x), y, index, window, planes)
    return y, index


def max_pool_backward(gy, index, size, output, kernel, stride, padding, dilation):
    run = _max_pool_backward[gy.dtype]
    if run is None:
        return cpu.max_pool_backward(gy, index, size, output, kernel, stride, padding, dilation)
    planes = gy.shape[0]
    gx = np.empty((planes, *size), gy.dtype)
    if gx.size:
        window, work = pack_window(size, output, kernel, stride, padding, dilation), gx.size + 4 * gy.size
        run(shares(planes, work), work, contiguous(gy), contiguous(index), gx, window, planes)
    return gx


def avg_pool(x, size, output, kernel, stride, padding, dilation, include_pad, divisor):
    run = _avg_pool[x.dtype]
    if run is None:
        return cpu.avg_pool(x, size, output, kernel, stride, padding, dilation, include_pad, divisor)
    planes = x.shape[0]
    y = np.empty((planes, *output), x.dtype)
    if y.size:
        window, work = pack_window(size, output, kernel, stride, padding, dilation), _work(y, kernel)
        run(shares(planes, work), work, contiguous(x), y, window, planes, include_pad, divisor)
    return y


def avg_pool_backward(gy, size, output, kernel, stride, padding, dilation, include_pad, divisor):
    run = _avg_pool_backward[gy.dtype]
    if run is None:
        return cpu.avg_pool_backward(gy, size, output, kernel, stride, padding, dilation, include_pad, divisor)
    planes = gy.shape[0]
    gx = np.empty((planes, *size), gy.dtype)
    if gx.size:
        window, work = pack_window(size, output, kernel, stride, padding, dilation), _work(gy, kernel) + gx.size
        run(shares(planes, work), work, contiguous(gy), gx, window, planes, include_pad, divisor)
    return gx


def _work(outputs, kernel):
    return outputs.size * math.prod(kernel)

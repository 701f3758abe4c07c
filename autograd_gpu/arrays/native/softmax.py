"""softmax and log_softmax along one dimension, and their gradients, compiled for this processor: kernels/softmax.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward"]

COST = 8  # of an element: an exponential

_softmax_forward = Kernel("softmax.cu", "softmax_forward", "PPqii")
_softmax_backward = Kernel("softmax.cu", "softmax_backward", "PPPqii")
_log_softmax_forward = Kernel("softmax.cu", "log_softmax_forward", "PPqii")
_log_softmax_backward = Kernel("softmax.cu", "log_softmax_backward", "PPPqii")


def softmax(x, dim):
    return _along(dim, _softmax_forward, cpu.softmax, x)


def log_softmax(x, dim):
    return _along(dim, _log_softmax_forward, cpu.log_softmax, x)


def softmax_backward(gy, y, dim):
    return _along(dim, _softmax_backward, cpu.softmax_backward, gy, y)


def log_softmax_backward(gy, y, dim):
    return _along(dim, _log_softmax_backward, cpu.log_softmax_backward, gy, y)


def _along(dim, rows_kernel, numpy_function, *inputs):
    shape, dtype = inputs[0].shape, inputs[0].dtype
    run = rows_kernel[dtype]
    if run is None or math.prod(shape[dim + 1 :]) != 1 or not shape:
        return numpy_function(*inputs, dim)
    inputs = [x if x.flags.c_contiguous else np.ascontiguousarray(x) for x in inputs]
    out = np.empty(shape, dtype)
    if out.size:
        rows = out.size // shape[dim]
        run(rows, out.size * COST, *inputs, out, rows, shape[dim], 0)
    return out

"""softmax and log_softmax along one dimension, and their gradients, compiled for this processor: kernels/softmax.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays.cpu import softmax as cpu
from autograd_gpu.arrays.cpu.softmax import __all__ as __all__
from autograd_gpu.arrays.native.launch import Kernel

COST = 8  # of an element: an exponential

_softmax_forward = Kernel("softmax.cu", "softmax_forward", "PPqii")
_softmax_backward = Kernel("softmax.cu", "softmax_backward", "PPPqii")
_softmax_forward_columns = Kernel("softmax.cu", "softmax_forward_columns", "PPqiq")
_softmax_backward_columns = Kernel("softmax.cu", "softmax_backward_columns", "PPPqiq")
_log_softmax_forward = Kernel("softmax.cu", "log_softmax_forward", "PPqii")
_log_softmax_backward = Kernel("softmax.cu", "log_softmax_backward", "PPPqii")
_log_softmax_forward_columns = Kernel("softmax.cu", "log_softmax_forward_columns", "PPqiq")
_log_softmax_backward_columns = Kernel("softmax.cu", "log_softmax_backward_columns", "PPPqiq")


def softmax(x, dim):
    return _along(dim, _softmax_forward, _softmax_forward_columns, cpu.softmax, x)


def log_softmax(x, dim):
    return _along(dim, _log_softmax_forward, _log_softmax_forward_columns, cpu.log_softmax, x)


def softmax_backward(gy, y, dim):
    return _along(dim, _softmax_backward, _softmax_backward_columns, cpu.softmax_backward, gy, y)


def log_softmax_backward(gy, y, dim):
    return _along(dim, _log_softmax_backward, _log_softmax_backward_columns, cpu.log_softmax_backward, gy, y)


def _along(dim, rows_kernel, columns_kernel, numpy_function, *inputs):
    shape, dtype = inputs[0].shape, inputs[0].dtype
    run = rows_kernel[dtype]
    if run is None or not shape:
        return numpy_function(*inputs, dim)
    inputs = [x if x.flags.c_contiguous else np.ascontiguousarray(x) for x in inputs]
    out = np.empty(shape, dtype)
    if out.size:
        n, inner = shape[dim], math.prod(shape[dim + 1 :])
        groups = out.size // n
        if inner == 1:
            run(groups, out.size * COST, *inputs, out, groups, n, 0)
        else:
            columns_kernel[dtype](groups, out.size * COST, *inputs, out, groups, n, inner)
    return out

"""softmax and log_softmax along one dimension, and their gradients, compiled for this processor:
kernels/host/softmax.cu."""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel, rows_function
from autograd_gpu.arrays.native.rows import contiguous, shares

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward"]

COST, COST_BACKWARD = 6, 2  # of an element, an addition being 1
STRIP = 64  # as in softmax.cu: neighbouring columns at a time

_softmax_forward = Kernel("softmax.cu", "softmax_forward", "PPqii")
_softmax_backward = Kernel("softmax.cu", "softmax_backward", "PPPqii")
_softmax_forward_columns = Kernel("softmax.cu", "softmax_forward_columns", "PPqiq")
_softmax_backward_columns = Kernel("softmax.cu", "softmax_backward_columns", "PPPqiq")
_log_softmax_forward = Kernel("softmax.cu", "log_softmax_forward", "PPqii")
_log_softmax_backward = Kernel("softmax.cu", "log_softmax_backward", "PPPqii")
_log_softmax_forward_columns = Kernel("softmax.cu", "log_softmax_forward_columns", "PPqiq")
_log_softmax_backward_columns = Kernel("softmax.cu", "log_softmax_backward_columns", "PPPqiq")


@rows_function(_softmax_forward, "xd", "x", "0Arcz", COST)
def softmax(x, dim):
    return _along(dim, _softmax_forward, _softmax_forward_columns, COST, cpu.softmax, x)


@rows_function(_log_softmax_forward, "xd", "x", "0Arcz", COST)
def log_softmax(x, dim):
    return _along(dim, _log_softmax_forward, _log_softmax_forward_columns, COST, cpu.log_softmax, x)


@rows_function(_softmax_backward, "xxd", "x", "01Arcz", COST_BACKWARD)
def softmax_backward(gy, y, dim):
    return _along(dim, _softmax_backward, _softmax_backward_columns, COST_BACKWARD, cpu.softmax_backward, gy, y)


@rows_function(_log_softmax_backward, "xxd", "x", "01Arcz", COST)
def log_softmax_backward(gy, y, dim):
    return _along(dim, _log_softmax_backward, _log_softmax_backward_columns, COST, cpu.log_softmax_backward, gy, y)


def _along(dim, rows_kernel, columns_kernel, cost, numpy_function, *inputs):
    shape, dtype = inputs[0].shape, inputs[0].dtype
    run = rows_kernel[dtype]
    if run is None or not shape or inputs[-1].dtype != dtype:
        return numpy_function(*inputs, dim)
    inputs = [contiguous(x) for x in inputs]
    out = np.empty(shape, dtype)
    if out.size == 0:
        return out
    n, inner, work = shape[dim], math.prod(shape[dim + 1 :]), out.size * cost
    if inner == 1:
        rows = out.size // n
        run(shares(rows, work), work, *inputs, out, rows, n, 0)
    else:
        columns = out.size // n
        run = columns_kernel[dtype]
        run(shares(columns // inner * -(-inner // STRIP), work), work, *inputs, out, columns, n, inner)
    return out

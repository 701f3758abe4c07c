"""Layer norm and RMS norm over rows, also of a sum, and their gradients, compiled for this processor:
kernels/host/norm.cu."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import accumulator
from autograd_gpu.arrays.native.launch import Kernel, rows_function
from autograd_gpu.arrays.native.rows import contiguous, contiguous_or_none, shares

__all__ = ["add_layer_norm", "add_rms_norm", "layer_norm", "layer_norm_backward", "rms_norm", "rms_norm_backward"]

COST, COST_BACKWARD = 3, 5  # of an element, an addition being 1
# The sums of gweight and gbias are in parts of so few rows that float32 loses nothing, added up in float64: the shape
# alone decides, and each is written and read once more.
ROWS_PER_PART = 64


class Kernels(NamedTuple):
    """The kernels of one kind of norm."""

    forward: Kernel
    backward: Kernel


_layer = Kernels(
    Kernel("norm.cu", "layer_norm_forward", "PPPPPPPPqiAi"), Kernel("norm.cu", "layer_norm_backward", "PPPPPPPPPqi")
)
_rms = Kernels(
    Kernel("norm.cu", "rms_norm_forward", "PPPPPPPPqiAi"), Kernel("norm.cu", "rms_norm_backward", "PPPPPPPPPqi")
)
_total = Kernel("norm.cu", "norm_total", "PPPPii")


@rows_function(_layer.forward, "xwwA", "xaa", "0-12-ABCrc3z", COST)
def layer_norm(x, weight, bias, eps):
    if not _served(_layer.forward, x, weight, bias):
        return cpu.layer_norm(x, weight, bias, eps)
    mean = np.empty(x.shape[0], accumulator(x.dtype))
    y, _, rstd = _forward(_layer, x, None, weight, bias, mean, eps)
    return y, mean, rstd


@rows_function(_layer.forward, "xmwwA", "xxaa", "0123BACDrc4z", COST)
def add_layer_norm(x, residual, weight, bias, eps):
    if not _served(_layer.forward, x, residual, weight, bias):
        return cpu.add_layer_norm(x, residual, weight, bias, eps)
    mean = np.empty(x.shape[0], accumulator(x.dtype))
    y, total, rstd = _forward(_layer, x, residual, weight, bias, mean, eps)
    return y, total, mean, rstd


@rows_function(_rms.forward, "xwA", "xa", "0-1--A-Brc2z", COST)
def rms_norm(x, weight, eps):
    if not _served(_rms.forward, x, weight):
        return cpu.rms_norm(x, weight, eps)
    y, _, rstd = _forward(_rms, x, None, weight, None, None, eps)
    return y, rstd


@rows_function(_rms.forward, "xmwA", "xxa", "012-BA-Crc3z", COST)
def add_rms_norm(x, residual, weight, eps):
    if not _served(_rms.forward, x, residual, weight):
        return cpu.add_rms_norm(x, residual, weight, eps)
    return _forward(_rms, x, residual, weight, None, None, eps)


@rows_function(_layer.backward, "xxaawmb", "x46", "051234ABCrc", COST_BACKWARD)
def layer_norm_backward(gy, x, mean, rstd, weight, gsum, biased):
    if not _served(_layer.backward, x, gy, weight, gsum):
        return cpu.layer_norm_backward(gy, x, mean, rstd, weight, gsum, biased)
    return _backward(_layer, gy, gsum, x, contiguous(mean), rstd, weight, biased)


@rows_function(_rms.backward, "xxawm", "x3", "041-23AB-rc", COST_BACKWARD)
def rms_norm_backward(gy, x, rstd, weight, gsum):
    if not _served(_rms.backward, x, gy, weight, gsum):
        return cpu.rms_norm_backward(gy, x, rstd, weight, gsum)
    return _backward(_rms, gy, gsum, x, None, rstd, weight, False)[:2]


def _served(kernel, x, *others):
    """Whether there is a kernel for these operands."""
    return (
        x.size > 0 and kernel[x.dtype] is not None and all(other is None or other.dtype == x.dtype for other in others)
    )


def _forward(kernels, x, residual, weight, bias, mean, eps):
    """y, the sum if there is a residual, and rstd; fills mean."""
    x, residual, weight, bias = contiguous(x), *map(contiguous_or_none, (residual, weight, bias))
    (rows, cols), dtype = x.shape, x.dtype
    y, rstd = np.empty(x.shape, dtype), np.empty(rows, accumulator(dtype))
    total = None if residual is None else np.empty(x.shape, dtype)
    work = x.size * COST
    run = kernels.forward[dtype]
    run(shares(rows, work), work, x, residual, weight, bias, total, y, mean, rstd, rows, cols, eps, 0)
    return y, total, rstd


def _backward(kernels, gy, gsum, x, mean, rstd, weight, biased):
    gy, gsum, x, weight = contiguous(gy), contiguous_or_none(gsum), contiguous(x), contiguous_or_none(weight)
    (rows, cols), dtype = x.shape, x.dtype
    gx, work = np.empty(x.shape, dtype), x.size * COST_BACKWARD
    gweight = None if weight is None else np.empty(cols, dtype)
    gbias = np.empty(cols, dtype) if biased else None
    summed = [g for g in (gweight, gbias) if g is not None]
    count = -(-rows // ROWS_PER_PART) if summed else shares(rows, work)
    sum_dtype = accumulator(dtype)
    direct = count == 1 and sum_dtype == dtype
    gweight_part, gbias_part = (
        g if g is None or direct else np.empty((count, cols), sum_dtype) for g in (gweight, gbias)
    )
    run = kernels.backward[dtype]
    run(count, work, gy, gsum, x, mean, contiguous(rstd), weight, gx, gweight_part, gbias_part, rows, cols)
    if summed and not direct:
        work = count * cols * len(summed)
        _total[dtype](shares(-(-cols // 64), work), work, gweight_part, gbias_part, gweight, gbias, count, cols)
    return gx, gweight, gbias

"""Cross entropy of rows against class numbers, and its gradient, compiled for this processor: kernels/host/loss.cu."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import accumulator
from autograd_gpu.arrays.native.launch import Kernel, rows_function
from autograd_gpu.arrays.native.rows import contiguous, shares

__all__ = ["cross_entropy", "cross_entropy_backward", "cross_entropy_with_gradient"]

COST = 6  # of an element, an addition being 1

_forward = Kernel("loss.cu", "cross_entropy_forward", "PPPPqiq")
_with_gradient = Kernel("loss.cu", "cross_entropy_with_gradient", "PPPqiqi")
_backward = Kernel("loss.cu", "cross_entropy_backward", "PPPPPqiq")


@rows_function(_forward, "xtq", "aa", "01ABrc2", COST)
def cross_entropy(x, target, ignore_index):
    run = _forward[x.dtype]
    if run is None or x.size == 0:
        return cpu.cross_entropy(x, target, ignore_index)
    x, target = contiguous(x), contiguous(target)
    (rows, cols), work = x.shape, x.size * COST
    loss, lse = (np.empty(rows, accumulator(x.dtype)) for _ in range(2))
    _checked(run, target, ignore_index, cols, shares(rows, work), work, x, target, loss, lse, rows, cols, ignore_index)
    return loss, lse


def cross_entropy_with_gradient(x, target, ignore_index):
    run = _with_gradient[x.dtype]
    if run is None or x.size == 0 or not x.flags.c_contiguous:
        return cpu.cross_entropy_with_gradient(x, target, ignore_index)
    target = contiguous(target)
    (rows, cols), work = x.shape, x.size * COST
    loss = np.empty(rows, accumulator(x.dtype))
    _checked(run, target, ignore_index, cols, shares(rows, work), work, x, target, loss, rows, cols, ignore_index, 0)
    return loss, x


@rows_function(_backward, "axatq", "x", "0123Arc4", COST)
def cross_entropy_backward(gloss, x, lse, target, ignore_index):
    run = _backward[x.dtype]
    if run is None or x.size == 0:
        return cpu.cross_entropy_backward(gloss, x, lse, target, ignore_index)
    gloss, x, lse, target = map(contiguous, (gloss, x, lse, target))
    (rows, cols), work = x.shape, x.size * COST
    gx = np.empty(x.shape, x.dtype)
    grid = shares(rows, work)
    _checked(run, target, ignore_index, cols, grid, work, gloss, x, lse, target, gx, rows, cols, ignore_index)
    return gx


def _checked(run, target, ignore_index, cols, *arguments):
    try:
        run(*arguments)
    except IndexError:
        cpu.loss._counted(target, ignore_index, cols)  # names the class that is out of bounds
        raise

"""Cross entropy of rows against class numbers, and its gradient: launches kernels/loss.cu."""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda.launch import Kernel
from autograd_gpu.arrays.cuda.memory import contiguous, empty
from autograd_gpu.arrays.cuda.rows import accumulator, cache_slot, teams

__all__ = ["cross_entropy", "cross_entropy_backward", "cross_entropy_with_gradient"]

Array = Any

_forward = Kernel("loss.cu", "cross_entropy_forward", "PPPPqiq")
_with_gradient = Kernel("loss.cu", "cross_entropy_with_gradient", "PPPqiqi")
_backward = Kernel("loss.cu", "cross_entropy_backward", "PPPPPqiq")


def cross_entropy(x: Array, target: Array, ignore_index: int) -> tuple[Array, Array]:
    """log(sum(exp(x))) - x[target] for each row (0 where the target is ignore_index), and log(sum(exp(x)))."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    loss, lse = empty((rows,), accumulator(x.dtype)), empty((rows,), accumulator(x.dtype))
    if rows:
        grid, block = teams(rows, cols, x.dtype)
        _forward(x.dtype, grid, block, x, target, loss, lse, rows, cols, ignore_index)
    return loss, lse


def cross_entropy_with_gradient(x: Array, target: Array, ignore_index: int) -> tuple[Array, Array]:
    """The losses, and softmax(x) - one_hot(target) for each row (zeros where it is ignored), in x's own memory."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    loss = empty((rows,), accumulator(x.dtype))
    if rows:
        grid, block = teams(rows, cols, x.dtype)
        slot = cache_slot(cols, x.dtype, block[1])
        shared = block[1] * slot * x.dtype.itemsize
        _with_gradient(x.dtype, grid, block, x, target, loss, rows, cols, ignore_index, slot, shared_mem=shared)
    return loss, x


def cross_entropy_backward(gloss: Array, x: Array, lse: Array, target: Array, ignore_index: int) -> Array:
    """gloss * (softmax(x) - one_hot(target)) for each row, zeros where the target is ignore_index."""
    gloss, x, target = contiguous(gloss), contiguous(x), contiguous(target)
    rows, cols = x.shape
    gx = empty(x.shape, x.dtype)
    if gx.size:
        grid, block = teams(rows, cols, x.dtype)
        _backward(x.dtype, grid, block, gloss, x, lse, target, gx, rows, cols, ignore_index)
    return gx

"""Connectionist temporal classification, loss and gradient: launches kernels/ctc.cu."""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda.launch import Kernel
from autograd_gpu.arrays.cuda.memory import contiguous, empty, full
from autograd_gpu.arrays.cuda.rows import accumulator

__all__ = ["ctc_loss", "ctc_loss_backward"]

Array = Any

THREADS = 128  # as in ctc.cu

_alpha = Kernel("ctc.cu", "ctc_alpha", "PPPPPPiiiii")
_beta = Kernel("ctc.cu", "ctc_beta", "PPPPPiiiii")
_gradient = Kernel("ctc.cu", "ctc_gradient", "PPPPPPPPPiiiii")


def ctc_loss(x: Array, targets: Array, lengths: Array, target_lengths: Array, blank: int) -> tuple[Array, Array]:
    """loss (N,) of log-probabilities x (T, N, C) and targets (N, S), and alpha (N, T, 2 S + 1) for its gradient.

    Both in the accumulator's dtype; lengths and target_lengths (N,) say how much of x and targets counts.
    """
    x, targets = contiguous(x), contiguous(targets)
    sizes = (*x.shape, targets.shape[1], blank)
    wide = accumulator(x.dtype)
    alpha = empty((x.shape[1], x.shape[0], 2 * targets.shape[1] + 1), wide)
    loss = empty((x.shape[1],), wide)
    if loss.size:
        _alpha(x.dtype, x.shape[1], THREADS, x, targets, lengths, target_lengths, alpha, loss, *sizes)
    return loss, alpha


def ctc_loss_backward(
    gloss: Array,
    x: Array,
    loss: Array,
    alpha: Array,
    targets: Array,
    lengths: Array,
    target_lengths: Array,
    blank: int,
) -> Array:
    """gx (T, N, C): zeros beyond the lengths, and where gloss is 0."""
    gloss, x, targets = contiguous(gloss), contiguous(x), contiguous(targets)
    sizes = (*x.shape, targets.shape[1], blank)
    gx, beta = full(x.shape, 0, x.dtype), empty(alpha.shape, alpha.dtype)
    if gx.size:
        of_example = (targets, lengths, target_lengths)
        _beta(x.dtype, x.shape[1], THREADS, x, *of_example, beta, *sizes)
        _gradient(x.dtype, x.shape[:2], THREADS, gloss, x, alpha, beta, loss, *of_example, gx, *sizes)
    return gx

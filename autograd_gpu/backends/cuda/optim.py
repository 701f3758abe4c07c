"""Optimiser steps on the GPU, in place. Knows which arrays a step touches; kernels/optim.cu the mathematics."""

from __future__ import annotations

import math
from typing import Any

from autograd_gpu.backends.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.backends.cuda.map import MAX_BLOCKS
from autograd_gpu.backends.cuda.memory import contiguous, copy_into

__all__ = ["adamw_step", "sgd_step"]

ELEMENTS_PER_THREAD = 4

_sgd = Kernel("optim.cu", "sgd_step", "PPPPAAAiiq")
_adamw = Kernel("optim.cu", "adamw_step", "PPPPPPddAAAAq")


def sgd_step(parameter, gradient, momentum_buffer, lr, momentum, dampening, weight_decay, nesterov, first):
    """Update `parameter` and `momentum_buffer` (None without momentum); `first` fills the buffer."""
    buffer = momentum_buffer if momentum else None
    factors = (momentum, dampening, weight_decay, nesterov, first)
    _step(_sgd, [parameter, gradient, buffer], lr, *factors)


def adamw_step(parameter, gradient, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, weight_decay):
    """Update by Adam with decoupled weight decay; `step` counts this one."""
    logs = (math.log(beta) if beta > 0 else -math.inf for beta in (beta1, beta2))
    _step(_adamw, [parameter, gradient, exp_avg, exp_avg_sq], step, lr, beta1, beta2, *logs, eps, weight_decay)


def _step(kernel: Kernel, arrays: list[Any], *factors: Any) -> None:
    """Run over C-contiguous arrays; the results of any other layout are copied back."""
    count, dtype = arrays[0].size, arrays[0].dtype
    if count == 0:
        return
    flat = [x if x is None else contiguous(x) for x in arrays]
    block = block_for(ceil_div(count, ELEMENTS_PER_THREAD))
    grid = min(MAX_BLOCKS, ceil_div(count, block * ELEMENTS_PER_THREAD))
    kernel(dtype, grid, block, *flat, *factors, count)
    for given, used in zip(arrays, flat, strict=True):
        if used is not given and given is not arrays[1]:  # the gradient is only read
            copy_into(given, used)

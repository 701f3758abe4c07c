"""Optimiser steps on the GPU, one launch for all parameters, in place. Knows which arrays a step touches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_gpu.arrays.alike import numbers_alike, rows_alike
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, copy_into, empty
from autograd_gpu.arrays.cuda.tables import TABLE, THREADS, Arrays, Table

__all__ = ["adam_step", "norm_of_all", "scale_all", "sgd_step"]

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)

_sgd = Kernel("optim.cu", "sgd_step", TABLE + "PPPAAAiii")
_advance = Kernel("optim.cu", "advance_steps", TABLE + "P")
_adam = Kernel("optim.cu", "adam_step", TABLE + "PPPddAAAAii")
_sum_of_squares = Kernel("optim.cu", "sum_of_squares", TABLE + "P")
_norm_of_partials = Kernel("optim.cu", "norm_of_partials", "PPi")
_scale_all = Kernel("optim.cu", "scale_all", TABLE + "P")


def sgd_step(
    parameters, gradients, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first, scale,
    found_inf,
):  # fmt: skip
    """Update parameters and momentum buffers (None without momentum); `first` fills the buffers."""
    rows_alike("sgd_step", parameters=parameters, gradients=gradients, momentum_buffers=momentum_buffers)
    given = parameters, momentum_buffers
    used = [_contiguous(arrays) for arrays in given]
    table = Table(used[0], _contiguous(gradients), used[1])
    _launch(_sgd, parameters, table, lr, scale, found_inf, momentum, dampening, weight_decay, nesterov, maximize, first)
    _copy_back(given, used)


def adam_step(
    parameters, gradients, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1, beta2, eps, weight_decay,
    decoupled, maximize, scale, found_inf,
):  # fmt: skip
    """Count a step, and update parameters and moments by Adam; max_exp_avg_sqs is None without amsgrad."""
    rows_alike(
        "adam_step", parameters=parameters, gradients=gradients, exp_avgs=exp_avgs, exp_avg_sqs=exp_avg_sqs,
        max_exp_avg_sqs=max_exp_avg_sqs,
    )  # fmt: skip
    numbers_alike("adam_step", "steps", steps, len(parameters), FLOAT32)
    given = parameters, exp_avgs, exp_avg_sqs, max_exp_avg_sqs
    used = [_contiguous(arrays) for arrays in given]
    table = Table(used[0], _contiguous(gradients), *used[1:], steps)
    dtype = parameters[0].dtype
    _advance(dtype, ceil_div(table.rows, THREADS), THREADS, *table.parameters, found_inf)
    logs = (math.log(beta) if beta > 0 else -math.inf for beta in (beta1, beta2))
    factors = (beta1, beta2, *logs, eps, weight_decay, decoupled, maximize)
    _launch(_adam, parameters, table, lr, scale, found_inf, *factors)
    _copy_back(given, used)


def norm_of_all(arrays):
    """The 2-norm of all elements of all arrays together, float64 (); the arrays may differ in dtype."""
    groups = [(dtype, Table(_contiguous(alike))) for dtype, alike in by_dtype(arrays).items()]
    partial = empty((sum(table.blocks for _, table in groups),), FLOAT64)
    start = 0
    for dtype, table in groups:
        if table.blocks:
            _sum_of_squares(dtype, table.blocks, THREADS, *table.parameters, partial[start : start + table.blocks])
        start += table.blocks
    norm = empty((), FLOAT64)
    _norm_of_partials(FLOAT64, 1, block_for(start, 1024), partial, norm, start)
    return norm


def scale_all(arrays, scale):
    """Multiply all arrays, which may differ in dtype, by a number on the device, float64 ()."""
    for alike in by_dtype(arrays).values():
        used = _contiguous(alike)
        _launch(_scale_all, alike, Table(used), scale)
        _copy_back([alike], [used])


def by_dtype(arrays: Arrays) -> dict[np.dtype, list[Any]]:
    """The arrays of each dtype."""
    groups: dict[np.dtype, list[Any]] = {}
    for array in arrays:
        groups.setdefault(array.dtype, []).append(array)
    return groups


def _launch(kernel: Kernel, arrays: Arrays, table: Table, *parameters: Any) -> None:
    if table.blocks:
        kernel(arrays[0].dtype, table.blocks, THREADS, *table.parameters, *parameters)


def _contiguous(arrays: Arrays | None) -> Arrays | None:
    return None if arrays is None else [contiguous(x) for x in arrays]


def _copy_back(given: Sequence[Arrays | None], used: Sequence[Arrays | None]) -> None:
    """Give arrays of other layouts what was written to their copies."""
    for column, copies in zip(given, used, strict=True):
        for array, copy in zip(column or (), copies or (), strict=True):
            if array is not copy:
                copy_into(array, copy)

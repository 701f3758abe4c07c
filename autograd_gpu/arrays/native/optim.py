"""Optimiser steps compiled for this processor, one call for all parameters, in place: kernels/optim.cu."""

from __future__ import annotations

import functools
import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.alike import numbers_alike, rows_alike
from autograd_gpu.arrays.native import runtime
from autograd_gpu.arrays.native.launch import Kernel

__all__ = ["adam_step", "norm_of_all", "scale_all", "sgd_step"]

FLOAT32 = np.dtype(np.float32)
CHUNK = 8192  # elements that a block works on, as in table.cuh
COST = {"sgd_step": 3, "adam_step": 12, "sum_of_squares": 1, "scale_all": 1}
# What stands for a table in a kernel's format: by value, which is never meant here; where it lies; number of rows.
BY_VALUE = bytes(3840)
TABLE = f"{len(BY_VALUE)}sPi"

_sgd = Kernel("optim.cu", "sgd_step", TABLE + "PPPAAAiii")
_advance = Kernel("optim.cu", "advance_steps", TABLE + "P")
_adam = Kernel("optim.cu", "adam_step", TABLE + "PPPddAAAAii")
_sum_of_squares = Kernel("optim.cu", "sum_of_squares", TABLE + "P")
_scale_all = Kernel("optim.cu", "scale_all", TABLE + "P")


def sgd_step(
    parameters, gradients, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first, scale,
    found_inf,
):  # fmt: skip
    """Update parameters and momentum buffers (None without momentum); `first` fills the buffers."""
    rows_alike("sgd_step", parameters=parameters, gradients=gradients, momentum_buffers=momentum_buffers)
    step, table = _sgd[parameters[0].dtype], _table(parameters, gradients, momentum_buffers)
    if step is None or table is None:
        return cpu.sgd_step(
            parameters, gradients, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first,
            scale, found_inf,
        )  # fmt: skip
    _run(
        _sgd,
        step,
        len(parameters),
        table,
        lr,
        scale,
        found_inf,
        momentum,
        dampening,
        weight_decay,
        nesterov,
        maximize,
        first,
    )


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
    step = _adam[parameters[0].dtype]
    table = _table(parameters, gradients, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps)
    if step is None or table is None:
        return cpu.adam_step(
            parameters, gradients, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1, beta2, eps, weight_decay,
            decoupled, maximize, scale, found_inf,
        )  # fmt: skip
    rows = len(parameters)
    _advance[parameters[0].dtype](rows, rows, BY_VALUE, table, rows, found_inf)
    logs = (math.log(beta) if beta > 0 else -math.inf for beta in (beta1, beta2))
    _run(_adam, step, rows, table, lr, scale, found_inf, beta1, beta2, *logs, eps, weight_decay, decoupled, maximize)


def norm_of_all(arrays):
    """The 2-norm of all elements of all arrays together, float64 (); the arrays may differ in dtype."""
    total = 0.0
    for dtype, alike in _by_dtype(arrays).items():
        run, table = _sum_of_squares[dtype], _table(alike)
        if run is None or table is None:
            total += float(cpu.norm_of_all(alike)) ** 2
            continue
        partial = np.empty(_words(table)[0], np.float64)
        _run(_sum_of_squares, run, len(alike), table, partial)
        total += float(partial.sum())
    return np.array(math.sqrt(total))


def scale_all(arrays, scale):
    """Multiply all arrays, which may differ in dtype, by a number, float64 ()."""
    for dtype, alike in _by_dtype(arrays).items():
        run, table = _scale_all[dtype], _table(alike)
        if run is None or table is None:
            cpu.scale_all(alike, scale)
        else:
            _run(_scale_all, run, len(alike), table, scale)


def _by_dtype(arrays):
    groups = {}
    for array in arrays:
        groups.setdefault(array.dtype, []).append(array)
    return groups


@functools.cache
def _maker():
    return runtime.library().host_table()


def _table(*columns):
    """Where each tensor's arrays lie, as kernels read it; None where they are not all C-contiguous and of one dtype."""
    return _maker()(*(column if column is None or type(column) is list else list(column) for column in columns))


def _words(table):
    """The blocks that all tensors take, and their elements."""
    return int.from_bytes(table[-16:-8], "little"), int.from_bytes(table[-8:], "little")


def _run(kernel, run, rows, table, *parameters):
    blocks, elements = _words(table)
    if blocks:
        run(blocks, elements * COST[kernel.name], BY_VALUE, table, rows, *parameters)

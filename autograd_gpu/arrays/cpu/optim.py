"""Optimiser steps on the CPU, in place: each tensor in blocks that stay in the cache for all of a step's passes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..alike import numbers_alike, rows_alike
from .precision import FLOAT32, HALVES, wide
from .quiet import quiet

__all__ = ["adam_step", "norm_of_all", "scale_all", "sgd_step"]

BLOCK = 65536  # elements: what a step of Adam touches of them fits into the second and third cache


@quiet
def sgd_step(
    parameters, gradients, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first, scale,
    found_inf,
):  # fmt: skip
    """Update parameters and momentum buffers (None without momentum); `first` fills the buffers."""
    rows_alike("sgd_step", parameters=parameters, gradients=gradients, momentum_buffers=momentum_buffers)
    if _is_set(found_inf):
        return
    rate, factor = lr.item(), _factor(scale, maximize)
    for tensor in _rows(parameters, gradients, momentum_buffers):
        for p, g, v in _blocks(tensor):
            g = _prepared(g, p, factor, weight_decay)
            if v is None:
                step = np.multiply(g, rate)
            else:
                if first:
                    np.copyto(v, g)
                else:
                    v *= momentum
                    v += g * (1 - dampening) if dampening else g
                step = np.multiply(v, rate * momentum if nesterov else rate)
                if nesterov:
                    step += g * rate
            p -= step


@quiet
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
    if _is_set(found_inf):
        return
    rate, factor = lr.item(), _factor(scale, maximize)
    shrink, added_decay = (1 - rate * weight_decay, 0.0) if decoupled else (1.0, weight_decay)
    for step, *tensor in _rows(steps, parameters, gradients, exp_avgs, exp_avg_sqs, max_exp_avg_sqs):
        step += 1
        count = step.item()
        # lr m / (1 - beta1^n) / (sqrt(v / (1 - beta2^n)) + eps), both corrections on the side of the numbers.
        correction = math.sqrt(1 - beta2**count)
        size, least = rate * correction / (1 - beta1**count), eps * correction
        for p, g, m, v, peak in _blocks(tensor):
            g = _prepared(g, p, factor, added_decay)
            scratch = np.multiply(g, 1 - beta1)
            m *= beta1
            m += scratch
            np.multiply(g, g, out=scratch)
            scratch *= 1 - beta2
            v *= beta2
            v += scratch
            if peak is not None:
                v = np.maximum(peak, v, out=peak)
            np.sqrt(v, out=scratch)
            scratch += least
            np.divide(m, scratch, out=scratch)
            scratch *= size
            if shrink != 1:
                p *= shrink
            p -= scratch


@quiet
def norm_of_all(arrays):
    """The 2-norm of all elements of all arrays together, float64 (); the arrays may differ in dtype."""
    total = 0.0
    for x in arrays:
        flat = x.reshape(-1)
        for start in range(0, flat.size, BLOCK):
            part = wide(flat[start : start + BLOCK])
            total += float(part @ part)
    return np.array(math.sqrt(total))


@quiet
def scale_all(arrays, scale):
    """Multiply all arrays, which may differ in dtype, by a number, float64 ()."""
    factor = scale.item()
    if factor == 1:
        return
    for x in arrays:
        if x.dtype in HALVES:
            x[...] = wide(x) * factor
        else:
            x *= factor


def _rows(*columns: Sequence[np.ndarray] | None) -> Iterator[tuple[np.ndarray | None, ...]]:
    """Each tensor's arrays; None in a column without arrays."""
    count = len(columns[0])
    return zip(*([None] * count if column is None else column for column in columns), strict=True)


def _blocks(tensor: Sequence[np.ndarray | None]) -> Iterator[Sequence[np.ndarray | None]]:
    """Parts of a tensor's arrays, in the dtype they are computed in. What is written to a part reaches the array."""
    size = tensor[0].size
    # Without dimensions NumPy would give numbers, which no result can be written into.
    flat = (size > BLOCK or tensor[0].ndim == 0) and all(x is None or x.flags.c_contiguous for x in tensor)
    if flat:
        tensor = [None if x is None else x.reshape(-1) for x in tensor]
    for start in range(0, size, BLOCK) if flat else (0,):
        part = [None if x is None else x[start : start + BLOCK] for x in tensor] if flat else tensor
        if tensor[0].dtype not in HALVES:
            yield part
        else:
            computed = [None if x is None else wide(x) for x in part]
            yield computed
            for number, (x, value) in enumerate(zip(part, computed, strict=True)):
                if x is not None and number != 1:  # the gradient is only read
                    x[...] = value


def _prepared(g: np.ndarray, p: np.ndarray, factor: float, weight_decay: float) -> np.ndarray:
    """factor * g + weight_decay * p: g itself where that is nothing else."""
    if factor != 1:
        g = g * factor
    return g + weight_decay * p if weight_decay else g


def _factor(scale: np.ndarray | None, maximize: bool) -> float:
    factor = 1.0 if scale is None else scale.item()
    return -factor if maximize else factor


def _is_set(flag: np.ndarray | None) -> bool:
    return flag is not None and flag.item() != 0

"""The optimisers' steps: one kernel per parameter, in place, nothing recorded."""

from __future__ import annotations

from ..tensor import Tensor, bump_version


def sgd_step(
    parameter: Tensor,
    gradient: Tensor,
    momentum_buffer: Tensor | None,
    lr: Tensor,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    first: bool = False,
) -> None:
    """Update `parameter` (and `momentum_buffer`, filled when `first`) by stochastic gradient descent.

    `lr` is a float32 tensor of one element on the parameter's device, so that a captured step can change it.
    """
    buffer = None if momentum_buffer is None else momentum_buffer._array
    parameter.device.backend.sgd_step(
        parameter._array, gradient._array, buffer, lr._array, momentum, dampening, weight_decay, nesterov, first
    )
    for changed in (parameter, momentum_buffer):
        if changed is not None:
            bump_version(changed)


def adamw_step(
    parameter: Tensor,
    gradient: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
    step: Tensor,
    lr: Tensor,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """Update `parameter` and its moments by AdamW (Loshchilov & Hutter 2019).

    `step` (the number of this step, from 1) and `lr` are float32 tensors of one element on the parameter's device.
    """
    parameter.device.backend.adamw_step(
        parameter._array, gradient._array, exp_avg._array, exp_avg_sq._array, step._array, lr._array,
        beta1, beta2, eps, weight_decay,
    )  # fmt: skip
    for changed in (parameter, exp_avg, exp_avg_sq):
        bump_version(changed)

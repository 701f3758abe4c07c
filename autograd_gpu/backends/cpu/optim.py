"""Optimiser steps on the CPU, in place."""

from __future__ import annotations

import numpy as np

from .precision import wide

__all__ = ["adamw_step", "sgd_step"]


def sgd_step(parameter, gradient, momentum_buffer, lr, momentum, dampening, weight_decay, nesterov, first):
    """Update `parameter` and `momentum_buffer` (None without momentum); `first` fills the buffer."""
    step = wide(gradient)
    if weight_decay:
        step = step + weight_decay * wide(parameter)
    if momentum:
        if first:
            momentum_buffer[...] = step
        else:
            momentum_buffer[...] = momentum * wide(momentum_buffer) + (1 - dampening) * step
        step = step + momentum * wide(momentum_buffer) if nesterov else wide(momentum_buffer)
    parameter[...] = wide(parameter) - step.dtype.type(lr[0]) * step


def adamw_step(parameter, gradient, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, weight_decay):
    """Update by Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2)."""
    count, rate = float(step[0]), float(lr[0])
    g, m, v = wide(gradient), wide(exp_avg), wide(exp_avg_sq)
    m = m * beta1
    m += (1 - beta1) * g
    v = v * beta2
    v += (1 - beta2) * (g * g)
    exp_avg[...], exp_avg_sq[...] = m, v
    np.sqrt(v, out=v)
    v /= np.sqrt(1 - beta2**count)
    v += eps
    m /= v
    m *= rate / (1 - beta1**count)
    p = wide(parameter)
    parameter[...] = p * (1 - rate * weight_decay) - m

"""Connectionist temporal classification on the CPU (Graves et al. 2006): all examples and states of a step at once.

A target's states are its labels with blanks around and between them; all in logarithms, -inf is what cannot be.
"""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["ctc_loss", "ctc_loss_backward"]


@quiet
def ctc_loss(x, targets, lengths, target_lengths, blank):
    _, emission, may_skip = _states(wide(x), targets, blank)
    steps, batch, states = emission.shape
    alpha = np.full((batch, steps, states), -np.inf, emission.dtype)
    if steps:
        alpha[:, 0, :2] = emission[0, :, :2]
    for t in range(1, steps):
        arriving = alpha[:, t - 1].copy()
        arriving[:, 1:] = np.logaddexp(arriving[:, 1:], alpha[:, t - 1, :-1])
        skipping = np.where(may_skip, alpha[:, t - 1, :-2], -np.inf)
        arriving[:, 2:] = np.logaddexp(arriving[:, 2:], skipping)
        alpha[:, t] = arriving + emission[t]
    n, last, end = np.arange(batch), lengths - 1, 2 * target_lengths
    if not steps:
        return np.where(end == 0, 0, np.inf).astype(emission.dtype), alpha
    at_label = np.where(end > 0, alpha[n, last, end - 1], -np.inf)
    loss = -np.logaddexp(alpha[n, last, end], at_label)
    return np.where(lengths > 0, loss, np.where(end == 0, 0, np.inf)).astype(emission.dtype, copy=False), alpha


@quiet
def ctc_loss_backward(gloss, x, loss, alpha, targets, lengths, target_lengths, blank):
    label, emission, may_skip = _states(wide(x), targets, blank)
    steps, batch, states = emission.shape
    n, s = np.arange(batch), np.arange(states)
    ends = (s <= 2 * target_lengths[:, None]) & (s >= 2 * target_lengths[:, None] - 1)
    beta = np.full((batch, steps + 1, states), -np.inf, emission.dtype)
    for t in reversed(range(steps)):
        leaving = beta[:, t + 1].copy()
        leaving[:, :-1] = np.logaddexp(leaving[:, :-1], beta[:, t + 1, 1:])
        skipping = np.where(may_skip, beta[:, t + 1, 2:], -np.inf)
        leaving[:, :-2] = np.logaddexp(leaving[:, :-2], skipping)
        leaving[(t == lengths - 1)[:, None] & ends] = 0
        beta[:, t] = leaving + emission[t]
    posterior = np.exp((alpha + beta[:, :-1]).swapaxes(0, 1) - emission + loss[:, None])
    counted = (np.arange(steps)[:, None] < lengths) & (gloss != 0)
    posterior = np.where(counted[..., None] & (s <= 2 * target_lengths[:, None]), posterior * -gloss[:, None], 0)
    gx = np.zeros(x.shape, emission.dtype)
    for state in range(states):  # one class an example in each
        gx[:, n, label[:, state]] += posterior[..., state]
    return gx.astype(x.dtype, copy=False)


def _states(x, targets, blank):
    """Return each state's label (N, 2 S + 1), its log-probability at each step, and whether s - 2 may go on to s."""
    label = np.full((len(targets), 2 * targets.shape[1] + 1), blank)
    label[:, 1::2] = targets
    emission = np.take_along_axis(x, label[None], 2)
    return label, emission, label[:, 2:] != label[:, :-2]

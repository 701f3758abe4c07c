"""Cross entropy of rows of logits with class indices on the CPU, forward and backward."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["cross_entropy", "cross_entropy_backward", "cross_entropy_with_gradient"]


@quiet
def cross_entropy(x, target, ignore_index):
    wide_x = wide(x)
    highest = np.maximum.reduce(wide_x, axis=1)
    exponentials = wide_x - highest[:, None]
    np.exp(exponentials, out=exponentials)
    lse = np.log(np.add.reduce(exponentials, axis=1)) + highest
    counted = target != ignore_index
    _check_targets(target, counted, x.shape[1])
    picked = wide_x[np.arange(len(target)), np.where(counted, target, 0)]
    return np.where(counted, lse - picked, 0).astype(lse.dtype, copy=False), lse


@quiet
def cross_entropy_with_gradient(x, target, ignore_index):
    gx = wide(x)
    counted = target != ignore_index
    _check_targets(target, counted, x.shape[1])
    rows, labels = np.arange(len(target)), np.where(counted, target, 0)
    picked = gx[rows, labels] if x.shape[1] else 0  # without classes every row is ignored
    highest = np.maximum.reduce(gx, 1, keepdims=True, initial=-np.inf)
    gx -= highest
    np.exp(gx, gx)
    total = np.add.reduce(gx, 1)
    loss = np.log(total) + highest[:, 0] - picked
    gx *= (1 / total)[:, None]
    if counted.all():
        gx[rows, labels] -= 1
    else:
        gx[rows[counted], labels[counted]] -= 1
        gx[~counted], loss[~counted] = 0, 0
    if gx is not x:
        x[...] = gx
    return loss, x


@quiet
def cross_entropy_backward(gloss, x, lse, target, ignore_index):
    gx = wide(x) - lse[:, None]
    np.exp(gx, out=gx)  # softmax
    counted = target != ignore_index
    rows = np.flatnonzero(counted)
    gx[rows, target[rows]] -= 1
    gx *= np.where(counted, gloss, 0).astype(gx.dtype)[:, None]
    return gx.astype(x.dtype, copy=False)


def _check_targets(target, counted, classes):
    wrong = counted & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(
            f"Target {target[wrong][0]} is out of bounds: cross_entropy expects classes 0 to {classes - 1}."
        )

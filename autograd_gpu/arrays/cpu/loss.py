"""Cross entropy of rows of logits with class indices on the CPU, forward and backward."""

from __future__ import annotations

import functools

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["cross_entropy", "cross_entropy_backward", "cross_entropy_with_gradient"]


@quiet
def cross_entropy(x, target, ignore_index):
    wide_x = wide(x)
    highest = np.maximum.reduce(wide_x, 1, None, None, False, -np.inf)
    exponentials = np.subtract(wide_x, highest[:, None])
    np.exp(exponentials, exponentials)
    lse = np.log(np.add.reduce(exponentials, 1))
    lse += highest
    rows, labels = _counted(target, ignore_index, x.shape[1])
    if rows is None:
        return lse - wide_x[_all_of(target), labels], lse
    loss = np.zeros_like(lse)
    loss[rows] = lse[rows] - wide_x[rows, labels]
    return loss, lse


@quiet
def cross_entropy_with_gradient(x, target, ignore_index):
    gx = wide(x)
    rows, labels = _counted(target, ignore_index, x.shape[1])
    every = _all_of(target) if rows is None else rows
    picked = gx[every, labels]
    highest = np.maximum.reduce(gx, 1, None, None, True, -np.inf)
    gx -= highest
    np.exp(gx, gx)
    total = np.add.reduce(gx, 1)
    lse = np.log(total)
    lse += highest[:, 0]
    gx *= np.reciprocal(total, total)[:, None]
    if rows is None:
        loss = lse - picked
    else:
        loss = np.zeros_like(lse)
        loss[rows] = lse[rows] - picked
        gx[target == ignore_index] = 0
    gx[every, labels] -= 1
    if gx is not x:
        x[...] = gx
    return loss, x


@quiet
def cross_entropy_backward(gloss, x, lse, target, ignore_index):
    gx = np.subtract(wide(x), lse[:, None])
    np.exp(gx, gx)  # softmax
    rows, labels = _counted(target, ignore_index, x.shape[1])
    gx[_all_of(target) if rows is None else rows, labels] -= 1
    if rows is not None:
        gloss = np.where(target == ignore_index, 0, gloss)
    gx *= gloss[:, None]
    return gx.astype(x.dtype, copy=False)


def _counted(target, ignore_index, classes):
    """The numbers of the rows that count and their labels; None for the numbers when that is all of them."""
    # As unsigned numbers the negative ones are too large as well.
    wrong = target.view(np.uint64) >= classes
    if not 0 <= ignore_index < classes and not wrong.any():
        return None, target
    counted = target != ignore_index
    wrong &= counted
    if wrong.any():
        raise IndexError(
            f"Target {target[wrong][0]} is out of bounds: cross_entropy expects classes 0 to {classes - 1}."
        )
    rows = np.flatnonzero(counted)
    return rows, target[rows]


_few = functools.lru_cache(maxsize=16)(np.arange)


def _all_of(target):
    count = len(target)
    return _few(count) if count <= 4096 else np.arange(count)

"""softmax and log_softmax on the CPU, forward and backward."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward"]


@quiet
def softmax(x, dim):
    if x.ndim == 0:
        return np.ones_like(x)
    wide_x = wide(x)
    y = wide_x - _maximum(wide_x, dim)  # max first: exp overflows
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=dim, keepdims=True)
    return y.astype(x.dtype, copy=False)


@quiet
def softmax_backward(gy, y, dim):
    wide_y, wide_gy = wide(y), wide(gy)
    gx = wide_gy * wide_y
    total = np.asarray(np.add.reduce(gx, axis=dim, keepdims=True)) if gx.ndim else gx.copy()
    gx -= wide_y * total
    return gx.astype(y.dtype, copy=False)


@quiet
def log_softmax(x, dim):
    if x.ndim == 0:
        return np.zeros_like(x)
    wide_x = wide(x)
    y = wide_x - _maximum(wide_x, dim)
    y -= np.log(np.add.reduce(np.exp(y), axis=dim, keepdims=True))
    return y.astype(x.dtype, copy=False)


@quiet
def log_softmax_backward(gy, y, dim):
    wide_gy = wide(gy)
    gx = np.exp(wide(y))
    gx *= np.add.reduce(wide_gy, axis=dim, keepdims=True) if gy.ndim else wide_gy
    np.subtract(wide_gy, gx, out=gx)
    return gx.astype(y.dtype, copy=False)


def _maximum(x, dim):
    if x.shape[dim] == 0:
        return np.zeros((), x.dtype)
    return np.maximum.reduce(x, axis=dim, keepdims=True)

"""softmax and log_softmax on the CPU, forward and backward."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet
from .row_blocks import LARGE, by_rows

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward"]


@quiet
def softmax(x, dim):
    return _softmax(x, dim) if x.size <= LARGE else by_rows(_softmax, dim, x)


@quiet
def softmax_backward(gy, y, dim):
    return _softmax_backward(gy, y, dim) if y.size <= LARGE else by_rows(_softmax_backward, dim, gy, y)


@quiet
def log_softmax(x, dim):
    return _log_softmax(x, dim) if x.size <= LARGE else by_rows(_log_softmax, dim, x)


@quiet
def log_softmax_backward(gy, y, dim):
    return _log_softmax_backward(gy, y, dim) if y.size <= LARGE else by_rows(_log_softmax_backward, dim, gy, y)


def _softmax(x, dim):
    if x.ndim == 0:
        return np.ones_like(x)
    wide_x = wide(x)
    y = np.subtract(wide_x, _maximum(wide_x, dim))  # max first: exp overflows
    np.exp(y, y)
    y /= np.add.reduce(y, dim, None, None, True)
    return y.astype(x.dtype, copy=False)


def _softmax_backward(gy, y, dim):
    if y.ndim == 0:
        return np.zeros_like(y)
    wide_y, wide_gy = wide(y), wide(gy)
    if dim == y.ndim - 1:
        total = np.vecdot(wide_gy, wide_y)[..., None]
    else:  # vecdot along a stride would read a value a cache line
        total = np.add.reduce(wide_gy * wide_y, dim, None, None, True)
    gx = np.subtract(wide_gy, total)
    gx *= wide_y
    return gx.astype(y.dtype, copy=False)


def _log_softmax(x, dim):
    if x.ndim == 0:
        return np.zeros_like(x)
    wide_x = wide(x)
    y = np.subtract(wide_x, _maximum(wide_x, dim))
    y -= np.log(np.add.reduce(np.exp(y), dim, None, None, True))
    return y.astype(x.dtype, copy=False)


def _log_softmax_backward(gy, y, dim):
    if y.ndim == 0:
        return np.zeros_like(y)
    wide_gy = wide(gy)
    gx = np.exp(wide(y))
    gx *= np.add.reduce(wide_gy, dim, None, None, True)
    np.subtract(wide_gy, gx, gx)
    return gx.astype(y.dtype, copy=False)


def _maximum(x, dim):
    if x.shape[dim] == 0:
        return np.zeros((), x.dtype)
    return np.maximum.reduce(x, dim, None, None, True)

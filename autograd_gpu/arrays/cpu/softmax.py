"""softmax and log_softmax on the CPU, forward and backward."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet
from .row_blocks import LARGE, by_rows
from .row_sums import products_along, sums_along

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
    y /= sums_along(y, dim)
    return y.astype(x.dtype, copy=False)


def _softmax_backward(gy, y, dim):
    if y.ndim == 0:
        return np.zeros_like(y)
    wide_y, wide_gy = wide(y), wide(gy)
    gx = np.subtract(wide_gy, products_along(wide_gy, wide_y, dim))
    gx *= wide_y
    return gx.astype(y.dtype, copy=False)


def _log_softmax(x, dim):
    if x.ndim == 0:
        return np.zeros_like(x)
    wide_x = wide(x)
    y = np.subtract(wide_x, _maximum(wide_x, dim))
    y -= np.log(sums_along(np.exp(y), dim))
    return y.astype(x.dtype, copy=False)


def _log_softmax_backward(gy, y, dim):
    if y.ndim == 0:
        return np.zeros_like(y)
    wide_gy = wide(gy)
    gx = np.exp(wide(y))
    gx *= sums_along(wide_gy, dim)
    np.subtract(wide_gy, gx, gx)
    return gx.astype(y.dtype, copy=False)


def _maximum(x, dim):
    if x.shape[dim] == 0:
        return np.zeros((), x.dtype)
    return np.maximum.reduce(x, dim, None, None, True)

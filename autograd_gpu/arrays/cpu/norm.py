"""Layer norm (Ba, Kiros & Hinton 2016) and RMS norm (Zhang & Sennrich 2019) on the CPU, over the rows of a matrix, also
of a sum; forward and backward."""

from __future__ import annotations

import functools

import numpy as np

from .long_sums import SHORT, total
from .precision import HALVES, accumulator, wide
from .quiet import quiet
from .row_blocks import LARGE, row_blocks
from .row_sums import products_along, sums_along

__all__ = ["add_layer_norm", "add_rms_norm", "layer_norm", "layer_norm_backward", "rms_norm", "rms_norm_backward"]


@quiet
def layer_norm(x, weight, bias, eps):
    return _forward(x, weight, bias, eps, True)


@quiet
def add_layer_norm(x, residual, weight, bias, eps):
    total = _sum(x, residual)
    y, mean, rstd = _forward(total, weight, bias, eps, True)
    return y, total, mean, rstd


@quiet
def rms_norm(x, weight, eps):
    y, _, rstd = _forward(x, weight, None, eps, False)
    return y, rstd


@quiet
def add_rms_norm(x, residual, weight, eps):
    total = _sum(x, residual)
    y, _, rstd = _forward(total, weight, None, eps, False)
    return y, total, rstd


@quiet
def layer_norm_backward(gy, x, mean, rstd, weight, gsum, biased):
    return _backward(gy, x, mean, rstd, weight, gsum, biased)


@quiet
def rms_norm_backward(gy, x, rstd, weight, gsum):
    return _backward(gy, x, None, rstd, weight, gsum, False)[:2]


# ---------------------------------------------------------------------------------------------- whole or in blocks


def _forward(x, weight, bias, eps, centred):
    weight, bias = _wide(weight), _wide(bias)
    if x.size <= LARGE:
        return _forward_rows(x, weight, bias, eps, centred)
    y, statistics = np.empty(x.shape, x.dtype), np.empty((2, x.shape[0]), accumulator(x.dtype))
    for block in row_blocks(*x.shape):
        y[block], mean, rstd = _forward_rows(x[block], weight, bias, eps, centred)
        statistics[0, block], statistics[1, block] = 0 if mean is None else mean, rstd
    return y, *statistics


def _backward(gy, x, mean, rstd, weight, gsum, biased):
    weight, dtype = _wide(weight), x.dtype
    if x.size <= LARGE:
        gx, gweight, gbias = _backward_rows(gy, x, mean, rstd, weight, gsum, biased)
    else:
        gx, gweight, gbias = np.empty(x.shape, dtype), np.zeros(()), np.zeros(())  # sums over blocks in float64
        for block in row_blocks(*x.shape):
            parts = (None if part is None else part[block] for part in (gy, x, mean, rstd))
            past = None if gsum is None else gsum[block]
            gx[block], more_weight, more_bias = _backward_rows(*parts, weight, past, biased)
            gweight = None if weight is None else gweight + more_weight
            gbias = gbias + more_bias if biased else None
    if weight is not None:
        gweight = gweight.astype(dtype, copy=False)
    return gx, gweight, gbias.astype(dtype, copy=False) if biased else None


# ---------------------------------------------------------------------------------------------- rows in the cache


def _forward_rows(x, weight, bias, eps, centred):
    wide_x = wide(x)
    share = _share(x.shape[1] or 1, wide_x.dtype)
    mean, offset = None, wide_x
    if centred:
        first = wide_x[:, :1] if x.shape[1] else 0  # so that the mean of a constant is the constant
        offset = np.subtract(wide_x, first)
        mean = sums_along(offset, 1)
        mean *= share
        offset -= mean
        mean += first
    rstd = products_along(offset, offset, 1)
    rstd *= share
    if centred:
        np.copyto(rstd, np.nan, where=rstd == np.inf)  # the squares were too large: all 0 would be no answer
    rstd += eps
    np.sqrt(rstd, rstd)
    np.reciprocal(rstd, rstd)
    y = np.multiply(offset, rstd, offset if centred else None)
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y.astype(x.dtype, copy=False), mean[:, 0] if centred else None, rstd[:, 0]


def _backward_rows(gy, x, mean, rstd, weight, gsum, biased):
    wide_gy, column = wide(gy), rstd[:, None]
    share = _share(x.shape[1] or 1, wide_gy.dtype)
    if mean is None:
        normalised = wide(x) * column
    else:
        normalised = np.subtract(wide(x), mean[:, None])
        normalised *= column
    gweight = None if weight is None else _column_products(wide_gy, normalised)
    gbias = total(wide_gy, (0,), False) if biased else None
    g = wide_gy if weight is None else wide_gy * weight
    along = products_along(g, normalised, 1)
    along *= share
    normalised *= along
    gx = np.subtract(g, normalised, normalised)
    if mean is not None:
        offset = sums_along(g, 1)
        offset *= share
        gx -= offset
    gx *= column
    if gsum is not None:
        gx += wide(gsum)
    return gx.astype(x.dtype, copy=False), gweight, gbias


def _column_products(x, y):
    if len(x) <= SHORT:
        return np.einsum("rc,rc->c", x, y)
    return total(x * y, (0,), False)


@functools.lru_cache(maxsize=64)
def _share(columns, dtype):
    """1 / columns as an array of no dimensions: with a Python number an operation on a small array takes twice as
    long."""
    return np.array(1 / columns, dtype)


def _sum(x, residual):
    # Rounded before it is normalised: backward sees the sum as it is stored.
    return (wide(x) + wide(residual)).astype(x.dtype) if x.dtype in HALVES else x + residual


def _wide(parameter):
    return None if parameter is None else wide(parameter)

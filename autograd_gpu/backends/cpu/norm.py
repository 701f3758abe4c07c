"""Layer norm (Ba, Kiros & Hinton 2016) and RMS norm (Zhang & Sennrich 2019) on the CPU, over the rows of a matrix, also
of a sum; forward and backward."""

from __future__ import annotations

import numpy as np

from .precision import HALVES, wide
from .quiet import quiet

__all__ = ["add_layer_norm", "add_rms_norm", "layer_norm", "layer_norm_backward", "rms_norm", "rms_norm_backward"]


@quiet
def layer_norm(x, weight, bias, eps):
    wide_x = wide(x)
    mean = _row_means(wide_x)
    y = np.subtract(wide_x, mean[:, None])
    rstd = _reciprocal_root(y, eps)
    return _scaled(y, y, rstd, weight, bias, x.dtype), mean, rstd


@quiet
def add_layer_norm(x, residual, weight, bias, eps):
    total = _sum(x, residual)
    return _with_sum(layer_norm(total, weight, bias, eps), total)


@quiet
def rms_norm(x, weight, eps):
    wide_x = wide(x)
    rstd = _reciprocal_root(wide_x, eps)
    return _scaled(wide_x, None, rstd, weight, None, x.dtype), rstd


@quiet
def add_rms_norm(x, residual, weight, eps):
    total = _sum(x, residual)
    return _with_sum(rms_norm(total, weight, eps), total)


@quiet
def layer_norm_backward(gy, x, mean, rstd, weight, gsum, biased):
    wide_gy = wide(gy)
    normalised = np.subtract(wide(x), mean[:, None])
    normalised *= rstd[:, None]
    gweight = None if weight is None else np.einsum("rc,rc->c", wide_gy, normalised).astype(x.dtype)
    gbias = np.add.reduce(wide_gy, 0).astype(x.dtype) if biased else None
    g = wide_gy if weight is None else wide_gy * wide(weight)
    normalised *= _row_means(g, normalised)[:, None]
    np.subtract(g, normalised, normalised)
    normalised -= _row_means(g)[:, None]
    return _gradient(normalised, rstd, gsum, x.dtype), gweight, gbias


@quiet
def rms_norm_backward(gy, x, rstd, weight, gsum):
    wide_gy = wide(gy)
    normalised = wide(x) * rstd[:, None]
    gweight = None if weight is None else np.einsum("rc,rc->c", wide_gy, normalised).astype(x.dtype)
    g = wide_gy if weight is None else wide_gy * wide(weight)
    normalised *= _row_means(g, normalised)[:, None]
    np.subtract(g, normalised, normalised)
    return _gradient(normalised, rstd, gsum, x.dtype), gweight


def _row_means(x, y=None):
    """The mean of x, or of x * y, along each row; of no columns, 0."""
    means = np.add.reduce(x, 1) if y is None else np.vecdot(x, y)
    means *= 1 / (x.shape[1] or 1)
    return means


def _reciprocal_root(centred, eps):
    """1 / sqrt(mean of squares + eps) of each row."""
    rstd = _row_means(centred, centred)
    rstd += eps
    np.sqrt(rstd, rstd)
    return np.reciprocal(rstd, rstd)


def _scaled(x, out, rstd, weight, bias, dtype):
    y = np.multiply(x, rstd[:, None], out)
    if weight is not None:
        y *= wide(weight)
    if bias is not None:
        y += wide(bias)
    return y.astype(dtype, copy=False)


def _gradient(g, rstd, gsum, dtype):
    g *= rstd[:, None]
    if gsum is not None:
        g += wide(gsum)
    return g.astype(dtype, copy=False)


def _sum(x, residual):
    # Rounded before it is normalised: backward sees the sum as it is stored.
    return (wide(x) + wide(residual)).astype(x.dtype) if x.dtype in HALVES else x + residual


def _with_sum(results, total):
    return results[0], total, *results[1:]

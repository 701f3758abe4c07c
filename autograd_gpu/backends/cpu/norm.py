"""Layer normalisation on the CPU (Ba, Kiros & Hinton 2016), forward and backward, over the rows of a matrix."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["layer_norm", "layer_norm_backward"]


@quiet
def layer_norm(x, weight, bias, eps):
    wide_x = wide(x)
    columns = wide_x.dtype.type(max(wide_x.shape[1], 1))
    mean = np.add.reduce(wide_x, axis=1) / columns
    y = wide_x - mean[:, None]
    rstd = 1 / np.sqrt(np.vecdot(y, y) / columns + y.dtype.type(eps))
    y *= rstd[:, None]
    if weight is not None:
        y *= wide(weight)
    if bias is not None:
        y += wide(bias)
    return y.astype(x.dtype, copy=False), mean, rstd


@quiet
def layer_norm_backward(gy, x, mean, rstd, weight):
    wide_gy = wide(gy)
    normalised = wide(x) - mean[:, None]
    normalised *= rstd[:, None]
    gweight = None if weight is None else np.einsum("rc,rc->c", wide_gy, normalised).astype(x.dtype)
    gbias = np.add.reduce(wide_gy, axis=0).astype(x.dtype)
    g = wide_gy if weight is None else wide_gy * wide(weight)
    columns = g.dtype.type(max(g.shape[1], 1))
    along = np.vecdot(g, normalised) / columns
    normalised *= along[:, None]
    gx = g - normalised
    gx -= (np.add.reduce(g, axis=1) / columns)[:, None]
    gx *= rstd[:, None]
    return gx.astype(x.dtype, copy=False), gweight, gbias

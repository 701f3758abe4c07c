"""Convolutions and their gradients on the CPU: one matrix product with the columns, or, where a group has one channel,
a pass over the outputs for each place of the kernel."""

from __future__ import annotations

import math

import numpy as np

from .columns import col2im, im2col
from .long_sums import total
from .matmul import matmul
from .precision import accumulator, wide
from .quiet import quiet
from .window import cropped, padded, places, seen_from

__all__ = ["convolution", "convolution_transposed", "convolution_weight"]


def convolution(x, weight, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    if _is_depthwise(weight, groups):
        return _depthwise(x, weight, *window)
    product = matmul(_as_matrices(weight, groups), _columns(x, groups, *window))
    return np.ascontiguousarray(product.reshape(weight.shape[0], x.shape[0], *output).swapaxes(0, 1))


def convolution_transposed(gy, weight, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    if _is_depthwise(weight, groups):
        return _depthwise_transposed(gy, weight, groups, *window)
    # Half types as float32 until the columns have been summed.
    columns = matmul(wide(_as_matrices(weight, groups)).swapaxes(1, 2), wide(_by_channel(gy, groups)))
    gx = col2im(columns.reshape(weight.shape[1] * groups, *kernel, gy.shape[0], *output), *window)
    return gx.astype(gy.dtype, copy=False)


def convolution_weight(x, gy, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    shape = (gy.shape[1], x.shape[1] // groups, *kernel)
    if shape[1] == 1 and groups > 1:
        return _depthwise_weight(x, gy, *window)
    return matmul(_by_channel(gy, groups), _columns(x, groups, *window).swapaxes(1, 2)).reshape(shape)


def _columns(x, groups, *window):
    """(groups, in / groups * places, images and outputs)."""
    columns = im2col(x, *window)
    rows = math.prod(columns.shape[: 1 + len(window[0])])
    return columns.reshape(groups, rows // groups, columns.size // max(rows, 1))


def _as_matrices(weight, groups):
    """(groups, out / groups, in / groups * places) for a weight (out, in / groups, *kernel)."""
    return weight.reshape(groups, weight.shape[0] // groups, math.prod(weight.shape[1:]))


def _by_channel(gy, groups):
    """(groups, channels / groups, images and outputs) for gy (images, channels, *output)."""
    channels = gy.shape[1]
    flat = np.ascontiguousarray(gy.swapaxes(0, 1))
    return flat.reshape(groups, channels // groups, flat.size // max(channels, 1))


# ---- a channel a group: x (N, C, ...) and y (N, C * filters, ...) as (N, C, filters, ...)


def _is_depthwise(weight, groups):
    return weight.shape[1] == 1 and groups > 1


def _at_place(weight, channels, k):
    """(C, filters, 1, ...): what every filter of a weight (C * filters, 1, *kernel) has at one place."""
    return wide(weight[(slice(None), 0, *k)]).reshape(channels, -1, *(1,) * len(k))


@quiet
def _depthwise(x, weight, *window):
    _, output, kernel, stride, _, dilation = window
    batch, channels = x.shape[:2]
    around = padded(wide(x), *window, 0)[:, :, None]
    y = np.zeros((batch, channels, weight.shape[0] // channels, *output), around.dtype)
    product = np.empty_like(y)
    for k in places(kernel):
        seen = around[seen_from(k, output, stride, dilation)]
        y += np.multiply(seen, _at_place(weight, channels, k), out=product)
    return y.reshape(batch, weight.shape[0], *output).astype(x.dtype, copy=False)


@quiet
def _depthwise_transposed(gy, weight, channels, *window):
    size, output, kernel, stride, padding, dilation = window
    batch, filters = gy.shape[:2]
    gy = wide(gy).reshape(batch, channels, filters // channels, *output)
    gx = padded(np.zeros((batch, channels, *size), gy.dtype), *window, 0)
    product = np.empty((batch, channels, *output), gy.dtype)
    for k in places(kernel):
        at_place, seen = _at_place(weight, channels, k), gx[seen_from(k, output, stride, dilation)]
        for f in range(filters // channels):
            seen += np.multiply(gy[:, :, f], at_place[:, f], out=product)
    return np.ascontiguousarray(cropped(gx, size, padding), weight.dtype)


@quiet
def _depthwise_weight(x, gy, *window):
    _, output, kernel, stride, _, dilation = window
    batch, channels = x.shape[:2]
    around = padded(wide(x), *window, 0)
    wide_gy = wide(gy).reshape(batch, channels, gy.shape[1] // channels, *output)
    gweight = np.empty((gy.shape[1], 1, *kernel), accumulator(x.dtype))
    dims = "xyz"[: len(kernel)]
    for k in places(kernel):
        seen = around[seen_from(k, output, stride, dilation)]
        of_each = np.einsum(f"nc{dims},ncf{dims}->ncf", seen, wide_gy)
        gweight[(slice(None), 0, *k)] = total(of_each, (0,), False).reshape(-1)
    return gweight.astype(x.dtype, copy=False)

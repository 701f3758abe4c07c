"""An image's sliding windows as columns on the CPU, and the way back."""

from __future__ import annotations

import math

import numpy as np

from .long_sums import sums_of
from .window import cropped, padded, places, seen_from

__all__ = ["col2im", "im2col"]


def im2col(x, size, output, kernel, stride, padding, dilation):
    batch, channels = x.shape[:2]
    x = padded(x, size, output, kernel, stride, padding, dilation, 0)
    columns = np.empty((channels, *kernel, batch, *output), x.dtype)
    for k in places(kernel):
        columns[(slice(None), *k)] = x[seen_from(k, output, stride, dilation)].swapaxes(0, 1)
    return columns


def col2im(columns, size, output, kernel, stride, padding, dilation):
    channels, batch = columns.shape[0], columns.shape[1 + len(kernel)]
    nothing = np.zeros((batch, channels, *size), sums_of(math.prod(kernel), columns.dtype))
    x = padded(nothing, size, output, kernel, stride, padding, dilation, 0)
    for k in places(kernel):
        x[seen_from(k, output, stride, dilation)] += columns[(slice(None), *k)].swapaxes(0, 1)
    return np.ascontiguousarray(cropped(x, size, padding), columns.dtype)

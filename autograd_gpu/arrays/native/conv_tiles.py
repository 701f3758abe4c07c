"""Convolutions and their gradients by one kernel each, kernels/host/conv.cu: it multiplies an image's columns tile by
tile where it made them, in a core's cache. For kernels of middling size; conv.py has the others."""

from __future__ import annotations

import math
import struct

import numpy as np

from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import MOST_SHARES, contiguous, shares
from autograd_gpu.arrays.window import WINDOW_BYTES, pack_window

TILE = 64  # outputs that are one share, as in conv.cu
# A tile's columns and the weight stay in a core's cache up to here; beyond, and where columns are too few for vectors
# or are the image itself, BLAS is better at the products.
FEWEST_COLUMNS, MOST_COLUMNS, MOST_WEIGHTS = 64, 1024, 1 << 16
MOST_PARTS = 16  # of the sum over images that gweight is, a number that the shape alone decides

_SIZES = struct.Struct("4i")
_PLACES = f"{WINDOW_BYTES}s{_SIZES.size}s"

_convolution = Kernel("conv.cu", "convolution", f"PPP{_PLACES}")
_transposed = Kernel("conv.cu", "convolution_transposed", f"PPP{_PLACES}")
_weight = Kernel("conv.cu", "convolution_weight", f"PPP{_PLACES}")
_total = Kernel("conv.cu", "convolution_weight_total", "PPiq")


def serves(dtype, weight_shape, groups):
    """Whether a convolution of this weight (filters, channels of a group, *kernel) is these kernels' to do."""
    columns = math.prod(weight_shape[1:])
    middling = FEWEST_COLUMNS <= columns <= MOST_COLUMNS and columns * weight_shape[0] <= MOST_WEIGHTS
    return middling and columns > weight_shape[1] and _convolution[dtype] is not None


def convolution(x, weight, window, groups):
    y = np.empty((x.shape[0], weight.shape[0], *window[1]), x.dtype)
    if y.size:
        work, tiles = y.size * math.prod(weight.shape[1:]), -(-math.prod(window[1]) // TILE)
        packed = _packed(window, x.shape[0], weight.shape, groups)
        grid = shares(x.shape[0] * groups * tiles, work)
        _convolution[x.dtype](grid, work, contiguous(x), contiguous(weight), y, *packed)
    return y


def convolution_transposed(gy, weight, window, groups):
    gx = np.empty((gy.shape[0], weight.shape[1] * groups, *window[0]), gy.dtype)
    if gx.size:
        work, packed = gy.size * math.prod(weight.shape[1:]), _packed(window, gy.shape[0], weight.shape, groups)
        grid = shares(gy.shape[0] * groups, work)
        _transposed[gy.dtype](grid, work, contiguous(gy), contiguous(weight), gx, *packed)
    return gx


def convolution_weight(x, gy, window, groups):
    gweight = np.empty((gy.shape[1], x.shape[1] // groups, *window[2]), x.dtype)
    images = x.shape[0]
    count, work = max(1, min(images, MOST_PARTS)), gy.size * math.prod(gweight.shape[1:])
    parts = gweight if count == 1 else np.empty((count, *gweight.shape), x.dtype)
    packed = _packed(window, images, gweight.shape, groups)
    _weight[x.dtype](count, work, contiguous(x), contiguous(gy), parts, *packed)
    if count > 1:
        grid = shares(min(gweight.size, MOST_SHARES), parts.size)
        _total[x.dtype](grid, parts.size, parts, gweight, count, gweight.size)
    return gweight


def _packed(window, images, weight_shape, groups):
    sizes = _SIZES.pack(weight_shape[1], weight_shape[0] // groups, groups, images)
    return pack_window(*window), sizes

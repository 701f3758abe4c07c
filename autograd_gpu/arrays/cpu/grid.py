"""Pictures read at the places of a grid, on the CPU: bags of rows of channels, weighted by functions of the grid.

x (batch, channels, *size), grid (batch, *places, dims), whose last dimension is (x, y) or (x, y, z) from -1 to 1. The
rules of kernels/include/grid.cuh, an array at a time.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from .bag import bag_dot, bag_scatter, bag_sum
from .precision import wide
from .quiet import quiet

__all__ = ["grid_sample", "grid_sample_backward"]


@quiet
def grid_sample(x, grid, mode, padding, is_aligned):
    pixel, weight, _ = _taps(x.shape[2:], grid, mode, padding, is_aligned)
    y = bag_sum(_as_rows(x), pixel, weight.astype(x.dtype, copy=False), None)
    return _as_pictures(y, (*x.shape[:2], *grid.shape[1:-1]))


@quiet
def grid_sample_backward(gy, x, grid, mode, padding, is_aligned, needs_x, needs_grid):
    """-> gx, ggrid; None for what is not needed."""
    pixel, weight, slopes = _taps(x.shape[2:], grid, mode, padding, is_aligned)
    rows, gx, ggrid = _as_rows(gy), None, None
    if needs_x:
        count = x.shape[0] * math.prod(x.shape[2:])
        gx = _as_pictures(bag_scatter(rows, pixel, weight.astype(x.dtype, copy=False), None, count), x.shape)
    if needs_grid:
        dots = bag_dot(wide(rows), wide(_as_rows(x)), pixel, None)
        columns = [(dots * slope).sum(1).reshape(grid.shape[:-1]) for slope in slopes[::-1]]
        ggrid = np.stack(columns, -1).astype(grid.dtype, copy=False)
    return gx, ggrid


def _as_rows(x):
    """(batch, channels, ...) as (batch * ..., channels)."""
    batch, channels, *places = x.shape
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(batch * math.prod(places), channels)


def _as_pictures(rows, shape):
    batch, channels, *places = shape
    return np.ascontiguousarray(np.moveaxis(rows.reshape(batch, *places, channels), -1, 1))


def _taps(size, grid, mode, padding, is_aligned):
    """Of every place: its pixels, numbered through the batch, or -1, and weights (places, taps), and for each dimension
    the weights' slopes by the grid."""
    batch, dims = len(grid), len(size)
    axes = [
        _along(
            wide(grid[..., dims - 1 - d]).reshape(batch, math.prod(grid.shape[1:-1])), length, mode, padding, is_aligned
        )
        for d, length in enumerate(size)
    ]
    first = np.arange(batch)[:, None] * math.prod(size)
    pixels, weights, slopes = [], [], [[] for _ in size]
    for chosen in itertools.product(*axes):
        number = first
        is_inside = np.ones(chosen[0][0].shape, bool)
        for d, (pixel, _, _) in enumerate(chosen):
            number = number + pixel * math.prod(size[d + 1 :])
            is_inside &= pixel >= 0
        pixels.append(np.where(is_inside, number, -1))
        weights.append(math.prod((weight for _, weight, _ in chosen[1:]), start=chosen[0][1]))
        for d in range(dims):
            slopes[d].append(math.prod((c[2 if e == d else 1] for e, c in enumerate(chosen)), start=is_inside * 1))
    shape = (pixels[0].size, len(pixels))
    pixel, weight, *slopes = (np.stack(each, -1).reshape(shape) for each in (pixels, weights, *slopes))
    return pixel, weight, slopes


def _along(grid, length, mode, padding, is_aligned):
    """[(pixel or -1, weight, slope)] along one dimension."""
    is_nan = grid != grid
    x, half = np.where(is_nan, -1, grid), (length - 1 if is_aligned else length) / 2
    at = (x + 1) * half if is_aligned else ((x + 1) * length - 1) / 2
    slope = np.where(is_nan, 0, half).astype(grid.dtype)
    if mode != "bicubic":
        at, slope = _held(at, slope, length, padding, is_aligned)
    left = np.rint(at) if mode == "nearest" else np.floor(at)
    t = np.where(at == left, 0, at - left).astype(at.dtype, copy=False)  # also of infinity
    if mode == "nearest":
        found = [(left, np.ones_like(at), np.zeros_like(at))]
    elif mode == "bilinear":
        found = [(left, 1 - t, -slope), (left + 1, t, slope)]
    else:
        cubic = (_far(t + 1), _near(t), _near(1 - t), _far(2 - t))
        signs = (1, 1, -1, -1)
        found = [
            (_held(left + step, slope, length, padding, is_aligned)[0], weight, sign * of_weight * slope)
            for step, sign, (weight, of_weight) in zip((-1, 0, 1, 2), signs, cubic, strict=True)
        ]
    taps = []
    for pixel, weight, of_weight in found:
        is_inside = (pixel >= 0) & (pixel <= length - 1)
        taps.append((np.where(is_inside, pixel, -1).astype(np.int64), *(is_inside * w for w in (weight, of_weight))))
        for w in taps[-1][1:]:
            w[~is_inside] = 0  # of a place at infinity it is NaN
    return taps


def _near(d, a=-0.75):
    """Keys 1981: the weight at a distance up to 1, and its slope."""
    return ((a + 2) * d - (a + 3)) * d * d + 1, (3 * (a + 2) * d - 2 * (a + 3)) * d


def _far(d, a=-0.75):
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a, (3 * a * d - 10 * a) * d + 8 * a


def _held(at, slope, length, padding, is_aligned):
    """The place where the padding has it, and the slope there."""
    if padding == "zeros":
        return at, slope
    if padding == "reflection":
        low, span = (0, length - 1) if is_aligned else (-0.5, length)
        if span == 0:
            return np.zeros_like(at), np.zeros_like(slope)
        distance, sign = np.abs(at - low), np.where(at < low, -1, 1)
        beyond, is_back = np.fmod(distance, span), np.fmod(np.floor(distance / span), 2) != 0
        at = np.where(is_back, span - beyond, beyond).astype(at.dtype) + at.dtype.type(low)
        slope = np.where(is_back, -sign, sign) * slope
    is_inside = (at > 0) & (at < length - 1)
    held = np.where(at > 0, np.minimum(at, length - 1), 0).astype(at.dtype)
    # A reflection of infinity is NaN, which is nowhere.
    return np.where(at == at, held, at) if padding == "reflection" else held, np.where(is_inside, slope, 0)

"""Pooling over sliding windows on the CPU: a pass over the outputs for each place of the kernel."""

from __future__ import annotations

import math

import numpy as np

from .long_sums import sums_of
from .precision import accumulator, wide
from .quiet import quiet
from .window import cropped, padded, places, seen_from

__all__ = ["avg_pool", "avg_pool_backward", "max_pool", "max_pool_backward"]


@quiet
def max_pool(x, size, output, kernel, stride, padding, dilation):
    around = padded(wide(x), size, output, kernel, stride, padding, dilation, -np.inf)
    place = _places_in_plane(size, output, kernel, stride, padding, dilation)
    best = np.full((x.shape[0], *output), -np.inf, around.dtype)
    index = np.empty(best.shape, np.int64)
    index[...] = _first_inside(size, output, stride, padding, dilation)
    for k in places(kernel):
        here = seen_from(k, output, stride, dilation)
        value = around[here]
        better = (value > best) | (value != value)  # the last NaN wins
        np.copyto(best, value, where=better)
        np.copyto(index, place[here], where=better)
    return best.astype(x.dtype, copy=False), index


def max_pool_backward(gy, index, size, output, kernel, stride, padding, dilation):
    planes = gy.shape[0]
    gx = np.zeros((planes, *size), accumulator(gy.dtype))
    rows, plane = np.arange(planes).reshape(-1, *(1 for _ in output)), gx.size // max(planes, 1)
    hits = (index >= 0) & (index < plane)  # of a window that steps over all of x the place lies on nothing
    flat = (index + rows * plane)[hits]
    if flat.size:
        total = np.bincount(flat, wide(gy)[hits], gx.size)  # in float64, in the order of the outputs
        gx[...] = total.reshape(gx.shape)
    return gx.astype(gy.dtype, copy=False)


@quiet
def avg_pool(x, size, output, kernel, stride, padding, dilation, include_pad, divisor):
    around = padded(x, size, output, kernel, stride, padding, dilation, 0)
    total = np.zeros((x.shape[0], *output), sums_of(math.prod(kernel), x.dtype))
    for k in places(kernel):
        total += around[seen_from(k, output, stride, dilation)]
    total /= _divisors(size, output, kernel, stride, padding, include_pad, divisor, total.dtype)
    return total.astype(x.dtype, copy=False)


@quiet
def avg_pool_backward(gy, size, output, kernel, stride, padding, dilation, include_pad, divisor):
    nothing = np.zeros((gy.shape[0], *size), sums_of(math.prod(kernel), gy.dtype))
    gx = padded(nothing, size, output, kernel, stride, padding, dilation, 0)
    share = gy / _divisors(size, output, kernel, stride, padding, include_pad, divisor, nothing.dtype)
    for k in places(kernel):
        gx[seen_from(k, output, stride, dilation)] += share
    return np.ascontiguousarray(cropped(gx, size, padding), gy.dtype)


def _divisors(size, output, kernel, stride, padding, include_pad, divisor, dtype):
    """Return for each window the number of its places on x, with include_pad on its padding too; or the divisor."""
    if divisor:
        return dtype.type(divisor)
    counts = np.ones((), dtype)
    for length, o, k, s, before in zip(size, output, kernel, stride, padding):
        low = np.arange(o) * s - before
        end = length + before if include_pad else length
        count = np.minimum(low + k, end) - (low if include_pad else np.maximum(low, 0))
        counts = counts[..., None] * count.astype(dtype)
    return counts


def _places_in_plane(size, output, kernel, stride, padding, dilation):
    """Return the padded plane's elements as their numbers in the plane itself."""
    numbers = np.arange(int(np.prod(size, dtype=np.int64))).reshape(size)
    return padded(numbers, size, output, kernel, stride, padding, dilation, 0)


def _first_inside(size, output, stride, padding, dilation):
    """Return the number of the first element of each window that lies on x: the answer when all are -inf."""
    numbers = np.zeros((), np.int64)
    for length, o, s, before, d in zip(size, output, stride, padding, dilation):
        start = np.arange(o) * s - before
        start = np.where(start < 0, start % d, start)
        numbers = numbers[..., None] * length + start
    return numbers

"""Sliding windows as NumPy slices: padded so far that every place of every window lies in the array."""

from __future__ import annotations

import itertools

import numpy as np


def padded(x, size, output, kernel, stride, padding, dilation, value):
    """Return x (..., *size) with `value` around it as far as the windows reach; x itself if they do not."""
    ends = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(output, stride, kernel, dilation)]
    after = [max(end - before - length, 0) for end, before, length in zip(ends, padding, size)]
    if not any(padding) and not any(after):
        return x
    lead = x.ndim - len(size)
    around = np.full(x.shape[:lead] + tuple(map(sum, zip(padding, size, after))), value, x.dtype)
    cropped(around, size, padding)[...] = x
    return around


def cropped(x, size, padding):
    """Return the view of a padded array that is the array itself."""
    return x[(..., *(slice(before, before + length) for before, length in zip(padding, size)))]


def places(kernel):
    """Return the places of a kernel in row-major order."""
    return itertools.product(*map(range, kernel))


def seen_from(k, output, stride, dilation):
    """Return the index of what place k of the kernel sees of a padded array, one element an output."""
    starts = [place * step for place, step in zip(k, dilation)]
    return (..., *(slice(start, start + (o - 1) * s + 1, s) for start, o, s in zip(starts, output, stride)))

"""Sliding windows in NumPy, for the references of convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any


Numbers = int | Sequence[int]

SIZES = {1: (7,), 2: (5, 6), 3: (3, 4, 3)}  # of the samples


def per_dim(value: Numbers, dims: int) -> tuple[int, ...]:
    return (value,) * dims if isinstance(value, int) else tuple(value)


def patches(x: Array, kernel: Numbers, stride: Numbers, padding: Any, dilation: Numbers, fill: float) -> Array:
    """(N, C, *output, *kernel): every window of x (N, C, *size); padding a number or (before, after) a dimension."""
    dims = x.ndim - 2
    kernel, stride, dilation = (per_dim(value, dims) for value in (kernel, stride, dilation))
    sides = [(p, p) for p in per_dim(padding, dims)] if isinstance(padding, int) else padding
    x = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))
    steps = tuple(slice(None, None, s) for s in stride)
    return seen[(slice(None), slice(None), *steps, *(slice(None, None, d) for d in dilation))]

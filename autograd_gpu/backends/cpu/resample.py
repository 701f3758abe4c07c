"""A sparse matrix times one dimension of an array, on the CPU: a pass over the result for each place of its rows."""

from __future__ import annotations

import numpy as np

from .precision import accumulator
from .quiet import quiet

__all__ = ["resample"]


@quiet
def resample(x, start, index, weight):
    outer, _, inner = x.shape
    sizes = np.diff(start)
    y = np.zeros((outer, len(sizes), inner), accumulator(x.dtype))
    for place in range(sizes.max(initial=0)):
        rows = np.flatnonzero(sizes > place)
        entry = start[rows] + place
        term = x[:, index[entry]] * weight[entry, None]
        if len(rows) == len(sizes):
            y += term
        else:
            y[:, rows] += term
    return y.astype(x.dtype, copy=False)

"""A sparse matrix times one dimension of an array, on the CPU: a pass over the result for each place of its rows."""

from __future__ import annotations

import numpy as np

from .long_sums import sums_of
from .precision import wide
from .quiet import quiet

__all__ = ["resample"]


@quiet
def resample(x, start, index, weight):
    outer, length, inner = x.shape
    sizes = np.diff(start)
    # Without an inner dimension of size 1, which would make NumPy's innermost loops as short.
    source = wide(x).reshape((outer, length) if inner == 1 else x.shape)
    factor = weight if inner == 1 else weight[:, None]
    y = np.zeros((outer, len(sizes), *source.shape[2:]), sums_of(sizes.max(initial=0), x.dtype))
    for place in range(sizes.max(initial=0)):
        rows = np.flatnonzero(sizes > place)
        entry = start[rows] + place
        term = np.take(source, index[entry], axis=1, mode="clip")  # they are in range: clip only skips the check
        term *= factor[entry]
        together = rows[-1] - rows[0] + 1 == len(rows)
        y[:, slice(rows[0], rows[-1] + 1) if together else rows] += term
    return y.reshape((outer, len(sizes), inner)).astype(x.dtype, copy=False)

"""Gathers and scatters of rows on the CPU. Duplicate destinations are summed in order of appearance."""

from __future__ import annotations

import numpy as np

from .long_sums import total
from .precision import accumulator, wide

__all__ = ["gather_rows", "nonzero", "scatter_add_rows", "scatter_rows"]

SHORT_RUN = 32  # rows of one number: fewer are not worth a call of their own
FEW_COLUMNS = 64  # up to here a pass for each column is faster than sorting the rows


def gather_rows(x, index):
    _check(index, x.shape[0], "gather_rows")
    return x[index]


def scatter_add_rows(gy, index, count):
    _check(index, count, "scatter_add_rows")
    out = np.zeros((count, gy.shape[1]), accumulator(gy.dtype))
    if len(index):
        index = np.where(index < 0, index + count, index)
    if gy.shape[1] <= FEW_COLUMNS and gy.dtype.kind in "fV":
        for c, column in enumerate(np.ascontiguousarray(wide(gy).T)):
            out[:, c] = np.bincount(index, column, count)  # in float64, in order of appearance
    elif len(index):
        _add_runs(out, gy, index)
    return out.astype(gy.dtype, copy=False)


def _add_runs(out, gy, index):
    """out[r] += the rows of gy whose index is r: a pass for each place of short runs, and the long ones by
    themselves."""
    order = np.argsort(index, kind="stable")
    rows = index[order]
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    lengths = np.diff(starts, append=len(rows))
    is_short = lengths <= SHORT_RUN
    for place in range(lengths[is_short].max(initial=0)):
        first = starts[is_short & (lengths > place)]
        out[rows[first]] += gy[order[first + place]]
    for start, length in zip(starts[~is_short], lengths[~is_short]):
        out[rows[start]] = total(gy[order[start : start + length]], (0,), False)


def scatter_rows(out, index, x):
    _check(index, out.shape[0], "scatter_rows")
    out[index] = x


def nonzero(x):
    return np.argwhere(x).astype(np.int64, copy=False)


def _check(index, count, name):
    if index.size and (index.min() < -count or index.max() >= count):
        wrong = index[(index < -count) | (index >= count)][0]
        raise IndexError(f"index {wrong} is out of bounds for dimension 0 with size {count}")

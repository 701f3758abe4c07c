"""Rows of the op table: what runs along a dimension: cumulative sums, products and extremes, and differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op_case import ALL, FLOATS, INF, NAN, OpCase, call

Array = Any


def running(combine: Any) -> Any:
    return lambda x, dim: combine.accumulate(x, axis=dim) if x.ndim else x


def extreme_so_far(x: Array, dim: int, largest: bool = True) -> tuple[Array, Array]:
    """The last of equals, and the last NaN."""
    lines = np.moveaxis(x, dim, -1)
    index = np.zeros(lines.shape, np.int64)
    for place in np.ndindex(lines.shape[:-1]):
        best = 0
        for i, value in enumerate(lines[place]):
            old = lines[place][best]
            if np.isnan(value) or (not np.isnan(old) and (value >= old if largest else value <= old)):
                best = i
            index[(*place, i)] = best
    index = np.moveaxis(index, -1, dim)
    return np.take_along_axis(x, index, dim), index


SCANS = [
    OpCase(
        "cumsum",
        lambda x, dim: np.cumsum(x, axis=dim),
        lambda t: [call(t(3, 4), dim=0), call(t(2, 3, 4), dim=-1), call(t(2, 3, 4), dim=1)],
        lambda t: [call(t(0, 3), dim=0), call(t(1), dim=0), call(t(300), dim=0)],
        dtypes=ALL,
        tolerance=8,
    ),
    OpCase(
        "cumprod",
        running(np.multiply),
        lambda t: [call(t(3, 4), dim=0), call(t(2, 5), dim=1)],
        lambda t: [call(t(0, 3), dim=0), call(t(1), dim=0), call(t(), dim=0), call(t.of(0.0, 3.0, 0.0, 2.0), dim=0)],
        tolerance=8,
    ),
    OpCase(
        "logcumsumexp",
        running(np.logaddexp),
        lambda t: [call(t(3, 4), dim=0), call(t(2, 5), dim=1)],
        lambda t: [call(t(0, 3), dim=0), call(t(1), dim=0), call(t.of(-INF, -INF, 1.0, 1000.0), dim=0)],
        tolerance=8,
    ),
    *(
        OpCase(
            name,
            lambda x, dim, largest=largest: extreme_so_far(x, dim, largest),
            lambda t: [call(t.apart(3, 4), dim=0), call(t.apart(2, 5), dim=1)],
            lambda t: [call(t(0, 3), dim=0), call(t.of(1.0, 3.0, 3.0, NAN, 5.0, 2.0), dim=0)],
            dtypes=(*FLOATS, "int64"),
        )
        for name, largest in (("cummax", True), ("cummin", False))
    ),
    OpCase(
        "diff",
        lambda x, n=1, dim=-1: np.diff(x, n=n, axis=dim),
        lambda t: [call(t(3, 4)), call(t(3, 4), n=2, dim=1), call(t(3, 4), dim=0)],
        lambda t: [call(t(3, 0)), call(t(1)), call(t(3), n=0)],
        dtypes=(*FLOATS, "int64", "bool"),
        tolerance=2,
    ),
]

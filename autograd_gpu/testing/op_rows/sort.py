"""Rows of the op table: what depends on order: sorting, medians, distinct values, places in a sorted sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import FLOATS, NAN, NUMBERS, OpCase, call

Array = Any


def median(x: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        flat = np.sort(x, axis=None)
        return flat[-1] if np.isnan(x).any() else flat[(x.size - 1) // 2]
    return kth(x, (x.shape[dim] + 1) // 2, dim, keepdim)


def nanmedian(x: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        kept = np.sort(x[~np.isnan(x)])
        return kept[(kept.size - 1) // 2] if kept.size else np.float64(NAN)
    return kth(x, (x.shape[dim] + 1) // 2, dim, keepdim)


def kth(x: Array, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    index = np.argsort(x, axis=dim, kind="stable").take([k - 1], axis=dim)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def mode(x: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    def of_line(line: Array) -> Array:
        values, counts = np.unique(line, return_counts=True)
        return np.flatnonzero(line == values[np.argmax(counts)])[-1]

    index = np.expand_dims(np.apply_along_axis(of_line, dim, x), dim)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


SORT = [
    OpCase(
        "sort",
        ref.sort,
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0, descending=True)],
        lambda t: [call(t.of(2.0, 1.0, 2.0, NAN, 1.0), stable=True), call(t(0, 3)), call(t(1, 1))],
    ),
    OpCase(
        "argsort",
        lambda *args, **kwargs: ref.sort(*args, **kwargs)[1],
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0, descending=True)],
        lambda t: [call(t.of(2.0, 1.0, 2.0, 1.0), stable=True), call(t(0, 3))],
    ),
    OpCase(
        "topk",
        lambda x, k, dim=-1, largest=True: tuple(
            np.take(part, range(k), axis=dim) for part in ref.sort(x, dim, descending=largest)
        ),
        lambda t: [call(t.apart(3, 5), 2), call(t.apart(4, 3), 3, dim=0, largest=False)],
        lambda t: [call(t(0, 3), 1), call(t.apart(3), 0), call(t(1, 1), 1)],
    ),
    *(
        OpCase(
            name,
            reference,
            lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0), call(t.apart(3, 5), dim=1, keepdim=True)],
            lambda t: [
                call(t.of(2.0, NAN, 1.0)),
                call(t.of(2.0, 2.0, 1.0, 2.0)),
                call(t.of(NAN)),
                call(t(3, 0), dim=0),
                call(t(1, 1), dim=1),
            ],
        )
        for name, reference in (("median", median), ("nanmedian", nanmedian))
    ),
    OpCase(
        "kthvalue",
        kth,
        lambda t: [call(t.apart(3, 4), 2), call(t.apart(3, 4), 1, dim=0, keepdim=True)],
        lambda t: [call(t(0, 3), 1), call(t(1), 1)],
    ),
    OpCase(
        "mode",
        mode,
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0)],  # any tie would be a kink
        lambda t: [
            call(t(1, 1)),
            call(t.of([1.0, 2.0, 2.0, 3.0], [3.0, 3.0, 1.0, 1.0]), dim=1),
            call(t.of(5.0, 4.0, 4.0, 5.0), dim=0, keepdim=True),
        ],
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase("msort", lambda x: np.sort(x, 0), lambda t: [call(t.apart(3, 4))], lambda t: [call(t(0, 3)), call(t(1))]),
    OpCase(
        "unique",
        lambda x, return_inverse=False, return_counts=False, dim=None: (
            y
            if not isinstance(y := np.unique(x, False, return_inverse, return_counts, dim), tuple)
            else (
                y[0],
                *(
                    part.reshape(x.shape if dim is None and part.size == x.size and k == 0 else -1)
                    for k, part in enumerate(y[1:])
                ),
            )
        ),
        lambda t: [call(t.of(3.0, 1.0, 3.0)), call(t.of(2.0, 1.0, 2.0), return_inverse=True, return_counts=True)],
        lambda t: [call(t(0)), call(t.of([1.0, 0.0], [0.0, 5.0], [1.0, 0.0]), dim=0)],
        order=0,
        dtypes=(*FLOATS, "int64", "bool"),
    ),
    OpCase(
        "unique_consecutive",
        lambda x, return_counts=False: x[np.concatenate(([True], x[1:] != x[:-1]))[: x.size]],
        lambda t: [call(t.of(1.0, 1.0, 2.0, 1.0))],
        lambda t: [call(t(0)), call(t(1))],
        order=0,
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase(
        "searchsorted",
        lambda sequence, x, right=False: np.searchsorted(sequence, x, "right" if right else "left"),
        lambda t: [
            call(t.of(1.0, 3.0, 3.0, 5.0), t.of([0.0, 3.0], [4.0, 6.0])),
            call(t.of(1.0, 3.0, 3.0, 5.0), t.of(0.0, 1.0, 3.0, 5.0, 6.0), right=True),
        ],
        lambda t: [call(t(0), t(3)), call(t.of(1.0, 2.0), t(0))],
        order=0,
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase(
        "bucketize",
        lambda x, boundaries, right=False: np.searchsorted(boundaries, x, "right" if right else "left"),
        lambda t: [
            call(t.of([0.0, 3.0], [4.0, 6.0]), t.of(1.0, 3.0, 5.0)),
            call(t.of(3.0), t.of(1.0, 3.0), right=True),
        ],
        lambda t: [call(t(0), t.of(1.0, 2.0))],
        order=0,
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase(
        "isin",
        np.isin,
        lambda t: [call(t.of([1.0, 2.0], [3.0, 4.0]), t.of(2.0, 3.0)), call(t.of(1.0, 2.0), t.of(5.0), invert=True)],
        lambda t: [call(t(0, 2), t(3)), call(t(3), t(0))],
        order=0,
        dtypes=NUMBERS,
    ),
]

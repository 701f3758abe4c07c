"""Rows of the op table: values written to places: by index or mask into a copy, and into the tensor itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import OpCase, call, in_place

Array = Any


def scattered(x: np.ndarray, dim: int, index: np.ndarray, src: Any, add: bool = False) -> np.ndarray:
    y = x.copy()
    for place in np.ndindex(*index.shape):
        target = (*place[:dim], index[place], *place[dim + 1 :])
        value = src[place] if isinstance(src, np.ndarray) else src
        y[target] = y[target] + value if add else value
    return y


def put_flat(x: Array, index: Array, values: Array, accumulate: bool = False) -> Array:
    y = x.copy().reshape(-1)
    if accumulate:
        np.add.at(y, index.reshape(-1), values.reshape(-1))
    else:
        y[index.reshape(-1)] = values.reshape(-1)
    return y.reshape(x.shape)


def scatter_reduce(x: Array, dim: int, index: Array, values: Array, reduce: str, include_self: bool = True) -> Array:
    found: dict[tuple, list] = {place: [x[place]] if include_self else [] for place in np.ndindex(x.shape)}
    for place in np.ndindex(index.shape):
        target = list(place)
        target[dim] = index[place]
        found[tuple(target)].append(values[place])
    combine = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[reduce]
    y = x.copy()
    for place, reached in found.items():
        if reached:
            y[place] = combine(reached)
    return y


def index_added(x: Array, dim: int, index: Array, source: Array, alpha: float = 1) -> Array:
    y = np.moveaxis(x.copy(), dim, 0)
    np.add.at(y, index, alpha * np.moveaxis(source, dim, 0))
    return np.moveaxis(y, 0, dim)


SCATTERED = [
    OpCase(
        "masked_fill",
        lambda x, mask, value: np.where(mask, value, x).astype(x.dtype),
        lambda t: [call(t(3, 4), t.mask(3, 4), 2), call(t(3, 4), t.mask(4), 0)],
        lambda t: [call(t(0, 3), t.mask(3), 1)],
    ),
    OpCase(
        "scatter",
        scattered,
        lambda t: [
            call(t(3, 4), 1, np.array([[1, 0], [3, 2]]), t(2, 2)),
            call(t(3, 4), 0, np.array([[2, 0, 1]]), t(1, 3)),
        ],
        lambda t: [call(t(3, 4), 1, np.array([[1], [0], [2]]), 2.0), call(t(3, 4), 1, np.zeros((0, 2), int), t(0, 2))],
    ),
    OpCase(
        "scatter_add",
        partial(scattered, add=True),
        lambda t: [
            call(t(3, 4), 1, np.array([[1, 1], [3, 1]]), t(2, 2)),
            call(t(3, 4), 0, np.array([[2, 0, 2, 1], [2, 0, 1, 1]]), t(2, 4)),
        ],
        lambda t: [call(t(3, 4), 1, np.zeros((0, 2), int), t(0, 2))],
    ),
    OpCase(
        "index_add",
        index_added,
        lambda t: [
            call(t(3, 4), 0, np.array([0, 2, 0, 1]), t(4, 4)),
            call(t(3, 4), 1, np.array([1, 1]), t(3, 2), alpha=2),
        ],
        lambda t: [call(t(3, 4), 0, np.zeros(0, np.int64), t(0, 4))],
        tolerance=4,
    ),
    OpCase(
        "index_copy",
        lambda x, dim, index, source: ref.with_part(x, (slice(None),) * dim + (index,), source),
        lambda t: [call(t(3, 4), 0, np.array([2, 0]), t(2, 4)), call(t(3, 4), 1, np.array([3, 0]), t(3, 2))],
        lambda t: [call(t(3, 4), 0, np.zeros(0, np.int64), t(0, 4))],
    ),
    OpCase(
        "index_fill",
        lambda x, dim, index, value: ref.with_part(x, (slice(None),) * dim + (index,), value),
        lambda t: [call(t(3, 4), 0, np.array([2, 0]), 1.5), call(t(3, 4), 1, np.array([3, 0]), t())],
        lambda t: [call(t(3, 4), 0, np.zeros(0, np.int64), 1.5)],
    ),
    OpCase(
        "index_put",
        lambda x, index, values, accumulate=False: put_flat(
            x, np.arange(x.size).reshape(x.shape)[index], np.broadcast_to(values, x[index].shape), accumulate
        ),
        lambda t: [
            call(t(3, 4), (np.array([0, 2]), np.array([1, 1])), t(2)),
            call(t(3, 4), (np.array([0, 0]),), t(4), accumulate=True),
            call(t(3, 4), (t.mask(3, 4),), t()),
        ],
        lambda t: [call(t(3, 4), (np.zeros(0, np.int64),), t(0, 4))],
    ),
    *(
        OpCase(
            "scatter_reduce",
            scatter_reduce,
            lambda t, reduce=reduce: [
                call(
                    t.apart(3, 4), 1, np.array([[0, 1, 1], [2, 2, 2], [3, 0, 0]]), t.apart(3, 3) + t.of(0.125), reduce
                ),
                call(t.apart(3, 4), 0, np.array([[0, 1, 1, 0]]), 2 * t.apart(1, 4), reduce, include_self=False),
            ],
            lambda t, reduce=reduce: [
                call(t(3, 4), 0, np.zeros((0, 4), np.int64), t(0, 4), reduce),
                call(t.of(2.0, 0.0), 0, np.array([0, 0, 1]), t.of(2.0, 2.0, 0.0), reduce),
            ],
            tolerance=4,
            variant=reduce,
        )
        for reduce in ("sum", "prod", "mean", "amax", "amin")
    ),
    *(
        OpCase(
            "index_reduce",
            lambda x, dim, index, source, reduce, include_self=True: scatter_reduce(
                x,
                dim,
                np.broadcast_to(index.reshape([-1 if d == dim else 1 for d in range(x.ndim)]), source.shape),
                source,
                reduce,
                include_self,
            ),
            lambda t, reduce=reduce: [
                call(t.apart(3, 4), 0, np.array([2, 0, 2]), 2 * t.apart(3, 4) + t.of(0.125), reduce),
                call(t.apart(2, 4), 1, np.array([3, 1]), 2 * t.apart(2, 2), reduce, include_self=False),
            ],
            lambda t, reduce=reduce: [call(t(3, 4), 0, np.zeros(0, np.int64), t(0, 4), reduce)],
            tolerance=4,
            variant=reduce,
        )
        for reduce in ("prod", "mean", "amax", "amin")
    ),
    OpCase(
        "put",
        put_flat,
        lambda t: [
            call(t(3, 4), np.array([0, 5, -1]), t(3)),
            call(t(3, 4), np.array([0, 5, 5]), t(3), accumulate=True),
        ],
        lambda t: [call(t(3, 4), np.zeros((0,), np.int64), t(0))],
    ),
    OpCase(
        "masked_scatter",
        lambda x, mask, source: ref.with_part(x, mask, source.reshape(-1)[: mask.sum()]),
        lambda t: [call(t(3, 4), t.mask(3, 4), t(3, 4))],
        lambda t: [call(t(0, 3), t.mask(0, 3), t(0)), call(t(2), np.array([False, False]), t(2))],
    ),
]


WRITES = [
    in_place(
        "Tensor.copy_",
        lambda x, y: np.broadcast_to(y, x.shape),
        lambda t: [call(t(3, 4), t(3, 4)), call(t(3, 4), t(4)), call(t(3, 4), t())],
        lambda t: [call(t(0, 3), t(3)), call(t(), t())],
    ),
    in_place(
        "Tensor.fill_",
        np.full_like,
        lambda t: [call(t(3, 4), 2.5), call(t(), 1)],
        lambda t: [call(t(0, 3), 1)],
    ),
    in_place("Tensor.zero_", np.zeros_like, lambda t: [call(t(3, 4))], lambda t: [call(t(0, 3)), call(t.special)]),
    in_place(
        "Tensor.__setitem__",
        ref.with_part,
        lambda t: [
            call(t(4, 3), 1, t(3)),
            call(t(4, 3), (slice(1, 3), slice(None, None, 2)), t(2, 2)),
            call(t(4, 3), (..., 0), 1.5),
            call(t(4, 3), t.mask(4, 3), 2.0),
            call(t(4, 3), (np.array([2, 0]), slice(None)), t(2, 3)),
            call(t(4, 3), (np.array([2, 0]), np.array([1, 1])), t(2)),
        ],
        lambda t: [call(t(4, 3), slice(4, 4), t(3)), call(t(0, 3), slice(None), t(3)), call(t(4), 0, t())],
    ),
]

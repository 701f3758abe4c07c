"""Rows of the op table: elements read by index or by mask."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..op_case import ALL, FLOATS, Call, Draw, OpCase, call, shaped


def _one_hot(x: np.ndarray, num_classes: int = -1) -> np.ndarray:
    return np.eye(x.max() + 1 if num_classes == -1 else num_classes, dtype=np.int64)[x]


def item(variant: str, *samples: Callable[[Draw], Call]) -> OpCase:
    return shaped("Tensor.__getitem__", lambda x, index: x[index], *samples, variant=variant)


INDEXING = [
    item(
        "basic",
        lambda t: call(t(4, 3), 1),
        lambda t: call(t(4, 3), (slice(1, 3), slice(None, None, 2))),
        lambda t: call(t(2, 3, 4), (..., 0)),
        lambda t: call(t(4, 3), (None, -1)),
        lambda t: call(t(4, 3), slice(4, 4)),
    ),
    item(
        "integer arrays",
        lambda t: call(t(4, 3), t.index(4, 2, 3)),
        lambda t: call(t(4, 3), (t.index(4, 5), t.index(3, 5))),
        lambda t: call(t(4, 3, 2), (slice(None), t.index(3, 4))),
        lambda t: call(t(4, 3), np.array([0, 0, -1, 0])),
        lambda t: call(t(4, 3), np.zeros((0,), np.int64)),
    ),
    item(
        "masks",
        lambda t: call(t(4, 3), t.mask(4, 3)),
        lambda t: call(t(4, 3), t.mask(4)),
        lambda t: call(t(4, 3), np.zeros((4, 3), bool)),
    ),
    OpCase(
        "gather",
        lambda x, dim, index: np.take_along_axis(x, index, dim),
        lambda t: [call(t(3, 4), 1, t.index(4, 3, 2)), call(t(3, 4), 0, t.index(3, 5, 4))],
        lambda t: [call(t(3, 4), 1, t.index(4, 3, 0)), call(t(2, 3), 1, np.zeros((2, 3), np.int64))],
    ),
    OpCase(
        "index_select",
        lambda x, dim, index: np.take(x, index, dim),
        lambda t: [call(t(4, 3), 0, t.index(4, 6)), call(t(4, 3), 1, t.index(3, 2))],
        lambda t: [call(t(4, 3), 0, t.index(4, 0))],
    ),
    OpCase(
        "nonzero",
        lambda x: np.argwhere(x),
        lambda t: [call(t.of(0.0, 1.0, 0.0, 3.0)), call(t(3, 4) * (t(3, 4) > 0))],
        lambda t: [call(t(0, 3)), call(t.of(0.0, 0.0))],
        dtypes=ALL,
    ),
    OpCase(
        "take",
        lambda x, index: np.take(x, index),
        lambda t: [call(t(3, 4), np.array([[0, 5], [-1, 5]]))],
        lambda t: [call(t(3, 4), np.zeros((0,), np.int64))],
    ),
    OpCase(
        "take_along_dim",
        lambda x, index, dim: np.take_along_axis(x, index, dim),
        lambda t: [call(t(3, 4), t.index(4, 3, 2), 1), call(t(3, 4), t.index(3, 1, 4), 0)],
        lambda t: [call(t(3, 4), np.zeros((3, 0), np.int64), 1)],
    ),
    OpCase(
        "masked_select",
        lambda x, mask: np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape))[
            np.broadcast_to(mask, np.broadcast_shapes(x.shape, mask.shape))
        ],
        lambda t: [call(t(3, 4), t.mask(3, 4)), call(t(4), t.mask(3, 1))],
        lambda t: [call(t(3), np.zeros(3, bool)), call(t(0, 2), t.mask(0, 2))],
    ),
    OpCase(
        "nonzero_static",
        lambda x, size, fill_value=-1: np.concatenate((np.argwhere(x), np.full((size, x.ndim), fill_value, np.int64)))[
            :size
        ],
        lambda t: [
            call(t.of(0.0, 1.0, 0.0, 3.0), size=1),
            call(t.of([0.0, 1.0], [2.0, 3.0]), size=5, fill_value=7),
        ],
        lambda t: [call(t(0, 3), size=2), call(t(2), size=0)],
        dtypes=(*FLOATS, "int64", "bool"),
    ),
    OpCase(
        "argwhere",
        np.argwhere,
        lambda t: [call(t.of(0.0, 1.0, 0.0, 3.0))],
        lambda t: [call(t(0, 3))],
        dtypes=(*FLOATS, "int64", "bool"),
    ),
    OpCase(
        "nn.functional.one_hot",
        _one_hot,
        lambda t: [call(t.index(5, 3, 2), num_classes=6), call(t.index(4, 7))],
        lambda t: [call(np.zeros((0, 2), int), num_classes=3)],
        order=0,
        dtypes=("int64",),
    ),
]

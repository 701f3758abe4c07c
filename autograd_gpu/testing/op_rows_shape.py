"""Rows of the op table: other shapes of the same values, repetitions, and values written to places along a dimension."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .op_case import ALL, Draw, OpCase, call, shaped


def _unflattened(x: np.ndarray, dim: int, sizes: tuple[int, ...]) -> np.ndarray:
    dim %= x.ndim
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def _repeated(x: np.ndarray, *sizes: int) -> np.ndarray:
    return np.tile(x, sizes)


def _strided(x: np.ndarray, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> np.ndarray:
    flat = np.ascontiguousarray(x).reshape(-1)[offset:]
    return np.lib.stride_tricks.as_strided(flat, size, [s * x.itemsize for s in stride]).copy()


def _scattered(x: np.ndarray, dim: int, index: np.ndarray, src: Any, add: bool = False) -> np.ndarray:
    y = x.copy()
    for place in np.ndindex(*index.shape):
        target = (*place[:dim], index[place], *place[dim + 1 :])
        value = src[place] if isinstance(src, np.ndarray) else src
        y[target] = y[target] + value if add else value
    return y


def _one_hot(x: np.ndarray, num_classes: int = -1) -> np.ndarray:
    return np.eye(x.max() + 1 if num_classes == -1 else num_classes, dtype=np.int64)[x]


SHAPES_OF_VIEWS = [
    shaped("unflatten", _unflattened, lambda t: call(t(3, 6), 1, (2, 3)), lambda t: call(t(0, 4), -1, (2, 2))),
    shaped("ravel", np.ravel, lambda t: call(t(3, 4)), lambda t: call(t()), lambda t: call(t(2, 0))),
    shaped("swapaxes", np.swapaxes, lambda t: call(t(2, 3, 4), 0, -1), lambda t: call(t(0, 3), 0, 1)),
    shaped(
        "broadcast_to",
        np.broadcast_to,
        lambda t: call(t(3, 1), (2, 3, 4)),
        lambda t: call(t(), (2,)),
        lambda t: call(t(1, 3), (0, 3)),
    ),
    shaped(
        "Tensor.expand_as",
        lambda x, other: np.broadcast_to(x, other.shape),
        lambda t: call(t(3, 1), t(2, 3, 4)),
        lambda t: call(t(1, 3), t(0, 3)),
        order=0,
        dtypes=("int64", "bool"),
    ),
    shaped(
        "Tensor.view_as",
        lambda x, other: x.reshape(other.shape),
        lambda t: call(t(3, 4), t(2, 6)),
        lambda t: call(t(0, 4), t(2, 0)),
        order=0,
        dtypes=("int64", "bool"),
    ),
    shaped(
        "Tensor.repeat",
        _repeated,
        lambda t: call(t(2, 3), 2, 1, 3),
        lambda t: call(t(3), 4),
        lambda t: call(t(3), 0, 2),
    ),
    shaped(
        "tile", np.tile, lambda t: call(t(2, 3), (2, 2)), lambda t: call(t(2, 3), (3,)), lambda t: call(t(0, 2), (2,))
    ),
    shaped(
        "as_strided",
        _strided,
        lambda t: call(t(3, 4), (2, 3), (1, 4)),
        lambda t: call(t(12), (4, 3), (2, 1), 1),  # places that overlap
        lambda t: call(t(4), (0, 2), (1, 1)),
        before=lambda x: x * 1,  # a fresh one: the function looks at memory, whose order the layouts' check changes
        dtypes=("float64", "float32", "bfloat16", "int64"),
    ),
    shaped("Tensor.contiguous", np.copy, lambda t: call(t(3, 4)), lambda t: call(t(0, 3)), dtypes=ALL),
    OpCase(
        "scatter",
        _scattered,
        lambda t: [
            call(t(3, 4), 1, np.array([[1, 0], [3, 2]]), t(2, 2)),
            call(t(3, 4), 0, np.array([[2, 0, 1]]), t(2, 4)),
        ],
        lambda t: [call(t(3, 4), 1, np.array([[1], [0], [2]]), 2.0), call(t(3, 4), 1, np.zeros((0, 2), int), t(3, 4))],
    ),
    OpCase(
        "scatter_add",
        partial(_scattered, add=True),
        lambda t: [
            call(t(3, 4), 1, np.array([[1, 1], [3, 1]]), t(2, 2)),
            call(t(3, 4), 0, np.array([[2, 0, 2, 1], [2, 0, 1, 1]]), t(2, 4)),
        ],
        lambda t: [call(t(3, 4), 1, np.zeros((0, 2), int), t(3, 4))],
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
        "nn.functional.one_hot",
        _one_hot,
        lambda t: [call(t.index(5, 3, 2), num_classes=6), call(t.index(4, 7))],
        lambda t: [call(np.zeros((0, 2), int), num_classes=3)],
        order=0,
        dtypes=("int64",),
    ),
]


def _likes(name: str, value: float, *given: float) -> OpCase:
    """A tensor of the first one's shape and dtype, its values aside."""

    def samples(t: Draw) -> list[Any]:
        return [call(t(3, 4), *given), call(t(), *given)]

    def filled(x: np.ndarray, *_: float) -> np.ndarray:
        return np.full_like(x, value)

    return OpCase(name, filled, samples, lambda t: [call(t(0, 3), *given)], order=0, dtypes=ALL)


SHAPES_OF_VIEWS += [_likes("zeros_like", 0), _likes("ones_like", 1), _likes("full_like", 3, 3)]

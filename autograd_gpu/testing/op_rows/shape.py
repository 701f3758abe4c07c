"""Rows of the op table: views, pieces and repetitions of the same values."""

from __future__ import annotations

import numpy as np

from ..op_case import ALL, call, shaped


def _unflattened(x: np.ndarray, dim: int, sizes: tuple[int, ...]) -> np.ndarray:
    dim %= x.ndim
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def _repeated(x: np.ndarray, *sizes: int) -> np.ndarray:
    return np.tile(x, sizes)


def _strided(x: np.ndarray, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> np.ndarray:
    flat = np.ascontiguousarray(x).reshape(-1)[offset:]
    return np.lib.stride_tricks.as_strided(flat, size, [s * x.itemsize for s in stride]).copy()


SHAPES = [
    shaped(
        "reshape",
        lambda x, shape: x.reshape(shape),
        lambda t: call(t(2, 6), (3, 4)),
        lambda t: call(t(2, 3, 4), (-1, 3)),
        lambda t: call(t(0, 3), (3, 0)),
    ),
    shaped(
        "Tensor.view",
        lambda x, *shape: x.reshape(shape),
        # Splits, which a view of any layout can do; reshape's row has the joins.
        lambda t: call(t(6, 2), 2, -1, 2),
        lambda t: call(t(2, 3), 2, 1, 3),
        lambda t: call(t(0, 3), 3, 0),
    ),
    shaped(
        "flatten",
        lambda x, start, end: x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :]),
        lambda t: call(t(2, 3, 4), 1, 2),
        lambda t: call(t(2, 0, 3), 0, 1),
    ),
    shaped(
        "squeeze",
        lambda x, dim=None: x.squeeze(dim),
        lambda t: call(t(1, 3, 1)),
        lambda t: call(t(1, 3, 1), 0),
        lambda t: call(t(1, 3, 1), (0, 2)),
        lambda t: call(t(1, 0)),
    ),
    shaped("unsqueeze", np.expand_dims, lambda t: call(t(2, 3), 1), lambda t: call(t(3), -1), lambda t: call(t(0), 0)),
    shaped("transpose", np.swapaxes, lambda t: call(t(2, 3, 4), 0, 2), lambda t: call(t(0, 3), 0, 1)),
    shaped("t", np.transpose, lambda t: call(t(2, 3)), lambda t: call(t(4)), lambda t: call(t(0, 3))),
    shaped("permute", np.transpose, lambda t: call(t(2, 3, 4), (2, 0, 1)), lambda t: call(t(0, 3), (1, 0))),
    shaped("movedim", np.moveaxis, lambda t: call(t(2, 3, 4), 0, 2), lambda t: call(t(0, 3), 0, 1)),
    shaped(
        "Tensor.expand",
        lambda x, *shape: np.broadcast_to(x, shape),
        lambda t: call(t(3, 1), 3, 4),
        lambda t: call(t(3), 2, 3),
        lambda t: call(t(1, 3), 0, 3),
    ),
    shaped("flip", np.flip, lambda t: call(t(2, 3), (0,)), lambda t: call(t(2, 3), (0, 1)), lambda t: call(t(0), (0,))),
    shaped("clone", np.copy, lambda t: call(t(2, 3)), lambda t: call(t()), lambda t: call(t(0, 3))),
    shaped(
        "diagonal",
        lambda x, offset=0: np.diagonal(x, offset),
        lambda t: call(t(3, 4)),
        lambda t: call(t(3, 4), offset=1),
        lambda t: call(t(0, 4)),
    ),
    shaped(
        "cat",
        lambda tensors, dim=0: np.concatenate(tensors, dim),
        lambda t: call([t(2, 3), t(1, 3), t(4, 3)]),
        lambda t: call([t(2, 3), t(2, 1)], dim=-1),
        lambda t: call([t(0, 3), t(2, 3), t(0, 3)]),
        dtypes=ALL,
    ),
    shaped(
        "stack",
        lambda tensors, dim=0: np.stack(tensors, dim),
        lambda t: call([t(2, 3), t(2, 3)]),
        lambda t: call([t(3), t(3), t(3)], dim=-1),
        lambda t: call([t(0, 3), t(0, 3)]),
    ),
    shaped(
        "split",
        lambda x, sizes, dim=0: tuple(
            np.split(x, range(sizes, x.shape[dim], sizes) if isinstance(sizes, int) else np.cumsum(sizes)[:-1], dim)
        ),
        lambda t: call(t(5, 2), 2),
        lambda t: call(t(2, 5), [1, 0, 4], dim=1),
        lambda t: call(t(3, 0), 2),
    ),
    shaped(
        "chunk",
        lambda x, chunks, dim=0: tuple(np.array_split(x, chunks, dim)),
        lambda t: call(t(6, 2), 3),
        lambda t: call(t(2, 0), 1),
    ),
    shaped(
        "unbind", lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)), lambda t: call(t(3, 2), 1), lambda t: call(t(2, 0), 0)
    ),
    shaped(
        "narrow",
        lambda x, dim, start, length: x.take(range(start, start + length), dim),
        lambda t: call(t(5, 2), 0, 1, 3),
        lambda t: call(t(5, 2), 0, 5, 0),
    ),
    shaped(
        "narrow_copy",
        lambda x, dim, start, length: x.take(range(start, start + length), dim),
        lambda t: call(t(5, 2), 0, 1, 3),
        lambda t: call(t(5, 2), 0, 5, 0),
    ),
    shaped(
        "unsafe_split",
        lambda x, size, dim=0: tuple(np.split(x, range(size, x.shape[dim], size), dim)),
        lambda t: call(t(5, 2), 2),
        lambda t: call(t(2, 4), 2, 1),
        lambda t: call(t(2, 0), 1),
    ),
    shaped(
        "unsafe_split_with_sizes",
        lambda x, sizes, dim=0: tuple(np.split(x, np.cumsum(sizes)[:-1], dim)),
        lambda t: call(t(5, 2), [1, 4]),
        lambda t: call(t(2, 0), [0, 2]),
    ),
    shaped(
        "unsafe_chunk",
        lambda x, chunks, dim=0: tuple(np.split(x, chunks, dim)),
        lambda t: call(t(4, 2), 2),
        lambda t: call(t(2, 0), 2),
    ),
    shaped(
        "select",
        lambda x, dim, index: x.take(index, dim),
        lambda t: call(t(3, 2), 0, -1),
        lambda t: call(t(3, 0), 0, 1),
    ),
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
]

"""Rows of the op table: tensors joined, parted, turned, laid on diagonals, and with a part exchanged."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import FLOATS, OpCase, call, shaped

Array = Any


def at_least(ndim: int) -> Any:
    return {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}[ndim]


def joined(name: str, reference: Any) -> OpCase:
    return shaped(
        name,
        reference,
        lambda t: call([t(2, 3), t(2, 3)]),
        lambda t: call([t(3), t(3)]),
        lambda t: call([t(0, 3), t(0, 3)]),
    )


def block_diag(*blocks: Array) -> Array:
    y = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)), blocks[0].dtype)
    row = column = 0
    for block in blocks:
        y[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return y


def diag_embed(x: Array, offset: int = 0) -> Array:
    size = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], size, size), x.dtype)
    for i in range(x.shape[-1]):
        y[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return y


def windows(x: Array, dim: int, size: int, step: int) -> Array:
    seen = np.lib.stride_tricks.sliding_window_view(x, size, axis=dim)
    return seen[(slice(None),) * (dim % x.ndim) + (slice(None, None, step),)]


ARRANGED = [
    joined("hstack", np.hstack),
    joined("vstack", np.vstack),
    joined("row_stack", np.vstack),
    joined("dstack", np.dstack),
    joined("column_stack", np.column_stack),
    *(
        shaped(f"atleast_{n}d", at_least(n), lambda t: call(t()), lambda t: call(t(3)), lambda t: call(t(0)))
        for n in (1, 2, 3)
    ),
    shaped("block_diag", block_diag, lambda t: call(t(2, 3), t(1, 2)), lambda t: call(t(0, 3), t(2, 0))),
    shaped(
        "cartesian_prod",
        lambda x, y: np.stack([g.reshape(-1) for g in np.meshgrid(x, y, indexing="ij")], 1),
        lambda t: call(t(3), t(2)),
        lambda t: call(t(0), t(2)),
    ),
    shaped(
        "meshgrid",
        lambda *xs, indexing: tuple(np.meshgrid(*xs, indexing=indexing)),
        lambda t: call(t(3), t(2), indexing="ij"),
        lambda t: call(t(3), t(2), indexing="xy"),
        lambda t: call(t(0), t(2), indexing="ij"),
    ),
    shaped(
        "tensor_split",
        lambda x, cuts, dim=0: tuple(np.array_split(x, cuts, dim)),
        lambda t: call(t(5, 2), 3),
        lambda t: call(t(2, 5), [1, 3], dim=1),
        lambda t: call(t(0, 2), 2),
    ),
    shaped(
        "split_with_sizes",
        lambda x, sizes, dim=0: tuple(np.split(x, np.cumsum(sizes)[:-1], dim)),
        lambda t: call(t(5, 2), [1, 4]),
        lambda t: call(t(5, 0), [2, 3]),
    ),
    shaped("hsplit", lambda x, n: tuple(np.hsplit(x, n)), lambda t: call(t(2, 4), 2), lambda t: call(t(0, 4), 2)),
    shaped("vsplit", lambda x, n: tuple(np.vsplit(x, n)), lambda t: call(t(4, 2), 2), lambda t: call(t(4, 0), 2)),
    shaped("dsplit", lambda x, n: tuple(np.dsplit(x, n)), lambda t: call(t(1, 2, 4), 2), lambda t: call(t(0, 1, 4), 2)),
    shaped("fliplr", np.fliplr, lambda t: call(t(2, 3)), lambda t: call(t(0, 3))),
    shaped("flipud", np.flipud, lambda t: call(t(2, 3)), lambda t: call(t(0, 3))),
    shaped(
        "roll",
        np.roll,
        lambda t: call(t(3, 4), 5),
        lambda t: call(t(3, 4), (1, -1), (0, 1)),
        lambda t: call(t(0, 3), 1, 0),
    ),
    *(
        shaped("rot90", np.rot90, lambda t, k=k: call(t(2, 3), k), lambda t: call(t(0, 3), 1), variant=f"k={k}")
        for k in (0, 1, 2, 3)
    ),
    shaped("adjoint", lambda x: np.swapaxes(x, -1, -2), lambda t: call(t(2, 3)), lambda t: call(t(0, 3))),
    shaped("moveaxis", np.moveaxis, lambda t: call(t(2, 3, 4), 0, 2), lambda t: call(t(0, 3), 0, 1)),
    shaped(
        "repeat_interleave",
        lambda x, repeats, dim=None: np.repeat(x, repeats, dim),
        lambda t: call(t(2, 3), 2),
        lambda t: call(t(2, 3), 2, dim=1),
        lambda t: call(t(3, 2), np.array([2, 0, 1]), dim=0),
        lambda t: call(t(0, 3), 2, dim=0),
    ),
    shaped(
        "Tensor.unfold",
        windows,
        lambda t: call(t(5), 0, 2, 1),
        lambda t: call(t(2, 7), 1, 3, 2),
        lambda t: call(t(5, 2), 0, 2, 3),
        lambda t: call(t(0, 3), 1, 2, 1),
    ),
    shaped(
        "tril",
        np.tril,
        lambda t: call(t(3, 4)),
        lambda t: call(t(2, 3, 3), -1),
        lambda t: call(t(0, 3)),
    ),
    shaped(
        "triu",
        np.triu,
        lambda t: call(t(3, 4)),
        lambda t: call(t(2, 3, 3), 1),
        lambda t: call(t(0, 3)),
    ),
    shaped(
        "diag",
        np.diag,
        lambda t: call(t(3), 1),
        lambda t: call(t(3, 4), -1),
        lambda t: call(t(3)),
        lambda t: call(t(0)),
    ),
    shaped(
        "diag_embed",
        diag_embed,
        lambda t: call(t(2, 3)),
        lambda t: call(t(3), 1),
        lambda t: call(t(2, 3), -1),
        lambda t: call(t(2, 0), 1),
    ),
    shaped("diagflat", np.diagflat, lambda t: call(t(2, 2)), lambda t: call(t(1), 1), lambda t: call(t(0))),
    shaped("trace", np.trace, lambda t: call(t(3, 4)), lambda t: call(t(0, 3)), dtypes=(*FLOATS, "int64")),
    shaped(
        "slice_scatter",
        lambda x, part, dim, start, end, step=1: ref.with_part(
            x, (slice(None),) * dim + (slice(start, end, step),), part
        ),
        lambda t: call(t(5, 3), t(2, 3), 0, 1, 3),
        lambda t: call(t(2, 5), t(2, 3), 1, 0, 5, 2),
        lambda t: call(t(3, 2), t(0, 2), 0, 1, 1),
    ),
    shaped(
        "select_scatter",
        lambda x, part, dim, index: ref.with_part(x, (slice(None),) * dim + (index,), part),
        lambda t: call(t(3, 2), t(2), 0, 1),
        lambda t: call(t(3, 2), t(3), 1, -1),
        lambda t: call(t(3, 0), t(0), 0, 1),
    ),
    shaped(
        "diagonal_scatter",
        lambda x, part: ref.with_part(x, (np.arange(len(part)), np.arange(len(part))), part),
        lambda t: call(t(3, 4), t(3)),
        lambda t: call(t(0, 4), t(0)),
    ),
    shaped(
        "Tensor.sum_to_size",
        lambda x, *shape: x.sum(
            tuple(range(x.ndim - len(shape)))
            + tuple(
                d + x.ndim - len(shape) for d, n in enumerate(shape) if n == 1 and x.shape[d + x.ndim - len(shape)] != 1
            )
        ).reshape(shape),
        lambda t: call(t(2, 3, 4), 3, 1),
        lambda t: call(t(3, 4), 3, 4),
        lambda t: call(t(0, 3), 1, 3),
        dtypes=FLOATS,
    ),
]

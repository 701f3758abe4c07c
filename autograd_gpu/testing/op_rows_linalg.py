"""Rows of the op table: sums of products."""

from __future__ import annotations

import numpy as np

from .op_case import OpCase, call


def _einsum(equation: str, *operands: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum(equation, *(np.asarray(x) for x in operands)))


LINALG = [
    OpCase(
        "einsum",
        _einsum,
        lambda t: [
            call("ij,jk->ik", t(2, 3), t(3, 4)),
            call("bhqd,bhkd->bhqk", t(1, 2, 3, 4), t(1, 2, 2, 4)),
            call("...ij,...jk", t(2, 1, 2, 3), t(3, 3, 2)),
            call("iij->ji", t(3, 3, 2)),
            call("ij->", t(2, 3)),
            call("bn,anm,bm->ba", t(2, 3), t(2, 3, 4), t(2, 4)),
            call("i,j", t(2), t(3)),
        ],
        lambda t: [call("ij,jk->ik", t(2, 0), t(0, 3)), call("i,i->", t(0), t(0)), call("...,...->...", t(2, 1), t(3))],
        tolerance=8,
    ),
    OpCase(
        "tensordot",
        lambda x, y, dims: np.asarray(np.tensordot(x, y, dims)),
        lambda t: [
            call(t(2, 3, 4), t(3, 4, 2), dims=2),
            call(t(2, 3), t(4, 2), dims=([0], [1])),
            call(t(2), t(3), dims=0),
        ],
        lambda t: [call(t(2, 0), t(0, 3), dims=1), call(t(1, 1), t(1, 1), dims=2)],
        tolerance=8,
    ),
]

"""Rows of the op table: sums of products, of vectors and matrices of any layout."""

from __future__ import annotations

import numpy as np

from ..op_case import FLOATS, INF, NUMBERS, OpCase, call

SINGLE_OR_DOUBLE = ("float64", "float32")


def _einsum(equation: str, *operands: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum(equation, *(np.asarray(x) for x in operands)))


PRODUCTS = [
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
        dtypes=(*FLOATS, "int64", "int32"),
        tolerance=8,
    ),
    *(
        OpCase(name, rule, lambda t: [call(t(4), t(4))], lambda t: [call(t(0), t(0)), call(t(1), t(1))], tolerance=8)
        for name, rule in (("dot", np.dot), ("vdot", np.vdot))
    ),
    OpCase(
        "inner",
        np.inner,
        lambda t: [call(t(2, 3), t(4, 3)), call(t(3), t(3)), call(t(2, 1, 3), t(2, 3)), call(t(), t(3))],
        lambda t: [call(t(2, 0), t(3, 0)), call(t(0, 3), t(2, 3))],
        tolerance=8,
    ),
    OpCase(
        "mv",
        np.matmul,
        lambda t: [call(t(3, 4), t(4))],
        lambda t: [call(t(3, 0), t(0)), call(t(0, 3), t(3))],
        dtypes=NUMBERS,
        tolerance=8,
    ),
    *(
        OpCase(
            name,
            np.outer,
            lambda t: [call(t(3), t(4))],
            lambda t: [call(t(0), t(4)), call(t(1), t(1))],
            dtypes=NUMBERS,
        )
        for name in ("outer", "ger")
    ),
    OpCase(
        "addmm",
        lambda x, a, b, beta=1, alpha=1: (beta * x if beta else 0) + alpha * (a @ b),
        lambda t: [call(t(3, 2), t(3, 4), t(4, 2), beta=0.5, alpha=2), call(t(2), t(3, 4), t(4, 2))],
        lambda t: [
            call(t(3, 2), t(3, 0), t(0, 2)),
            call(t(0, 2), t(0, 3), t(3, 2), alpha=2),
            call(t(3, 2) * t.of(INF), t(3, 4), t(4, 2), beta=0),
        ],
        tolerance=8,
    ),
    OpCase(
        "addmv",
        lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
        lambda t: [call(t(3), t(3, 4), t(4), beta=0.5, alpha=2), call(t(), t(3, 4), t(4))],
        lambda t: [call(t(3), t(3, 0), t(0), beta=2), call(t(0), t(0, 3), t(3))],
        tolerance=8,
    ),
    OpCase(
        "addr",
        lambda x, a, b, beta=1, alpha=1: beta * x + alpha * np.outer(a, b),
        lambda t: [call(t(3, 4), t(3), t(4), beta=0.5, alpha=2), call(t(4), t(3), t(4))],
        lambda t: [call(t(0, 4), t(0), t(4)), call(t(1, 1), t(1), t(1))],
        tolerance=4,
    ),
    OpCase(
        "addbmm",
        lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b).sum(0),
        lambda t: [call(t(3, 2), t(2, 3, 4), t(2, 4, 2), beta=0.5, alpha=2), call(t(2), t(2, 3, 4), t(2, 4, 2))],
        lambda t: [call(t(3, 2), t(0, 3, 4), t(0, 4, 2)), call(t(3, 2), t(2, 3, 0), t(2, 0, 2), beta=2)],
        tolerance=16,
    ),
    OpCase(
        "baddbmm",
        lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
        lambda t: [call(t(2, 3, 2), t(2, 3, 4), t(2, 4, 2), beta=0.5, alpha=2), call(t(2), t(2, 3, 4), t(2, 4, 2))],
        lambda t: [call(t(0, 3, 2), t(0, 3, 4), t(0, 4, 2)), call(t(2, 3, 2), t(2, 3, 0), t(2, 0, 2), beta=2)],
        tolerance=8,
    ),
    OpCase(
        "kron",
        np.kron,
        lambda t: [call(t(2, 3), t(3, 2)), call(t(2), t(2, 3)), call(t(2, 1, 2), t(3))],
        lambda t: [call(t(0, 2), t(2, 2)), call(t(), t(3))],
        dtypes=NUMBERS,
    ),
    OpCase(
        "cross",
        lambda x, y, dim=None: np.cross(x, y, axis=x.shape.index(3) if dim is None else dim),
        lambda t: [call(t(2, 3), t(2, 3)), call(t(3, 4), t(3, 4)), call(t(3, 3), t(3, 3), dim=1)],
        lambda t: [call(t(0, 3), t(0, 3)), call(t(3), t(3))],
        tolerance=2,
    ),
    OpCase(
        "linalg.cross",
        lambda x, y, dim=-1: np.cross(*np.broadcast_arrays(x, y), axis=dim),
        lambda t: [call(t(2, 3), t(1, 3)), call(t(3, 4), t(3, 1), dim=0)],
        lambda t: [call(t(0, 3), t(0, 3)), call(t(3), t(3))],
        tolerance=2,
    ),
    OpCase(
        "linalg.vecdot",
        lambda x, y, dim=-1: (np.conj(x) * y).sum(dim),
        lambda t: [call(t(2, 3), t(2, 3)), call(t(2, 3), t(1, 3), dim=0)],
        lambda t: [call(t(0, 3), t(0, 3)), call(t(2, 0), t(2, 0))],
        tolerance=8,
    ),
    OpCase(
        "linalg.multi_dot",
        np.linalg.multi_dot,
        lambda t: [call([t(2, 5), t(5, 3), t(3, 4), t(4, 1)]), call([t(3), t(3, 4), t(4)]), call([t(2, 3), t(3, 2)])],
        lambda t: [call([t(2, 0), t(0, 3), t(3, 2)])],
        tolerance=30,
    ),
    OpCase(
        "chain_matmul",
        lambda *x: np.linalg.multi_dot(x),
        lambda t: [call(t(2, 5), t(5, 3), t(3, 4), t(4, 1)), call(t(2, 3), t(3, 2))],
        lambda t: [call(t(2, 0), t(0, 3), t(3, 2))],
        tolerance=30,
    ),
    OpCase(
        "linalg.matmul",
        np.matmul,
        lambda t: [call(t(2, 3, 4), t(4, 2))],
        lambda t: [call(t(3, 0), t(0, 2))],
        dtypes=NUMBERS,
        tolerance=8,
    ),
    OpCase(
        "linalg.vander",
        lambda x, N=None: x[..., None] ** np.arange(x.shape[-1] if N is None else N),
        lambda t: [call(t(2, 3)), call(t(4), N=3)],
        lambda t: [call(t(0, 3)), call(t(0), N=2)],
        dtypes=(*SINGLE_OR_DOUBLE, "int64"),
        tolerance=8,
    ),
    OpCase(
        "linalg.diagonal",
        lambda x, offset=0, dim1=-2, dim2=-1: np.diagonal(x, offset, dim1, dim2),
        lambda t: [call(t(2, 3, 4)), call(t(2, 3, 4), offset=1, dim1=0, dim2=1)],
        lambda t: [call(t(2, 0, 3)), call(t(3, 3), offset=3)],
        dtypes=NUMBERS,
    ),
]

"""Rows of the op table: torch.linalg, and its functions under older names.

Matrices come in batches, so that a stride of 0 along the first dimension repeats a matrix and not a row of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import INF, Call, Draw, OpCase, call
from .products import PRODUCTS, SINGLE_OR_DOUBLE

# ---- matrices that a function is for


def regular(t: Draw, *shape: int) -> np.ndarray:
    """Matrices far from singular: strong on the diagonal, with random signs."""
    x, n = t(*shape), shape[-1]
    signs = np.where(np.arange(n) % 2, -4, 4)
    return (x + signs * np.eye(n)).astype(t.dtype)


def dominant(t: Draw, *shape: int) -> np.ndarray:
    """Matrices with positive determinants, and positive definite ones when made symmetric."""
    return (t.between(-0.5, 0.5, *shape) + 2 * np.eye(shape[-1]) * shape[-1]).astype(t.dtype)


def spread(t: Draw, *shape: int) -> np.ndarray:
    """Matrices whose singular values, and eigenvalues when made symmetric, lie apart."""
    rows, columns = shape[-2:]
    steps = np.eye(rows, columns) * np.arange(1, rows + 1)[:, None] * 3
    return (t.between(-0.5, 0.5, *shape) + steps).astype(t.dtype)


def large(t: Draw, *shape: int) -> np.ndarray:
    return t(*shape) * t.of(3.0)


def symmetric(x: Any) -> Any:
    return x + x.mT


# ---- results that are unique but for signs: the sums over the first factor's columns are made positive


def signs(vectors: Any) -> Any:
    return (vectors.sum(-2)[..., None, :] > 0) * 2 - 1


def with_positive_vectors(values: Any, vectors: Any) -> Any:
    return values, vectors * signs(vectors)


def with_positive_columns(u: Any, s: Any, vh: Any) -> Any:
    return u * signs(u), s, vh * signs(u).mT


def with_positive_basis(q: Any, r: Any) -> Any:
    return q * signs(q), r * signs(q).mT


def with_positive_pairs(u: Any, s: Any, v: Any) -> Any:
    return u * signs(u), s, v * signs(u)


def first(result: Any, *_: Any) -> Any:
    return result


def codes(x: np.ndarray) -> np.ndarray:
    return np.zeros(x.shape[:-2], np.int32)


def matrices(name: str, reference: Any, make: Any, **options: Any) -> OpCase:
    """A function of square matrices alone."""
    return OpCase(
        name,
        reference,
        lambda t: [call(make(t, 2, 3, 3)), call(make(t, 1, 2, 2, 2))],
        lambda t: [call(make(t, 0, 3, 3)), call(make(t, 2, 0, 0)), call(make(t, 1, 1)), call(make(t, 1, 9, 9))],
        **{"dtypes": SINGLE_OR_DOUBLE, "tolerance": 50, **options},
    )


def rectangles(name: str, reference: Any, **options: Any) -> OpCase:
    """A function of matrices of any shape."""

    def samples(t: Draw) -> list[Call]:
        return [call(spread(t, 2, 3, 3)), call(spread(t, 2, 4, 2)), call(spread(t, 2, 2, 4))]

    def edges(t: Draw) -> list[Call]:
        return [
            call(t(0, 3, 2)),
            call(t(2, 0, 3)),
            call(t(2, 3, 0)),
            call(spread(t, 1, 9, 7)),
            call(spread(t, 1, 7, 9)),
        ]

    keywords = options.pop("keywords", {})
    return OpCase(
        name,
        lambda x, **given: reference(x),
        lambda t: [Call(c.args, keywords) for c in samples(t)],
        lambda t: [Call(c.args, keywords) for c in edges(t)],
        **{"dtypes": SINGLE_OR_DOUBLE, "tolerance": 50, **options},
    )


FUNCTIONS = [
    *(
        OpCase(
            name,
            np.linalg.matrix_power,
            lambda t: [call(t(2, 3, 3), 3), call(regular(t, 2, 2, 2), -2), call(t(2, 2, 2), 1)],
            lambda t: [call(t(0, 3, 3), 2), call(t(2, 0, 0), 3), call(t(1, 1), 5)],
            dtypes=SINGLE_OR_DOUBLE,
            tolerance=50,
        )
        for name in ("linalg.matrix_power", "matrix_power")
    ),
    matrices("linalg.matrix_exp", ref.matrix_exp, large, tolerance=1000),
    matrices("matrix_exp", ref.matrix_exp, Draw.__call__, tolerance=1000),
]

SOLUTIONS = [
    matrices("linalg.inv", np.linalg.inv, regular),
    matrices("inverse", np.linalg.inv, regular),
    matrices("linalg.inv_ex", lambda x: (np.linalg.inv(x), codes(x)), regular),
    OpCase(
        "linalg.solve",
        lambda a, b, left=True: ref.solved(a, b) if left else ref.solved(a.mT, b.mT).mT,
        lambda t: [
            call(regular(t, 2, 3, 3), t(2, 3, 2)),
            call(regular(t, 2, 3, 3), t(2, 3)),
            call(regular(t, 1, 3, 3), t(3)),
            call(regular(t, 1, 2, 3, 3), t(2, 1, 2, 3), left=False),
        ],
        lambda t: [
            call(regular(t, 0, 3, 3), t(0, 3, 2)),
            call(regular(t, 2, 0, 0), t(2, 0, 2)),
            call(regular(t, 1, 3, 3), t(1, 3, 0)),
            call(regular(t, 1, 1), t(1)),
        ],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "linalg.solve_ex",
        lambda a, b: (ref.solved(a, b), codes(a)),
        lambda t: [call(regular(t, 2, 3, 3), t(2, 3, 2))],
        lambda t: [call(regular(t, 0, 3, 3), t(0, 3, 2))],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "linalg.solve_triangular",
        ref.solved_triangular,
        lambda t: [
            call(regular(t, 2, 3, 3), t(2, 3, 2), upper=True),
            call(regular(t, 1, 3, 3), t(2, 2, 3), upper=False, left=False),
            call(regular(t, 2, 3, 3), t(2, 3, 1), upper=False, unitriangular=True),
        ],
        lambda t: [
            call(regular(t, 0, 3, 3), t(0, 3, 2), upper=True),
            call(regular(t, 2, 0, 0), t(2, 0, 2), upper=True),
            call(t(1, 1), t(1, 1), upper=True),
            *(call(dominant(t, 2, 70, 70), t(2, 70, 66), upper=upper) for upper in (True, False)),
        ],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "triangular_solve",
        lambda b, a, upper=True, transpose=False, unitriangular=False: (
            ref.solved_triangular(a, b, upper, True, unitriangular, transpose),
            np.broadcast_to(a, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *a.shape[-2:])),
        ),
        lambda t: [
            call(t(2, 3, 2), regular(t, 2, 3, 3)),
            call(t(2, 3, 1), regular(t, 1, 3, 3), upper=False, transpose=True, unitriangular=True),
        ],
        lambda t: [call(t(0, 3, 2), regular(t, 0, 3, 3))],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "linalg.tensorinv",
        ref.tensorinv,
        lambda t: [
            call(regular(t, 1, 4, 4).reshape(1, 4, 2, 2), ind=2),
            call(regular(t, 1, 6, 6).reshape(1, 2, 3, 6), ind=3),
        ],
        lambda t: [call(t(0, 3, 0, 3), ind=2)],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "linalg.tensorsolve",
        np.linalg.tensorsolve,
        lambda t: [call(regular(t, 4, 4).reshape(1, 4, 2, 2), t(1, 4))],
        lambda t: [call(t(0, 3, 0, 3), t(0, 3))],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
]

DETERMINANTS = [
    *(matrices(name, lambda x: np.asarray(np.linalg.det(x)), regular, tolerance=200) for name in ("linalg.det", "det")),
    *(matrices(name, lambda x: tuple(np.linalg.slogdet(x)), regular) for name in ("linalg.slogdet", "slogdet")),
    matrices("logdet", lambda x: np.log(np.linalg.det(x)), dominant),
]

DECOMPOSITIONS = [
    matrices("linalg.cholesky", np.linalg.cholesky, dominant, before=symmetric),
    matrices("cholesky", np.linalg.cholesky, dominant, before=symmetric),
    matrices("linalg.cholesky_ex", lambda x: (np.linalg.cholesky(x), codes(x)), dominant, before=symmetric),
    OpCase(
        "cholesky_solve",
        lambda b, x, upper=False: ref.solved(ref.product_of_triangle(x, upper), b),
        lambda t: [call(t(2, 3, 2), dominant(t, 2, 3, 3)), call(t(2, 3, 2), dominant(t, 1, 3, 3), upper=True)],
        lambda t: [call(t(0, 3, 2), dominant(t, 0, 3, 3)), call(t(2, 0, 1), dominant(t, 2, 0, 0))],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    matrices("cholesky_inverse", lambda x: np.linalg.inv(ref.product_of_triangle(x, False)), dominant),
    rectangles("linalg.qr", np.linalg.qr, after=with_positive_basis),
    rectangles("qr", np.linalg.qr, after=with_positive_basis),
    matrices("linalg.eigh", np.linalg.eigh, spread, before=symmetric, after=with_positive_vectors, tolerance=200),
    matrices("linalg.eigvalsh", np.linalg.eigvalsh, spread, before=symmetric),
    rectangles(
        "linalg.svd",
        lambda x: np.linalg.svd(x, full_matrices=False),
        keywords={"full_matrices": False},
        after=with_positive_columns,
        tolerance=200,
    ),
    rectangles("svd", ref.svd, after=with_positive_pairs, tolerance=200),
    rectangles("linalg.svdvals", np.linalg.svdvals),
    rectangles("linalg.pinv", np.linalg.pinv),
    rectangles("pinverse", np.linalg.pinv),
    OpCase(
        "linalg.matrix_rank",
        lambda x, tol=None, hermitian=False: np.asarray(np.linalg.matrix_rank(x, tol, hermitian), np.int64),
        lambda t: [call(spread(t, 2, 4, 3)), call(spread(t, 2, 3, 3), tol=4.0), call(t(2, 3, 3), hermitian=True)],
        lambda t: [call(t(0, 3, 3)), call(t(2, 3, 0)), call(np.zeros((2, 2), t.dtype))],
        order=0,
        dtypes=SINGLE_OR_DOUBLE,
    ),
    OpCase(
        "linalg.lstsq",
        lambda a, b: np.linalg.pinv(a) @ b,
        lambda t: [call(spread(t, 2, 4, 3), t(2, 4, 2)), call(spread(t, 2, 2, 4), t(2, 2, 1))],
        lambda t: [call(t(0, 3, 2), t(0, 3, 1)), call(t(2, 0, 3), t(2, 0, 1))],
        dtypes=SINGLE_OR_DOUBLE,
        after=first,
        tolerance=50,
    ),
]

ORDERS = ("fro", "nuc", 2, -2, 1, -1, INF, -INF)

NORMS = [
    OpCase(
        "linalg.vector_norm",
        ref.vector_norm,
        lambda t: [
            *(call(t.apart(3, 4), ord, dim=1) for ord in (2, 1, 3, 0.5, -1.5, INF, -INF)),
            call(t(2, 3, 2), dim=(0, 2), keepdim=True),
            call(t(2, 3)),
        ],
        lambda t: [call(t(0)), call(t(2, 0), 1, dim=1), call(t.of(0.0, 0.0), 3), call(t()), call(t.of(0.0, 2.0), 0.5)],
        tolerance=4,
    ),
    OpCase(
        "linalg.matrix_norm",
        ref.matrix_norm,
        lambda t: [
            *(call(spread(t, 2, 3, 2), ord) for ord in ORDERS),
            call(spread(t, 2, 3, 2), "nuc", dim=(0, 2), keepdim=True),
            call(spread(t, 2, 3, 2), 1, dim=(2, 0)),
        ],
        lambda t: [call(t(0, 3, 2), "nuc"), call(t(2, 0, 0))],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "linalg.norm",
        ref.norm,
        lambda t: [call(t(2, 3)), call(t(3), 3), call(spread(t, 1, 3, 3), "nuc", dim=(1, 2)), call(t(2, 3), 1, dim=1)],
        lambda t: [call(t(0)), call(t())],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
    OpCase(
        "linalg.cond",
        np.linalg.cond,
        lambda t: [call(spread(t, 2, 3, 3)), call(spread(t, 2, 4, 3), 2), call(spread(t, 2, 3, 4), -2)],
        lambda t: [call(t(0, 3, 3)), call(t(1, 1))],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=200,
    ),
    OpCase(
        "linalg.cond",
        np.linalg.cond,
        lambda t: [call(spread(t, 2, 3, 3), p) for p in ORDERS if p not in (2, -2)],
        lambda t: [call(t(0, 3, 3), "nuc"), call(t(1, 1), 1)],
        dtypes=SINGLE_OR_DOUBLE,
        variant="norms",
        tolerance=200,
    ),
    OpCase(
        "dist",
        lambda x, y, p=2: ref.vector_norm(x - y, p),
        lambda t: [call(t(3, 4), t(4)), call(t(3), t(3), p=3)],
        lambda t: [call(t(0), t(0)), call(t.of(1.0, 2.0), t.of(1.0, 2.0)), call(t(), t())],
        tolerance=8,
    ),
    OpCase(
        "cdist",
        lambda x, y, p=2.0, compute_mode="": ref.vector_norm(x[..., :, None, :] - y[..., None, :, :], p, -1),
        lambda t: [
            call(t(3, 4), t(2, 4)),
            call(t(2, 3, 2), t(1, 2, 2), p=3),
            call(t(3, 4), t(2, 4), compute_mode="use_mm_for_euclid_dist"),
            call(t(3, 2), t(2, 2), p=1),
        ],
        lambda t: [
            call(t(3, 0), t(2, 0)),
            call(t(0, 2), t(3, 2)),
            call(t.of([1.0, 2.0]), t.of([1.0, 2.0], [0.0, 2.0])),
        ],
        dtypes=SINGLE_OR_DOUBLE,
        tolerance=50,
    ),
]

LINALG = [*PRODUCTS, *FUNCTIONS, *SOLUTIONS, *DETERMINANTS, *DECOMPOSITIONS, *NORMS]

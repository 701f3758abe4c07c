"""Rows of the op table: sums, extremes and moments over dimensions."""

from __future__ import annotations

import numpy as np

from .. import references as ref
from ..op_case import ALL, FLOATS, NAN, NUMBERS, OpCase, call, reduction

REDUCTIONS = [
    reduction("sum", np.sum, dtypes=ALL),
    reduction("mean", np.mean),
    reduction("amax", np.max, empty=False, dtypes=NUMBERS),
    reduction("amin", np.min, empty=False, dtypes=NUMBERS),
    reduction("any", np.any, dtypes=(*FLOATS, "int64", "bool")),
    reduction("all", np.all, dtypes=(*FLOATS, "int64", "bool")),
    OpCase(
        "prod",
        lambda x, dim=None, keepdim=False: np.prod(x, axis=dim, keepdims=keepdim),
        lambda t: [call(t(5)), call(t(2, 3), dim=1), call(t(2, 3, 2), dim=1, keepdim=True)],
        lambda t: [call(t(0)), call(t(2, 0), dim=1), call(t.of(0.0, 3.0, 0.0)), call(t.of(0.0, 3.0, 2.0))],
        tolerance=4,
    ),
    *(
        OpCase(
            name,
            lambda x, dim=None, correction=1, keepdim=False, power=power: (
                np.var(x, axis=dim, ddof=correction, keepdims=keepdim) ** power
            ),
            lambda t: [
                call(t(2, 3, 4)),
                call(t(2, 3, 4), dim=1),
                call(t(2, 3, 4), dim=(0, 2), correction=0, keepdim=True),
            ],
            lambda t: [
                call(t(1)),
                call(t(3, 0), dim=0),
                call(t(0, 3), dim=1, correction=0),
                call(t(3, 70) + t.of(90.0), dim=1),
            ],
            tolerance=4,
        )
        for name, power in (("var", 1), ("std", 0.5))
    ),
    *(
        OpCase(
            name,
            lambda x, largest=largest: (np.max if largest else np.min)(x),
            lambda t: [call(t.apart(3, 4)), call(t())],
            lambda t: [call(t.of(2.0, 1.0, 2.0, 2.0)), call(t(1, 1)), call(t.special)],
            dtypes=NUMBERS,
            variant="all",
        )
        for name, largest in (("max", True), ("min", False))
    ),
    *(
        OpCase(
            name,
            lambda x, dim, keepdim=False, largest=largest: ref.with_index(x, dim, keepdim, largest),
            lambda t: [call(t.apart(2, 3, 4), dim=1), call(t.apart(3, 4), dim=-1, keepdim=True)],
            lambda t: [
                call(t.of(2.0, 1.0, 2.0, 2.0), dim=0),
                call(t(3, 0), dim=0),
                call(t(2, 70), dim=1),
                call(t.special, dim=0),
            ],
            dtypes=NUMBERS,
            variant="dim",
        )
        for name, largest in (("max", True), ("min", False))
    ),
    *(
        OpCase(
            name,
            lambda x, dim=None, keepdim=False, find=find: find(x, axis=dim, keepdims=keepdim),
            lambda t: [call(t.apart(2, 3, 4), dim=1), call(t.apart(3, 4)), call(t.apart(3, 4), dim=0, keepdim=True)],
            lambda t: [call(t.of(2.0, 1.0, 2.0, 2.0), dim=0), call(t(3, 0), dim=0), call(t.special)],
        )
        for name, find in (("argmax", np.argmax), ("argmin", np.argmin))
    ),
    OpCase(
        "logsumexp",
        ref.logsumexp,
        lambda t: [call(t(3, 4), dim=1), call(t(2, 3, 4), dim=0, keepdim=True)],
        lambda t: [call(t.of(1000.0, 1000.0, -1000.0), dim=0), call(t(0, 3), dim=1), call(t(2, 1), dim=1)],
    ),
    OpCase(
        "norm",
        lambda x, p=2, dim=None, keepdim=False: (np.abs(x) ** p).sum(axis=dim, keepdims=keepdim) ** (1 / p),
        lambda t: [call(t(3, 4)), call(t(3, 4), dim=1), call(t.apart(3, 4), p=1, dim=0, keepdim=True)],
        lambda t: [call(t(0)), call(t.of(0.0, 0.0)), call(t(2, 0), dim=1), call(t(1, 1))],
        tolerance=4,
    ),
    *(
        OpCase(
            name,
            lambda x, dim=None, correction=1, keepdim=False, power=power: (
                np.var(x, axis=dim, ddof=correction, keepdims=keepdim) ** power,
                np.mean(x, axis=dim, keepdims=keepdim),
            ),
            lambda t: [call(t(2, 3, 4)), call(t(2, 3), dim=1, correction=0, keepdim=True)],
            lambda t: [call(t(0, 3), dim=1)],
            tolerance=4,
        )
        for name, power in (("var_mean", 1), ("std_mean", 0.5))
    ),
    OpCase(
        "aminmax",
        lambda x, dim=None, keepdim=False: (
            np.min(x, axis=dim, keepdims=keepdim),
            np.max(x, axis=dim, keepdims=keepdim),
        ),
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=1, keepdim=True)],
        lambda t: [call(t(3, 0), dim=0), call(t.special)],
        dtypes=NUMBERS,
    ),
    OpCase(
        "nansum",
        lambda x, dim=None, keepdim=False: np.nansum(x, axis=dim, keepdims=keepdim),
        lambda t: [call(t(3, 4)), call(t(3, 4), dim=1, keepdim=True)],
        lambda t: [call(t(0)), call(t.of(1.0, NAN, 2.0))],
        tolerance=2,
    ),
    OpCase(
        "nanmean",
        lambda x, dim=None, keepdim=False: (
            np.nansum(x, axis=dim, keepdims=keepdim) / np.sum(~np.isnan(x), axis=dim, keepdims=keepdim)
        ),
        lambda t: [call(t(3, 4)), call(t(3, 4), dim=1, keepdim=True)],
        lambda t: [call(t(0)), call(t.of(1.0, NAN, 2.0))],
        tolerance=2,
    ),
    OpCase(
        "count_nonzero",
        lambda x, dim=None: np.count_nonzero(x, axis=dim),
        lambda t: [call(t(3, 4)), call(t.of(0.0, 1.0, 0.0), dim=0), call(t(2, 3, 4), dim=(0, 2))],
        lambda t: [call(t(0, 3), dim=1)],
        dtypes=ALL,
    ),
]

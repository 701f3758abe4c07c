"""Rows of the op table: integers' divisors, roundings, quantiles, covariances, counts in bins, integrals, selections."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .op_case import FLOATS, INF, NAN, OpCase, call, shaped

Array = Any
PRECISE = ("float64", "float32")
SIGNED = ("int64", "int32", "uint8")

NUMBERS = [
    *(
        OpCase(
            name,
            reference,
            lambda t: [call(t(3, 4), t(4)), call(t(3, 1), t(2))],
            lambda t: [call(t(0, 3), t(3)), call(t.of(0, 0, 6, 4), t.of(0, 5, 0, 6))],
            dtypes=SIGNED,
        )
        for name, reference in (("gcd", np.gcd), ("lcm", np.lcm))
    ),
    OpCase(
        "round",
        lambda x, decimals: np.round(x * 10.0**decimals) / 10.0**decimals,
        lambda t: [call(t.apart(3, 4) + t.of(0.03), decimals=1), call(t.apart(3, 4) * t.of(10.0), decimals=-1)],
        lambda t: [call(t(0, 3), decimals=2), call(t.of(NAN, INF, 0.0), decimals=1)],
        dtypes=PRECISE,
        variant="decimals",
    ),
    OpCase(
        "frexp",
        lambda x: (np.frexp(x)[0], np.frexp(x)[1].astype(np.int32)),
        lambda t: [call(t.of([1.3, -2.7, 0.6], [9.1, 0.01, -70.0]))],
        lambda t: [call(t(0, 3)), call(t.of(0.0, INF, 1024.0, 3.0))],
    ),
]


QUANTILES = [
    *(
        OpCase(
            name,
            lambda x, q, dim=None, keepdim=False, interpolation="linear", of=reference: of(
                x, q, axis=dim, keepdims=keepdim, method=interpolation
            ),
            lambda t, interpolation=interpolation: [
                call(t.apart(3, 4), 0.3, interpolation=interpolation),
                call(t.apart(3, 5), t.of(0.1, 0.55, 0.9), dim=1, interpolation=interpolation),
                call(t.apart(4, 3), 0.7, dim=0, keepdim=True, interpolation=interpolation),
            ],
            lambda t, interpolation=interpolation: [
                call(t.of(3.0, 1.0, 2.0), t.of(0.0, 0.5, 1.0), interpolation=interpolation),
                call(t.of(3.0), 0.4, interpolation=interpolation),
                call(t(3, 2), t(0), dim=0, interpolation=interpolation),
                call(t.of([3.0, NAN, 1.0], [2.0, 0.0, 5.0]), 0.4, dim=1, interpolation=interpolation),
            ],
            dtypes=PRECISE,
            variant=interpolation,
            tolerance=4,
        )
        for name, reference in (("quantile", np.quantile), ("nanquantile", np.nanquantile))
        for interpolation in ("linear", "lower", "higher", "midpoint", "nearest")
    ),
]


def histogram(x: Array, bins: Any, range: Any = None, weight: Array = None, density: bool = False) -> tuple:
    hist, edges = np.histogram(x, bins, range, density=density, weights=weight)
    return hist.astype(np.float64), edges.astype(np.float64)


STATISTICS = [
    OpCase(
        "cov",
        lambda x, correction=1, fweights=None, aweights=None: np.cov(
            x, ddof=correction, fweights=fweights, aweights=aweights
        ).reshape((len(x), len(x)) if x.ndim > 1 and len(x) != 1 else ()),
        lambda t: [
            call(t(3, 5)),
            call(t(5), correction=0),
            call(t(2, 4), fweights=np.array([1, 2, 1, 3]), aweights=t.between(0.5, 1, 4)),
            call(t(2, 4), aweights=t.between(0.5, 1, 4)),
        ],
        lambda t: [call(t(0, 3)), call(t(1, 4))],
        dtypes=PRECISE,
        tolerance=16,
    ),
    OpCase(
        "corrcoef",
        lambda x: np.asarray(np.corrcoef(x)),
        lambda t: [call(t.of([1.0, 2.0, 4.0, 3.0], [2.0, -1.0, 0.5, 1.0]))],
        lambda t: [call(t.of(1.0, 2.0, 5.0)), call(t(0, 3))],
        dtypes=PRECISE,
        tolerance=16,
    ),
    OpCase(
        "histogram",
        histogram,
        lambda t: [
            call(t(20), 5, range=(-2.0, 2.0)),
            call(t(4, 5), t.of(-3.0, -1.0, 0.0, 3.0), weight=t.between(0, 1, 4, 5)),
            call(t(20), 4, range=(-3.0, 3.0), density=True),
        ],
        lambda t: [call(t(0), 3, range=(0.0, 1.0)), call(t.of(0.0, 1.0, 1.0, 5.0, -3.0), 2, range=(0.0, 1.0))],
        order=0,
        dtypes=PRECISE,
        tolerance=2,
    ),
    OpCase(
        "renorm",
        lambda x, p, dim, maxnorm: (
            x
            * np.minimum(
                1,
                maxnorm
                / (
                    np.sum(np.abs(x) ** p, axis=tuple(d for d in range(x.ndim) if d != dim), keepdims=True) ** (1 / p)
                    + 1e-7
                ),
            )
        ),
        lambda t: [call(t(3, 4), 2, 0, 1.5), call(t(2, 3, 4), 3, 1, 1.0)],
        lambda t: [call(t(0, 3), 2, 1, 1.0), call(t(1, 1), 1, 0, 9.0)],
        tolerance=8,
    ),
]


def trapezoid(y: Array, x: Array = None, dx: float = 1, dim: int = -1) -> Array:
    return np.trapezoid(y, x, dx=dx, axis=dim)


def cumulative_trapezoid(y: Array, x: Array = None, dx: float = 1, dim: int = -1) -> Array:
    y = np.moveaxis(y, dim, -1)
    width = dx if x is None else np.diff(x if x.ndim == 1 else np.moveaxis(x, dim, -1))
    return np.moveaxis(np.cumsum((y[..., 1:] + y[..., :-1]) * width / 2, -1), -1, dim)


INTEGRALS = [
    OpCase(
        name,
        reference,
        lambda t: [
            call(t(3, 4)),
            call(t(4, 3), dx=0.5, dim=0),
            call(t(3, 4), t(4)),
            call(t(3, 4), t(3, 4), dim=0),
        ],
        lambda t: [call(t(3, 1)), call(t(0, 3))],
        tolerance=4,
    )
    for name, reference in (("trapezoid", trapezoid), ("cumulative_trapezoid", cumulative_trapezoid))
]


def selections(x: Array, r: int = 2, with_replacement: bool = False) -> Array:
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(x, r))
    return np.array(rows, x.dtype) if rows else np.empty((0, r), x.dtype)


SELECTIONS = [
    shaped(
        "combinations",
        selections,
        lambda t: call(t(4)),
        lambda t: call(t(3), 3, with_replacement=True),
        lambda t: call(t(4), 1),
        lambda t: call(t(2), 3),
    ),
    OpCase(
        "vander",
        lambda x, N=None, increasing=False: np.vander(x, N, increasing),
        lambda t: [call(t(3)), call(t(3), 4, increasing=True), call(t(2), 1)],
        lambda t: [call(t(0)), call(t(3), 0), call(t.of(0.0, 1.0, -2.0), 3)],
        dtypes=(*FLOATS, "int64"),
        tolerance=4,
    ),
    OpCase(
        "unravel_index",
        lambda index, shape: tuple(np.unravel_index(index, shape)),
        lambda t: [call(t.index(24, 3, 4), (2, 3, 4))],
        lambda t: [call(t.index(6, 0), (2, 3))],
        dtypes=("int64",),
        order=0,
    ),
]

STATISTICAL = [*NUMBERS, *QUANTILES, *STATISTICS, *INTEGRALS, *SELECTIONS]

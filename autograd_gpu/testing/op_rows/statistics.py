"""Rows of the op table: integers' divisors, roundings, quantiles, covariances, counts in bins, integrals,
selections."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..op_case import FLOATS, INF, NAN, OpCase, call, shaped
from ..references import philox

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


def histc(x: Array, bins: int, min: float, max: float) -> Array:
    return np.histogram(x, bins, (min, max))[0].astype(np.float64)


STATISTICS = [
    OpCase(
        "bincount",
        lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
        lambda t: [
            call(t.index(4, 9)),
            call(t.index(4, 9), minlength=7),
            call(np.array([2, 0, 2]), t.of(1.0, 2.0, 3.0)),
        ],
        lambda t: [call(t.index(4, 0), minlength=3)],
        order=0,
        dtypes=("float64",),
    ),
    OpCase(
        "histc",
        histc,
        lambda t: [call(t(20), 5, -2, 2)],
        lambda t: [call(t(0), 3, 0, 1), call(t.of(0.0, 1.0, 1.0, 5.0, -3.0), 2, 0, 1)],
        order=0,
    ),
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


def slopes(x: Array, spacing: Any = 1.0, dim: Any = None, edge_order: int = 1) -> tuple:
    dims = tuple(range(x.ndim)) if dim is None else (dim,)
    steps = spacing if isinstance(spacing, tuple) else [spacing] * len(dims)
    return tuple(np.gradient(x, step, axis=d, edge_order=edge_order) for d, step in zip(dims, steps))


INTEGRALS += [
    OpCase(
        "gradient",
        slopes,
        lambda t: [
            call(t(3, 4)),
            call(t(5), spacing=0.5, edge_order=2),
            call(t(3, 4), spacing=(t.of(0.0, 1.0, 4.0), t.of(0.0, 2.0, 3.0, 9.0)), edge_order=2),
        ],
        lambda t: [call(t(0, 3), dim=1), call(t(2), spacing=2.0)],
        tolerance=8,
    )
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
        "fill",
        np.full_like,
        lambda t: [call(t(3, 4), 2.5)],
        lambda t: [call(t(0, 3), 1.0), call(t.special, 0.0)],
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


def uniform64(shape: tuple[int, ...]) -> Array:
    """The first float64 uniforms of seed 0: the top 53 bits of two words each."""
    words = philox(0, np.arange(-(-math.prod(shape) // 2))).reshape(-1, 2)[: math.prod(shape)]
    return ((words[:, 0] >> np.uint64(5)) * 2.0**26 + (words[:, 1] >> np.uint64(6))).reshape(shape) * 2.0**-53


def from_mode(u: float, mode: int, probability: Any) -> int:
    """The first of mode, mode + 1, mode - 1, mode + 2, ... at which the probabilities sum to more than u."""
    distance, total = 0, probability(mode)
    while total <= u:
        distance += 1
        for k in (mode + distance, mode - distance):
            total += probability(k) if k >= 0 else 0
            if total > u:
                return k
    return mode


@np.vectorize
def poisson(u: float, rate: float) -> float:
    return float(from_mode(u, math.floor(rate), lambda k: math.exp(-rate) * rate**k / math.factorial(k)))


@np.vectorize
def binomial(u: float, count: float, p: float) -> float:
    n = int(count)
    return float(
        from_mode(
            u, min(math.floor((n + 1) * p), n), lambda k: math.comb(n, k) * p**k * (1 - p) ** (n - k) if k <= n else 0
        )
    )


RANDOM = [
    OpCase(
        "poisson",
        lambda rate: poisson(uniform64(rate.shape), rate) if rate.size else rate,
        lambda t: [call(t.between(0.1, 4, 3, 4)), call(t.between(20, 40, 5))],
        lambda t: [call(t(0, 3)), call(t.of(0.0, 0.0))],
        order=0,
        random=True,
    ),
    OpCase(
        "binomial",
        lambda n, p: binomial(uniform64(np.broadcast_shapes(n.shape, p.shape)), n, p) if n.size else n,
        lambda t: [call(t.of(3.0, 10.0, 30.0, 1.0), t.between(0.2, 0.8, 4)), call(t.of(5.0), t.between(0, 1, 3, 4))],
        lambda t: [call(t(0, 3), t.between(0, 1, 3)), call(t.of(4.0, 4.0, 0.0), t.of(0.0, 1.0, 0.5))],
        order=0,
        random=True,
    ),
]

STATISTICAL = [*RANDOM, *NUMBERS, *QUANTILES, *STATISTICS, *INTEGRALS, *SELECTIONS]

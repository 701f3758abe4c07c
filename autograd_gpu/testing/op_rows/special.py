"""Rows of the op table: special functions, and references for them that are slow but follow from a definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op_case import INF, NAN, OpCase, call, unary

Array = Any


def _over_elements(function: Any) -> Any:
    """A function of Python floats over the elements of arrays, broadcast."""
    return np.vectorize(function, otypes=[np.float64])


@_over_elements
def lgamma(x: float) -> float:
    return INF if math.isinf(x) or (x <= 0 and x.is_integer()) else math.lgamma(x)


@_over_elements
def digamma(x: float) -> float:
    """The recurrence up to 200, and there the first terms of the asymptotic series."""
    if math.isinf(x) or math.isnan(x):
        return x if x > 0 else NAN
    if x == 0:
        return -math.copysign(INF, x)
    below = 0.0
    while x < 200:
        if x == 0:
            return NAN
        below += 1 / x
        x += 1
    return math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - below


@_over_elements
def zeta(s: float, q: float) -> float:
    """The sum itself, up to 200, and the integral that is left with its first corrections."""
    if s <= 1 or math.isnan(q):
        return INF if s == 1 else NAN
    if q == INF:
        return 0.0
    total = 0.0
    while q < 200:
        if q == 0:
            return INF
        total += q**-s
        q += 1
    tail = q ** (1 - s) / (s - 1) + 0.5 * q**-s + s / 12 * q ** (-s - 1) - s * (s + 1) * (s + 2) / 720 * q ** (-s - 3)
    return total + tail


@_over_elements
def erfinv(y: float) -> float:
    """By bisection, on erfc where erf is near 1."""
    if not abs(y) < 1:
        return math.copysign(INF, y) if abs(y) == 1 else NAN
    low, high = 0.0, 7.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        is_below = math.erfc(middle) > 1 - abs(y) if abs(y) > 0.5 else math.erf(middle) < abs(y)
        low, high = (middle, high) if is_below else (low, middle)
    return math.copysign(low, y)


def share_of_gamma(below: bool) -> Any:
    """The gamma density's integral below x, or what is left of 1, by Simpson's rule over t**a: smooth at 0."""

    @_over_elements
    def function(a: float, x: float) -> float:
        if not (a >= 0 and x >= 0) or a == x == 0:
            return NAN
        if a == 0 or x in (0, INF):
            share = 0.0 if x == 0 else 1.0
        else:
            t = np.linspace(0, 1, 20_001)
            inside = np.exp(-x * t ** (1 / a)) if a < 1 else t ** (a - 1) * np.exp(-x * t)
            weights = np.where(np.arange(t.size) % 2, 4.0, 2.0)
            weights[[0, -1]] = 1
            integral = float(weights @ inside) / (3 * (t.size - 1))
            share = integral * math.exp(a * math.log(x) - math.lgamma(a + 1 if a < 1 else a))
        return share if below else 1 - share

    return function


def bessel_i(order: int, scaled: bool) -> Any:
    """The mean of exp(x cos a) cos(order a) over the circle, by the trapezoid rule, which converges exponentially."""
    angles = np.arange(400) * (2 * math.pi / 400)

    @_over_elements
    def function(x: float) -> float:
        exponent = x * np.cos(angles) - (abs(x) if scaled else 0)
        return float(np.mean(np.exp(exponent) * np.cos(order * angles)))

    return function


erfc = _over_elements(math.erfc)


def xlog1py(x: Array, y: Array) -> Array:
    return np.where(np.equal(x, 0), np.where(np.isnan(y), NAN, 0.0), x * np.log1p(y))


GAMMA = [
    unary(
        "lgamma",
        lgamma,
        lambda t: [call(t.between(0.2, 12, 3, 5)), call(t.between(-0.9, -0.1, 4)), call(t.between(-3.8, -3.2, 3))],
        tolerance=4,
    ),
    OpCase(
        "digamma",
        digamma,
        lambda t: [call(t.between(0.2, 12, 3, 5)), call(t.between(-0.9, -0.1, 4)), call(t.between(-3.8, -3.2, 3))],
        lambda t: [call(t.of(0.0, -0.0, INF, NAN, 20.0, 1.5)), call(t(0, 3)), call(t.between(1, 2, 1, 1))],
        tolerance=8,
    ),
    *(
        OpCase(
            "polygamma",
            lambda n, x: -((-1.0) ** n) * math.factorial(n) * zeta(n + 1.0, x) if n else digamma(x),
            lambda t, n=n: [call(n, t.between(0.8, 8, 3, 4)), call(n, t.between(-1.7, -1.3, 4))],
            lambda t, n=n: [call(n, t(0, 3)), call(n, t.of(0.0, 20.0, NAN, 1.0))],
            tolerance=16,
            variant=f"n={n}",
        )
        for n in (0, 1, 2, 3)
    ),
    OpCase(
        "mvlgamma",
        lambda x, p: math.log(math.pi) * (p * (p - 1) / 4) + sum(lgamma(x - j / 2) for j in range(p)),
        lambda t: [call(t.between(2, 8, 3, 4), 3), call(t.between(1, 4, 5), 1)],
        lambda t: [call(t(0, 3), 2)],
        tolerance=8,
    ),
    OpCase(
        "special.zeta",
        zeta,
        lambda t: [call(3.0, t.between(0.5, 6, 3, 4)), call(1.5, t.between(1, 6, 3))],
        lambda t: [call(2.0, t(0, 3)), call(2.0, t.of(0.0, 20.0, NAN)), call(1.0, t.between(1, 2, 3))],
        tolerance=16,
    ),
    OpCase(
        "special.zeta",
        zeta,
        lambda t: [call(np.array([3, 2, 5]), t.of(1.5, 2.5, 0.5))],
        lambda t: [call(np.ones((0, 1), np.int64), t(3))],
        tolerance=16,
        variant="exponents",
    ),
]

INCOMPLETE = [
    OpCase(
        name,
        share_of_gamma(below),
        lambda t: [
            call(np.array([[1], [3], [12]]), t.between(0.5, 16, 3, 4)),
            call(np.array([2, 5]), t.between(0.2, 3, 2)),
        ],
        lambda t: [
            call(np.ones((0, 1), np.int64), t(3)),
            call(np.array([0, 1, 2, 40]), t.of(1.0, 0.0, INF, 20.0)),
            call(np.array([1, 3]), t.of(-1.0, NAN)),
        ],
        tolerance=8,
    )
    for name, below in (("igamma", True), ("igammac", False))
]

ERROR_FUNCTIONS = [
    OpCase(
        "erfinv",
        erfinv,
        lambda t: [call(t.between(-0.95, 0.95, 3, 5))],
        lambda t: [call(t.of(0.0, -0.0, 1.0, -1.0, 2.0, NAN, 0.998)), call(t(0, 3)), call(t.between(0, 1, 1, 1))],
        tolerance=8,
    ),
    OpCase(
        "special.erfcx",
        lambda x: np.exp(x * x) * erfc(x),
        lambda t: [call(t.between(-1.5, 4, 3, 5))],
        lambda t: [call(t.of(0.0, -2.0, 7.0, 14.0, 20.0, NAN)), call(t(0, 3))],
        tolerance=8,
    ),
    unary("special.ndtr", lambda x: 0.5 * erfc(-x * math.sqrt(0.5)), tolerance=2),
    OpCase(
        "special.log_ndtr",
        lambda x: np.log(0.5 * erfc(-x * math.sqrt(0.5))),
        lambda t: [call(t.between(-0.9, 3, 3, 4)), call(t.between(-6, -1.1, 4))],
        lambda t: [call(t(0, 3)), call(t.of(-30.0, 30.0, 0.0, NAN, -1.0))],
        tolerance=8,
    ),
    OpCase(
        "special.entr",
        lambda x: np.where(x < 0, -INF, np.where(x == 0, 0.0, -x * np.log(x))),
        lambda t: [call(t.between(0.3, 3, 3, 4))],
        lambda t: [call(t(0, 3)), call(t.of(2.0, -1.0, NAN))],
        tolerance=2,
    ),
    OpCase(
        "special.xlog1py",
        xlog1py,
        lambda t: [call(t(3, 4), t.between(-0.5, 2, 4)), call(2.0, t.between(-0.5, 2, 4)), call(t(3), 0.5)],
        lambda t: [call(t(0, 3), t(3)), call(t.of(0.0, 0.0, 0.0, 1.0), t.of(-1.0, NAN, -2.0, -1.0))],
        tolerance=2,
    ),
]

BESSEL = [
    OpCase(
        name,
        bessel_i(order, scaled),
        lambda t, end=22 if scaled else 8: [call(t.between(-6, 6, 3, 5)), call(t.between(end - 4, end, 4))],
        lambda t: [call(t.of(0.0, -0.0, 1.0, 8.0, -25.0)), call(t(0, 3)), call(t(1, 1))],
        tolerance=16,
    )
    for name, order, scaled in (
        ("i0", 0, False),
        ("special.i1", 1, False),
        ("special.i0e", 0, True),
        ("special.i1e", 1, True),
    )
]

NEIGHBOURS = [
    OpCase(
        "nextafter",
        lambda x, y: np.nextafter(x, y),
        lambda t: [call(t.of(1.0, 1.0, -1.0, 0.0), t.of(2.0, 0.0, 0.0, -1.0))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(NAN, 1.0, -0.0, INF, 3.0), t.of(1.0, NAN, 0.0, 1.0, 3.0))],
        dtypes=("float64",),
    )
]

SPECIAL = [*GAMMA, *INCOMPLETE, *ERROR_FUNCTIONS, *BESSEL, *NEIGHBOURS]

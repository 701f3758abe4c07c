"""Rows of the op table: functions of one element or of two: arithmetic, comparisons, roundings, and what is composed of
them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import ALL, FLOATS, INF, INTEGERS, NAN, OpCase, binary, call, comparison, in_place, step, unary

Array = Any


def where_zero(x: Array, there: Array, elsewhere: Array) -> Array:
    return np.where(x == 0, there, elsewhere)


ARITHMETIC = [
    binary("add", lambda x, y, alpha=1: x + alpha * y),
    binary("add", lambda x, y, alpha=1: x + alpha * y, lambda t: [call(t(3, 4), t(4), alpha=3)], variant="alpha"),
    binary("sub", lambda x, y: x - y, lambda t: [call(t(3, 4), t(4)), call(t(2, 3), 2)], dtypes=FLOATS + INTEGERS[:2]),
    binary("mul", lambda x, y: x * y),
    binary("div", np.true_divide, lambda t: [call(t(3, 4), t.between(1, 4, 4)), call(t(2, 3), 4)]),
    binary("true_divide", np.true_divide, lambda t: [call(t(3, 4), t.between(1, 4, 4)), call(t(2, 3), 4)]),
    OpCase(
        "div",
        lambda x, y, rounding_mode: (np.trunc if rounding_mode == "trunc" else np.floor)(x / y),
        lambda t: [call(t.apart(3, 4), t.of(2.0), rounding_mode=mode) for mode in ("trunc", "floor")],
        lambda t: [call(t(0, 2), t(2), rounding_mode="floor")],
        variant="rounding_mode",
    ),
    OpCase(
        "pow",
        np.power,
        lambda t: [
            call(t.between(0.5, 2, 3, 4), t(4)),
            call(t(3, 4), 3),
            call(t.between(0.5, 2, 5), 0.5),
            call(2.0, t(3)),
        ],
        lambda t: [
            call(t.of(0.0, 1.0, -2.0), 0),
            call(t.of(0.0, -0.0, -2.0), 2),
            call(t.of(0.0, 0.0, 2.0), t.of(0.0, 2.0, -1.0)),
            call(t(0, 3), 2),
        ],
        tolerance=2,
    ),
    unary("neg", np.negative, dtypes=FLOATS + INTEGERS[:2]),
    binary("maximum", np.maximum, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, 3.0))]),
    binary("minimum", np.minimum, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, 3.0))]),
    OpCase(
        "fmod",
        np.fmod,
        lambda t: [call(t.apart(3, 4), t.of(2.0, 1.0, -3.0, 4.0)), call(t.apart(5), 2)],
        lambda t: [call(t(0, 2), t(2)), call(t.of(-3.0, 3.0, 0.0), t.of(2.0, -2.0, 5.0))],
    ),
    OpCase(
        "remainder",
        np.mod,
        lambda t: [call(t.apart(3, 4), t.of(2.0, 1.0, -3.0, 4.0)), call(t.apart(5), 2)],
        lambda t: [call(t(0, 2), t(2)), call(t.of(-3.0, 3.0, 0.0), t.of(2.0, -2.0, 5.0))],
    ),
    OpCase(
        "floor_divide",
        np.floor_divide,
        lambda t: [call(t.apart(3, 4), t.of(2.0, 1.0, -3.0, 4.0))],
        lambda t: [call(t(0, 2), t(2)), call(t.of(-3.0, 3.0, 0.0), t.of(2.0, -2.0, 5.0))],
    ),
    binary("atan2", np.arctan2, lambda t: [call(t(3, 4), t.between(1, 2, 4))], dtypes=FLOATS),
    binary("copysign", np.copysign, lambda t: [call(t.apart(3, 4), t.apart(4)), call(t.apart(3), -1.0)], dtypes=FLOATS),
    OpCase(
        "addcmul",
        lambda x, y, z, value=1: x + value * y * z,
        lambda t: [call(t(3, 4), t(3, 4), t(4), value=0.5), call(t(2, 1), t(3), t())],
        lambda t: [call(t(0, 2), t(2), t(2))],
    ),
    OpCase(
        "clamp",
        lambda x, min=None, max=None: np.clip(x, min, max),
        lambda t: [call(t.apart(3, 5), -1, 1), call(t.apart(3, 5), min=0), call(t.apart(3, 5), max=t.of(0.0))],
        lambda t: [call(t.of(-1.0, 0.0, 1.0, NAN), -1, 1), call(t(0), 0, 1)],
    ),
    OpCase(
        "where",
        np.where,
        lambda t: [call(t.mask(3, 4), t(3, 4), t(4)), call(t.mask(3, 1), t(4), 0.0), call(t.mask(4), 1.5, t(3, 4))],
        lambda t: [call(t.mask(0, 3), t(3), t(1)), call(np.array([True, False]), t.of(NAN, NAN), t.of(1.0, 1.0))],
    ),
]


UNARY = [
    unary("abs", np.abs, lambda t: [call(t.between(0.2, 2, 3, 5))]),
    unary("exp", np.exp),
    unary("exp2", np.exp2),
    unary("expm1", np.expm1),
    unary("log", np.log, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("log2", np.log2, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("log10", np.log10, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("log1p", np.log1p, lambda t: [call(t.between(-0.5, 3, 3, 5))]),
    unary("sqrt", np.sqrt, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("rsqrt", lambda x: 1 / np.sqrt(x), lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("reciprocal", lambda x: 1 / x, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("square", np.square),
    unary("sin", np.sin),
    unary("cos", np.cos),
    unary("tan", np.tan, lambda t: [call(t.between(-1, 1, 3, 5))]),
    unary("asin", np.arcsin, lambda t: [call(t.between(-0.8, 0.8, 3, 5))]),
    unary("acos", np.arccos, lambda t: [call(t.between(-0.8, 0.8, 3, 5))]),
    unary("atan", np.arctan),
    unary("sinh", np.sinh),
    unary("cosh", np.cosh),
    unary("tanh", np.tanh),
    unary("asinh", np.arcsinh),
    unary("acosh", np.arccosh, lambda t: [call(t.between(1.5, 3, 3, 5))]),
    unary("atanh", np.arctanh, lambda t: [call(t.between(-0.8, 0.8, 3, 5))]),
    unary("erf", ref.erf),
    unary("erfc", ref.erfc),
    unary("sigmoid", ref.sigmoid),
    unary("relu", lambda x: np.where(x < 0, 0.0, x), lambda t: [call(t.apart(3, 5))]),
    step("sign", lambda x: np.where(np.isnan(x), 0, np.sign(x))),
    step("floor", np.floor),
    step("ceil", np.ceil),
    step("round", np.rint),
    step("trunc", np.trunc),
]


TESTS = [
    comparison("eq", np.equal),
    comparison("ne", np.not_equal),
    comparison("lt", np.less),
    comparison("le", np.less_equal),
    comparison("gt", np.greater),
    comparison("ge", np.greater_equal),
    comparison("logical_and", np.logical_and, scalar=False),
    comparison("logical_or", np.logical_or, scalar=False),
    comparison("logical_xor", np.logical_xor, scalar=False),
    unary("logical_not", np.logical_not, dtypes=ALL),
    unary("isnan", np.isnan),
    unary("isinf", np.isinf),
    unary("isfinite", np.isfinite),
    binary("bitwise_and", np.bitwise_and, dtypes=(*INTEGERS, "bool")),
    binary("bitwise_or", np.bitwise_or, dtypes=(*INTEGERS, "bool")),
    binary("bitwise_xor", np.bitwise_xor, dtypes=(*INTEGERS, "bool")),
    unary("bitwise_not", np.invert, dtypes=(*INTEGERS, "bool")),
]


COMPOSED = [
    unary("frac", lambda x: x - np.trunc(x), lambda t: [call(t.apart(3, 5))]),
    unary("angle", lambda x: np.where(x < 0, np.pi, np.where(np.isnan(x), x, 0)), lambda t: [call(t.apart(3, 5))]),
    unary("sinc", np.sinc, lambda t: [call(t.between(0.3, 2, 3, 5))], tolerance=2),
    OpCase(
        "logit",
        lambda x, eps=None: np.log(y / (1 - y)) if (y := x if eps is None else np.clip(x, eps, 1 - eps)).size else y,
        lambda t: [call(t.between(0.1, 0.9, 3, 4)), call(t.between(0.3, 0.6, 3, 4), eps=0.2)],
        lambda t: [call(t(0, 3)), call(t.of(0.0, 1.0, 0.5))],
        tolerance=4,
    ),
    unary("deg2rad", np.deg2rad),
    unary("rad2deg", np.rad2deg),
    unary("positive", np.positive),
    step("fix", np.trunc),
    OpCase(
        "nan_to_num",
        lambda x, nan=0.0, posinf=1e4, neginf=-1e4: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
        lambda t: [call(t(3, 4), posinf=1e4, neginf=-1e4)],
        lambda t: [call(t.special, nan=2.0, posinf=3.0, neginf=-3.0), call(t(0, 3))],
    ),
    unary("signbit", np.signbit, dtypes=(*FLOATS, "int64")),
    unary("isposinf", np.isposinf),
    unary("isneginf", np.isneginf),
    unary("isreal", np.isreal, dtypes=ALL),
    OpCase(
        "clamp_min",
        np.maximum,
        lambda t: [call(t.apart(3, 4), 1), call(t.apart(3, 4), t.of(0.0))],
        lambda t: [call(t(0, 3), 1), call(t.of(1.0, 2.0), t.of(2.0))],
    ),
    OpCase(
        "clamp_max",
        np.minimum,
        lambda t: [call(t.apart(3, 4), 1), call(t.apart(3, 4), t.of(0.0))],
        lambda t: [call(t(0, 3), 1), call(t.of(1.0, 2.0), t.of(2.0))],
    ),
    binary("rsub", lambda x, y: y - x, lambda t: [call(t(3, 4), t(4)), call(t(2, 3), 2)], dtypes=FLOATS),
    binary(
        "float_power",
        np.float_power,
        lambda t: [call(t.between(0.5, 2, 3, 4), t(4)), call(t(3, 4), 3)],
        dtypes=FLOATS,
        result="float64",
    ),
    in_place(
        "Tensor.float_power_",
        np.float_power,
        lambda t: [call(t.between(0.5, 2, 3, 4), t(4)), call(t(3, 4), 3)],
        lambda t: [call(t(0, 3), 2)],
        dtypes=("float64",),
    ),
    binary("fmax", np.fmax, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, NAN))], dtypes=FLOATS),
    binary("fmin", np.fmin, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, NAN))], dtypes=FLOATS),
    OpCase(
        "hypot",
        np.hypot,
        lambda t: [call(t(3, 4), t(4)), call(t(2, 1), t(3))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(INF, -INF, 1e4), t.of(NAN, 1.0, 1e4))],
        tolerance=2,
    ),
    OpCase(
        "logaddexp",
        np.logaddexp,
        lambda t: [call(t(3, 4), t(4)), call(t(2, 1), t(3))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(1000.0, -INF, 1.0, 0.0), t.of(1000.0, -INF, NAN, INF))],
        tolerance=2,
    ),
    OpCase(
        "logaddexp2",
        np.logaddexp2,
        lambda t: [call(t(3, 4), t(4))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(1000.0, -INF, 1.0), t.of(1000.0, -INF, NAN))],
        tolerance=2,
    ),
    OpCase(
        "xlogy",
        lambda x, y: where_zero(x, np.where(np.isnan(y), NAN, 0.0), x * np.log(y)),
        lambda t: [call(t(3, 4), t.between(0.5, 2, 4)), call(2.0, t.between(0.5, 2, 4))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(0.0, 0.0, 0.0, 1.0), t.of(0.0, NAN, -1.0, 0.0))],
        tolerance=2,
    ),
    binary("heaviside", np.heaviside, lambda t: [call(t(3, 4), t(4))], dtypes=FLOATS),
    binary("ldexp", lambda x, y: x * 2**y, lambda t: [call(t(3, 4), t.of(1.0, 2.0, 0.0, 3.0))], dtypes=FLOATS),
    OpCase(
        "lerp",
        lambda x, y, w: x + w * (y - x),
        lambda t: [call(t(3, 4), t(4), 0.25), call(t(3, 4), t(3, 4), t(4))],
        lambda t: [call(t(0, 3), t(3), 0.5)],
        tolerance=4,
    ),
    OpCase(
        "addcdiv",
        lambda x, y, z, value=1: x + value * y / z,
        lambda t: [call(t(3, 4), t(3, 4), t.between(0.5, 2, 4), value=0.5), call(t(2, 1), t(3), t.between(1, 2))],
        lambda t: [call(t(0, 3), t(3), t(3))],
        tolerance=4,
    ),
    # Shifts by negative numbers mean nothing, so these have no samples where both operands are drawn alike.
    *(
        OpCase(
            name,
            reference,
            lambda t: [call(t(3, 4), 2), call(t(3, 1), t.index(4, 4).astype(t.dtype))],
            lambda t: [call(t(0, 3), 1)],
            dtypes=("int64", "int32"),
        )
        for name, reference in (
            ("bitwise_left_shift", lambda x, y: x * 2**y),
            ("bitwise_right_shift", lambda x, y: x // 2**y),
        )
    ),
]


ELEMENTWISE = [*ARITHMETIC, *UNARY, *TESTS, *COMPOSED]

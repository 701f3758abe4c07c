"""Rows of the op table: complex numbers, made of parts and taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op_case import COMPLEXES, OpCase, call, unary

Array = Any


def _angle(x: Array) -> Array:
    return np.arctan2(x.imag, x.real)


def _sgn(x: Array) -> Array:
    return np.where(x == 0, 0, x / np.where(x == 0, 1, np.abs(x)))


def _pairs(x: Array) -> Array:
    return np.stack((x.real, x.imag), -1)


COMPLEX = [
    *(
        unary(name, reference, variant="complex", dtypes=COMPLEXES, tolerance=2)
        for name, reference in (("abs", np.abs), ("angle", _angle))
    ),
    *(
        unary(name, reference, dtypes=COMPLEXES, tolerance=2)
        for name, reference in (
            ("sgn", _sgn), ("conj", np.conj), ("conj_physical", np.conj), ("real", np.real), ("imag", np.imag),
            ("resolve_conj", np.array), ("resolve_neg", np.array), ("view_as_real", _pairs),
        )
    ),
    OpCase(
        "view_as_complex",
        lambda x: x[..., 0] + 1j * x[..., 1],
        lambda t: [call(t(3, 2)), call(t(2, 3, 2))],
        lambda t: [call(t(0, 2)), call(t(2))],
        dtypes=("float64", "float32"),
        result="complex",
    ),
    OpCase(
        "complex",
        lambda x, y: x + 1j * y,
        lambda t: [call(t(3, 4), t(3, 4)), call(t(3, 1), t(4))],
        lambda t: [call(t(0, 2), t(2)), call(t(), t())],
        dtypes=("float64", "float32"),
        result="complex",
    ),
    OpCase(
        "polar",
        lambda x, y: x * np.exp(1j * y),
        lambda t: [call(t.between(0.5, 2, 3, 4), t(3, 4)), call(t.between(0.5, 2, 3, 1), t(4))],
        lambda t: [call(t(0, 2), t(2)), call(t.of(0.0, 1.0), t.of(1.0, 0.0))],
        dtypes=("float64", "float32"),
        result="complex",
        tolerance=2,
    ),
]  # fmt: skip

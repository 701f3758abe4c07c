"""Rows of the op table: dropouts of elements, of channels and of SELU's activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import OpCase, call

Array = Any

SATURATED = -1.7580993408473766  # -alpha * scale of SELU


def of_channels(batched: int) -> Any:
    """One number for each channel; `batched` dimensions are those of a batch."""

    def reference(x: Array, p: float, training: bool = True) -> Array:
        lead = 2 if x.ndim == batched else 1
        keep = ref.uniform(x.shape[:lead], 0).reshape(*x.shape[:lead], *(1,) * (x.ndim - lead)) >= p
        return np.where(keep, x / (1 - p if p < 1 else 1), 0) if training and p else x

    return reference


def alpha_dropout(x: Array, p: float, training: bool = False, features: bool = False) -> Array:
    """Mean 0 and variance 1 stay: with a dropped element's value v, a^2 (1 - p) (1 + p v^2) = 1 and b = -a p v."""
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if features else x.shape
    keep = ref.uniform(shape, 0) >= p
    a = ((1 - p) * (1 + p * SATURATED**2)) ** -0.5
    return a * np.where(keep, x, SATURATED) - a * p * SATURATED


DROPOUTS = [
    OpCase(
        "nn.functional.dropout",
        ref.dropout,
        lambda t: [call(t(3, 5), p=0.5), call(t(3, 5), p=0.25), call(t(3, 5), p=0.5, training=False)],
        lambda t: [call(t(0, 3), p=0.5), call(t(3, 5), p=1.0), call(t(3, 5), p=0.0), call(t(1), p=0.1)],
        random=True,
    ),
    *(
        OpCase(
            f"nn.functional.dropout{dims}d",
            of_channels(dims + 2),
            lambda t, dims=dims: [
                call(t(2, 3, *(2,) * dims), 0.5),
                call(t(2, 3, *(2,) * dims), 0.3, training=False),
                *([call(t(4, *(2,) * dims), 0.5)] if dims != 2 else []),
            ],
            lambda t, dims=dims: [
                call(t(0, 3, *(2,) * dims), 0.5),
                call(t(2, 3, *(1,) * dims), 1.0),
                call(t(2, 3, *(1,) * dims), 0.0),
            ],
            random=True,
            tolerance=2,
        )
        for dims in (1, 2, 3)
    ),
    OpCase(
        "nn.functional.alpha_dropout",
        alpha_dropout,
        lambda t: [call(t(3, 5), 0.5, training=True), call(t(3, 5), 0.2, training=True), call(t(3), 0.5)],
        lambda t: [call(t(0, 3), 0.5, training=True), call(t(3), 1.0, training=True), call(t(3), 0.0, training=True)],
        random=True,
        tolerance=2,
    ),
    OpCase(
        "nn.functional.feature_alpha_dropout",
        lambda x, p, training=False: alpha_dropout(x, p, training, features=True),
        lambda t: [call(t(3, 4, 2), 0.5, training=True), call(t(2, 3), 0.2, training=True), call(t(3, 2), 0.5)],
        lambda t: [call(t(0, 3, 2), 0.5, training=True), call(t(3, 2), 1.0, training=True)],
        random=True,
        tolerance=2,
    ),
]

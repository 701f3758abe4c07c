"""Rows of the op table: what is fused over rows - RMS norm, norms of sums, the vocabulary head with its loss."""

from __future__ import annotations

import numpy as np

from .. import references as ref
from ..op_case import Call, Draw, OpCase, call

Array = np.ndarray


def rms_norm(x: Array, shape: tuple, weight: Array = None, eps: float = 1e-5) -> Array:
    """Zhang & Sennrich 2019."""
    dims = tuple(range(x.ndim - len(shape), x.ndim))
    y = x / np.sqrt((x * x).mean(dims, keepdims=True) + eps)
    return y if weight is None else y * weight


def add_layer_norm(x: Array, residual: Array, *rest: object, **options: object) -> tuple[Array, Array]:
    total = x + residual
    return ref.layer_norm(total, *rest, **options), total


def add_rms_norm(x: Array, residual: Array, *rest: object, **options: object) -> tuple[Array, Array]:
    total = x + residual
    return rms_norm(total, *rest, **options), total


def linear_cross_entropy(
    x: Array, weight: Array, target: Array, linear_bias: Array = None, ignore_index: int = -100, **options: object
) -> Array:
    logits = np.tensordot(x, weight, (-1, -1)) + (0 if linear_bias is None else linear_bias)
    return ref.cross_entropy(logits, target, ignore_index, **options)


def _edges(t: Draw, inputs: int, parameters: int) -> list[Call]:
    """No rows, one column, a row past a warp; and outliers, without parameters."""

    def sample(rows: int, columns: int) -> Call:
        return call(
            *(t(rows, columns) for _ in range(inputs)), (columns,), *(t(columns) for _ in range(parameters)), eps=0.01
        )

    outliers = [t(3, 5) * t.of(0.1) + t.of(3.0) for _ in range(inputs)]
    return [sample(0, 5), sample(3, 1), sample(2, 130), call(*outliers, (5,), eps=0.01)]


FUSED = [
    OpCase(
        "nn.functional.rms_norm",
        rms_norm,
        lambda t: [
            call(t(3, 5), (5,), t(5), eps=1e-5),
            call(t(2, 3, 4), (3, 4), t(3, 4), eps=0.1),
            call(t(3, 5), (5,), eps=1e-5),
        ],
        lambda t: _edges(t, 1, 1),
        tolerance=8,
    ),
    OpCase(
        "nn.functional.add_layer_norm",
        add_layer_norm,
        lambda t: [
            call(t(3, 5), t(3, 5), (5,), t(5), t(5)),
            call(t(2, 3, 4), t(3, 4), (3, 4), t(3, 4), t(3, 4)),
            call(t(3, 5), t(3, 5), (5,), t(5)),
            call(t(3, 5), t(3, 5), (5,), bias=t(5), eps=0.1),
            call(t(3, 5), t(3, 5), (5,)),
        ],
        lambda t: _edges(t, 2, 2),
        tolerance=8,
    ),
    OpCase(
        "nn.functional.add_rms_norm",
        add_rms_norm,
        lambda t: [
            call(t(3, 5), t(3, 5), (5,), t(5), eps=1e-5),
            call(t(2, 3, 4), t(3, 4), (3, 4), t(3, 4), eps=0.1),
            call(t(3, 5), t(3, 5), (5,), eps=1e-5),
        ],
        lambda t: _edges(t, 2, 1),
        tolerance=8,
    ),
    OpCase(
        "nn.functional.linear_cross_entropy",
        linear_cross_entropy,
        lambda t: [
            call(t(4, 3), t(5, 3), t.index(5, 4)),
            call(t(4, 3), t(5, 3), t.index(5, 4), linear_bias=t(5), reduction="sum"),
            call(t(4, 3), t(5, 3), np.array([1, 2, -100, 0]), linear_bias=t(5)),
            call(t(4, 3), t(5, 3), np.array([1, 2, 4, 2]), ignore_index=2),
            call(t(3), t(5, 3), np.array(4), linear_bias=t(5)),
            call(t(4, 3), t(5, 3), t.index(5, 4), linear_bias=t(5), reduction="none"),
            call(t(4, 3), t(5, 3), t.index(5, 4), label_smoothing=0.1),
            call(t(4, 3), t(5, 2, 3), t.index(5, 4, 2), linear_bias=t(5, 2)),
        ],
        lambda t: [
            call(t(0, 3), t(5, 3), t.index(5, 0), linear_bias=t(5)),
            call(t(3, 2), t(1, 2), t.index(1, 3)),
            call(t(2, 3), t(5, 3), np.array([-100, -100]), linear_bias=t(5)),
            call(t(300, 2), t(3, 2), t.index(3, 300), linear_bias=t(3), reduction="sum"),
        ],
        tolerance=16,
    ),
]

"""Rows of the op table: normalisation of rows and of channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import OpCase, call

Array = Any


def _per_channel(vector: Array, x: Array) -> Array:
    return vector.reshape(1, -1, *(1,) * (x.ndim - 2))


def _scaled(y: Array, weight: Array, bias: Array) -> Array:
    y = y if weight is None else y * _per_channel(weight, y)
    return y if bias is None else y + _per_channel(bias, y)


def batch_norm(
    x: Array,
    mean: Array,
    var: Array,
    weight: Array = None,
    bias: Array = None,
    training: bool = False,
    eps: float = 1e-5,
) -> Array:
    if training:
        dims = (0, *range(2, x.ndim))
        mean, var = x.mean(dims), x.var(dims)
    return _scaled((x - _per_channel(mean, x)) / np.sqrt(_per_channel(var, x) + eps), weight, bias)


def group_norm(x: Array, num_groups: int, weight: Array = None, bias: Array = None, eps: float = 1e-5) -> Array:
    rows = x.reshape(x.shape[0], num_groups, math.prod(x.shape[1:]) // max(num_groups, 1))
    normalised = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + eps)
    return _scaled(normalised.reshape(x.shape), weight, bias)


def instance_norm(x: Array, weight: Array = None, bias: Array = None, eps: float = 1e-5) -> Array:
    return group_norm(x, x.shape[1], weight, bias, eps)


def local_response_norm(x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """Krizhevsky, Sutskever & Hinton 2012, section 3.3, a channel at a time; alpha is over the window's size."""
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
        y[:, c] = x[:, c] / (k + alpha * (near**2).sum(1) / size) ** beta
    return y


NORMS = [
    OpCase(
        "nn.functional.layer_norm",
        ref.layer_norm,
        lambda t: [
            call(t(3, 5), (5,), t(5), t(5)),
            call(t(2, 3, 4), (3, 4), t(3, 4), t(3, 4)),
            call(t(3, 5), (5,)),
            call(t(3, 5), (5,), t(5)),
            call(t(3, 5), (5,), bias=t(5), eps=0.1),
        ],
        lambda t: [
            call(t(0, 5), (5,), t(5), t(5)),
            call(t(3, 1), (1,), t(1), t(1)),
            call(t(2, 130), (130,), t(130), t(130)),
            call(t(3, 5) * t.of(0.1) + t.of(3.0), (5,)),
            call(t.of(3.0, 3.0, 3.0, 3.0), (4,)),
        ],
        tolerance=8,
    ),
    OpCase(
        "nn.functional.batch_norm",
        batch_norm,
        lambda t: [
            call(t(4, 3), None, None, t(3), t(3), training=True),
            call(t(2, 3, 4), None, None, t(3), training=True, eps=0.1),
        ],
        lambda t: [
            call(t(2, 1, 3), None, None, training=True),
            call(t(2, 3, 0), None, None, training=True),
            call(t(40, 3, 5), None, None, t(3), t(3), training=True),
        ],
        tolerance=16,
    ),
    OpCase(
        "nn.functional.batch_norm",
        batch_norm,
        lambda t: [call(t(2, 2, 3, 2), t(2), t.between(0.5, 2, 2), t(2), t(2))],
        lambda t: [call(t(0, 3), t(3), t.between(0.5, 2, 3))],
        tolerance=16,
        variant="running",
    ),
    OpCase(
        "nn.functional.group_norm",
        group_norm,
        lambda t: [call(t(2, 4, 3), 2, t(4), t(4)), call(t(2, 4), 2, eps=0.1), call(t(2, 3, 2, 2), 1, t(3))],
        lambda t: [call(t(0, 4, 3), 2, t(4), t(4)), call(t(3, 6, 9), 3, t(6), t(6))],
        tolerance=16,
    ),
    OpCase(
        "nn.functional.instance_norm",
        instance_norm,
        lambda t: [call(t(2, 3, 4)), call(t(2, 3, 2, 3), weight=t(3), bias=t(3), eps=0.1)],
        lambda t: [call(t(3, 2, 40), weight=t(2)), call(t(0, 2, 3))],
        tolerance=16,
    ),
    OpCase(
        "nn.functional.local_response_norm",
        local_response_norm,
        lambda t: [call(t(2, 5, 3), 3, 0.1), call(t(1, 4, 2, 2), 4, 0.5, 0.6, 2.0)],
        lambda t: [call(t(0, 2, 3), 2), call(t(1, 2, 3), 5)],
        tolerance=8,
    ),
]

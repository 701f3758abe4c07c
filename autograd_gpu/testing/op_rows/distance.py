"""Rows of the op table: distances and angles between vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op_case import OpCase, call

Array = Any


def distance(x: Array, y: Array, p: float = 2.0, eps: float = 1e-6) -> Array:
    return (np.abs(x - y + eps) ** p).sum(-1) ** (1 / p)


def cosine(x: Array, y: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    lengths = [np.maximum(np.sqrt((z**2).sum(dim)), eps) for z in np.broadcast_arrays(x, y)]
    return (x * y).sum(dim) / (lengths[0] * lengths[1])


def normalize(x: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    return x / np.maximum((np.abs(x) ** p).sum(dim, keepdims=True) ** (1 / p), eps)


def pdist(x: Array, p: float = 2.0) -> Array:
    i, j = np.triu_indices(len(x), 1)
    return (np.abs(x[i] - x[j]) ** p).sum(1) ** (1 / p)


def pairwise(x: Array, y: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Array:
    d = distance(x, y, p, eps)
    return d[..., None] if keepdim else d


DISTANCES = [
    OpCase(
        "nn.functional.pairwise_distance",
        pairwise,
        lambda t: [call(t(3, 4), t(3, 4)), call(t(3, 4), t(4), p=3.0), call(t(4), t(4), keepdim=True)],
        lambda t: [call(t(0, 3), t(0, 3)), call(t.of(1.0, 2.0), t.of(1.0, 2.0))],
        tolerance=8,
    ),
    OpCase(
        "nn.functional.cosine_similarity",
        cosine,
        lambda t: [call(t(3, 4), t(3, 4)), call(t(2, 3, 4), t(3, 1), dim=1), call(t(3), t(3), dim=0)],
        lambda t: [call(t(2, 0), t(2, 0)), call(t(2, 3) * 0, t(2, 3))],
        tolerance=8,
    ),
    OpCase(
        "nn.functional.normalize",
        normalize,
        lambda t: [call(t(3, 4)), call(t(2, 3, 4), p=3.0, dim=-1), call(t.apart(3, 4), p=1.0, dim=0)],
        lambda t: [call(t(0, 3)), call(t(2, 3) * 0)],
        tolerance=8,
    ),
    OpCase(
        "nn.functional.pdist",
        pdist,
        lambda t: [call(t(4, 3)), call(t(3, 4), p=3.0), call(t.apart(3, 2), p=1.0)],
        lambda t: [call(t(0, 3)), call(t(1, 3)), call(t.of(1.0, 1.0).reshape(2, 1))],
        tolerance=8,
    ),
]

"""Rows of the op table: tables of vectors, looked up by number."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..op_case import Draw, OpCase, call

Array = Any


def embedding_bag(
    index: Array,
    weight: Array,
    offsets: Array = None,
    mode: str = "mean",
    per_sample_weights: Array = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Array:
    """A bag at a time."""
    scale = np.ones(index.shape) if per_sample_weights is None else per_sample_weights
    if offsets is not None:
        ends = list(offsets) if include_last_offset else [*offsets, len(index)]
        bags = [slice(start, end) for start, end in itertools.pairwise(ends)]
    else:
        bags = list(range(len(index)))
    results = []
    for bag in bags:
        kept = index[bag] != padding_idx
        rows = weight[index[bag][kept]] * scale[bag][kept][:, None]
        combine = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
        results.append(combine(rows, axis=0) if len(rows) else np.zeros(weight.shape[1]))
    return np.array(results).reshape(len(bags), weight.shape[1])


def bags(mode: str) -> OpCase:
    def table(t: Draw) -> Array:
        return t.apart(5, 3)

    return OpCase(
        "nn.functional.embedding_bag",
        embedding_bag,
        lambda t: [
            call(t.index(5, 2, 4), table(t), mode=mode),
            call(t.index(5, 6), table(t), np.array([0, 2, 2]), mode=mode),
            call(t.index(5, 6), table(t), np.array([0, 4, 6]), mode=mode, include_last_offset=True, padding_idx=1),
            *([call(t.index(5, 2, 3), table(t), mode=mode, per_sample_weights=t(2, 3))] if mode == "sum" else []),
            *(
                [call(t.index(5, 4), table(t), np.array([0, 3]), mode=mode, per_sample_weights=t(4))]
                if mode == "sum"
                else []
            ),
        ],
        lambda t: [
            call(t.index(5, 0, 4), table(t), mode=mode),
            call(t.index(5, 0), table(t), np.array([0, 0]), mode=mode),
            call(np.full((2, 3), 4), table(t), mode=mode, padding_idx=4),
            call(t.index(40, 3, 50), t.apart(40, 70), mode=mode),
        ],
        tolerance=8,
        variant=mode,
    )


EMBEDDINGS = [
    OpCase(
        "nn.functional.embedding",
        lambda index, weight, **_: weight[index],
        lambda t: [call(t.index(5, 2, 3), t(5, 4)), call(np.array(2), t(5, 4))],
        lambda t: [call(t.index(5, 0), t(5, 4)), call(np.full((7,), 3), t(5, 1)), call(t.index(3, 40), t(3, 70))],
    ),
    OpCase(
        "nn.functional.embedding",
        lambda index, weight, **_: weight[index],
        # A number that is named once, whose gradient is the true one.
        lambda t: [call(np.array([3, 0, 2]), t(5, 4), scale_grad_by_freq=True)],
        lambda t: [call(t.index(5, 0), t(5, 4), scale_grad_by_freq=True), call(np.array([1]), t(2, 1), padding_idx=0)],
        variant="by frequency",
    ),
    *(bags(mode) for mode in ("sum", "mean", "max")),
]

"""Rows of the op table: attention, by itself and of several heads between projections."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import Call, Draw, OpCase, call

Array = Any


def multi_head(
    q: Array,
    k: Array,
    v: Array,
    width: int,
    heads: int,
    weight: Array,
    bias: Array,
    bias_k: Array,
    bias_v: Array,
    add_zero_attn: bool,
    dropout_p: float,
    out: Array,
    out_bias: Array,
    attn_mask: Array = None,
    need_weights: bool = True,
) -> Any:
    """Vaswani et al. 2017, section 3.2.2, a head of an example at a time; weights are the mean over the heads."""
    thirds = zip((q, k, v), np.split(weight, 3), np.split(bias, 3))
    q, k, v = (x @ w.T + b for x, w, b in thirds)  # (T, N, E)
    if bias_k is not None:
        k, v = (np.concatenate([x, np.repeat(row, x.shape[1], 1)]) for x, row in ((k, bias_k), (v, bias_v)))
    if add_zero_attn:
        k, v = (np.concatenate([x, x[:1] * 0]) for x in (k, v))
    y, weights = np.zeros_like(q), np.zeros((q.shape[1], q.shape[0], k.shape[0]))
    for n, h in np.ndindex(q.shape[1], heads):
        part = slice(h * width // heads, (h + 1) * width // heads)
        scores = q[:, n, part] @ k[:, n, part].T / np.sqrt(width // heads)
        if attn_mask is not None:
            more = np.zeros((len(scores), scores.shape[1] - attn_mask.shape[1]))
            scores = scores + np.concatenate([np.where(attn_mask, -np.inf, 0), more], 1)
        p = ref.softmax(scores, -1)
        y[:, n, part] = p @ v[:, n, part]
        weights[n] += p / heads
    y = y @ out.T + out_bias
    return (y, weights) if need_weights else y


def samples(t: Draw) -> list[Call]:
    return [
        arguments(t, 3, 2, 2, 4),
        arguments(t, 2, 2, 1, 4, extra=True, attn_mask=np.array([[False, True], [False, False]])),
    ]


def arguments(t: Draw, length: int, keys: int, batch: int, width: int, extra: bool = False, **options: Any) -> Call:
    rows = [t(1, 1, width), t(1, 1, width)] if extra else [None, None]
    inputs = [t(length, batch, width), t(keys, batch, width), t(keys, batch, width)]
    return call(
        *inputs, width, 2, t(3 * width, width), t(3 * width), *rows, extra, 0.0, t(width, width), t(width), **options
    )


ATTENTION = [
    OpCase(
        "nn.functional.scaled_dot_product_attention",
        ref.attention,
        lambda t: [
            call(t(1, 2, 3, 4), t(1, 2, 3, 4), t(1, 2, 3, 4), is_causal=True),
            call(t(2, 1, 3, 4), t(2, 1, 5, 4), t(2, 1, 5, 4)),
            call(t(1, 1, 2, 3), t(1, 1, 3, 3), t(1, 1, 3, 3), scale=0.3),
            call(t(2, 4, 3, 2), t(2, 2, 3, 2), t(2, 2, 3, 2), is_causal=True, enable_gqa=True),
            call(t(1, 4, 2, 3), t(1, 2, 3, 3), t(1, 1, 3, 2), enable_gqa=True),  # a value narrower than its key
            call(t(2, 2, 3, 2), t(2, 2, 4, 2), t(2, 2, 4, 2), t.mask(2, 1, 1, 4)),
            call(t(2, 3, 2), t(2, 4, 2), t(2, 4, 2), np.array([[True] * 4, [True, False] * 2, [False] * 4])),
            call(t(2, 2, 3, 2), t(2, 2, 4, 2), t(2, 2, 4, 2), t(3, 4)),
        ],
        lambda t: [
            call(t(1, 1, 0, 4), t(1, 1, 3, 4), t(1, 1, 3, 4)),
            call(t(1, 1, 1, 1), t(1, 1, 1, 1), t(1, 1, 1, 1), is_causal=True),
            call(t(1, 1, 9, 5), t(1, 1, 9, 5) * t.of(20.0), t(1, 1, 9, 5), is_causal=True),
            call(t(1, 2, 35, 8), t(1, 2, 35, 8), t(1, 2, 35, 8), is_causal=True),
        ],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.multi_head_attention_forward",
        multi_head,
        samples,
        lambda t: [arguments(t, 0, 2, 2, 4), arguments(t, 2, 3, 0, 4), arguments(t, 1, 1, 1, 2)],
        tolerance=32,
    ),
]

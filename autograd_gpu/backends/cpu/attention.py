"""Scaled dot-product attention on the CPU, forward and backward, without keeping the T x T probabilities."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["attention", "attention_backward"]


@quiet
def attention(q, k, v, causal, scale):
    wide_q, wide_k, wide_v = wide(q), wide(k), wide(v)
    p = _scores(wide_q, wide_k, causal, scale)  # (B, H, T, S)
    highest = np.maximum.reduce(p, axis=-1, keepdims=True, initial=-np.inf)
    p -= np.where(np.isfinite(highest), highest, 0)
    np.exp(p, out=p)
    total = np.add.reduce(p, axis=-1, keepdims=True)
    o = np.matmul(p, wide_v)
    np.divide(o, total, out=o, where=total > 0)  # no keys: zeros
    lse = (np.log(total) + highest)[..., 0]
    return o.astype(q.dtype, copy=False), lse


@quiet
def attention_backward(go, q, k, v, o, lse, causal, scale):
    wide_q, wide_k, wide_v, wide_go = wide(q), wide(k), wide(v), wide(go)
    p = _scores(wide_q, wide_k, causal, scale)
    p -= lse[..., None]
    np.exp(p, out=p)
    gv = np.matmul(p.swapaxes(-1, -2), wide_go)
    delta = np.einsum("bhtd,bhtd->bht", wide_go, wide(o))  # (B, H, T)
    ds = np.matmul(wide_go, wide_v.swapaxes(-1, -2))
    ds -= delta[..., None]
    ds *= p
    ds *= ds.dtype.type(scale)
    gq = np.matmul(ds, wide_k)
    gk = np.matmul(ds.swapaxes(-1, -2), wide_q)
    return tuple(g.astype(q.dtype, copy=False) for g in (gq, gk, gv))


def _scores(q, k, causal, scale):
    scores = np.matmul(q * q.dtype.type(scale), k.swapaxes(-1, -2))
    if causal:
        rows, columns = scores.shape[-2:]
        np.copyto(scores, -np.inf, where=~np.tri(rows, columns, dtype=bool))
    return scores

"""Scaled dot-product attention on the CPU, forward and backward, without keeping the T x T probabilities.

Every product is of two contiguous operands, none transposed: BLAS has a kernel of its own for small matrices of that
kind, while it splits the others among threads at a cost far above the copies made here.
"""

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
    o = np.matmul(p, _rows(wide_v))
    np.divide(o, total, out=o, where=total > 0)  # no keys: zeros
    lse = (np.log(total) + highest)[..., 0]
    return o.astype(q.dtype, copy=False), lse


@quiet
def attention_backward(go, q, k, v, o, lse, causal, scale):
    wide_q, wide_k, wide_v, wide_go = wide(q), wide(k), wide(v), wide(go)
    p = _scores(wide_q, wide_k, causal, scale)
    p -= lse[..., None]
    np.exp(p, out=p)
    gv = np.matmul(_columns(wide_go), p).swapaxes(-1, -2)
    delta = np.einsum("bhtd,bhtd->bht", wide_go, wide(o))  # (B, H, T)
    ds = np.matmul(_rows(wide_go), _columns(wide_v))
    ds -= delta[..., None]
    ds *= p
    ds *= ds.dtype.type(scale)
    gq = np.matmul(ds, _rows(wide_k))
    gk = np.matmul(_columns(wide_q), ds).swapaxes(-1, -2)
    return tuple(g.astype(q.dtype, order="C", copy=False) for g in (gq, gk, gv))


def _rows(x):
    return np.ascontiguousarray(x)


def _columns(x):
    """Return the contiguous transpose, (..., D, T)."""
    return np.ascontiguousarray(x.swapaxes(-1, -2))


def _scores(q, k, causal, scale):
    scores = np.matmul(np.multiply(q, q.dtype.type(scale), order="C"), _columns(k))
    if causal:
        rows, columns = scores.shape[-2:]
        np.copyto(scores, -np.inf, where=~np.tri(rows, columns, dtype=bool))
    return scores

"""Scaled dot-product attention on the CPU, forward and backward, without keeping the T x T probabilities.

Every product is of two contiguous operands, none transposed: BLAS has a kernel of its own for small matrices of that
kind, while it splits the others among threads at a cost far above the copies made here. Heads of queries that share a
head of keys lie one after another as rows of one product, so that the gradients of the keys are summed by it.
"""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["attention", "attention_backward"]


@quiet
def attention(q, k, v, mask, causal, scale):
    wide_q, wide_k, wide_v = wide(q), wide(k), wide(v)
    p = _scores(wide_q, wide_k, mask, causal, scale)  # (B, H, T, S)
    highest = np.maximum.reduce(p, axis=-1, keepdims=True, initial=-np.inf)
    p -= _finite(highest)
    np.exp(p, out=p)
    total = np.add.reduce(p, axis=-1, keepdims=True)
    o = np.matmul(_grouped(p, k), _rows(wide_v)).reshape(q.shape)
    if mask is not None or not k.size:
        np.copyto(total, 1, where=total == 0)  # a query that sees nothing gets zeros
    o /= total
    lse = (np.log(total) + highest)[..., 0]
    return o.astype(q.dtype, copy=False), lse


@quiet
def attention_backward(go, q, k, v, o, lse, mask, causal, scale):
    wide_q, wide_k, wide_v, wide_go = wide(q), wide(k), wide(v), wide(go)
    p = _scores(wide_q, wide_k, mask, causal, scale)
    p -= _finite(lse[..., None])
    np.exp(p, out=p)
    gv = np.matmul(_columns(_grouped(wide_go, k)), _grouped(p, k)).swapaxes(-1, -2)
    delta = np.einsum("bhtd,bhtd->bht", wide_go, wide(o))  # (B, H, T)
    ds = np.matmul(_rows(_grouped(wide_go, k)), _columns(wide_v)).reshape(p.shape)
    ds -= delta[..., None]
    ds *= p
    ds *= ds.dtype.type(scale)
    ds = _grouped(ds, k)
    gq = np.matmul(ds, _rows(wide_k)).reshape(q.shape)
    gk = np.matmul(_columns(_grouped(wide_q, k)), ds).swapaxes(-1, -2)
    return tuple(g.astype(q.dtype, order="C", copy=False) for g in (gq, gk, gv))


def _rows(x):
    return np.ascontiguousarray(x)


def _columns(x):
    """Return the contiguous transpose, (..., D, T)."""
    return np.ascontiguousarray(x.swapaxes(-1, -2))


def _grouped(x, k):
    """Return x (B, H, T, ...) with the heads that share one of k's as rows of one matrix: (B, Hk, H / Hk * T, ...)."""
    batch, heads, time, width = x.shape
    shared = k.shape[1]
    return x if heads == shared else x.reshape(batch, shared, heads // shared * time, width)


def _finite(highest):
    """Return the greatest score, or 0 where there is none: -inf - -inf would be NaN."""
    return np.where(highest == -np.inf, 0, highest)


def _scores(q, k, mask, causal, scale):
    scaled = np.multiply(q, q.dtype.type(scale), order="C")
    scores = np.matmul(_grouped(scaled, k), _columns(k)).reshape(*q.shape[:3], k.shape[2])
    if causal:
        rows, columns = scores.shape[-2:]
        np.copyto(scores, -np.inf, where=~np.tri(rows, columns, dtype=bool))
    if mask is not None:
        if mask.dtype == bool:
            np.copyto(scores, -np.inf, where=~mask)
        else:
            scores += wide(mask)
    return scores

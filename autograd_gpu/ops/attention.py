"""Scaled dot-product attention (Vaswani et al. 2017), fused where no mask and no dropout stand in the way."""

from __future__ import annotations

import math

from ..op import Op
from ..tensor import Tensor
from .cast import broadcast, broadcast_shape
from .creation import arange
from .elementwise import where
from .matmul import matmul
from .random import dropout
from .reduce import sum
from .shape import reshape, shaped, transpose, unsqueeze
from .softmax import softmax


class Attention(Op):
    """o = softmax(scale * q k^T) v, without keeping the T x S probabilities (Dao et al. 2022)."""

    def forward(ctx, q, k, v, causal, scale):
        ctx.causal, ctx.scale = causal, scale
        o, ctx.lse = ctx.backend.attention(q, k, v, causal, scale)
        return o

    def keep(ctx, o, q, k, v, causal, scale):
        ctx.save(q, k, v, ctx.own(o))

    def backward(ctx, go):
        q, k, v, o = ctx.saved
        return AttentionBackward.apply(go, q, k, v, o.detach(), lse=ctx.lse, causal=ctx.causal, scale=ctx.scale)

    def release(ctx) -> None:
        super().release()
        ctx.lse = None

    def name(ctx) -> str:
        return "ScaledDotProductFlashAttentionForCpuBackward0"


class AttentionBackward(Op):
    """gq, gk, gv of an attention; o enters as a constant, its dependence on q, k, v is in the formulas."""

    def forward(ctx, go, q, k, v, o, lse, causal, scale):
        ctx.causal, ctx.scale = causal, scale
        return ctx.backend.attention_backward(go, q, k, v, o, lse, causal, scale)

    def keep(ctx, outputs, go, q, k, v, o, lse, causal, scale):
        ctx.save(go, q, k, v)

    def backward(ctx, ggq, ggk, ggv):
        # Second order: the T x S matrices are made after all. With s = scale q k^T, p = softmax(s), d = go v^T,
        # r = sum(p d), ds = p (d - r): gq = scale ds k, gk = scale ds^T q, gv = p^T go.
        go, q, k, v = ctx.saved
        zero = [g if g is not None else t.new_zeros(t.shape) for g, t in ((ggq, q), (ggk, k), (ggv, v))]
        ggq, ggk, ggv = zero
        p = _probabilities(q, k, ctx.causal, ctx.scale)
        d = matmul(go, transpose(v, -1, -2))
        r = sum(p * d, -1, keepdim=True)
        ds = p * (d - r)
        g_ds = (matmul(ggq, transpose(k, -1, -2)) + matmul(q, transpose(ggk, -1, -2))) * ctx.scale
        mean = sum(p * g_ds, -1, keepdim=True)
        g_d = p * (g_ds - mean)
        g_p = g_ds * (d - r) - mean * d + matmul(go, transpose(ggv, -1, -2))
        g_s = p * (g_p - sum(p * g_p, -1, keepdim=True)) * ctx.scale
        g_go = matmul(g_d, v) + matmul(p, ggv)
        g_q = matmul(g_s, k) + matmul(ds, ggk) * ctx.scale
        g_k = matmul(transpose(g_s, -1, -2), q) + matmul(transpose(ds, -1, -2), ggq) * ctx.scale
        g_v = matmul(transpose(g_d, -1, -2), go)
        return g_go, g_q, g_k, g_v, None


def _probabilities(q: Tensor, k: Tensor, causal: bool, scale: float) -> Tensor:
    scores = matmul(q, transpose(k, -1, -2)) * scale
    return softmax(_mask_future(scores) if causal else scores, -1)


def _mask_future(scores: Tensor) -> Tensor:
    rows, columns = scores.shape[-2:]
    past = unsqueeze(arange(rows, device=scores.device), 1) >= arange(columns, device=scores.device)  # type: ignore[attr-defined]
    return where(past, scores, -math.inf)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(scale * query @ key^T + mask) @ value.

    query (..., H, T, D), key (..., H, S, D), value (..., H, S, E) -> (..., H, T, E); scale is 1/sqrt(D) by default.
    `attn_mask` broadcasts to (..., H, T, S): True (or 0.0) takes part, False (or -inf) does not. With `enable_gqa`,
    several query heads share a key head.
    """
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if tensor.ndim < 2:
            raise ValueError(
                f"scaled_dot_product_attention: {name} must be at least 2 dimensional, but got {tensor.ndim}"
            )
        if tensor.dtype is not query.dtype:
            raise RuntimeError(
                f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype} {name}.dtype: "
                f"{tensor.dtype} instead."
            )
    if attn_mask is not None and is_causal:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if enable_gqa:
        groups = query.shape[-3] // key.shape[-3]
        key, value = (_repeat_heads(t, groups) for t in (key, value))
    if attn_mask is None and dropout_p == 0.0 and query.shape[-1] == value.shape[-1] == key.shape[-1]:
        return _fused(query, key, value, is_causal, scale)
    scores = matmul(query, transpose(key, -1, -2)) * scale
    if is_causal:
        scores = _mask_future(scores)
    if attn_mask is not None:
        scores = where(attn_mask, scores, -math.inf) if attn_mask._array.dtype.kind == "b" else scores + attn_mask
    weights = softmax(scores, -1)
    if attn_mask is not None and attn_mask._array.dtype.kind == "b":  # a row that sees nothing gives 0, not NaN
        weights = where(attn_mask.any(-1, keepdim=True), weights, 0.0)  # type: ignore[attr-defined]
    return matmul(dropout(weights, dropout_p), value)


def _repeat_heads(x: Tensor, times: int) -> Tensor:
    *batch, heads, length, width = x.shape
    expanded = unsqueeze(x, -3).expand(*batch, heads, times, length, width)  # type: ignore[attr-defined]
    return reshape(expanded, (*batch, heads * times, length, width))


def _fused(q: Tensor, k: Tensor, v: Tensor, causal: bool, scale: float) -> Tensor:
    batch = broadcast_shape(broadcast_shape(q._array.shape[:-2], k._array.shape[:-2]), v._array.shape[:-2])
    heads = math.prod(batch[-1:])
    flat = (math.prod(batch[:-1]), heads)
    q4, k4, v4 = (reshape(broadcast(t, batch + t._array.shape[-2:]), flat + t._array.shape[-2:]) for t in (q, k, v))
    return shaped(Attention.apply(q4, k4, v4, causal=causal, scale=scale), batch + q._array.shape[-2:])

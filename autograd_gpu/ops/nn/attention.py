"""Scaled dot-product attention (Vaswani et al. 2017), fused where no dropout and no learned mask stand in the way."""

from __future__ import annotations

import functools
import math

from ...autocasting import casts_alike
from ...dtypes import bool as bool_
from ...dtypes import float32
from ...op import Op
from ...tensor import Tensor
from ..cast import as_number, broadcast, broadcast_shape, cast, rounded_once
from ..creation import arange
from ..elementwise import where
from ..matmul import matmul
from ..reduce import amax, sum
from ..shape import reshape, shaped, transpose, unsqueeze
from .dropout import dropout
from .pad import pad
from .softmax import softmax

LARGEST_HEAD = 256  # what the fused kernels take along d
HEADS_DIFFER = "Number of heads in key and value must divide the number of heads in query"


class Attention(Op):
    """o = softmax(scale * q k^T + mask) v, without keeping the T x S probabilities (Dao et al. 2022).

    q (B, H, T, D); k, v (B, Hk, S, D): H / Hk neighbouring heads of q share one of k. mask: bool (True takes part) or
    q's dtype (added), four-dimensional, broadcast to (B, H, T, S); a constant.
    """

    saved_as = "query key value output"

    def forward(ctx, q, k, v, mask, causal, scale):
        ctx.causal, ctx.scale = causal, scale
        o, ctx.lse = ctx.backend.attention(q, k, v, mask, causal, scale)
        return o

    def keep(ctx, o, q, k, v, mask, causal, scale):
        ctx.save(q, k, v, ctx.own(o), mask)

    def backward(ctx, go):
        q, k, v, o, mask = ctx.saved
        grads = AttentionBackward.apply(go, q, k, v, o.detach(), mask, lse=ctx.lse, causal=ctx.causal, scale=ctx.scale)
        return (*grads, None)

    def release(ctx) -> None:
        super().release()
        ctx.lse = None

    def name(ctx) -> str:
        return "ScaledDotProductFlashAttentionForCpuBackward0"


class AttentionBackward(Op):
    """gq, gk, gv of an attention; o enters as a constant, its dependence on q, k, v is in the formulas."""

    def forward(ctx, go, q, k, v, o, mask, lse, causal, scale):
        ctx.causal, ctx.scale = causal, scale
        return ctx.backend.attention_backward(go, q, k, v, o, lse, mask, causal, scale)

    def keep(ctx, outputs, go, q, k, v, o, mask, lse, causal, scale):
        ctx.save(go, q, k, v, mask)

    def backward(ctx, ggq, ggk, ggv):
        # Second order: the T x S matrices are made after all. With s = scale q k^T, p = softmax(s), d = go v^T,
        # r = sum(p d), ds = p (d - r): gq = scale ds k, gk = scale ds^T q, gv = p^T go.
        go, q, k, v, mask = ctx.saved
        zero = [g if g is not None else t.new_zeros(t.shape) for g, t in ((ggq, q), (ggk, k), (ggv, v))]
        ggq, ggk, ggv = zero
        shape = q._array.shape
        products = shaped(matmul(_grouped(q, k), transpose(k, -1, -2)), (*shape[:3], k._array.shape[2]))
        p = _grouped(probabilities(products, mask, ctx.causal, ctx.scale), k)
        go, q, ggq = (_grouped(t, k) for t in (go, q, ggq))
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
        return shaped(g_go, shape), shaped(g_q, shape), g_k, g_v, None, None


def _grouped(x: Tensor, k: Tensor) -> Tensor:
    """Return x (B, H, T, ...) with the heads that share one of k's as rows of one matrix: (B, Hk, H / Hk * T, ...)."""
    (batch, heads, time, width), shared = x._array.shape, k._array.shape[1]
    return x if heads == shared else reshape(x, (batch, shared, heads // shared * time, width))


def probabilities(products: Tensor, mask: Tensor | None, causal: bool, scale: float = 1.0) -> Tensor:
    """Return softmax(scale * products + mask), (..., H, T, S); zeros for a query that sees no key."""
    scores = products if scale == 1 else products * scale
    if causal:
        rows, columns = scores.shape[-2:]
        past = unsqueeze(arange(rows, device=scores.device), 1) >= arange(columns, device=scores.device)
        scores = where(past, scores, -math.inf)
    if mask is None or not scores._array.shape[-1]:
        return softmax(scores, -1)
    scores = where(mask, scores, -math.inf) if mask._array.dtype.kind == "b" else scores + mask
    blind = amax(scores.detach(), -1, keepdim=True) == -math.inf
    return where(blind, 0.0, softmax(where(blind, 0.0, scores), -1))


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
    `attn_mask` broadcasts to (..., H, T, S): True (or 0.0) takes part, False (or -inf) does not; a query that sees no
    key gives zeros. With `enable_gqa`, key and value have fewer heads, each shared by as many neighbouring query heads.

    No T x S matrix is made, unless there is dropout, the mask wants a gradient, or D or E is above 256.
    """
    _check(query, key, value, attn_mask, dropout_p, is_causal)
    q, k, v = query._array.shape, key._array.shape, value._array.shape
    scale = 1 / math.sqrt(q[-1] or 1) if scale is None else as_number(scale, "scaled_dot_product_attention", "scale")
    width = max(q[-1], v[-1])
    wants_gradient = attn_mask is not None and attn_mask.requires_grad
    fused = dropout_p == 0.0 and not wants_gradient and width <= LARGEST_HEAD and q[-1] == k[-1]
    is_grouped = enable_gqa and fused and k[-3] == v[-3]
    if enable_gqa and not is_grouped:
        key, value = _repeat_heads(key, q[-3]), _repeat_heads(value, q[-3])
    if is_grouped and q[-3] % k[-3]:
        raise RuntimeError(HEADS_DIFFER)
    if fused:
        query, key, value = (_widened(t, width) for t in (query, key, value))
        o = _fused(query, key, value, attn_mask, is_causal, scale, is_grouped)
        return o if v[-1] == width else o[..., : v[-1]]
    return _composed(query, key, value, attn_mask, is_causal, scale, dropout_p)


@rounded_once
def _composed(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, scale: float, dropout_p: float
) -> Tensor:
    weights = probabilities(matmul(query, transpose(key, -1, -2)), mask, causal, scale)
    return matmul(dropout(weights, dropout_p), value)


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, causal: bool) -> None:
    q, k, v = query._array, key._array, value._array
    if q.ndim < 2 or k.ndim < 2 or v.ndim < 2:
        raise RuntimeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {q.ndim} key.dim: "
            f"{k.ndim} and value.dim: {v.ndim} instead."
        )
    if not q.dtype == k.dtype == v.dtype and not casts_alike(query, key, value):
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype} key.dtype: "
            f"{key.dtype} and value.dtype: {value.dtype} instead."
        )
    if k.shape[-2] != v.shape[-2]:
        raise RuntimeError(
            f"scaled_dot_product_attention: expected a value for each key, but got {v.shape[-2]} values for "
            f"{k.shape[-2]} keys"
        )
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if mask is None:
        return
    if causal:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if mask.dtype not in (bool_, float32, query.dtype) and not casts_alike(mask, query):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{mask.dtype} and  query.dtype: {query.dtype} instead."
        )


def _repeat_heads(x: Tensor, heads: int) -> Tensor:
    *batch, shared, length, width = x.shape
    if heads % shared:
        raise RuntimeError(HEADS_DIFFER)
    times = heads // shared
    expanded = unsqueeze(x, -3).expand(*batch, shared, times, length, width)
    return reshape(expanded, (*batch, heads, length, width))


def _widened(x: Tensor, width: int) -> Tensor:
    """Return x with zeros behind its last dimension, which change no product along it."""
    return x if x._array.shape[-1] == width else pad(x, (0, width - x._array.shape[-1]))


def _fused(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, scale: float, is_grouped: bool
) -> Tensor:
    shapes = [t._array.shape for t in (q, k, v)]
    lead = functools.reduce(broadcast_shape, (shape[:-3] for shape in shapes))
    heads = [shape[-3:-2] for shape in shapes]
    if not is_grouped:
        heads = [functools.reduce(broadcast_shape, heads)] * 3
    q4, k4, v4 = (_as_4d(t, (*lead, *own), math.prod(lead)) for t, own in zip((q, k, v), heads, strict=True))
    batch = (*lead, *heads[0])
    if mask is not None:
        mask = mask if mask.dtype is bool_ else cast(mask, q.dtype)
        mask = _mask_4d(mask, (*batch, shapes[0][-2], shapes[1][-2]))
    o = Attention.apply(q4, k4, v4, mask, causal=causal, scale=scale)
    return shaped(o, batch + shapes[0][-2:])


def _as_4d(x: Tensor, batch: tuple[int, ...], lead: int) -> Tensor:
    rest = x._array.shape[-2:]
    return shaped(broadcast(x, batch + rest), (lead, math.prod(batch[-1:]), *rest))


def _mask_4d(mask: Tensor, scores: tuple[int, ...]) -> Tensor:
    """Return the mask with four dimensions, each 1 where the mask is the same all along it, if that can be told."""
    shape = mask._array.shape
    both = broadcast_shape(scores, shape)
    if both != scores:
        raise RuntimeError(
            f"output with shape {list(scores)} doesn't match the broadcast shape {list(both)} (attn_mask has the shape "
            f"{list(shape)})"
        )
    shape = (1,) * (max(len(scores), 4) - len(shape)) + shape
    mask = shaped(mask, shape)
    if len(shape) > 4:
        if any(size > 1 for size in shape[:-3]):
            mask = broadcast(mask, scores[:-3] + shape[-3:])
        mask = reshape(mask, (math.prod(mask._array.shape[:-3]), *shape[-3:]))
    return mask

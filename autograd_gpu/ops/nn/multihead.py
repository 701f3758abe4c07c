"""Multi-head attention (Vaswani et al. 2017) as a function of its weights: projections around the attention of
heads."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...tensor import Tensor
from ..elementwise import where
from ..matmul import matmul
from ..pieces import cat, chunk
from ..reduce import mean
from ..shape import broadcast_to, reshape, squeeze, transpose, unsqueeze
from .attention import probabilities, scaled_dot_product_attention
from .dropout import dropout
from .linear import linear
from .pad import pad


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Return the attention (T, N, E) and, with need_weights, its weights (N, T, S), or (N, heads, T, S) not averaged.

    query is (T, N, E), key (S, N, kdim), value (S, N, vdim), or all without N. The projections are the thirds of
    in_proj_weight (3 E, E) or, with use_separate_proj_weight, given by themselves; bias_k and bias_v (1, 1, E) are one
    more key and value for all, add_zero_attn one of zeros; static_k and static_v (N * heads, S, E / heads) stand in for
    what would be projected. True in key_padding_mask (N, S) or attn_mask (T, S) or (N * heads, T, S) leaves a key out;
    floats are added to the scores. is_causal only says of what kind attn_mask is.
    """
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    is_batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    is_one = query is key is value
    if not is_batched:
        query, key, value = (unsqueeze(x, 1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    length, batch, width = query._array.shape
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    if use_separate_proj_weight:
        q, k, v = _projected((query, key, value), (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias)
    elif in_proj_weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    elif is_one:  # one product instead of three
        q, k, v = chunk(linear(query, in_proj_weight, in_proj_bias), 3, -1)
    else:
        q, k, v = _projected((query, key, value), chunk(in_proj_weight, 3), in_proj_bias)
    mask = _Mask(q, num_heads, key._array.shape[0], attn_mask, key_padding_mask)
    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v go together: one of them is None")
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or static value.")
        k, v = (cat([x, broadcast_to(more, (1, batch, width))]) for x, more in ((k, bias_k), (v, bias_v)))
        mask.see_one_more()
    q = _heads(q, num_heads)  # (N, heads, T, E / heads)
    k = _heads(k, num_heads) if static_k is None else _static("static_k", static_k, q)
    v = _heads(v, num_heads) if static_v is None else _static("static_v", static_v, q)
    if add_zero_attn:
        k, v = (cat([x, x.new_zeros((*x.shape[:2], 1, x.shape[3]))], 2) for x in (k, v))
        mask.see_one_more()
    heads, scores = _attention(q, k, v, mask.added, dropout_p if training else 0.0, need_weights)
    y = linear(reshape(transpose(transpose(heads, 1, 2), 0, 1), (length, batch, width)), out_proj_weight, out_proj_bias)
    if scores is not None and average_attn_weights:
        scores = mean(scores, 1)
    if not is_batched:
        return squeeze(y, 1), None if scores is None else squeeze(scores, 0)
    return y, scores


def _attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, need_weights: bool
) -> tuple[Tensor, Tensor | None]:
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, dropout_p), None
    scores = matmul(q * math.sqrt(1 / q._array.shape[-1]), transpose(k, -1, -2))
    weights = dropout(probabilities(scores, mask, False), dropout_p)
    return matmul(weights, v), weights


def _projected(inputs: Sequence[Tensor], weights: Sequence[Tensor | None], bias: Tensor | None) -> list[Tensor]:
    for name, weight in zip(("q", "k", "v"), weights):
        if weight is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
    biases = (None,) * 3 if bias is None else chunk(bias, 3)
    return [linear(x, weight, own) for x, weight, own in zip(inputs, weights, biases) if weight is not None]


def _heads(x: Tensor, heads: int) -> Tensor:
    """(S, N, E) as (N, heads, S, E / heads)."""
    length, batch, width = x._array.shape
    return transpose(transpose(reshape(x, (length, batch, heads, width // heads)), 0, 1), 1, 2)


def _static(name: str, x: Tensor, q: Tensor) -> Tensor:
    batch, heads, _, width = q._array.shape
    if x._array.shape[0] != batch * heads:
        raise AssertionError(f"expecting {name}.size(0) of {batch * heads}, but got {x._array.shape[0]}")
    if x._array.shape[2] != width:
        raise AssertionError(f"expecting {name}.size(2) of {width}, but got {x._array.shape[2]}")
    return reshape(x, (batch, heads, x._array.shape[1], width))


class _Mask:
    """What is added to the scores (N, heads, T, S): minus infinity where a key is left out."""

    def __init__(
        self, q: Tensor, heads: int, keys: int, attn_mask: Tensor | None, key_padding_mask: Tensor | None
    ) -> None:
        length, batch, _ = q._array.shape
        self.added: Tensor | None = None
        if attn_mask is not None:
            expected = (length, keys) if attn_mask.ndim == 2 else (batch * heads, length, keys)
            if attn_mask._array.shape != expected:
                raise RuntimeError(
                    f"The shape of the {attn_mask.ndim}D attn_mask is {attn_mask.shape}, but should be {expected}."
                )
            floats = _as_floats(attn_mask, q)
            self.added = floats if attn_mask.ndim == 2 else reshape(floats, (batch, heads, length, keys))
        if key_padding_mask is not None:
            padding = unsqueeze(unsqueeze(_as_floats(key_padding_mask, q), 1), 1)
            self.added = padding if self.added is None else self.added + padding

    def see_one_more(self) -> None:
        """A key is appended that nobody is kept from."""
        self.added = None if self.added is None else pad(self.added, (0, 1))


def _as_floats(mask: Tensor, like: Tensor) -> Tensor:
    if mask.is_floating_point():
        return mask
    return where(mask, -math.inf, like.new_zeros(mask.shape))


def _check_shapes(
    q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None, attn_mask: Tensor | None, heads: int
) -> bool:
    """Return whether the inputs have a batch dimension."""
    if q.ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {q.ndim}-D query tensor")
    kind = "batched (3-D)" if q.ndim == 3 else "unbatched (2-D)"
    if not k.ndim == v.ndim == q.ndim:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {q.ndim}-D but found {k.ndim}-D and {v.ndim}-D "
            "tensors respectively"
        )
    if padding is not None and padding.ndim != q.ndim - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {q.ndim - 1}-D but found "
            f"{padding.ndim}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.ndim not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.ndim}-D tensor "
            "instead"
        )
    return q.ndim == 3


def _check_sizes(q: Tensor, k: Tensor, v: Tensor, width: int, heads: int, is_separate: bool) -> None:
    if q._array.shape[2] != width:
        raise AssertionError(f"was expecting embedding dimension of {width}, but got {q._array.shape[2]}")
    if width % heads:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {heads}")
    if is_separate and k._array.shape[:2] != v._array.shape[:2]:
        raise AssertionError(f"key's sequence and batch dims {k.shape[:2]} do not match value's {v.shape[:2]}")
    if not is_separate and k._array.shape != v._array.shape:
        raise AssertionError(f"key shape {k.shape} does not match value shape {v.shape}")

"""Multi-head attention (Vaswani et al. 2017) as a module: projections around ``scaled_dot_product_attention``."""

from __future__ import annotations

import math
from typing import Any

from ..ops.creation import empty
from ..ops.elementwise import where
from ..tensor import Tensor
from . import functional as F
from . import init
from .linear import Linear
from .module import Module
from .parameter import Parameter


class MultiheadAttention(Module):
    """y = the heads' attention from query to key and value, side by side, projected; heads have embed_dim / num_heads.

    Sequences are (length, batch, embed_dim), with batch_first (batch, length, embed_dim), or (length, embed_dim).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError("embed_dim must be divisible by num_heads")
        if add_bias_kv or add_zero_attn:
            raise NotImplementedError("MultiheadAttention: append a row to key and value instead of add_bias_kv=True")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.head_dim = embed_dim // num_heads
        self._is_packed = self.kdim == embed_dim and self.vdim == embed_dim

        def parameter(name: str, shape: tuple[int, ...] | None) -> None:
            made = None if shape is None else Parameter(empty(shape, device=device, dtype=dtype))
            self.register_parameter(name, made)

        parameter("in_proj_weight", (3 * embed_dim, embed_dim) if self._is_packed else None)
        parameter("q_proj_weight", None if self._is_packed else (embed_dim, embed_dim))
        parameter("k_proj_weight", None if self._is_packed else (embed_dim, self.kdim))
        parameter("v_proj_weight", None if self._is_packed else (embed_dim, self.vdim))
        parameter("in_proj_bias", (3 * embed_dim,) if bias else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections as Glorot & Bengio 2010 do; start the biases at 0."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the attention and, with need_weights, its weights (batch, target length, source length).

        True in key_padding_mask (batch, source) or attn_mask (target, source) leaves a key out; floats are added to the
        scores. is_causal only says of what kind attn_mask is.
        """
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        if query.dim() == 2:
            padding = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
            batch = 0 if self.batch_first else 1
            q, k, v = (x.unsqueeze(batch) for x in (query, key, value))
            y, weights = self.forward(q, k, v, padding, need_weights, attn_mask, average_attn_weights)
            return y.squeeze(batch), None if weights is None else weights.squeeze(0)
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (self._heads(x) for x in self._projected(query, key, value))  # (batch, heads, length, head_dim)
        mask = self._mask(q, attn_mask, key_padding_mask)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim)
            weights = F.dropout(F.softmax(scores if mask is None else scores + mask, -1), dropout)
            heads = weights @ v
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            heads = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        y = self.out_proj(heads.transpose(1, 2).reshape(query.shape[0], query.shape[1], self.embed_dim))
        return y if self.batch_first else y.transpose(0, 1), weights

    def _projected(self, *inputs: Tensor) -> list[Tensor]:
        if self._is_packed:
            weights = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return [F.linear(x, weight, bias) for x, weight, bias in zip(inputs, weights, biases)]

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.num_heads, self.head_dim).transpose(1, 2)

    def _mask(self, q: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None) -> Tensor | None:
        """What is added to the scores (batch, heads, target, source)."""
        total = None
        if attn_mask is not None:
            mask = _added(attn_mask, q)
            total = mask if mask.dim() == 2 else mask.reshape(q.shape[0], self.num_heads, *mask.shape[1:])
        if key_padding_mask is not None:
            padding = _added(key_padding_mask, q).unsqueeze(1).unsqueeze(1)
            total = padding if total is None else total + padding
        return total


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """A mask of bools as what is added to scores: minus infinity where it holds."""
    return where(mask, -math.inf, like.new_zeros(mask.shape)) if not mask.is_floating_point() else mask

"""Multi-head attention (Vaswani et al. 2017) as a module: it keeps the weights of ``multi_head_attention_forward``."""

from __future__ import annotations

from typing import Any

from ..ops.creation import empty
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
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
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
        parameter("bias_k", (1, 1, embed_dim) if add_bias_kv else None)
        parameter("bias_v", (1, 1, embed_dim) if add_bias_kv else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections as Glorot & Bengio 2010 do; start the biases at 0."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for row in (self.bias_k, self.bias_v):
            if row is not None:
                init.xavier_normal_(row)

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
        is_batch_first = self.batch_first and query.dim() == 3
        if is_batch_first and query is key is value:  # one tensor stays one, whose projections are one product
            query = key = value = query.transpose(0, 1)
        elif is_batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        y, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            not self._is_packed,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return y.transpose(0, 1) if is_batch_first else y, weights

"""GPT-2's architecture (Radford et al. 2019): learned positions, norms before blocks, tied embeddings."""

from __future__ import annotations

import math

from .. import nn
from ..ops.creation import arange
from ..tensor import Tensor

F = nn.functional


def added_and_normed(x: Tensor, residual: Tensor, norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """Return norm(x + residual) and the sum, in one pass."""
    return F.add_layer_norm(x, residual, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each added to the stream it reads."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, y: Tensor, norm_after: nn.LayerNorm, past: Past | None = None
    ) -> tuple[Tensor, Tensor]:
        """x is the stream and y its norm, (batch, time, width); return the stream after the block and its
        `norm_after`."""
        y, x = added_and_normed(x, self.dropout(self.attention(y, past)), self.norm_mlp)
        y, x = added_and_normed(x, self.dropout(self.perceptron(y)), norm_after)
        return x, y

    def perceptron(self, x: Tensor) -> Tensor:
        """Both layers, with gelu in their kernels."""
        wide, narrow = self.mlp_in, self.mlp_out
        return F.feed_forward(x, wide.weight, wide.bias, narrow.weight, narrow.bias, approximate="tanh")

    def attention(self, x: Tensor, past: Past | None = None) -> Tensor:
        """Every position looks at itself and at what is before it."""
        batch, time, width = x.shape
        parts = self.query_key_value(x).reshape(batch, time, 3, self.heads, width // self.heads)
        q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))  # (batch, heads, time, width / heads)
        if past is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = past.attention(q, k, v)
        return self.attention_out(y.transpose(1, 2).reshape(batch, time, width))


class Past:
    """Keys and values of the positions before, of one block: what a token is then computed from, by itself.

    `seen` (batch, context) says which positions are text, where rows of unlike length begin with padding.
    """

    def __init__(self, like: Tensor, batch: int, heads: int, context: int, seen: Tensor | None) -> None:
        shape = (batch, heads, context, like.shape[-1] // heads)
        self.keys, self.values = like.new_empty(shape), like.new_empty(shape)
        self.length, self.seen = 0, seen

    def attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return what q (batch, heads, time, width / heads) sees of all positions so far, these included."""
        start, stop = self.length, self.length + q.shape[2]
        self.keys[:, :, start:stop], self.values[:, :, start:stop] = k, v
        self.length = stop
        if self.seen is None and start == 0:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        k, v = self.keys[:, :, :stop], self.values[:, :, :stop]
        return F.scaled_dot_product_attention(q, k, v, self._mask(start, stop))

    def _mask(self, start: int, stop: int) -> Tensor | None:
        """Return which keys each query may look at, (batch or 1, 1, time, stop); None where all may at all."""
        if self.seen is None and stop == start + 1:
            return None
        places = arange(stop, device=self.keys.device)
        before = places[start:, None] >= places
        if self.seen is None:
            return before[None, None]
        # Padding sees itself: a row that sees nothing would be no number.
        return (before & self.seen[:, None, :stop] | (places[start:, None] == places))[:, None]


class GPT(nn.Module):
    """Logits of the next token at every position."""

    def __init__(
        self, vocabulary: int, context: int, layers: int, heads: int, width: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.context = context
        self.bytes = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # 0.05 where GPT-2 has 0.02: at this width and in so few steps the smaller start learns far slower.
                # What is added to the stream is scaled down by the number of additions (GPT-2, section 2.3).
                additions = 2 * layers if name.endswith("_out.weight") else 1
                nn.init.normal_(parameter, std=0.05 / math.sqrt(additions))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, pasts: list[Past] | None = None, positions: Tensor | None = None) -> Tensor:
        """tokens are (batch, time) int64; the logits are (batch, time, vocabulary)."""
        return F.linear(self.features(tokens, pasts, positions), self.bytes.weight)

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy of the logits with targets (batch, time), never holding all logits."""
        features = self.features(tokens)
        return F.linear_cross_entropy(features.reshape(-1, features.shape[-1]), self.bytes.weight, targets.reshape(-1))

    def features(self, tokens: Tensor, pasts: list[Past] | None = None, positions: Tensor | None = None) -> Tensor:
        """Return what the logits are made of, (batch, time, width)."""
        if positions is None:
            positions = arange(tokens.shape[1], device=tokens.device)
        x = self.bytes(tokens) + self.positions(positions)
        # Each norm is taken together with the sum before it, which is the block's before.
        first, *after = [*(block.norm_attention for block in self.blocks), self.norm]
        y = first(x)
        for number, (block, norm_after) in enumerate(zip(self.blocks, after)):
            x, y = block(x, y, norm_after, None if pasts is None else pasts[number])
        return y

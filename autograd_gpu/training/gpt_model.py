"""GPT-2's architecture (Radford et al. 2019): learned positions, norms before blocks, tied embeddings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from .. import nn
from ..modes import no_grad
from ..ops.creation import arange
from ..tensor import Tensor
from .generation import Drawing, Tokens, stream

F = nn.functional


def added_and_normed(x: Tensor, residual: Tensor, norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """Return norm(x + residual) and the sum, in one pass."""
    return F.add_layer_norm(x, residual, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class BareLinear(nn.Linear):
    """A linear layer whose weights are given afterwards: none are drawn, so that no memory is written."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class BareEmbedding(nn.Embedding):
    """The same of an embedding."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class Block(nn.Module):
    """Attention and a two-layer perceptron, each added to the stream it reads."""

    def __init__(self, width: int, heads: int, dropout: float, bare: bool = False) -> None:
        super().__init__()
        linear = BareLinear if bare else nn.Linear
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = linear(width, 3 * width)
        self.attention_out = linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp_in = linear(width, 4 * width)
        self.mlp_out = linear(4 * width, width)
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
        if past is None:
            q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))  # (batch, heads, time, width / heads)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = past.attention(parts.permute(2, 0, 3, 1, 4))
        return self.attention_out(y.transpose(1, 2).reshape(batch, time, width))


class Past:
    """Keys and values of the positions before, of one block: what a token is then computed from, by itself.

    `seen` (batch, context) says which positions are text, where rows of unlike length begin with padding.
    """

    def __init__(self, like: Tensor, batch: int, heads: int, context: int, seen: Tensor | None) -> None:
        self.kept = like.new_empty(2, batch, heads, context, like.shape[-1] // heads)  # keys, then values
        self.length, self.seen = 0, seen

    def attention(self, parts: Tensor) -> Tensor:
        """Return what queries see of all positions so far, these included.

        parts are queries, keys and values, (3, batch, heads, time, width / heads).
        """
        time = parts.shape[3]
        start, stop = self.length, self.length + time
        self.kept.narrow(3, start, time).copy_(parts.narrow(0, 1, 2))
        self.length = stop
        q, (k, v) = parts.select(0, 0), self.kept.narrow(3, 0, stop).unbind(0)
        if self.seen is None and start == 0:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.scaled_dot_product_attention(q, k, v, self._mask(start, stop))

    def _mask(self, start: int, stop: int) -> Tensor | None:
        """Return which keys each query may look at, (batch or 1, 1, time, stop); None where all may at all."""
        if self.seen is None and stop == start + 1:
            return None
        places = arange(stop, device=self.kept.device)
        before = places[start:, None] >= places
        if self.seen is None:
            return before[None, None]
        # Padding sees itself: a row that sees nothing would be no number.
        return (before & self.seen[:, None, :stop] | (places[start:, None] == places))[:, None]


class GPT(nn.Module):
    """Logits of the next token at every position. A `bare` one waits for its weights: `load_state_dict` gives them."""

    def __init__(
        self,
        vocabulary: int,
        context: int,
        layers: int,
        heads: int,
        width: int,
        dropout: float = 0.0,
        bare: bool = False,
    ) -> None:
        super().__init__()
        embedding = BareEmbedding if bare else nn.Embedding
        self.context, self.heads = context, heads
        self.bytes = embedding(vocabulary, width)
        self.positions = embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, bare) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        if bare:
            return
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

    # ------------------------------------------------------------------------------------------------ writing

    def generate(
        self,
        prompts: Tensor | Sequence[Tokens],
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        stop: Sequence[Tokens] = (),
        seed: int = 0,
    ) -> list[list[int]]:
        """Return what each prompt, tokens of any number, is gone on with: up to `max_new_tokens` tokens.

        A token is drawn from softmax(logits / temperature), at temperature 0 the likeliest, of the `top_k` likeliest
        (0: of all), of the fewest whose probabilities reach `top_p`. A row is over with the first of `stop`, sequences
        of tokens, that it ends in, which is part of it. The same seed draws the same tokens, whatever else is in the
        batch. Beyond `context` tokens the model goes on from the later half of what it has seen.
        """
        options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        rows: list[list[int]] | None = None
        for tokens in self.stream(prompts, max_new_tokens, stop=stop, seed=seed, **options):
            rows = rows or [[] for _ in tokens]
            for row, token in zip(rows, tokens, strict=True):
                row += [] if token is None else [token]
        return rows or [[] for _ in prompts]

    def stream(
        self,
        prompts: Tensor | Sequence[Tokens],
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        stop: Sequence[Tokens] = (),
        seed: int = 0,
    ) -> Iterator[list[int | None]]:
        """Give the same token by token, as each is drawn: a list with one for every row, None where a row is over."""
        listed = prompts.tolist() if isinstance(prompts, Tensor) else prompts
        return stream(self, listed, max_new_tokens, Drawing(temperature, top_k, top_p), stop, seed)

    def place(self) -> Any:
        """Return the device that the model is on."""
        return self.bytes.weight.device

    def pasts(self, batch: int, seen: Tensor | None) -> list[Past]:
        """Return the memory of each block for `batch` rows."""
        return [Past(self.bytes.weight, batch, self.heads, self.context, seen) for _ in self.blocks]

    @no_grad()
    def last_logits(self, tokens: Tensor, pasts: list[Past], positions: Tensor) -> Tensor:
        """Return the logits (batch, vocabulary) of what follows tokens (batch, time)."""
        return F.linear(self.features(tokens, pasts, positions).select(1, -1), self.bytes.weight)

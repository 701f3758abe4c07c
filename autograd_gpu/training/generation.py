"""Tokens one after another from a model that gives logits: how the next is drawn, and how what is known is kept.

Knows of a model `context`, `pasts`, `last_logits` and `modules`; nothing of bytes or text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..modes import no_grad
from ..ops.creation import from_numpy
from ..tensor import Tensor

Tokens = Sequence[int]


class Model(Protocol):
    """What is asked of a model."""

    context: int
    training: bool

    def pasts(self, batch: int, seen: Tensor | None) -> list[Any]:
        """Return what the blocks keep of `batch` rows."""

    def last_logits(self, tokens: Tensor, pasts: list[Any], positions: Tensor) -> Tensor:
        """Return the logits (batch, vocabulary) of what follows tokens (batch, time)."""

    def place(self) -> Any:
        """Return the device."""

    def train(self, mode: bool = True) -> Any:
        """Switch to training, or to use."""


@dataclass(frozen=True)
class Drawing:
    """How a token is drawn: from softmax(logits / temperature), of its `top_k` likeliest (0: all), of the fewest whose
    probabilities reach `top_p`. At temperature 0 it is the likeliest."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature: expected a number of at least 0, but got {self.temperature}")
        if self.top_k < 0:
            raise ValueError(f"top_k: expected at least 0, but got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p: expected more than 0 and at most 1, but got {self.top_p}")

    def draw(self, logits: np.ndarray, source: np.random.Generator) -> int:
        """Return a token by its logits (vocabulary,)."""
        if np.isnan(logits).any():
            raise RuntimeError("generate: the model's logits are NaN: its weights, or its dtype's range, are broken")
        if self.temperature == 0:
            return int(logits.argmax())
        order = np.argsort(-logits, kind="stable")
        if 0 < self.top_k < len(order):
            order = order[: self.top_k]
        scores = logits[order] / self.temperature
        weights = np.exp(scores - scores[0])
        reached = np.cumsum(weights)
        if self.top_p < 1:
            kept = 1 + int(np.searchsorted(reached, self.top_p * reached[-1]))
            reached = reached[:kept]
        return int(order[np.searchsorted(reached, source.random() * reached[-1], side="right")])


def stream(
    model: Model,
    prompts: Sequence[Tokens],
    max_new_tokens: int,
    drawing: Drawing,
    stop: Sequence[Tokens],
    seed: int,
) -> Iterator[list[int | None]]:
    """Give, step by step, the next token of each row; None for one that has ended with something of `stop`.

    Each row draws from a stream of its own, so that it does not depend on what else is in the batch.
    """
    rows = [list(map(int, prompt)) for prompt in prompts]
    if not rows or not all(rows):
        raise ValueError("generate: expected at least one token in every prompt")
    if max_new_tokens < 0:
        raise ValueError(f"generate: expected max_new_tokens of at least 0, but got {max_new_tokens}")
    endings = [tuple(map(int, ending)) for ending in stop if len(ending)]
    sources = [np.random.default_rng([seed, row]) for row in range(len(rows))]
    beginnings, ended = [len(row) for row in rows], [False] * len(rows)
    was_training = model.training
    model.train(False)
    try:
        window, fresh = _Window(model, rows, model.context), rows
        for _ in range(max_new_tokens):
            logits = window.logits(fresh)
            drawn = [drawing.draw(logits[i], source) for i, source in enumerate(sources)]
            yield [None if over else token for token, over in zip(drawn, ended, strict=True)]
            for i, (row, token) in enumerate(zip(rows, drawn, strict=True)):
                row.append(token)
                new = len(row) - beginnings[i]
                ended[i] = ended[i] or any(n <= new and tuple(row[-n:]) == e for e in endings for n in [len(e)])
            if all(ended):
                return
            fresh = [[token] for token in drawn]
            if window.is_full:  # positions are learned up to here: begin again with the later half
                window = _Window(model, rows, max(1, model.context // 2))
                fresh = rows
    finally:
        model.train(was_training)


class _Window:
    """What the model has seen of each row, and keeps. Shorter rows begin with padding that is not looked at."""

    def __init__(self, model: Model, rows: Sequence[Tokens], most: int) -> None:
        self.model, self.most, self.length = model, most, 0
        sizes = np.array([min(len(row), most) for row in rows])
        self.padding = sizes.max() - sizes
        seen = np.arange(model.context) >= self.padding[:, None]
        self.pasts = model.pasts(len(rows), from_numpy(seen).to(model.place()) if self.padding.any() else None)

    @property
    def is_full(self) -> bool:
        return self.length >= self.model.context

    @no_grad()
    def logits(self, rows: Sequence[Tokens]) -> np.ndarray:
        """Take in more of each row, at first as much as there is room for; return the logits of what follows."""
        most = self.most if self.length == 0 else 1
        parts = [row[-most:] for row in rows]
        count = max(map(len, parts))
        tokens = np.zeros((len(parts), count), np.int64)
        for place, part in zip(tokens, parts, strict=True):
            place[count - len(part) :] = part
        positions = np.maximum(self.length + np.arange(count) - self.padding[:, None], 0)
        self.length += count
        device = self.model.place()
        answer = self.model.last_logits(from_numpy(tokens).to(device), self.pasts, from_numpy(positions).to(device))
        return answer.double().cpu().numpy()

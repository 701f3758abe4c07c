"""``autograd-gpu train gpt``: a byte-level GPT on the source text of Python's standard library, or on any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..ops.creation import from_numpy
from ..tensor import Tensor
from .corpus import END_OF_FILE, Corpus, corpus_to_resume, read_corpus
from .gpt_model import GPT
from .job_settings import GPTSettings
from .run import Run

VOCABULARY = 256


class GPTRun(Run):
    """A GPT, and the text that it learns."""

    job = "gpt"
    settings_of = GPTSettings
    free = ("steps", "corpus")
    unit = "nats per byte"
    counts = "tokens"
    title = "byte-level GPT"
    settings: GPTSettings
    data: Corpus
    model: GPT

    def make_model(self) -> GPT:
        s = self.settings
        return GPT(VOCABULARY, s.context, s.layers, s.heads, s.width, s.dropout)

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """Return random windows of the text, and the same windows one byte on."""
        count = self.settings.batch * self.settings.accumulate
        return self._windows(self.data.train, np.random.default_rng([self.settings.seed, step]), count)

    def _windows(self, text: np.ndarray, source: np.random.Generator, count: int) -> tuple[Tensor, ...]:
        length = self.settings.context
        starts = source.integers(len(text) - length, size=(count, 1))
        windows = text[starts + np.arange(length + 1)].astype(np.int64)
        return from_numpy(windows[:, :-1].copy()).to(self.device), from_numpy(windows[:, 1:].copy()).to(self.device)

    def loss(self, *batch: Tensor) -> Tensor:
        """Return the mean loss in nats per byte."""
        return self.model.loss(*batch)

    def samples(self) -> int:
        return super().samples() * self.settings.context

    def validate(self, batches: int = 8) -> float:
        """Return the loss on windows of the validation text, always the same ones."""
        source = np.random.default_rng(0)
        with self.evaluating():
            text, count = self.data.validation, self.settings.batch
            losses = [self.loss(*self._windows(text, source, count)).item() for _ in range(batches)]
        return sum(losses) / len(losses)

    def write(self, length: int, prompt: bytes = b"", temperature: float = 0.8) -> str:
        """Return text that the model goes on with after the beginning of a file."""
        source = np.random.default_rng(self.settings.seed)
        written = [END_OF_FILE, *prompt]
        with self.evaluating():
            for _ in range(length):
                seen = from_numpy(np.array([written[-self.settings.context :]], np.int64)).to(self.device)
                logits = self.model(seen)[0, -1].double().cpu().numpy() / temperature
                written.append(int(np.argmax(logits + source.gumbel(size=VOCABULARY))))  # a draw from softmax(logits)
        return bytes(written[1:]).replace(bytes([END_OF_FILE]), b"\n").decode(errors="replace")


def read_data(settings: GPTSettings, identity: dict[str, Any] | None) -> Corpus:
    """Return the text of a new run, or of one that is resumed and knows its `identity`."""
    root = Path(settings.corpus) if settings.corpus else None
    if identity is not None:
        return corpus_to_resume(identity, root, settings.context)
    return read_corpus(root, least=settings.context)

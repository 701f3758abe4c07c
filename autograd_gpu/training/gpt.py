"""``autograd-gpu train gpt``: a byte-level GPT on the source text of Python's standard library, or on any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..ops.creation import from_numpy
from ..tensor import Tensor
from .corpus import END_OF_FILE, Corpus, corpus_to_resume, read_corpus
from .errors import JobError
from .gpt_model import GPT
from .job_settings import GPTSettings
from .run import Run
from .weights import initial_weights

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

    @classmethod
    def completed(cls, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the settings with the sizes of the weights to begin with."""
        if not asked.get("init"):
            return asked
        _, sizes = initial_weights(Path(asked["init"]), asked.get("heads"))
        for name in ("layers", "width"):
            if asked.get(name, getattr(sizes, name)) != getattr(sizes, name):
                raise JobError(f"--{name}: --init brings {getattr(sizes, name)}, not {asked[name]}; leave --{name} out")
        if asked.get("context", 1) > sizes.context:
            raise JobError(
                f"--context: --init brings positions for {sizes.context} bytes, fewer than {asked['context']}"
            )
        found = {"layers": sizes.layers, "width": sizes.width, "heads": sizes.heads, "context": sizes.context}
        return {**found, **asked}

    def begin(self) -> None:
        """Take over the weights that the run is to begin with."""
        if self.settings.init is None:
            return
        weights, _ = initial_weights(Path(self.settings.init))
        weights["positions.weight"] = weights["positions.weight"][: self.settings.context]
        self.model.load_state_dict(weights)

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
        begun = [[END_OF_FILE, *prompt]]
        (written,) = self.model.generate(begun, length, temperature=temperature, seed=self.settings.seed)
        return bytes([*prompt, *written]).replace(bytes([END_OF_FILE]), b"\n").decode(errors="replace")


def read_data(settings: GPTSettings, identity: dict[str, Any] | None) -> Corpus:
    """Return the text of a new run, or of one that is resumed and knows its `identity`."""
    root = Path(settings.corpus) if settings.corpus else None
    if identity is not None:
        return corpus_to_resume(identity, root, settings.context)
    return read_corpus(root, least=settings.context)

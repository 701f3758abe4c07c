"""The jobs by name, and the settings of each. Imports nothing that training needs: `--help` is always there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .errors import JobError
from .settings import Settings, option


@dataclass(frozen=True)
class GPTSettings(Settings):
    """What a GPT and its text are."""

    context: int = option(128, "bytes per window", least=1)
    layers: int = option(3, "transformer blocks", least=1)
    heads: int = option(4, "attention heads per block", least=1)
    width: int = option(128, "size of the vectors between blocks", least=1)
    corpus: str | None = option(None, "train on the text files below DIR instead", metavar="DIR")
    init: str | None = option(None, "begin with the weights of a GPT trained here, or of GPT-2", metavar="FILE")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise JobError(f"--heads: {self.heads} heads cannot share a width of {self.width}; it must be a multiple")
        for name in ("corpus", "init"):  # a run that is resumed from another folder reads the same files
            if getattr(self, name) is not None:
                object.__setattr__(self, name, str(Path(getattr(self, name)).absolute()))


@dataclass(frozen=True)
class DigitsSettings(Settings):
    """What differs from the other jobs."""

    steps: int = option(690, "training steps; 23 read all images once", least=1)
    batch: int = option(64, "images per step, or per part of one with --accumulate", least=1)
    decay: float = option(0.05, "weight decay of matrices", least=0)
    dropout: float = option(0.3, "probability", least=0, below=1)


@dataclass(frozen=True)
class LSTMSettings(DigitsSettings):
    """What an LSTM is."""

    width: int = option(64, "size of the state", least=1)


class Job(NamedTuple):
    """Where a job is, and what it is to a user."""

    module: str
    run: str
    settings: type[Settings]
    help: str


JOBS = {
    "gpt": Job("gpt", "GPTRun", GPTSettings, "a byte-level GPT on the source of Python's standard library"),
    "digits": Job("digits", "MLPRun", DigitsSettings, "a perceptron on scikit-learn's scanned digits"),
    "mlp": Job("digits", "MLPRun", DigitsSettings, "a perceptron on scikit-learn's scanned digits, by another name"),
    "cnn": Job("digits", "CNNRun", DigitsSettings, "a convolutional network on scikit-learn's scanned digits"),
    "lstm": Job("digits", "LSTMRun", LSTMSettings, "an LSTM on scikit-learn's scanned digits, row by row"),
}

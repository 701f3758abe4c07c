"""Jobs on scikit-learn's bundled digits, 1797 scanned images of 8 x 8: a perceptron, a CNN, an LSTM."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import numpy as np
from sklearn.datasets import load_digits

from .. import nn
from ..ops.creation import from_numpy
from ..ops.random import manual_seed
from ..tensor import Tensor
from .errors import JobError
from .job_settings import DigitsSettings, LSTMSettings
from .run import Run
from .settings import Settings

TEST_IMAGES = 360  # one in five
F = nn.functional


class Digits:
    """The images to train on and those to test on, always the same, as 64 greys around 0 and a digit."""

    def __init__(self) -> None:
        digits = load_digits()
        greys, named = (digits.data / 16.0 - 0.3).astype(np.float32), digits.target.astype(np.int64)
        order = np.random.default_rng(0).permutation(len(greys))
        self.test, self.train = ((greys[part], named[part]) for part in (order[:TEST_IMAGES], order[TEST_IMAGES:]))

    def identity(self) -> dict[str, Any]:
        """Return what tells these images from others."""
        whole = hashlib.blake2b(digest_size=16)
        for array in (*self.train, *self.test):
            whole.update(np.ascontiguousarray(array).data)
        return {"checksum": whole.hexdigest()}

    def __str__(self) -> str:
        return f"scikit-learn's digits: {len(self.train[0])} images to train on, {len(self.test[0])} to test"


class DigitsRun(Run):
    """Base of the jobs: they differ in the model."""

    settings_of: ClassVar[type[Settings]] = DigitsSettings
    unit = "nats per image"
    counts = "images"
    data: Digits

    def _start_streams(self) -> None:
        # The device's own stream from its start for dropout: the same on every device.
        manual_seed(self.settings.seed)

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """Return the images of a step: every epoch all of them, in an order of its own."""
        greys, named = self.data.train
        size = self.settings.batch * self.settings.accumulate
        epoch, number = divmod(step, -(-len(greys) // size))
        order = np.random.default_rng([self.settings.seed, epoch]).permutation(len(greys))
        chosen = order[number * size : (number + 1) * size]
        return from_numpy(greys[chosen]).to(self.device), from_numpy(named[chosen]).to(self.device)

    def logits(self, greys: Tensor) -> Tensor:
        """Return the ten logits of each image."""
        return self.model(greys.to(next(self.model.parameters()).dtype))

    def loss(self, *batch: Tensor) -> Tensor:
        """Return the mean loss in nats per image."""
        greys, named = batch
        return F.cross_entropy(self.logits(greys), named)

    def validate(self) -> float:
        """Return the loss on the images to test on."""
        greys, named = (from_numpy(part).to(self.device) for part in self.data.test)
        with self.evaluating():
            return float(self.loss(greys, named).item())

    def accuracy(self) -> float:
        """Return the share of the images to test on whose digit the model names."""
        greys, named = self.data.test
        with self.evaluating():
            answers = self.logits(from_numpy(greys).to(self.device)).argmax(-1).cpu().numpy()
        return float((answers == named).mean())


class MLPRun(DigitsRun):
    """A perceptron of two hidden layers."""

    job = "mlp"
    title = "perceptron on digits"

    def make_model(self) -> nn.Module:
        drop = self.settings.dropout
        return nn.Sequential(
            nn.Linear(64, 256),
            nn.GELU(),
            nn.Dropout(drop),
            nn.Linear(256, 256),
            nn.GELU(),
            nn.Dropout(drop),
            nn.Linear(256, 10),
        )


class CNNRun(DigitsRun):
    """LeNet in small (LeCun et al. 1998)."""

    job = "cnn"
    title = "convolutional network on digits"

    def make_model(self) -> nn.Module:
        return nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(self.settings.dropout),
            nn.Linear(128, 10),
        )


class RowReader(nn.Module):
    """An LSTM that reads an image row by row and names the digit from its last state."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, 10)

    def forward(self, greys: Tensor) -> Tensor:
        """greys are (batch, 64)."""
        states, _ = self.lstm(greys.reshape(-1, 8, 8))
        return self.head(self.dropout(states[:, -1]))


class LSTMRun(DigitsRun):
    """Rows of an image as a sequence."""

    job = "lstm"
    title = "LSTM on digits' rows"
    settings_of = LSTMSettings

    def make_model(self) -> nn.Module:
        return RowReader(self.settings.width, self.settings.dropout)


def read_data(settings: DigitsSettings, identity: dict[str, Any] | None) -> Digits:
    """Return the images; JobError where a saved run had others."""
    data = Digits()
    if identity is not None and data.identity()["checksum"] != identity.get("checksum"):
        raise JobError("--resume: these are not the images that the run was saved with; was scikit-learn changed?")
    return data

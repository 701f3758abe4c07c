"""``autograd-gpu train digits``: a small perceptron on scikit-learn's bundled digits, 1797 scanned images of 8 x 8."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from .. import nn, optim
from ..data import DataLoader, TensorDataset
from ..modes import no_grad
from ..ops.creation import from_numpy
from ..ops.random import Generator, manual_seed
from ..serialization import save
from .curve import Curve
from .device import choose_device

TEST_IMAGES = 360  # one in five
EPOCHS = 30
BATCH = 64


def images() -> tuple[TensorDataset, TensorDataset]:
    """Return the images to train on and those to test on, always the same, as (64 greys around 0, digit)."""
    digits = load_digits()
    greys = (digits.data / 16.0 - 0.3).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(greys))
    test, train = order[:TEST_IMAGES], order[TEST_IMAGES:]
    train_set, test_set = (
        TensorDataset(from_numpy(greys[part]), from_numpy(digits.target[part])) for part in (train, test)
    )
    return train_set, test_set


def perceptron() -> nn.Sequential:
    """Return the model: 64 greys to 10 logits."""
    return nn.Sequential(
        nn.Linear(64, 256),
        nn.GELU(),
        nn.Dropout(0.3),
        nn.Linear(256, 256),
        nn.GELU(),
        nn.Dropout(0.3),
        nn.Linear(256, 10),
    )


@no_grad()
def accuracy(model: nn.Module, dataset: TensorDataset, device: object) -> float:
    """Return the fraction of images whose digit the model names."""
    greys, digit = dataset.tensors
    model.eval()
    named = model(greys.to(device)).cpu().numpy().argmax(-1)
    model.train()
    return float((named == digit.numpy()).mean())


def train(device: str, steps: int | None, lr: float, seed: int, out: Path) -> int:
    """Run the job for all epochs, or for some steps whose losses are then printed; return the exit code."""
    out.mkdir(parents=True, exist_ok=True)
    place = choose_device(device)
    train_set, test_set = images()
    manual_seed(seed)
    model = perceptron().to(place)
    # A generator for the order of the images, and the device's own from its start for dropout: both are then the same
    # on every device, however many numbers the initial values took.
    loader = DataLoader(train_set, batch_size=BATCH, shuffle=True, generator=Generator().manual_seed(seed))
    manual_seed(seed)
    total = EPOCHS * len(loader) if steps is None else steps
    optimizer = optim.AdamW(model.parameters(), lr=lr, weight_decay=0.05)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    curve, started, step = Curve(), perf_counter(), 0
    # One thread: matrices this small gain nothing from a second, and lose much where the cores are busy.
    with threadpool_limits(1), tqdm(total=total, unit="step", disable=None) as bar:
        while step < total:
            for greys, digit in islice(loader, total - step):
                loss = nn.functional.cross_entropy(model(greys.to(place)), digit.to(place))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                curve.train.append((step, loss.item()))
                bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)
                bar.update()
                if steps is not None:
                    bar.write(f"step {step:4d}  loss {loss.item():.4f}")
    seconds = perf_counter() - started
    checkpoint, picture = out / "digits.safetensors", out / "digits.png"
    save(model.state_dict(), checkpoint)
    curve.draw(picture, "perceptron on digits", "nats per image")
    print(f"test accuracy {accuracy(model, test_set, place):.2%} on {place} after {total} steps, {seconds:.1f} s")
    print(f"checkpoint {checkpoint}, loss curve {picture}")
    return 0

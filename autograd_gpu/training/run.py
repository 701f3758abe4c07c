"""A training run: a model, its optimizer and how far they have come. Knows steps and checkpoints; no model and no data.

A run is a function of its settings and its data alone: step s does the same whether or not the run was interrupted
before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from .. import nn, optim
from ..amp import GradScaler, autocast
from ..autograd.nonfinite import explanation
from ..device import Device
from ..dtypes import named
from ..modes import no_grad
from ..nn.parallel.distributed import DistributedDataParallel
from ..ops.pieces import stack
from ..ops.random import default_generator, manual_seed
from ..serialization import load, save
from ..steps import capture
from ..tensor import Tensor
from .curve import Curve
from .errors import JobError
from .ranks import Ranks
from .settings import Settings, from_checkpoint, resumed

_PARTS = ("job", "settings", "step", "curve", "rng", "model", "optimizer", "scaler", "data")
RunType = TypeVar("RunType", bound="Run")


class Step(NamedTuple):
    """What a step was: its loss, the length of its gradient before clipping, and its learning rate."""

    loss: float
    gradient_norm: float
    lr: float


class NotFinite(JobError):
    """A loss or a gradient is NaN or infinite: the model is as it was before the step."""


class _LossOf(nn.Module):
    """A model and what is made of its output: what gradients are of, as one module."""

    def __init__(self, model: nn.Module, loss: Callable[..., Tensor]) -> None:
        super().__init__()
        self.model, self._loss = model, loss

    def forward(self, *part: Tensor) -> Tensor:
        return self._loss(*part)


class Run:
    """Base of every job's run. A subclass gives `model`, `batch`, `loss` and `validate`."""

    job: ClassVar[str]
    settings_of: ClassVar[type[Settings]] = Settings
    free: ClassVar[tuple[str, ...]] = ("steps",)  # settings that may change on resuming
    unit: ClassVar[str]  # of the loss
    counts: ClassVar[str]  # what a second has so many of
    title: ClassVar[str]

    def __init__(
        self, settings: Any, data: Any, device: Device, captures: bool = False, ranks: Ranks | None = None
    ) -> None:
        self.settings, self.data, self.device, self.captures = settings, data, device, captures
        self.ranks = Ranks() if ranks is None else ranks
        self.wants_to_stop = False  # this process does, which the next step tells the others
        self.stops = False  # any process did in the last step
        manual_seed(settings.seed)
        self.model = self.make_model().to(device, named(settings.dtype))
        self._wrapped: nn.Module | None = None  # made by the first step, when the weights are those to begin with
        self._start_streams()
        matrices = [p for p in self.model.parameters() if p.dim() >= 2]
        vectors = [p for p in self.model.parameters() if p.dim() < 2]
        self.optimizer = optim.AdamW(
            [{"params": matrices, "weight_decay": settings.decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=settings.lr,
            betas=(0.9, 0.95),
        )
        self.scaler = GradScaler(device.type, enabled=settings.amp == "float16")
        self._update = capture(self._step_unseen) if captures else None
        self.step = 0
        self.curve = Curve()

    # ------------------------------------------------------------------------------------- what a job says

    @classmethod
    def completed(cls, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a new run, with those that follow from others."""
        return asked

    def begin(self) -> None:
        """Do what comes before the first step of a new run."""

    def make_model(self) -> nn.Module:
        """Return the model, on the CPU in float32."""
        raise NotImplementedError

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """Return what a step reads, all of its parts in a row, on the device."""
        raise NotImplementedError

    def loss(self, *batch: Tensor) -> Tensor:
        """Return the mean loss of a part."""
        raise NotImplementedError

    def validate(self) -> float:
        """Return the loss on what is not trained on, always the same."""
        raise NotImplementedError

    def samples(self) -> int:
        """Return how many of what is counted a step reads."""
        return self.settings.batch * self.settings.accumulate

    def _start_streams(self) -> None:
        """Start the random numbers of training, whatever the model's first values took."""

    # ------------------------------------------------------------------------------------------- a step

    def train_step(self) -> Step:
        """Take one step. NotFinite, before anything has changed, when its loss or gradient is NaN or infinite."""
        lr = self.learning_rate()
        if self._wrapped is None:
            self._wrapped = self.ranks.wrap(_LossOf(self.model, self.loss))
        self.ranks.begin_step(self.device, self.settings.seed, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        batch = self.batch(self.step)
        if self._update is not None:
            loss, norm = self._update(*batch).tolist()
            loss, self.stops = self.ranks.together(loss, self.wants_to_stop)
            self._check(loss, norm, lr, None)
        else:
            state = default_generator(self.device).get_state()
            loss, norm = self._gradients(*batch).tolist()
            loss, self.stops = self.ranks.together(loss, self.wants_to_stop)
            self._check(loss, norm, lr, (state, batch))
            self._apply()
        self.step += 1
        return Step(loss, norm, lr)

    def _step_unseen(self, *batch: Tensor) -> Tensor:
        result = self._gradients(*batch)
        self._apply()
        return result

    def _gradients(self, *batch: Tensor) -> Tensor:
        """Return the loss and the gradient's length, (2,), with the clipped gradients in their places."""
        self.optimizer.zero_grad()
        total: Tensor | None = None
        parts = list(self._parts(batch))
        for number, part in enumerate(parts):
            with self._synchronised(number == len(parts) - 1):
                loss = self._part_loss(*part)
                self.scaler.scale(loss).backward()
            total = loss.detach() if total is None else total + loss.detach()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip or math.inf)
        assert total is not None
        return stack([total.float(), norm.float()])

    def _synchronised(self, is_last: bool) -> AbstractContextManager:
        """Within, gradients are reduced over the processes with those of the last part, all at once."""
        if is_last or not isinstance(self._wrapped, DistributedDataParallel):
            return nullcontext()
        return self._wrapped.no_sync()

    def _part_loss(self, *part: Tensor) -> Tensor:
        rows, share = self.ranks.rows(part)
        with self._autocast():
            loss = self.loss(*rows) if self._wrapped is None else self._wrapped(*rows)
        loss = loss if share == 1 else loss * share
        return loss if self.settings.accumulate == 1 else loss / self.settings.accumulate

    def _autocast(self) -> autocast:
        amp = self.settings.amp
        return autocast(self.device.type, named("bfloat16" if amp == "off" else amp), enabled=amp != "off")

    def _parts(self, batch: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
        count = self.settings.accumulate
        if count == 1:
            yield batch
            return
        size = -(-batch[0].shape[0] // count)
        for start in range(0, batch[0].shape[0], size):
            yield tuple(x[start : start + size] for x in batch)

    def _apply(self) -> None:
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _check(self, loss: float, norm: float, lr: float, again: tuple | None) -> None:
        if math.isfinite(loss) and (math.isfinite(norm) or self.scaler.is_enabled()):
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's length is {norm}"
        why = "Without --capture the operation would be named." if again is None else self._explained(*again)
        raise NotFinite(f"step {self.step + 1}: {what} at a learning rate of {lr:.3g}. {why}")

    def _explained(self, state: Tensor, batch: tuple[Tensor, ...]) -> str:
        generator = default_generator(self.device)

        def forward() -> Tensor:
            generator.set_state(state)
            losses = [self._part_loss(*part) for part in self._parts(batch)]
            return losses[0] if len(losses) == 1 else stack(losses).sum()

        return explanation(forward, self.model.named_parameters())

    def learning_rate(self) -> float:
        """Rise over the first share of the run, then fall on a cosine to a tenth."""
        settings = self.settings
        warmup = max(1, round(settings.steps * settings.warmup)) if settings.warmup else 0
        if self.step < warmup:
            return settings.lr * (self.step + 1) / warmup
        progress = min(1.0, (self.step - warmup) / max(1, settings.steps - warmup))
        return settings.lr * (0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within the block the model is as it is used, not as it is trained."""
        self.model.eval()
        try:
            with no_grad(), self._autocast():
                yield
        finally:
            self.model.train()

    # ------------------------------------------------------------------------------------- checkpoints

    def save(self, path: Path) -> None:
        """Write everything that the rest of the run depends on."""
        state = {
            "job": self.job,
            "settings": asdict(self.settings),
            "step": self.step,
            "curve": self.curve.state_dict(),
            "rng": default_generator(self.device).get_state(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "data": self.data.identity(),
        }
        save(state, path)

    def restore(self, state: dict[str, Any], path: Path) -> None:
        """Go back to where a saved run was. JobError when the checkpoint is not one of this model."""
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(dict(state["scaler"]))
            self.curve.load_state_dict(state["curve"])
            default_generator(self.device).set_state(state["rng"])
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise JobError(f"{path} does not fit its own settings: {' '.join(str(error).split())[:300]}") from None
        self.step = state["step"]


def read_checkpoint(path: Path, job: str | None = None, mmap: bool = False) -> dict[str, Any]:
    """Return what a run saved. JobError where a file holds something else; DamagedFile where it is damaged."""
    state = load(path, mmap=mmap)
    if not isinstance(state, dict) or "settings" not in state or "model" not in state:
        raise JobError(f"{path} holds no run: it was not written by `autograd-gpu train`")
    if missing := [part for part in _PARTS if part not in state]:
        raise JobError(f"{path} holds no whole run: its '{missing[0]}' is missing")
    if job is not None and state["job"] != job:
        raise JobError(f"{path} holds a run of `train {state['job']}`, not of `train {job}`")
    step = state["step"]
    if type(step) is not int or step < 0 or not isinstance(state["data"], dict):
        raise JobError(f"{path} holds no whole run: its 'step' or its 'data' is none")
    return state


def settings_to_resume(kind: type[RunType], state: dict[str, Any], asked: dict[str, Any], path: Path) -> Any:
    """Return the settings of a saved run, with what may change as asked."""
    settings = resumed(from_checkpoint(state["settings"], kind.settings_of, path), asked, kind.free)
    if settings.steps < state["step"]:
        raise JobError(f"--steps: the saved run has taken {state['step']} steps already, more than {settings.steps}")
    return settings

"""``optim.swa_utils``, under PyTorch's name: averages of a model's weights over its training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from ..dtypes import int64
from ..modes import no_grad
from ..nn.channel_norm import _BatchNorm
from ..nn.module import Module
from ..ops.creation import tensor
from ..tensor import Tensor
from .lr_scheduler import LRScheduler
from .lr_scheduler.base import one_for_each_group
from .optimizer import Optimizer

Average = Callable[[Tensor, Tensor, Tensor], Tensor]
AverageAll = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], None]


class AveragedModel(Module):
    """A copy of a model whose parameters ``update_parameters(model)`` averages with the model's.

    The mean of all that were seen (Izmailov et al. 2018), unless ``avg_fn(average, new, how many before)`` returns
    another one, or ``multi_avg_fn(averages, news, how many before)`` writes it into lists of tensors of one device and
    dtype. Buffers are averaged with ``use_buffers``, and else copied.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: AverageAll | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn = avg_fn or get_swa_avg_fn()
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters into the average; the first are copied."""
        pairs = [(average, new.detach().to(average.device)) for average, new in self._averaged(model)]
        if self.n_averaged == 0:
            for average, new in pairs:
                average.copy_(new)
        elif self.multi_avg_fn is not None:
            for alike in _by_device_and_dtype(pairs):
                averages, news = ([pair[side].detach() for pair in alike] for side in range(2))
                self.multi_avg_fn(averages, news, self.n_averaged.to(averages[0].device))
        else:
            for average, new in pairs:
                average.copy_(self.avg_fn(average.detach(), new, self.n_averaged.to(average.device)))
        if not self.use_buffers:
            for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.copy_(theirs.to(mine.device))
        self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[tuple[Tensor, Tensor]]:
        if not self.use_buffers:
            return zip(self.module.parameters(), model.parameters(), strict=True)
        mine, theirs = (chain(m.parameters(), m.buffers()) for m in (self.module, model))
        return zip(mine, theirs, strict=True)


def _by_device_and_dtype(pairs: list[tuple[Tensor, Tensor]]) -> Iterable[list[tuple[Tensor, Tensor]]]:
    found: dict[Any, list[tuple[Tensor, Tensor]]] = {}
    for pair in pairs:
        found.setdefault((pair[0].device, pair[0].dtype), []).append(pair)
    return found.values()


# ---- averages


def get_swa_avg_fn() -> Average:
    """Return the mean of all, as ``avg_fn``."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Tensor | int) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return decay * average + (1 - decay) * new, as ``avg_fn``."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Tensor | int) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_multi_avg_fn() -> AverageAll:
    """Return the mean of all, as ``multi_avg_fn``."""
    return _of_each(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageAll:
    """Return decay * average + (1 - decay) * new, as ``multi_avg_fn``."""
    return _of_each(get_ema_avg_fn(decay))


def _of_each(average: Average) -> AverageAll:
    @no_grad()
    def update(averages: Sequence[Tensor], news: Sequence[Tensor], num_averaged: Tensor | int) -> None:
        for mine, new in zip(averages, news, strict=True):
            mine.copy_(average(mine, new, num_averaged))  # type: ignore[arg-type]

    return update


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


# ---- what goes with them


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Find the batch norms' running statistics anew, from one pass over the data: averaged weights have others.

    A batch is a tensor, or a list or tuple whose first element is what the model takes.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    for batch in loader:
        batch = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(batch if device is None else batch.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """lr goes from where it is to swa_lr over anneal_epochs steps of this schedule, along a cosine or a line."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for group, lr in zip(optimizer.param_groups, one_for_each_group(optimizer, "swa_lr", swa_lr), strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        self._anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        step = max(1, self._step_count - 1) if self.anneal_epochs == 0 else self._step_count - 1
        before, now = self._done(step - 1), self._done(step)
        rates: list[float | Tensor] = []
        for group in self.optimizer.param_groups:
            lr, last = group["lr"], group["swa_lr"]
            start = last if before == 1 else (lr - before * last) / (1 - before)  # where the way began
            rates.append(last * now + start * (1 - now))
        return rates

    def _done(self, step: int) -> float:
        """Return how much of the way is behind after so many steps."""
        part = max(0, min(1, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * part)) / 2 if self._anneal_strategy == "cos" else part

"""What all schedules share: epochs, the groups' rates, and state. Knows no formula."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ...capturing import running
from ...tensor import Tensor
from ..optimizer import Optimizer


def replayed(step: Callable[..., None]) -> Callable[..., None]:
    """Let a step of the host's within a capture be taken by each replay, at its place."""

    @functools.wraps(step)
    def taken(self: Any, *args: Any, **kwargs: Any) -> None:
        graph = running()
        if graph is None:
            return step(self, *args, **kwargs)
        graph.host_call(id(self), lambda: step(self, *args, **kwargs))
        graph.writes(lambda: step(self, *args, **kwargs))

    return taken


class LRScheduler:
    """Base class of schedules. A subclass defines ``get_lr()``, the rates of ``last_epoch``, one per group.

    Like PyTorch's, most schedules multiply the rates that they find, so that several may work on one optimizer.
    ``step(epoch)`` with a number is deprecated there as here, and uses ``_get_closed_form_lr()`` where there is one.
    """

    _is_initial = False  # while the constructor takes the first step

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming scheduler with "
                    "last_epoch >= 0: load the optimizer's state dict first, or leave last_epoch at -1 for a new run"
                )
        self.base_lrs: list[float | Tensor] = [own(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            del self._is_initial

    def get_lr(self) -> list[float | Tensor]:
        """Return the rates of ``last_epoch``. For subclasses: a program asks ``get_last_lr()``."""
        raise NotImplementedError

    @replayed
    def step(self, epoch: int | None = None) -> None:
        """Move to the next epoch, or to a given one, and set every group's rate."""
        if epoch is not None:
            warnings.warn(
                "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
                "Please use `scheduler.step()` to step the scheduler.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed_form = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._set(self.get_lr() if closed_form is None else closed_form())

    def _set(self, rates: list[float | Tensor]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, lr)
        self._last_lr = self._rates()

    def _rates(self) -> list[float | Tensor]:
        """Return the groups' rates as they are."""
        return [own(group["lr"]) for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float | Tensor]:
        """Return the rates that the last step set, one per group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` returned, and give the optimizer the rates that it had then.

        So it does not matter whether the optimizer was loaded before this schedule was made, which changed its rates.
        """
        groups, rates = self.optimizer.param_groups, state_dict.get("_last_lr")
        if rates is not None and len(rates) != len(groups):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: the state has rates for {len(rates)} parameter groups, but "
                f"the optimizer has {len(groups)}"
            )
        self.__dict__.update(state_dict)
        for group, lr in zip(groups, rates or ()):
            set_rate(group, lr)


def check_optimizer(optimizer: object) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def set_rate(group: dict[str, Any], lr: float | Tensor) -> None:
    """Give a group a rate; one that is a tensor is written in place, where a captured step reads it."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(lr.item() if isinstance(lr, Tensor) else lr)
    else:
        group["lr"] = own(lr)


def one_for_each_group(optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """Return a setting as a list, one for each parameter group."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [own(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {groups}."
        )
    return [own(each) for each in value]


def set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Give a group a momentum; Adam's is its first beta."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def check_has_momentum(optimizer: Optimizer) -> None:
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")


def own(lr: Any) -> Any:
    """Return a setting that nobody else writes to: a tensor's copy, a number itself."""
    return lr.clone() if isinstance(lr, Tensor) else lr

"""Schedules that raise and lower the rate, and the momentum against it: Smith 2017; Smith & Topin 2018."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ...tensor import Tensor
from ..optimizer import Optimizer
from .base import LRScheduler, check_has_momentum, check_optimizer, one_for_each_group, set_momentum, set_rate


class CyclicLR(LRScheduler):
    """lr goes from base_lr to max_lr in step_size_up steps and back in step_size_down, again and again.

    Each cycle's height is that of the first ("triangular"), half that of the one before ("triangular2"), or
    gamma^steps of it ("exp_range"); or ``scale_fn`` of the cycle or of the steps, as ``scale_mode`` says. With
    ``cycle_momentum`` the momentum goes from max_momentum to base_momentum meanwhile.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        base_lrs = one_for_each_group(optimizer, "base_lr", base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                set_rate(group, lr)
        self.max_lrs = one_for_each_group(optimizer, "max_lr", max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            check_has_momentum(optimizer)
            self.base_momentums = one_for_each_group(optimizer, "base_momentum", base_momentum)
            self.max_momentums = one_for_each_group(optimizer, "max_momentum", max_momentum)
            if last_epoch == -1:
                _remember_momenta(optimizer, self.base_momentums, self.max_momentums)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return a cycle's height by its number, from 1, or by the steps so far."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 1.0 if self.mode == "triangular" else 1 / 2.0 ** (x - 1)

    def get_lr(self) -> list[float | Tensor]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle  # how much of the cycle is done
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            momenta = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, base, most in momenta:
                set_momentum(group, most - (most - base) * height)
        return [base + (most - base) * height for base, most in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, and of ``scale_fn`` the state that it has when it is an object."""
        function = self._scale_fn_custom
        own = None if function is None or isinstance(function, FunctionType) else dict(function.__dict__)
        return {**super().state_dict(), "_scale_fn_custom": own}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` returned; ``scale_fn`` stays the constructor's."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_scale_fn_custom"})
        if state_dict["_scale_fn_custom"] is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])
        self.get_lr()  # gives the optimizer its momentum again


class OneCycleLR(LRScheduler):
    """lr from max_lr / div_factor up to max_lr within pct_start of all steps, then down to that / final_div_factor.

    With ``three_phase`` it comes down to where it began first, in as many steps as it went up. The way is a cosine or
    a line. With ``cycle_momentum`` the momentum goes from max_momentum to base_momentum and back.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        # Phases: the step that each ends with, and the rate and the momentum at that end.
        top, end = float(pct_start * self.total_steps) - 1, self.total_steps - 1
        self._phases = [(top, "max_lr", "base_momentum"), (end, "min_lr", "max_momentum")]
        if three_phase:
            self._phases.insert(1, (2 * top, "initial_lr", "max_momentum"))
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, one_for_each_group(optimizer, "max_lr", max_lr), strict=True):
                group["initial_lr"], group["max_lr"] = lr / div_factor, lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            check_has_momentum(optimizer)
            most = one_for_each_group(optimizer, "max_momentum", max_momentum)
            base = one_for_each_group(optimizer, "base_momentum", base_momentum)
            if last_epoch == -1:
                _remember_momenta(optimizer, base, most)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        start: tuple[float, str, str] = (0, "initial_lr", "max_momentum")
        for number, end in enumerate(self._phases, 1):
            if step <= end[0] or number == len(self._phases):
                break
            start = end
        done = (step - start[0]) / (end[0] - start[0])
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                set_momentum(group, self._between(group[start[2]], group[end[2]], done))
        return [self._between(group[start[1]], group[end[1]], done) for group in groups]

    def _between(self, start: float, end: float, done: float) -> float:
        if self._anneal_func_type == "cos":
            done = (1 - math.cos(math.pi * done)) / 2
        return start + (end - start) * done

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        super().load_state_dict(state_dict)
        self.get_lr()  # gives the optimizer its momentum again


def _remember_momenta(optimizer: Optimizer, base: list[float], most: list[float]) -> None:
    """Begin at the greatest momentum, and keep both bounds in the groups."""
    for group, least, greatest in zip(optimizer.param_groups, base, most, strict=True):
        set_momentum(group, greatest)
        group["max_momentum"], group["base_momentum"] = greatest, least


def _total_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        return _positive("total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    return _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)


def _positive(name: str, value: int) -> int:
    if value <= 0 or not isinstance(value, int):
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value

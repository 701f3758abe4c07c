"""Schedules along a cosine: SGDR, Loshchilov & Hutter 2017."""

from __future__ import annotations

import math

from ...tensor import Tensor
from ..optimizer import Optimizer
from .base import LRScheduler, replayed


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base_lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2, down and up again every 2 T_max epochs.

    In steps from the rate before, so that another schedule may change it as well.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _height(self, epoch: int) -> float:
        return (1 + math.cos(math.pi * epoch / self.T_max)) / 2

    def get_lr(self) -> list[float | Tensor]:
        if self._is_initial:
            return self._rates()
        epoch, rates = self.last_epoch, self._rates()
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the rate before was at the bottom: there is no ratio
            rise = self._height(self.T_max - 1)
            return [lr + (base - self.eta_min) * rise for lr, base in zip(rates, self.base_lrs, strict=True)]
        ratio = self._height(epoch) / self._height(epoch - 1)
        return [self.eta_min + (lr - self.eta_min) * ratio for lr in rates]

    def _get_closed_form_lr(self) -> list[float | Tensor]:
        return [self.eta_min + (base_lr - self.eta_min) * self._height(self.last_epoch) for base_lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """The same going down over T_0 epochs, then from the top again over T_0 * T_mult, and so on.

    ``step(epoch)`` may be given fractions of an epoch, as after each batch.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0  # the length of this descent
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch  # how much of it is done
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base_lr - self.eta_min) * height for base_lr in self.base_lrs]

    @replayed
    def step(self, epoch: float | None = None) -> None:
        """Move to the next epoch, or to a given one or part of one, and set every group's rate."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        else:
            self._find(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _update_lr(self, epoch: int | None = None) -> None:
        self.step(epoch)

    def _find(self, epoch: float) -> None:
        """Find the descent that an epoch belongs to, and its place in it."""
        start, length = 0, self.T_0
        if self.T_mult == 1:
            start = epoch // length * length  # type: ignore[assignment]
        else:
            while epoch >= start + length:
                start, length = start + length, length * self.T_mult
        self.T_cur, self.T_i = epoch - start, length

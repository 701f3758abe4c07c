"""Averaged stochastic gradient descent. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import float32
from ..ops.creation import full, zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_not_negative


class ASGD(ComposedOptimizer):
    """p = p * (1 - lambd * eta) - eta * g, and in the state as ``ax`` the mean of p from step t0 on (Polyak & Juditsky
    1992).

    eta = lr / (1 + lambd * lr * step)^alpha. g includes weight_decay * p.
    """

    numbers = ("step", "eta", "mu")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        eta, mu = (full((), value, dtype=float32, device="cpu") for value in (float(group["lr"]), 1.0))
        return {"eta": eta, "mu": mu, "ax": zeros_like(parameter)}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        eta, mu, average = state["eta"].item(), state["mu"].item(), state["ax"]
        p.mul_(1 - group["lambd"] * eta).sub_(g, alpha=eta)
        if mu == 1:
            average.copy_(p)
        else:
            average.add_(p - average, alpha=mu)
        state["eta"].fill_(lr / (1 + group["lambd"] * lr * step) ** group["alpha"])
        state["mu"].fill_(1 / max(1, step - group["t0"]))

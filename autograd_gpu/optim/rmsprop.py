"""RMSprop. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops.creation import zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_not_negative


class RMSprop(ComposedOptimizer):
    """v = alpha * v + (1 - alpha) * g^2;  p = p - lr * g / (sqrt(v) + eps) (Hinton 2012, lecture 6e of his course).

    g includes weight_decay * p. ``centered`` takes the squared mean of g off v (Graves 2013, equation 38). With
    ``momentum`` what is subtracted is a momentum buffer of such steps.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] > 0 else []
        names += ["grad_avg"] if group["centered"] else []
        return {name: zeros_like(parameter) for name in names}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        alpha, square_avg = group["alpha"], state["square_avg"]
        square_avg.mul_(alpha).add_(g.square(), alpha=1 - alpha)
        variance = square_avg
        if group["centered"]:
            mean = state["grad_avg"].mul_(alpha).add_(g, alpha=1 - alpha)
            variance = square_avg - mean.square()
        scaled = g / variance.sqrt().add_(group["eps"])
        if group["momentum"] > 0:
            scaled = state["momentum_buffer"].mul_(group["momentum"]).add_(scaled)
        p.sub_(scaled, alpha=lr)

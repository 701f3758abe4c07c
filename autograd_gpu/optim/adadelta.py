"""Adadelta. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops.creation import zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_not_negative


class Adadelta(ComposedOptimizer):
    """p = p - lr * d, d = g * sqrt(u + eps) / sqrt(v + eps), with running means v of g^2 and u of d^2 (Zeiler 2012).

    g includes weight_decay * p.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"square_avg": zeros_like(parameter), "acc_delta": zeros_like(parameter)}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        rho, eps = group["rho"], group["eps"]
        square_avg = state["square_avg"].mul_(rho).add_(g.square(), alpha=1 - rho)
        delta = (state["acc_delta"] + eps).sqrt_().div_((square_avg + eps).sqrt_()).mul_(g)
        state["acc_delta"].mul_(rho).add_(delta.square(), alpha=1 - rho)
        p.sub_(delta, alpha=lr)

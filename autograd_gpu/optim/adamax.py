"""Adamax. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops.creation import zeros_like
from ..ops.elementwise import maximum
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_betas, check_not_negative


class Adamax(ComposedOptimizer):
    """p = p - lr / (1 - beta1^step) * m / u, u = max(beta2 * u, |g| + eps) (Kingma & Ba 2015, algorithm 2).

    m is the running mean of g, which includes weight_decay * p.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": zeros_like(parameter), "exp_inf": zeros_like(parameter)}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        beta1, beta2 = group["betas"]
        exp_avg = state["exp_avg"].mul_(beta1).add_(g, alpha=1 - beta1)
        exp_inf = state["exp_inf"]
        exp_inf.copy_(maximum(exp_inf * beta2, g.abs() + group["eps"]))
        p.sub_(exp_avg / exp_inf, alpha=lr / (1 - beta1**step))

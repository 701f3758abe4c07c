"""RAdam. Knows its settings and its rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..ops.creation import zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_betas, check_not_negative


class RAdam(ComposedOptimizer):
    """Adam whose step is rectified while few gradients make its variance large (Liu et al. 2020, algorithm 2).

    g includes weight_decay * p, or with ``decoupled_weight_decay`` the parameter shrinks by lr * weight_decay.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": zeros_like(parameter), "exp_avg_sq": zeros_like(parameter)}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        beta1, beta2 = group["betas"]
        exp_avg = state["exp_avg"].mul_(beta1).add_(g, alpha=1 - beta1)
        exp_avg_sq = state["exp_avg_sq"].mul_(beta2).add_(g.square(), alpha=1 - beta2)
        corrected = lr / (1 - beta1**step)
        # rho: how many gradients the moving average of squares stands for, in the limit and at this step.
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * step * beta2**step / (1 - beta2**step)
        if rho <= 5:  # the variance has no bound yet: plain momentum
            p.sub_(exp_avg, alpha=corrected)
            return
        rectified = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        correction = math.sqrt(1 - beta2**step)
        p.sub_(exp_avg / exp_avg_sq.sqrt().add_(group["eps"]), alpha=corrected * rectified * correction)

"""NAdam. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import float32
from ..ops.creation import ones, zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_betas, check_not_negative


class NAdam(ComposedOptimizer):
    """Adam with Nesterov's momentum (Dozat 2016), whose mu = beta1 * (1 - 0.96^(step * momentum_decay) / 2) grows.

    g includes weight_decay * p, or with ``decoupled_weight_decay`` the parameter shrinks by lr * weight_decay.
    """

    numbers = ("step", "mu_product")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_not_negative("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        moments = {name: zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
        return {"mu_product": ones((), dtype=float32, device="cpu"), **moments}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        beta1, beta2 = group["betas"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (n * group["momentum_decay"])) for n in (step, step + 1))
        product = state["mu_product"].mul_(mu).item()
        exp_avg = state["exp_avg"].mul_(beta1).add_(g, alpha=1 - beta1)
        exp_avg_sq = state["exp_avg_sq"].mul_(beta2).add_(g.square(), alpha=1 - beta2)
        denominator = (exp_avg_sq / (1 - beta2**step)).sqrt_().add_(group["eps"])
        p.sub_(g / denominator, alpha=lr * (1 - mu) / (1 - product))
        p.sub_(exp_avg / denominator, alpha=lr * mu_next / (1 - product * mu_next))

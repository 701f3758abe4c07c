"""Adam and AdamW. Knows the settings and the state; the arithmetic is one fused kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import float32
from ..ops.creation import zeros, zeros_like
from ..ops.elementwise import maximum
from ..ops.optim import adamw_step
from ..tensor import Tensor
from .optimizer import Optimizer, check_not_negative


class Adam(Optimizer):
    """p = p - lr * m / (sqrt(v) + eps) with bias-corrected moments m, v of the gradient (Kingma & Ba 2015).

    The gradient includes weight_decay * p. ``foreach``, ``fused`` and ``capturable`` are accepted and change nothing:
    the step is always fused, and its count and learning rate always live on the parameter's device.
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    def _update(self, parameter: Tensor, gradient: Tensor, lr: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = zeros((1,), dtype=float32, device=parameter.device)
            state["exp_avg"] = zeros_like(parameter)
            state["exp_avg_sq"] = zeros_like(parameter)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = zeros_like(parameter)
        state["step"].add_(1)
        (beta1, beta2), eps, weight_decay = group["betas"], group["eps"], group["weight_decay"]
        if weight_decay and not self.decoupled:
            gradient, weight_decay = gradient.add(parameter, alpha=weight_decay), 0.0
        if group["amsgrad"]:
            _amsgrad_step(parameter, gradient, state, lr, beta1, beta2, eps, weight_decay)
            return
        adamw_step(
            parameter,
            gradient,
            state["exp_avg"],
            state["exp_avg_sq"],
            state["step"],
            lr,
            beta1,
            beta2,
            eps,
            weight_decay,
        )


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself: p = p * (1 - lr * weight_decay).

    Loshchilov & Hutter 2019.
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


def _amsgrad_step(
    parameter: Tensor,
    gradient: Tensor,
    state: dict[str, Tensor],
    lr: Tensor,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """The step with the largest v so far in place of v (Reddi, Kale & Kumar 2018). Composed: it has no kernel."""
    exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
    step = state["step"].double()  # 1 - 0.999 in float32 would be off by a part in 20,000
    if weight_decay:
        parameter.mul_(1.0 - lr * weight_decay)
    exp_avg.mul_(beta1).add_(gradient, alpha=1 - beta1)
    exp_avg_sq.mul_(beta2).add_(gradient * gradient, alpha=1 - beta2)
    state["max_exp_avg_sq"].copy_(maximum(state["max_exp_avg_sq"], exp_avg_sq))
    denominator = (state["max_exp_avg_sq"] / (1.0 - beta2**step).to(parameter.dtype)).sqrt() + eps
    parameter.sub_(exp_avg / denominator * (lr / (1.0 - beta1**step)).to(parameter.dtype))

"""Adam and AdamW. Knows the settings and the state; the arithmetic is one fused kernel over all parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import float32
from ..ops.creation import zeros, zeros_like
from ..ops.optim import adam_step
from ..tensor import Tensor
from .fused import FIRST_STEP, FusedOptimizer
from .optimizer import check_betas, check_implementation, check_not_negative


class Adam(FusedOptimizer):
    """p = p - lr * m / (sqrt(v) + eps) with bias-corrected moments m, v of the gradient (Kingma & Ba 2015).

    The gradient includes weight_decay * p. With ``amsgrad`` v is the largest so far (Reddi, Kale & Kumar 2018).

    ``foreach``, ``fused`` and ``capturable`` choose among PyTorch's implementations and are accepted: the step here is
    always fused, over all parameters of a device and dtype at once, and its count and learning rate always live on the
    device, so that a captured step counts on. ``differentiable`` raises NotImplementedError. ``lr`` may be a tensor.
    """

    _instead_of_sparse = ", please consider SparseAdam instead"

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_implementation(foreach, fused, differentiable)
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _update(
        self,
        parameters: list[Tensor],
        lr: Tensor,
        group: dict[str, Any],
        scale: Tensor | None,
        found_inf: Tensor | None,
    ) -> None:
        states = [self._state_of(parameter, group["amsgrad"]) for parameter in parameters]
        beta1, beta2 = group["betas"]
        adam_step(
            parameters,
            [parameter._grad for parameter in parameters],  # type: ignore[misc]
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else None,
            [state["step"] for state in states],
            lr,
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            group["decoupled_weight_decay"],
            group["maximize"],
            scale,
            found_inf,
        )

    def _state_of(self, parameter: Tensor, amsgrad: bool) -> dict[str, Tensor]:
        state = self.state[parameter]
        if not state:
            self._refuse_in_capture(parameter, FIRST_STEP)
            state["step"] = zeros((), dtype=float32, device=parameter.device)
            state["exp_avg"] = zeros_like(parameter)
            state["exp_avg_sq"] = zeros_like(parameter)
            if amsgrad:
                state["max_exp_avg_sq"] = zeros_like(parameter)
        return state


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself: p = p * (1 - lr * weight_decay).

    Loshchilov & Hutter 2019.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

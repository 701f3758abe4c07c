"""Stochastic gradient descent with momentum. Knows the settings and the state; the arithmetic is one fused kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops.creation import empty_like
from ..ops.optim import sgd_step
from ..tensor import Tensor
from .optimizer import Optimizer, check_not_negative


class SGD(Optimizer):
    """v = momentum * v + (1 - dampening) * g;  p = p - lr * v, with g + momentum * v for v under Nesterov.

    g includes weight_decay * p. ``foreach`` and ``fused`` are accepted and change nothing: the step is always fused.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _update(self, parameter: Tensor, gradient: Tensor, lr: Tensor, group: dict[str, Any]) -> None:
        momentum_buffer, first = None, False
        if group["momentum"]:
            state = self.state[parameter]
            first = "momentum_buffer" not in state
            if first:
                state["momentum_buffer"] = empty_like(parameter)  # the first step writes all of it
            momentum_buffer = state["momentum_buffer"]
        sgd_step(
            parameter,
            gradient,
            momentum_buffer,
            lr,
            group["momentum"],
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            first,
        )

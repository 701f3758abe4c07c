"""Adagrad. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import float32
from ..ops.creation import full_like, zeros
from ..tensor import Tensor
from .composed import ComposedOptimizer, with_decay
from .optimizer import check_not_negative


class Adagrad(ComposedOptimizer):
    """s = s + g^2;  p = p - lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps) (Duchi, Hazan & Singer 2011).

    g includes weight_decay * p; s begins at ``initial_accumulator_value``, before the first step.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for parameter in group["params"]:
            self.state[parameter].update(step=zeros((), dtype=float32, device="cpu"), **self._start(parameter, group))

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"sum": full_like(parameter, group["initial_accumulator_value"])}

    def _change_sparse(self, parameter: Tensor, gradient: Any, group: dict[str, Any]) -> None:
        if group["weight_decay"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        state = self.state[parameter]
        state["step"].add_(1)
        at, g = gradient.entries()
        p, total = (x.view(-1, g.shape[1]) for x in (parameter, state["sum"]))
        total.index_add_(0, at, g.square())
        rate = float(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
        p.index_add_(0, at, g / (total[at].sqrt() + group["eps"]), alpha=-rate)

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        g = with_decay(p, g, lr, group)
        total = state["sum"].add_(g.square())
        p.sub_(g / total.sqrt().add_(group["eps"]), alpha=lr / (1 + (step - 1) * group["lr_decay"]))

"""Stochastic gradient descent with momentum. Knows the settings and the state; the arithmetic is one fused kernel over
all parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops.creation import zeros_like
from ..ops.optim import sgd_step
from ..tensor import Tensor
from .fused import FIRST_STEP, FusedOptimizer
from .optimizer import check_implementation, check_not_negative


class SGD(FusedOptimizer):
    """v = momentum * v + (1 - dampening) * g;  p = p - lr * v, with g + momentum * v for v under Nesterov.

    g includes weight_decay * p. ``foreach`` and ``fused`` choose among PyTorch's implementations and are accepted: the
    step here is always fused, over all parameters of a device and dtype at once, and its learning rate lives on the
    device. ``differentiable`` raises NotImplementedError. ``lr`` may be a tensor.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_implementation(foreach, fused, differentiable)
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
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
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
        new, known = self._by_first_step(parameters) if group["momentum"] else ([], parameters)
        if new and group["dampening"] and found_inf is not None and found_inf.item():
            new = []  # a step that is skipped is nobody's first, and by the host alone it is known whether one is
        for parameter in new:
            self.state[parameter]["momentum_buffer"] = zeros_like(parameter)
        for first, alike in ((True, new), (False, known)):
            if not alike:
                continue
            sgd_step(
                alike,
                [parameter._grad for parameter in alike],  # type: ignore[misc]
                [self.state[parameter]["momentum_buffer"] for parameter in alike] if group["momentum"] else None,
                lr,
                group["momentum"],
                group["dampening"],
                group["weight_decay"],
                group["nesterov"],
                group["maximize"],
                first,
                scale,
                found_inf,
            )

    def _change_sparse(self, parameter: Tensor, gradient: Any, group: dict[str, Any]) -> None:
        if group["weight_decay"]:
            raise RuntimeError(
                "SGD: weight_decay would change every row, where a sparse gradient changes few. Use weight_decay=0, or "
                "dense gradients (add(sparse, dense) is not supported)."
            )
        update, momentum = gradient, group["momentum"]
        if momentum:
            state = self.state[parameter]
            kept = state.get("momentum_buffer")
            kept = gradient.clone() if kept is None else (kept * momentum).add(gradient, alpha=1 - group["dampening"])
            state["momentum_buffer"] = kept
            update = gradient.add(kept, alpha=momentum) if group["nesterov"] else kept
        at, rows = update.entries()
        parameter.view(-1, rows.shape[1]).index_add_(0, at, rows, alpha=-float(group["lr"]))

    def _by_first_step(self, parameters: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return the parameters that have no buffer yet, and those that have had a step."""
        new, known = [], []
        for parameter in parameters:
            if self.state[parameter].get("momentum_buffer") is None:
                self._refuse_in_capture(parameter, FIRST_STEP)
                new.append(parameter)
            else:
                known.append(parameter)
        return new, known

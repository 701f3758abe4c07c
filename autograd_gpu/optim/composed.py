"""Optimizers that are written in operations, a parameter at a time.

Their numbers are on the host: no step can be captured. What is of a half type changes in float32 and is rounded once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import float32
from ..ops.cast import in_full
from ..ops.creation import zeros
from ..tensor import Tensor
from .optimizer import Optimizer, check_implementation


class ComposedOptimizer(Optimizer):
    """A subclass gives ``_start``, the state of a parameter before its first step, and ``_change``."""

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        check_implementation(defaults.get("foreach"), defaults.get("fused"), defaults.get("differentiable", False))
        if defaults.get("capturable"):
            raise NotImplementedError(
                f"{type(self).__name__}: capturable=True is not supported: its step computes with numbers on the host. "
                "SGD, Adam and AdamW can be captured."
            )
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return a parameter's first state, without the step count."""
        raise NotImplementedError

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        """Change a parameter in place by its gradient; `step` counts from 1."""
        raise NotImplementedError

    def _update_group(self, index: int, group: dict[str, Any], scale: Tensor | None) -> None:
        lr = float(group["lr"])
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            factor, found_inf = self._factors(scale, parameter.device)
            if found_inf is not None and found_inf.item():
                continue
            # In float32 for half types: an eps of 1e-8 is 0 in float16, and so is the square of a gradient of 1e-4.
            gradient = in_full(parameter.grad) if factor is None else in_full(parameter.grad) * factor
            state = self.state[parameter]
            if not state:
                state.update(step=None, **self._start(parameter, group))
            if state.get("step") is None:  # also in a state from where this optimizer does not count
                state["step"] = zeros((), dtype=float32, device="cpu")
            self._refuse_in_capture(
                parameter, "which counts its steps on the host. Adam, AdamW and SGD can be captured."
            )
            state["step"].add_(1)
            gradient = -gradient if group.get("maximize") else gradient
            wide, wide_state = in_full(parameter), {name: in_full(value) for name, value in state.items()}
            self._change(wide, gradient, wide_state, state["step"].item(), lr, group)
            for kept, value in [(parameter, wide), *((state[name], value) for name, value in wide_state.items())]:
                if value is not kept:
                    kept.copy_(value)


def with_decay(p: Tensor, g: Tensor, lr: float, group: dict[str, Any]) -> Tensor:
    """Return the gradient with weight decay; decoupled decay shrinks the parameter instead (Loshchilov & Hutter
    2019)."""
    weight_decay = group["weight_decay"]
    if not weight_decay:
        return g
    if group.get("decoupled_weight_decay"):
        p.mul_(1 - lr * weight_decay)
        return g
    return g.add(p, alpha=weight_decay)

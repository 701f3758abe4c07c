"""Rprop. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ops.creation import full_like, zeros_like
from ..ops.elementwise import where
from ..tensor import Tensor
from .composed import ComposedOptimizer
from .optimizer import check_not_negative


class Rprop(ComposedOptimizer):
    """p = p - step_size * sign(g), where an element's step_size grows while its sign stays (Riedmiller & Braun 1993).

    ``etas`` are the factors after a change of sign and after none; after a change the element rests for a step.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"prev": zeros_like(parameter), "step_size": full_like(parameter, float(group["lr"]))}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        agreement = g * state["prev"]
        turned = agreement < 0
        factor = where(turned, shrink, where(agreement > 0, full_like(p, grow), 1.0))
        step_size = state["step_size"].mul_(factor).clamp_(least, most)
        g = where(turned, 0.0, g)
        p.sub_(g.sign() * step_size)
        state["prev"].copy_(g)

"""Adafactor. Knows its settings and its rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dtypes import finfo
from ..ops.creation import zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer


class Adafactor(ComposedOptimizer):
    """Adam's second moment of a matrix from the means of its rows and of its columns (Shazeer & Stern 2018).

    ``eps`` are the least second moment, the dtype's epsilon where None, and the least size of a parameter that its step
    is measured by; ``d`` bounds the root mean square of an update; ``lr`` is a rate relative to the parameter's size,
    and falls as 1 / sqrt(step) where that is less. What is no matrix keeps its second moment whole.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        if parameter.dim() < 2:
            return {"variance": zeros_like(parameter)}
        return {
            "row_var": parameter.new_zeros(*parameter.shape[:-1], 1),
            "col_var": parameter.new_zeros(*parameter.shape[:-2], 1, parameter.shape[-1]),
        }

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        eps1, eps2 = group["eps"]
        eps1 = finfo(p.dtype).eps if eps1 is None else eps1
        share = step ** group["beta2_decay"]  # of the new gradient in the second moments
        rate = max(eps2, _root_mean_square(p)) * min(lr, step**-0.5)
        p.mul_(1 - lr * group["weight_decay"])
        if p.dim() > 1:
            rows = state["row_var"].lerp_(g.square().mean(-1, keepdim=True), share)
            cols = state["col_var"].lerp_(g.square().mean(-2, keepdim=True), share)
            variance = rows @ cols / rows.mean(-2, keepdim=True).clamp(min=eps1)
        else:
            variance = state["variance"].lerp_(g.square(), share)
        update = variance.clamp(min=eps1 * eps1).rsqrt() * g
        p.sub_(update, alpha=rate / max(1.0, _root_mean_square(update) / group["d"]))

    def _loaded(self, parameter: Tensor, key: str, value: Any, position: int) -> Any:
        shapes = {"row_var": (*parameter.shape[:-1], 1), "col_var": (*parameter.shape[:-2], 1, *parameter.shape[-1:])}
        if key not in shapes:
            return super()._loaded(parameter, key, value, position)
        return super()._loaded(parameter.new_empty(shapes[key]), key, value, position)


def _root_mean_square(x: Tensor) -> float:
    return x.norm(2).item() / x.numel() ** 0.5 if x.numel() else 0.0

"""Muon. Knows its settings and its rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..dtypes import bfloat16
from ..ops.creation import zeros_like
from ..tensor import Tensor
from .composed import ComposedOptimizer


class Muon(ComposedOptimizer):
    """p = p * (1 - lr * weight_decay) - lr * scale * O, O a momentum of the gradients made nearly orthogonal (Jordan
    2024).

    For matrices only, hidden layers' weights: the rest of a model is given to AdamW. The singular values are driven
    towards 1 by ``ns_steps`` of a Newton-Schulz iteration in bfloat16. ``adjust_lr_fn`` is "original" (or None), which
    scales by sqrt(max(1, rows / cols)), or "match_rms_adamw", by 0.2 * sqrt(max(rows, cols)) (Liu et al. 2025).
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if ns_steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(ns_coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for parameter in self._parameters():
            if parameter.dim() != 2:
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {parameter.size()}"
                )

    def _start(self, parameter: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": zeros_like(parameter)}

    def _change(
        self, p: Tensor, g: Tensor, state: dict[str, Any], step: float, lr: float, group: dict[str, Any]
    ) -> None:
        momentum = group["momentum"]
        average = state["momentum_buffer"].mul_(momentum).add_(g, alpha=1 - momentum)
        update = g * (1 - momentum) + average * momentum if group["nesterov"] else average
        rows, cols = p.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * math.sqrt(max(rows, cols))
        else:
            scale = math.sqrt(max(1, rows / cols))
        p.mul_(1 - lr * group["weight_decay"])
        orthogonal = newton_schulz(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        p.sub_(orthogonal.to(p.dtype), alpha=lr * scale)


def newton_schulz(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Return a matrix of the same singular vectors, in bfloat16, whose singular values are near 1.

    x = a x + (b x x' + c (x x')^2) x drives the singular values, at most 1 to begin with, to the polynomial's plateau.
    """
    a, b, c = coefficients
    x = matrix.to(bfloat16)
    tall = x.shape[0] > x.shape[1]
    if tall:  # the smaller of the two Gram matrices
        x = x.t()
    x = x / x.square().sum().sqrt().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.t() if tall else x

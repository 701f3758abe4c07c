"""Adam for sparse gradients: only the rows that a step has a gradient for move, and only their moments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..layouts import strided
from ..ops.creation import zeros_like
from ..tensor import Tensor
from .optimizer import Optimizer, check_betas


class SparseAdam(Optimizer):
    """Adam (Kingma & Ba 2015) where the gradient is not 0, as `nn.Embedding(sparse=True)` gives it.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p = p - lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps), all
    of it in the rows of g alone. ``lr`` may be a tensor. RuntimeError for a dense gradient.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        for name, value in (("learning rate", lr), ("epsilon value", eps)):
            if not value > 0.0:
                raise ValueError(f"Invalid {name}: {value}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for group in self.param_groups:
            if sparse := [number for number, p in enumerate(group["params"]) if p.layout is not strided]:
                raise ValueError(f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")

    def _update_group(self, index: int, group: dict[str, Any], scale: Tensor | None) -> None:
        for parameter in group["params"]:
            if parameter.grad is not None:
                raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")

    def _change_sparse(self, parameter: Tensor, gradient: Any, group: dict[str, Any]) -> None:
        state, (first, second) = self.state[parameter], group["betas"]
        if not state:
            state.update(step=0, exp_avg=zeros_like(parameter), exp_avg_sq=zeros_like(parameter))
        state["step"] += 1
        at, g = gradient.entries()
        p, m, v = (x.view(-1, g.shape[1]) for x in (parameter, state["exp_avg"], state["exp_avg_sq"]))
        new_m, new_v = m[at].lerp(g, 1 - first), v[at] * second + g * g * (1 - second)
        rate = float(group["lr"]) * (1 - second ** state["step"]) ** 0.5 / (1 - first ** state["step"])
        m.index_copy_(0, at, new_m)
        v.index_copy_(0, at, new_v)
        p.index_add_(0, at, new_m / (new_v.sqrt() + group["eps"]), alpha=-rate)

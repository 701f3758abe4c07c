"""PyTorch's helpers for parameters: what is broadcast, probabilities from logits and back, and properties kept once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd_gpu as torch
from autograd_gpu import Tensor

euler_constant = 0.57721566490153286060  # Euler Mascheroni Constant

__all__ = [
    "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]  # fmt: skip


def one_of(probs: Any, logits: Any) -> Any:
    """Return the one that is given; ValueError where both are, or neither."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return logits if probs is None else probs


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Return tensors of one shape: numbers take the dtype and device of the first tensor, else the default dtype."""
    for value in values:
        if not isinstance(value, (Tensor, int, float)):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                f"__torch_function__, but got a {type(value).__name__}."
            )
    first = next((value for value in values if isinstance(value, Tensor)), None)
    dtype = torch.get_default_dtype() if first is None else first.dtype
    device = None if first is None else first.device
    made = (v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype, device=device) for v in values)
    return torch.broadcast_tensors(*made)


def clamp_probs(probs: Tensor) -> Tensor:
    """Return probabilities held away from 0 and 1 by the dtype's rounding error."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return log(p), or log(p / (1 - p)) of a single one."""
    held = clamp_probs(probs)
    return torch.log(held) - torch.log1p(-held) if is_binary else torch.log(held)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return the softmax of logits, or the sigmoid of a single one."""
    return torch.sigmoid(logits) if is_binary else logits.softmax(-1)


def _sum_rightmost(value: Any, dim: int) -> Any:
    """Return the sum over the last `dim` dimensions."""
    return value.reshape(*value.shape[:-dim], -1).sum(-1) if dim else value


class lazy_property:
    """A property that is computed when it is first asked for, and kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        vars(instance)[self.name] = value
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """Return a square matrix's entries on and below a diagonal, row by row."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = torch.tril_indices(n, n, diag, device=mat.device)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Return the square matrix whose entries on and below a diagonal are the vector's, row by row."""
    count = vec.shape[-1]
    held = (sum(min(max(row + 1 + diag, 0), n) for row in range(n)) for n in range(count + abs(diag) + 2))
    n = next((n for n, entries in enumerate(held) if entries == count and n > abs(diag)), None)
    if n is None:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as the lower triangular part of a square "
            "D x D matrix."
        )
    rows, columns = torch.tril_indices(n, n, diag, device=vec.device)
    matrix = vec.new_zeros(vec.shape[:-1] + (n, n))
    matrix[..., rows, columns] = vec
    return matrix

"""Distances and angles between vectors, and vectors of length 1."""

from __future__ import annotations

import numpy as np

from ...tensor import Tensor
from ..cast import broadcast_together, cast, in_full, result_type, rounded_once, wide_under_autocast
from ..creation import tensor
from ..elementwise import clamp
from ..index import index_select
from ..out import accepting_out
from ..reduce import norm, sum


def normalize(
    input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Return x / max(||x||_p, eps) along dim."""
    return _normalize(input, p, dim, eps, out=out)


@accepting_out
def _normalize(x: Tensor, p: float, dim: int | tuple[int, ...], eps: float) -> Tensor:
    wide = in_full(x)
    return cast(wide / clamp(norm(wide, p, dim, keepdim=True), min=eps), x.dtype)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1 . x2 / (max(||x1||, eps) * max(||x2||, eps)) along dim, x1 and x2 broadcast."""
    x1, x2 = wide_under_autocast(x1, x2)
    dtype = result_type(x1, x2)
    if not dtype.is_floating_point:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {dtype}")
    units = []
    for x in broadcast_together(in_full(cast(x1, dtype)), in_full(cast(x2, dtype))):
        length = norm(x, 2, dim, keepdim=True)
        constant = length.detach()
        # The bound passes the gradient on, as PyTorch's does, which writes it in place unseen.
        units.append(x / (length + (clamp(constant, min=eps) - constant)))
    return cast(sum(units[0] * units[1], dim), dtype)


@rounded_once
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Return ||x1 - x2 + eps||_p along the last dimension, x1 and x2 broadcast."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


@rounded_once
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return ||x_i - x_j||_p for all rows i < j of input (N, M): a vector of N (N - 1) / 2 distances."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if not input.is_floating_point():
        raise RuntimeError(f"pdist only supports floating-point dtypes, got: {input.dtype}")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = (tensor(rows, device=input.device) for rows in np.triu_indices(input._array.shape[0], 1))
    return norm(index_select(input, 0, first) - index_select(input, 0, second), p, 1)

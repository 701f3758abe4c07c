"""Distances and angles between vectors, and vectors of length 1."""

from __future__ import annotations

import math

import numpy as np

from ...modes import enable_grad, modes, no_grad
from ...op import Op
from ...tensor import Tensor
from ..cast import broadcast_together, cast, in_full, result_type, rounded_once, wide_under_autocast
from ..creation import tensor, zeros_like
from ..elementwise import clamp, maximum, where
from ..index import index_select
from ..out import into
from ..pieces import cat
from ..reduce import amax, norm, sum
from ..shape import narrow
from ..unary import abs

PAIRS_AT_A_TIME = 1 << 18  # elements of their differences


def normalize(
    input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Return x / max(||x||_p, eps) along dim."""
    if out is not None:
        return into(out, "normalize", _normalize, (input, p, dim, eps), {})
    return _normalize(input, p, dim, eps)


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
        # An angle knows no lengths: with the largest element taken out, no square is too large or too small.
        largest = amax(abs(x.detach()), dim, keepdim=True) if x._array.size else x.detach().sum(dim, keepdim=True)
        scale = where((largest > 0) & (largest < math.inf), largest, 1.0)
        x = x / scale
        length = norm(x, 2, dim, keepdim=True)
        constant = length.detach()
        # The bound passes the gradient on, as PyTorch's does, which writes it in place unseen.
        units.append(x / (length + (maximum(constant, eps / scale) - constant)))
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
    first, second = np.triu_indices(input._array.shape[0], 1)
    step = max(1, PAIRS_AT_A_TIME // max(input._array.shape[1], 1))
    pairs = [
        tuple(tensor(rows[start : start + step], device=input.device) for rows in (first, second))
        for start in range(0, max(len(first), 1), step)
    ]
    with no_grad():
        distances = cat([_distances(input, some[0], some[1], p) for some in pairs])
    return PairDistances.apply(input, distances, pairs=pairs, p=p)


def _distances(x: Tensor, first: Tensor, second: Tensor, p: float) -> Tensor:
    return norm(index_select(x, 0, first) - index_select(x, 0, second), p, 1)


class PairDistances(Op):
    """y_k = |x_i - x_j|_p of pair k, given by who applies it; differences are made again, some pairs at a time."""

    def forward(ctx, x, y, pairs, p):
        ctx.pairs, ctx.p = pairs, p
        return y

    def keep(ctx, y, x, given, pairs, p):
        ctx.save(x)

    def backward(ctx, gy):
        from ...autograd.backward import grad

        (x,) = ctx.saved
        if modes.grad:  # to be differentiated again: all pairs at once
            whole = [cat([some[side] for some in ctx.pairs]) for side in (0, 1)]
            x = x if x.requires_grad else x.detach().requires_grad_()  # in forward mode it need not
            return grad(_distances(x, *whole, ctx.p), x, gy, create_graph=True)[0], None
        total, start = zeros_like(x), 0
        leaf = x.detach().requires_grad_()
        for some in ctx.pairs:
            count = some[0]._array.shape[0]
            with enable_grad():
                part = grad(_distances(leaf, *some, ctx.p), leaf, narrow(gy, 0, start, count))[0]
            total, start = total + part, start + count
        return total, None

    def name(ctx) -> str:
        return "PdistBackward0"

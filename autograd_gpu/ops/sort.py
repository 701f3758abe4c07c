"""Sorting along one dimension, and the first of what is sorted."""

from __future__ import annotations

from ..op import Op
from ..tensor import Tensor
from .integers import as_integer, wrap_dim
from .public import public
from .results import ValuesIndices, sort_result, topk_result


class Sort(Op):
    """y, i = x sorted along `dim` and where each element was; NaN counts as the largest."""

    saved_as = "indices"

    def forward(ctx, x, dim, descending, stable):
        ctx.dim = dim
        return ctx.backend.sort(x, dim, descending, stable)

    def keep(ctx, outputs, x, dim, descending, stable):
        ctx.save(outputs[1].detach())

    def backward(ctx, gy, _):
        (index,) = ctx.saved
        return gy.new_zeros(gy.shape).scatter(ctx.dim, index, gy) if gy.ndim else gy


class Topk(Op):
    """y, i = the k largest elements of x along `dim` (or the smallest), in order, and where each was."""

    saved_as = "indices"

    def forward(ctx, x, dim, k, largest):
        ctx.dim, ctx.shape = dim, x.shape
        return ctx.backend.topk(x, dim, k, largest)

    def keep(ctx, outputs, x, dim, k, largest):
        ctx.save(outputs[1].detach())

    def backward(ctx, gy, _):
        (index,) = ctx.saved
        return gy.new_zeros(ctx.shape).scatter(ctx.dim, index, gy) if gy.ndim else gy


@public(out=True)
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """Return (values, indices) of input sorted along `dim`; NaN counts as the largest."""
    return sort_result(*Sort.apply(input, dim=wrap_dim(dim, input.ndim), descending=descending, stable=stable))


@public(out=True)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the indices that sort input along `dim`."""
    return sort(input.detach(), dim, descending, stable).indices


@public
def msort(input: Tensor) -> Tensor:
    """Return input sorted along its first dimension."""
    return sort(input, 0).values


@public(out=True)
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """Return the (values, indices) of the k largest (or smallest) elements along `dim`, in order."""
    if input._array.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes. Use x.int()")
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim] if input.ndim else 1
    k = as_integer(k, "k")
    if not 0 <= k <= size:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {dim} has size {size}")
    return topk_result(*Topk.apply(input, dim=dim, k=k, largest=largest))

"""Scans along one dimension: what each element makes of all those up to it.

Their gradients are first-order linear recurrences, which LinearScan computes, and which are their own transposes: no
division, so that zeros are no exception, and derivatives of every order.
"""

from __future__ import annotations

from .. import dtypes
from ..dtypes import DType
from ..op import Op
from ..tensor import Tensor
from .cast import cast, cast_to_sum, slope_rounded_once
from .creation import arange
from .elementwise import where
from .integers import wrap_dim
from .pieces import cat
from .public import public
from .results import ValuesIndices, cummax_result, cummin_result
from .shape import flip, narrow, reshape
from .unary import exp, isinf, logical_not


class LinearScan(Op):
    """y_i = a_i * y_(i-1) + b_i along `dim`, from y_(-1) = 0; reversed, y_i = a_(i+1) * y_(i+1) + b_i."""

    def forward(ctx, a, b, dim, reverse):
        ctx.dim, ctx.reverse = dim, reverse
        return ctx.backend.linear_scan(a, b, dim, reverse)

    def keep(ctx, y, a, b, dim, reverse):
        ctx.save(a, ctx.own(y) if ctx.edges[0] else None)

    def backward(ctx, gy):
        a, y = ctx.saved
        gb = LinearScan.apply(a, gy, dim=ctx.dim, reverse=not ctx.reverse)
        if not ctx.needs(0):
            return None, gb
        return (shifted(gb, ctx.dim, 0) * y if ctx.reverse else gb * shifted(y, ctx.dim, 0)), gb


def shifted(x: Tensor, dim: int, first: float) -> Tensor:
    """Return x with each element in the next place along `dim`, and `first` in the first."""
    shape = x._array.shape
    if not shape or shape[dim] == 0:
        return x if shape else x.new_full((), first)
    start = x.new_full([1 if d == dim else n for d, n in enumerate(shape)], first)
    return cat([start, narrow(x, dim, 0, shape[dim] - 1)], dim)


class Cumsum(Op):
    """y_i = x_0 + ... + x_i along `dim`."""

    def forward(ctx, x, dim, dtype):
        ctx.dim = dim
        return ctx.backend.cumsum(x, dim, dtype)

    def backward(ctx, gy):
        return flip(cumsum(flip(gy, ctx.dim), ctx.dim), ctx.dim) if gy.ndim else gy


class Cumprod(Op):
    """y_i = x_0 * ... * x_i along `dim`."""

    def forward(ctx, x, dim, dtype):
        ctx.dim = dim
        return ctx.backend.cumprod(x, dim, dtype)

    def keep(ctx, y, x, dim, dtype):
        ctx.save(x, ctx.own(y))

    @slope_rounded_once
    def backward(ctx, gy):
        # gx_i = (x_0 ... x_(i-1)) * (gy_i + x_(i+1) * (gy_(i+1) + x_(i+2) * (...)))
        x, y = ctx.saved
        return shifted(y, ctx.dim, 1) * LinearScan.apply(x, gy, dim=ctx.dim, reverse=True)


class Logcumsumexp(Op):
    """y_i = log(exp(x_0) + ... + exp(x_i)) along `dim`."""

    def forward(ctx, x, dim):
        ctx.dim = dim
        return ctx.backend.logcumsumexp(x, dim)

    def keep(ctx, y, x, dim):
        ctx.save(x, ctx.own(y))

    @slope_rounded_once
    def backward(ctx, gy):
        # gx_i = sum over j >= i of gy_j exp(x_i - y_j). As y never falls, steps of it never overflow.
        x, y = ctx.saved
        before = shifted(y, ctx.dim, float("-inf"))
        kept = exp(_difference(before, y))  # what the sum up to i-1 is of that up to i
        if ctx.output_shape:
            kept = where(before == float("-inf"), 0.0, kept)
        share = where(isinf(x) & (x == y), 1.0 - kept, exp(_difference(x, y)))
        return share * LinearScan.apply(kept, gy, dim=ctx.dim, reverse=True)


def _difference(x: Tensor, y: Tensor) -> Tensor:
    """Return x - y, and 0 for equal infinities."""
    is_same = isinf(x) & (x == y)
    return where(is_same, 0.0, x) - where(is_same, 0.0, y)


class Cummax(Op):
    """y, i = the largest of x so far along `dim`, and where it last was, which gets the gradients of all that show
    it."""

    kernel = "cummax"

    def forward(ctx, x, dim):
        ctx.dim = dim
        return getattr(ctx.backend, ctx.kernel)(x, dim)

    def keep(ctx, outputs, x, dim):
        ctx.save(outputs[1].detach())

    def backward(ctx, gy, _):
        (index,) = ctx.saved
        if gy._array.size == 0 or gy.ndim == 0:
            return gy
        places = arange(gy._array.shape[ctx.dim], device=gy.device)
        is_here = index == reshape(places, [-1 if d == ctx.dim else 1 for d in range(gy.ndim)])
        goes_on = cast(logical_not(is_here), gy.dtype)  # it still shows what the element before shows
        return where(is_here, LinearScan.apply(goes_on, gy, dim=ctx.dim, reverse=True), 0.0)


class Cummin(Cummax):
    """y, i = the smallest of x so far along `dim`, and where it last was."""

    kernel = "cummin"


@public(in_place="method", out=True)
def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the running sum along `dim`. Integers and bools are summed in int64."""
    if dtype is not None:
        input = cast_to_sum(input, dtype)
    elif input._array.dtype.kind in "iub":
        input = cast(input, dtypes.int64)
    return Cumsum.apply(input, dim=wrap_dim(dim, input._array.ndim), dtype=input._array.dtype)


@public(in_place="method", out=True)
def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the running product along `dim`. Integers and bools are multiplied in int64."""
    if dtype is not None:
        input = cast_to_sum(input, dtype)
    elif input._array.dtype.kind in "iub":
        input = cast(input, dtypes.int64)
    return Cumprod.apply(input, dim=wrap_dim(dim, input.ndim), dtype=input._array.dtype)


@public(out=True)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return log of the running sum of exp along `dim`, without overflow."""
    dim = wrap_dim(dim, input.ndim)
    if not input.is_floating_point():
        raise NotImplementedError(f'"logcumsumexp" not implemented for {input.dtype}. Use x.float().')
    return Logcumsumexp.apply(input, dim=dim)


@public(out=True)
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """Return (values, indices): the largest so far along `dim` and where it last was; NaN wins."""
    return cummax_result(*Cummax.apply(input, dim=wrap_dim(dim, input.ndim)))


@public(out=True)
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """Return (values, indices): the smallest so far along `dim` and where it last was; NaN wins."""
    return cummin_result(*Cummin.apply(input, dim=wrap_dim(dim, input.ndim)))

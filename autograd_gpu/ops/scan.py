"""Scans along one dimension: what each element makes of all those up to it. (Running sums are with the sums, in reduce.)

Their gradients are first-order linear recurrences, which LinearScan computes, and which are their own transposes: no
division, so that zeros are no exception, and derivatives of every order.
"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..dtypes import DType
from ..op import Op
from ..tensor import Tensor
from .cast import cast, floating
from .creation import arange
from .elementwise import where
from .pieces import cat
from .public import public
from .reduce import ValuesAndIndices, cumsum, sum
from .shape import narrow, reshape, select, wrap_dim
from .unary import exp, isinf, logical_not

cummax_result, cummin_result = (type(name, (ValuesAndIndices,), {"__slots__": ()}) for name in ("cummax", "cummin"))


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
        return x if shape else x.new_full((), first)  # type: ignore[attr-defined]
    start = x.new_full([1 if d == dim else n for d, n in enumerate(shape)], first)  # type: ignore[attr-defined]
    return cat([start, narrow(x, dim, 0, shape[dim] - 1)], dim)


class Cumprod(Op):
    """y_i = x_0 * ... * x_i along `dim`."""

    def forward(ctx, x, dim, dtype):
        ctx.dim = dim
        return ctx.backend.cumprod(x, dim, dtype)

    def keep(ctx, y, x, dim, dtype):
        ctx.save(x, ctx.own(y))

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
    """y, i = the largest of x so far along `dim`, and where it last was, which gets the gradients of all that show it."""

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
def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the running product along `dim`. Integers and bools are multiplied in int64."""
    if dtype is not None:
        input = cast(input, dtype)
    elif input._array.dtype.kind in "iub":
        input = cast(input, dtypes.int64)
    return Cumprod.apply(input, dim=wrap_dim(dim, input.ndim), dtype=input._array.dtype)


@public(out=True)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return log of the running sum of exp along `dim`, without overflow."""
    if not input.is_floating_point():
        raise NotImplementedError(f'"logcumsumexp" not implemented for {input.dtype}. Use x.float().')
    return Logcumsumexp.apply(input, dim=wrap_dim(dim, input.ndim))


@public
def cummax(input: Tensor, dim: int) -> Any:
    """Return (values, indices): the largest so far along `dim` and where it last was; NaN wins."""
    return cummax_result(*Cummax.apply(input, dim=wrap_dim(dim, input.ndim)))


@public
def cummin(input: Tensor, dim: int) -> Any:
    """Return (values, indices): the smallest so far along `dim` and where it last was; NaN wins."""
    return cummin_result(*Cummin.apply(input, dim=wrap_dim(dim, input.ndim)))


@public
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return the n-th differences of neighbours along `dim`, of input with prepend and append joined to its ends."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = wrap_dim(dim, input.ndim)
    ends = [part for part in (prepend, input, append) if part is not None]
    x = cat(ends, dim) if len(ends) > 1 else input
    for _ in range(min(n, x._array.shape[dim])):
        size = x._array.shape[dim] - 1
        later, earlier = narrow(x, dim, 1, size), narrow(x, dim, 0, size)
        x = later != earlier if x._array.dtype.kind == "b" else later - earlier  # type: ignore[operator, assignment]
    return x.clone() if x is input else x  # type: ignore[attr-defined]


@public(method=False, also="trapz")
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integral of y along `dim` by the trapezoidal rule, over places x or with steps of dx (1)."""
    if x is not None or y.ndim == 0 or y._array.shape[wrap_dim(dim, y.ndim)] == 0:
        return sum(_trapezoids("trapezoid", y, x, dx, dim), dim)
    ends = select(y, dim, 0) + select(y, dim, -1)  # type: ignore[operator]
    area = sum(y, dim) - ends / 2.0
    return area if dx is None else area * dx


@public(method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integrals of y along `dim` up to the second element, the third, ... (see `trapezoid`)."""
    return cumsum(_trapezoids("cumulative_trapezoid", y, x, dx, dim), dim)


def _trapezoids(name: str, y: Tensor, x: Tensor | None, dx: float | None, dim: int) -> Tensor:
    """The areas between neighbours along `dim`."""
    if x is not None and dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: pass x or dx, not both")
    if y.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = wrap_dim(dim, y.ndim)
    size = y._array.shape[dim]
    width: Any = 1 if dx is None else dx
    if x is not None and size:
        if x.ndim == 1:
            if x._array.shape[0] != size:
                raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
            x = reshape(x, [-1 if d == dim else 1 for d in range(y.ndim)])
        along = wrap_dim(dim - y.ndim, x.ndim)
        width = _neighbours(x, along, 1) - _neighbours(x, along, 0)
    if size == 0:
        return floating(y)
    return (_neighbours(y, dim, 0) + _neighbours(y, dim, 1)) * width / 2.0


def _neighbours(x: Tensor, dim: int, start: int) -> Any:
    return narrow(x, dim, start, x._array.shape[dim] - 1)

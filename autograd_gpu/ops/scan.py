"""Scans along one dimension: what each element makes of all those up to it. Sums have a kernel of their own (reduce).

The others combine neighbours at distances 1, 2, 4, ... (Hillis & Steele 1986): log2(n) operations on whole tensors,
which differentiate themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..dtypes import DType
from ..tensor import Tensor
from .cast import cast, floating
from .creation import arange
from .elementwise import ge, le, where
from .elementwise_composed import logaddexp
from .index import gather
from .reduce import ValuesAndIndices
from .shape import broadcast_to, cat, narrow, reshape, wrap_dim
from .unary import isnan

Several = tuple[Tensor, ...]

cummax_result, cummin_result = (type(name, (ValuesAndIndices,), {"__slots__": ()}) for name in ("cummax", "cummin"))


def scan(combine: Callable[[Several, Several], Several], xs: Several, dim: int) -> Several:
    """Each element combined with all before it. `combine(before, x)` is associative, on tuples of equal shapes."""
    size = xs[0]._array.shape[dim] if xs[0].ndim else 1
    if size <= 1:
        return tuple(x.clone() for x in xs)  # type: ignore[attr-defined]
    step = 1
    while step < size:
        before = tuple(narrow(x, dim, 0, size - step) for x in xs)
        here = tuple(narrow(x, dim, step, size - step) for x in xs)
        combined = combine(before, here)
        xs = tuple(cat([narrow(x, dim, 0, step), y], dim) for x, y in zip(xs, combined))
        step *= 2
    return xs


def _in_full(x: Tensor) -> Tensor:
    """A half type in float32: the steps of a scan round once, at the end."""
    return cast(x, dtypes.float32) if x._array.dtype.itemsize == 2 and x.is_floating_point() else x


def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the running product along `dim`. Integers and bools are multiplied in int64."""
    if dtype is not None:
        input = cast(input, dtype)
    elif input._array.dtype.kind in "iub":
        input = cast(input, dtypes.int64)
    (y,) = scan(lambda before, x: (before[0] * x[0],), (_in_full(input),), wrap_dim(dim, input.ndim))
    return cast(y, input.dtype)


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return log of the running sum of exp along `dim`, without overflow."""
    dim = wrap_dim(dim, input.ndim)
    x = floating(input)
    (y,) = scan(lambda before, x: (logaddexp(before[0], x[0]),), (_in_full(x),), dim)
    return cast(y, x.dtype)


def cummax(input: Tensor, dim: int) -> Any:
    """Return (values, indices): the largest so far along `dim` and where it last was; NaN wins."""
    return cummax_result(*_extreme_so_far(input, dim, ge))


def cummin(input: Tensor, dim: int) -> Any:
    """Return (values, indices): the smallest so far along `dim` and where it last was; NaN wins."""
    return cummin_result(*_extreme_so_far(input, dim, le))


def _extreme_so_far(input: Tensor, dim: int, is_no_worse: Callable[[Tensor, Tensor], Tensor]) -> Several:
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return input.clone(), arange(1, device=input.device).reshape(())  # type: ignore[attr-defined]
    places = [1] * input.ndim
    places[dim] = input._array.shape[dim]
    index = broadcast_to(reshape(arange(places[dim], device=input.device), places), input._array.shape)

    def later_if_no_worse(before: Several, x: Several) -> Several:
        takes_over = is_no_worse(x[0], before[0])
        if input.is_floating_point():
            takes_over = (takes_over & ~isnan(before[0])) | isnan(x[0])
        return where(takes_over, x[0], before[0]), where(takes_over, x[1], before[1])

    _, index = scan(later_if_no_worse, (input.detach(), index), dim)
    return gather(input, dim, index), index


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

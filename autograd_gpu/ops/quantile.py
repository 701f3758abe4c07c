"""Quantiles: where a share of the sorted elements lies below."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..tensor import Tensor
from .cast import broadcast, cast
from .elementwise import where
from .elementwise_composed import lerp
from .index import gather
from .integers import wrap_dim
from .public import public
from .reduce import any as any_of
from .reduce import sum
from .shape import movedim, reshape, squeeze, unsqueeze
from .sort import sort
from .unary import ceil, floor, isinf, isnan, logical_not, round

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@public(out=True)
def quantile(
    input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the q-quantiles of input along `dim` (of all elements by default); NaN where there is one.

    q is a number or a vector of numbers from [0, 1]; a vector's quantiles lie along a new first dimension. A quantile
    between two elements is theirs interpolated: "linear", "lower", "higher", "midpoint" or "nearest".
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@public(out=True)
def nanquantile(
    input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return `quantile` of the elements that are not NaN; NaN where there are none."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    name: str, input: Tensor, q: float | Tensor, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    share = _checked(name, input, q, interpolation)
    place = 0 if dim is None else wrap_dim(dim, input.ndim)
    x = reshape(input, (input._array.size,)) if dim is None or input.ndim == 0 else movedim(input, place, -1)
    ordered = sort(x, -1).values  # NaN last
    count = x._array.shape[-1]
    is_nan = isnan(x.detach())
    if name == "quantile":
        rank = where(any_of(is_nan, -1, keepdim=True), count - 1.0, share * (count - 1))
    else:
        last = cast(sum(logical_not(is_nan), -1, keepdim=True) - 1, x.dtype)
        rank = share * last.clamp(min=0)
    y = _at(ordered, rank, interpolation)  # (..., number of quantiles)
    if keepdim:
        ones = tuple(1 if dim is None or d == place else n for d, n in enumerate(input._array.shape))
        y = reshape(movedim(y, -1, 0), (y._array.shape[-1], *ones))
    else:
        y = movedim(y, -1, 0)
    return y if isinstance(q, Tensor) and q.ndim else squeeze(y, 0)


def _checked(name: str, x: Tensor, q: float | Tensor, interpolation: str) -> Tensor:
    """Return q as a vector of input's dtype."""
    if x._array.size == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if isinstance(q, Tensor):
        if q.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
        if q.dtype is not x.dtype:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
        return q if q.ndim else unsqueeze(q, 0)
    if not 0 <= q <= 1:
        raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
    return x.new_full((1,), q)


def _at(ordered: Tensor, rank: Tensor, interpolation: str) -> Tensor:
    """The elements at fractional places along the last dimension."""
    shape = (*ordered._array.shape[:-1], rank._array.shape[-1])
    rank = broadcast(rank, shape)
    if interpolation in ("lower", "higher", "nearest"):
        whole: Any = {"lower": floor, "higher": ceil, "nearest": round}[interpolation](rank)
        return gather(ordered, -1, cast(whole, dtypes.int64))
    below = floor(rank.detach())
    low = gather(ordered, -1, cast(below, dtypes.int64))
    high = gather(ordered, -1, cast(ceil(rank.detach()), dtypes.int64))
    share: Any = 0.5 if interpolation == "midpoint" else rank - below
    # An infinity and a number have an infinity between them, and two alike nothing else; lerp would subtract them.
    is_level, is_infinite = low == high, isinf(low) | isinf(high)
    left, right = (where(is_infinite & ~is_level, x, 0.0) for x in (low, high))
    y = lerp(where(is_infinite, 0.0, low), where(is_infinite, 0.0, high), share)
    return where(is_infinite, where(is_level, low, left * (1 - share) + right * share), y)

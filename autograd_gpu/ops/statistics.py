"""Reductions made of others: two results at once, elements left out, elements counted."""

from __future__ import annotations

import builtins
import collections
import math
from typing import Any

from .. import dtypes
from ..dtypes import DType
from ..tensor import Tensor
from .cast import Number, cast
from .elementwise import where
from .index import scatter_add
from .reduce import Dims, amax, amin, mean, sum, var
from .shape import reshape
from .unary import isnan, logical_not, sqrt


class aminmax_result(collections.namedtuple("aminmax", ["min", "max"])):
    """What aminmax returns; prints as PyTorch's does."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.return_types.aminmax(\nmin={self.min},\nmax={self.max})"


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return (min, max) over all elements or along `dim`; ties share the gradient evenly."""
    if dim is None and input._array.size == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    dims: Any = () if dim is None else dim
    return aminmax_result(amin(input, dims, keepdim), amax(input, dims, keepdim))


def var_mean(
    input: Tensor, dim: Any = None, *, correction: Number = 1, keepdim: bool = False, unbiased: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Return (variance, mean) over `dim`."""
    over = None if isinstance(dim, builtins.bool) else dim
    return var(input, dim, correction=correction, keepdim=keepdim, unbiased=unbiased), mean(input, over, keepdim)


def std_mean(
    input: Tensor, dim: Any = None, *, correction: Number = 1, keepdim: bool = False, unbiased: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Return (standard deviation, mean) over `dim`."""
    variance, centre = var_mean(input, dim, correction=correction, keepdim=keepdim, unbiased=unbiased)
    return sqrt(variance), centre


def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the sum over `dim` of the elements that are not NaN."""
    return sum(where(isnan(input), 0, input), dim, keepdim, dtype=dtype)


def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the mean over `dim` of the elements that are not NaN; NaN where there are none."""
    if not input.is_floating_point():
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}")
    return nansum(input, dim, keepdim, dtype=dtype) / sum(logical_not(isnan(input)), dim, keepdim)


def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Return how many elements over `dim` are not zero."""
    return sum(input != 0, dim)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each of 0, 1, ... occurs in a vector, or the sums of their weights. Synchronises."""
    if input.ndim != 1 or input._array.dtype.kind not in "iu":
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is not None and weights._array.shape != input._array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    size = minlength
    if input._array.size:
        if int(input.min().item()) < 0:  # type: ignore[attr-defined]
            raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
        size = builtins.max(size, int(input.max().item()) + 1)  # type: ignore[attr-defined]
    if weights is None:
        weights = input.new_ones(input.shape, dtype=dtypes.int64)  # type: ignore[attr-defined]
    elif weights.dtype is not dtypes.float32:
        weights = cast(weights, dtypes.float64)
    zeros = weights.new_zeros(size)  # type: ignore[attr-defined]
    return scatter_add(zeros, 0, cast(input, dtypes.int64), weights.detach())


def histc(input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor:
    """Return how many elements fall into each of `bins` equal intervals of [min, max], by default the data's range.

    Synchronises. Elements outside the range, and NaN, are not counted.
    """
    if not input.is_floating_point():
        raise NotImplementedError(f'"histogram_cpu" not implemented for {input.dtype}. Use x.float().')
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    x = reshape(input.detach(), (input._array.size,))
    if min == max and x._array.size:
        min, max = float(x.min().item()), float(x.max().item())  # type: ignore[attr-defined]
    if min == max:
        min, max = min - 1, max + 1
    if not (math.isfinite(min) and math.isfinite(max)):
        raise RuntimeError(f"range of [{min}, {max}] is not finite")
    if min > max:
        raise RuntimeError("max must be larger than min")
    is_inside = (x >= min) & (x <= max)
    place = where(is_inside, (where(is_inside, x, min) - min) * (bins / (max - min)), 0.0)
    place = cast(place, dtypes.int64).clamp(max=bins - 1)  # type: ignore[attr-defined]
    return scatter_add(x.new_zeros(bins), 0, place, cast(is_inside, x.dtype))  # type: ignore[attr-defined]

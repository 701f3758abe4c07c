"""Reductions made of others: two results at once, elements left out, elements counted, variables compared."""

from __future__ import annotations

import builtins
import math
from typing import Any

from .. import dtypes
from ..dtypes import DType
from ..tensor import Tensor
from ..user_line import warn
from .bounds import refuse_unless
from .cast import Number, as_number, cast, floating, rounded_once
from .complex_numbers import complex, conj, only_real
from .creation import linspace
from .diagonals import diagonal
from .elementwise import where
from .index import scatter_add
from .matmul import matmul
from .public import public
from .reduce import Dims, amax, amin, mean, std, sum, var
from .results import Histogram, MinMax, aminmax_result, histogram_result
from .searchsorted import searchsorted
from .shape import clone, reshape, transpose, unsqueeze
from .unary import isnan, logical_not, sqrt


@public
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Return (min, max) over all elements or along `dim`; ties share the gradient evenly."""
    if dim is None and input._array.size == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    dims: Any = () if dim is None else dim
    return aminmax_result(amin(input, dims, keepdim), amax(input, dims, keepdim))


@public(method=False)
@rounded_once
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = 1,
) -> tuple[Tensor, Tensor]:
    """Return (variance, mean) over `dim`."""
    over = None if isinstance(dim, builtins.bool) else dim
    return var(input, dim, correction=correction, keepdim=keepdim, unbiased=unbiased), mean(input, over, keepdim)


@public(method=False)
@rounded_once
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = 1,
) -> tuple[Tensor, Tensor]:
    """Return (standard deviation, mean) over `dim`."""
    _, centre = var_mean(input, dim, correction=correction, keepdim=keepdim, unbiased=unbiased)
    return std(input, dim, correction=correction, keepdim=keepdim, unbiased=unbiased), centre


@public
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the sum over `dim` of the elements that are not NaN."""
    only_real("nansum", input)
    return sum(where(isnan(input), 0, input), dim, keepdim, dtype=dtype)


@public(out=True)
@rounded_once
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the mean over `dim` of the elements that are not NaN; NaN where there are none."""
    if not input.is_floating_point():
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}")
    return nansum(input, dim, keepdim, dtype=dtype) / sum(logical_not(isnan(input)), dim, keepdim)


@public
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Return how many elements over `dim` are not zero."""
    return sum(input != 0, dim)


@public
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
        if int(input.min().item()) < 0:
            raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
        size = builtins.max(size, int(input.max().item()) + 1)
    if weights is None:
        weights = input.new_ones(input.shape, dtype=dtypes.int64)
    elif weights.dtype is not dtypes.float32:
        weights = cast(weights, dtypes.float64)
    zeros = weights.new_zeros(size)
    return scatter_add(zeros, 0, cast(input, dtypes.int64), weights.detach())


@public(out=True)
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
        min, max = float(x.min().item()), float(x.max().item())
    if min == max:
        min, max = min - 1, max + 1
    if not (math.isfinite(min) and math.isfinite(max)):
        raise RuntimeError(f"range of [{min}, {max}] is not finite")
    if min > max:
        raise RuntimeError("max must be larger than min")
    is_inside = (x >= min) & (x <= max)
    place = where(is_inside, (where(is_inside, x, min) - min) * (bins / (max - min)), 0.0)
    place = cast(place, dtypes.int64).clamp(max=bins - 1)
    return scatter_add(x.new_zeros(bins), 0, place, cast(is_inside, x.dtype))


@public
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Return the covariance matrix of variables (rows) over observations (columns); of one row, its variance.

    `fweights` says how often each observation was made, `aweights` how much it counts. The sum of products is divided
    by the number of observations less the correction.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input._array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = reshape(input, (1, input._array.size)) if input.ndim < 2 else input
    count = x._array.shape[1]
    weight = _observation_weights(count, fweights, aweights)
    x = floating(x)
    if weight is None:
        total: Any = count
        centred = x - mean(x, 1, keepdim=True)
        divisor: Any = builtins.max(count - correction, 0)
        product = matmul(centred, conj(transpose(centred, 0, 1)))
    else:
        weight = cast(weight, x.dtype)
        total = sum(weight)
        centred = x - sum(x * weight, 1, keepdim=True) / total
        spread = total if aweights is None or correction == 0 else sum(weight * cast(aweights, x.dtype)) / total
        divisor = total - correction * (1 if spread is total else spread)
        divisor = divisor.clamp(min=0)
        product = matmul(centred, conj(transpose(centred * weight, 0, 1)))
    if isinstance(divisor, Tensor):
        refuse_unless(total != 0, "cov(): weights sum to zero, can't be normalized")
    elif count <= correction:
        warn("cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.")
    y = product / divisor
    return reshape(y, ()) if x._array.shape[0] == 1 else y


def _observation_weights(count: int, fweights: Tensor | None, aweights: Tensor | None) -> Tensor | None:
    weight: Tensor | None = None
    for name, kinds, what, given in (
        ("fweights", "iu", "integral", fweights),
        ("aweights", "fV", "floating point", aweights),
    ):
        if given is None:
            continue
        if given.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {given.ndim}"
            )
        if given._array.dtype.kind not in kinds:
            raise RuntimeError(f"cov(): expected {name} to have {what} dtype but got {name} with {given.dtype} dtype")
        if given._array.size != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                f"{given._array.size} != {count}"
            )
        refuse_unless(given.detach() >= 0, f"cov(): {name} cannot be negative")
        weight = given if weight is None else weight * given
    return weight


@public
def corrcoef(input: Tensor) -> Tensor:
    """Return the correlation matrix of variables (rows) over observations (columns), its elements within [-1, 1].

    A constant variable has no correlation: NaN, which does not reach the gradients of the others.
    """
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    variance = diagonal(covariance)
    variance = variance.real if input.is_complex() else variance
    is_constant = variance == 0
    deviation = sqrt(where(is_constant, 1.0, variance))
    y = covariance / unsqueeze(deviation, 1) / unsqueeze(deviation, 0)
    y = complex(y.real.clamp(-1, 1), y.imag.clamp(-1, 1)) if y.is_complex() else y.clamp(-1, 1)
    return where(unsqueeze(is_constant, 1) | unsqueeze(is_constant, 0), math.nan, y)


@public
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """Return (hist, bin_edges): how many elements, or how much weight, each bin holds; the last has both its edges.

    `bins` is a number of equal bins over `range` (by default the data's), or a vector of their edges. With `density`
    the integral over all bins is 1. Synchronises to find the data's range.
    """
    if not input.is_floating_point():
        raise NotImplementedError(f'"histogram" not implemented for {input.dtype}. Use x.float().')
    x = reshape(input.detach(), (input._array.size,))
    if isinstance(bins, Tensor) and bins.ndim:
        if not bins._array.size:
            raise RuntimeError("torch.histogram: bins tensor should have at least 1 element")
        edges = clone(bins.detach())
    else:
        edges = _equal_edges(x, int(as_number(bins, "histogram", "bins")), range)
    if edges.dtype is not x.dtype or (weight is not None and weight.dtype is not x.dtype):
        raise RuntimeError("torch.histogram: input tensor, bins and weight tensors should have the same dtype")
    if weight is not None and weight._array.shape != input._array.shape:
        raise RuntimeError("torch.histogram: if weight tensor is provided it should have the same shape as the input")
    number = edges._array.shape[0] - 1
    place = searchsorted(edges, x, right=True) - 1
    place = where(x == edges[-1], number - 1, place)
    is_inside = (place >= 0) & (place < number)
    amount = cast(is_inside, x.dtype)
    if weight is not None:
        amount = where(is_inside, reshape(weight.detach(), x._array.shape), 0.0)
    hist = scatter_add(x.new_zeros(number), 0, where(is_inside, place, 0), amount)
    if density:
        hist = hist / sum(hist) / (edges[1:] - edges[:-1])
    return histogram_result(hist, edges)


def _equal_edges(x: Tensor, bins: int, range: tuple[float, float] | None) -> Tensor:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins}")
    low, high = (0.0, 0.0) if range is None else range
    if range is None and x._array.size:
        low, high = float(x.min().item()), float(x.max().item())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histogram: range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("torch.histogram: min should not exceed max")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return linspace(low, high, bins + 1, dtype=x.dtype, device=x.device)

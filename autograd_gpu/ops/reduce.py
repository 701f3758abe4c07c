"""Reductions over any dimensions: sums, means, products, extremes, variances and norms."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..dtypes import SCALAR_TYPES, DType
from ..op import Op
from ..tensor import Tensor
from .cast import as_number, broadcast, cast, cast_to_sum, counting, floating, rounded_once, wide_under_autocast
from .creation import arange
from .elementwise import Number, maximum, minimum, ne, pow, where
from .integers import wrap_dim, wrap_dims
from .public import public
from .results import max_result, min_result
from .scan import cumprod, shifted
from .shape import flip, reshape
from .unary import abs, exp, log, sign

Dims = int | Sequence[int] | None


def _restore(gy: Tensor, shape: tuple[int, ...], dims: tuple[int, ...]) -> Tensor:
    """Return a reduction's gradient (or result) with its reduced dimensions back, each of size 1."""
    return reshape(gy, tuple(1 if d in dims else size for d, size in enumerate(shape)))


class Sum(Op):
    """y = the sum of x over `dims`."""

    def forward(ctx, x, dims, keepdim, dtype):
        ctx.shape, ctx.dims = x.shape, dims
        return ctx.backend.sum(x, dims, keepdim, dtype)

    def backward(ctx, gy):
        return broadcast(_restore(gy, ctx.shape, ctx.dims), ctx.shape)

    def name(ctx) -> str:
        return "SumBackward0" if len(ctx.dims) == len(ctx.shape) else "SumBackward1"


class Mean(Op):
    """y = the mean of x over `dims`."""

    def forward(ctx, x, dims, keepdim):
        ctx.shape, ctx.dims = x.shape, dims
        return ctx.backend.mean(x, dims, keepdim)

    def backward(ctx, gy):
        count = math.prod(ctx.shape[d] for d in ctx.dims)
        return broadcast(_restore(gy * (1 / count if count else math.nan), ctx.shape, ctx.dims), ctx.shape)

    def name(ctx) -> str:
        return "MeanBackward0" if len(ctx.dims) == len(ctx.shape) else "MeanBackward1"


class Prod(Op):
    """y = the product of x over `dims`; its gradient is exact at zeros too."""

    saved_as = "self"

    def forward(ctx, x, dims, keepdim, dtype):
        ctx.shape, ctx.dims = x.shape, dims
        return ctx.backend.prod(x, dims, keepdim, dtype)

    def keep(ctx, y, x, dims, keepdim, dtype):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        gy = _restore(gy, ctx.shape, ctx.dims)
        for dim in reversed(ctx.dims):  # the product over several dimensions is that of products over one
            x = x.movedim(dim, -1)
        kept = x.ndim - len(ctx.dims)
        others = _product_of_others(x.reshape(*x.shape[:kept], math.prod(x.shape[kept:])))
        others = others.reshape(x.shape)
        for dim in ctx.dims:
            others = others.movedim(-1, dim)
        return gy * others


def _product_of_others(x: Tensor) -> Tensor:
    """Along the last dimension: each element's product of all the others, from two running products, never dividing."""
    before = shifted(cumprod(x, -1), x.ndim - 1, 1)
    after = flip(shifted(cumprod(flip(x, -1), -1), x.ndim - 1, 1), -1)
    return before * after


class Amax(Op):
    """y = the largest of x over `dims`; ties share the gradient evenly."""

    saved_as = "self result"
    kernel = "amax"

    def forward(ctx, x, dims, keepdim):
        ctx.shape, ctx.dims = x.shape, dims
        return getattr(ctx.backend, ctx.kernel)(x, dims, keepdim)

    def keep(ctx, y, x, dims, keepdim):
        ctx.save(x, ctx.own(y))

    def backward(ctx, gy):
        x, y = ctx.saved
        best = broadcast(_restore(y.detach(), ctx.shape, ctx.dims), ctx.shape)
        is_best = x == best
        if ctx.is_full:  # where NaN won, it is the NaNs that share; PyTorch's amax does without
            is_best = is_best | ((x != x) & (best != best))
        if not ctx.dims:
            return cast(is_best, gy.dtype) * gy
        count = cast(is_best, counting(gy.dtype)).sum(ctx.dims, keepdim=True)
        share = cast(_restore(gy, ctx.shape, ctx.dims) / count, gy.dtype)
        return cast(is_best, gy.dtype) * share

    def name(ctx) -> str:
        return "MaxBackward1" if ctx.is_full else type(ctx).__name__ + "Backward0"

    is_full = False


class Amin(Amax):
    """y = the smallest of x over `dims`; ties share the gradient evenly."""

    kernel = "amin"


class MaxWithIndex(Op):
    """y, i = the largest of x along `dim` and where it is; the first of several gets the gradient."""

    saved_as = "indices"
    kernel = "max_with_index"

    def forward(ctx, x, dim, keepdim):
        ctx.shape, ctx.dim = x.shape, dim
        return getattr(ctx.backend, ctx.kernel)(x, dim, keepdim)

    def keep(ctx, outputs, x, dim, keepdim):
        ctx.save(outputs[1].detach())

    def backward(ctx, gy, _):
        (index,) = ctx.saved
        dims = (ctx.dim,) if ctx.shape else ()
        return _put_along(_restore(gy, ctx.shape, dims), _restore(index, ctx.shape, dims), ctx.shape, ctx.dim)

    def name(ctx) -> str:
        return "MaxBackward0" if ctx.kernel == "max_with_index" else "MinBackward0"


class MinWithIndex(MaxWithIndex):
    """y, i = the smallest of x along `dim` and where it is; the first of several gets the gradient."""

    kernel = "min_with_index"


def _put_along(values: Tensor, index: Tensor, shape: tuple[int, ...], dim: int) -> Tensor:
    """Return zeros of `shape` with `values` at `index` along `dim`."""
    if not shape:
        return values
    places = arange(shape[dim], device=values.device).reshape([-1 if d == dim else 1 for d in range(len(shape))])
    return where(broadcast(places, shape) == index, values, 0.0)


class Var(Op):
    """y = the variance of x over `dims`, with the sum divided by (n - correction)."""

    saved_as = "self"

    def forward(ctx, x, dims, keepdim, correction):
        ctx.dims, ctx.correction = dims, correction
        return ctx.backend.var(x, dims, keepdim, correction)

    def keep(ctx, y, x, dims, keepdim, correction):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        shape = x._array.shape
        count = math.prod(shape[d] for d in ctx.dims)
        gy, centred = _restore(gy, shape, ctx.dims), x - mean(x, ctx.dims, keepdim=True)
        if count <= ctx.correction and len(ctx.dims) == len(shape):
            return gy * where(centred == 0, math.nan, math.inf)
        return gy * (2 / (count - ctx.correction) if count != ctx.correction else math.inf) * centred


class Std(Op):
    """y = the square root of a variance x; its gradient where x is 0 is 0."""

    def forward(ctx, x):
        return ctx.backend.sqrt(x)

    def keep(ctx, y, x):
        ctx.save(ctx.own(y))

    def backward(ctx, gy):
        (y,) = ctx.saved
        is_zero = y == 0
        return where(is_zero, 0.0, gy / where(is_zero, 1.0, y * 2.0))


class Norm(Op):
    """y = the square root of the sum of squares over `dims`; the gradient of a zero norm is 0."""

    saved_as = "self result"

    def forward(ctx, x, dims, keepdim):
        ctx.dims = dims
        backend = ctx.backend
        return backend.sqrt(backend.sum(backend.square(x), dims, keepdim, x.dtype))

    def keep(ctx, y, x, dims, keepdim):
        ctx.save(x, ctx.own(y))

    def backward(ctx, gy):
        x, y = ctx.saved
        gy, shape = reshape(gy, y._array.shape), x._array.shape
        is_zero = y == 0  # put aside before the division, which would make NaN of its derivatives
        return x * _restore(where(is_zero, 0.0, gy / where(is_zero, 1.0, y)), shape, ctx.dims)

    def name(ctx) -> str:
        return "LinalgVectorNormBackward0"


class Reduction(Op):
    """any and all: reductions that answer with bools."""

    differentiable = False

    def forward(ctx, x, kernel, dims, keepdim):
        return getattr(ctx.backend, kernel)(x, dims, keepdim)


# ---------------------------------------------------------------------------------------------- public functions


@public(out=True)
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the sum over `dim` (all dimensions by default). Integers and bools are summed in int64."""
    if dtype is not None:
        input = cast_to_sum(input, dtype)
    elif input._array.dtype.kind in "iub":
        input = cast(input, dtypes.int64)
    return Sum.apply(input, dims=wrap_dims(dim, input._array.ndim), keepdim=keepdim, dtype=input._array.dtype)


@public(out=True)
def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the mean over `dim` (all dimensions by default) of a floating point tensor."""
    if dtype is not None:
        input = cast(input, dtype)
    if input._array.dtype.kind in "iub":
        raise RuntimeError(
            f"mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {input.dtype}. Use x.float().mean() or dtype=torch.float32."
        )
    return Mean.apply(input, dims=wrap_dims(dim, input._array.ndim), keepdim=keepdim)


@public(out=True)
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the product over `dim` (all dimensions by default). Integers and bools are multiplied in int64."""
    if dtype is not None:
        input = cast_to_sum(input, dtype)
    elif input._array.dtype.kind in "iub":
        input = cast(input, dtypes.int64)
    return Prod.apply(input, dims=wrap_dims(dim, input._array.ndim), keepdim=keepdim, dtype=input._array.dtype)


@public(out=True)
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the largest element over `dim`; ties share the gradient evenly."""
    if not input._array.size and dim in (None, ()):
        _refuse_nothing("amax")
    return Amax.apply(input, dims=wrap_dims(dim, input._array.ndim), keepdim=keepdim)


@public(out=True)
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the smallest element over `dim`; ties share the gradient evenly."""
    if not input._array.size and dim in (None, ()):
        _refuse_nothing("amin")
    return Amin.apply(input, dims=wrap_dims(dim, input._array.ndim), keepdim=keepdim)


@public(out=True)
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the largest element; with `dim`, (values, indices) along it; with a tensor, the elementwise maximum."""
    return _max_or_min("max", input, dim, keepdim)


@public(out=True)
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the smallest element; with `dim`, (values, indices) along it; with a tensor, the elementwise minimum."""
    return _max_or_min("min", input, dim, keepdim)


def _refuse_nothing(name: str) -> None:
    raise RuntimeError(
        f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the "
        "'dim' argument."
    )


def _max_or_min(name: str, input: Tensor, dim: Any, keepdim: bool) -> Any:
    is_max = name == "max"
    if isinstance(dim, Tensor):
        return maximum(input, dim) if is_max else minimum(input, dim)
    if dim is None:
        if input._array.size == 0:
            _refuse_nothing(name)
        output = (amax if is_max else amin)(input)
        if output.grad_fn is not None:
            output.grad_fn.is_full = True  # type: ignore[attr-defined]
        return output
    dim = wrap_dim(dim, input._array.ndim)
    operation, result = (MaxWithIndex, max_result) if is_max else (MinWithIndex, min_result)
    return result(*operation.apply(input, dim=dim, keepdim=keepdim))


@public(out=True)
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the first largest element along `dim`, or in the flattened tensor."""
    return _arg(MaxWithIndex, "argmax", input, dim, keepdim)


@public(out=True)
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the first smallest element along `dim`, or in the flattened tensor."""
    return _arg(MinWithIndex, "argmin", input, dim, keepdim)


def _arg(operation: type[Op], name: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if input._array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input. Use x.int().{name}()")
    input = input.detach()
    if dim is None:
        if input._array.size == 0:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        index = operation.apply(reshape(input, (-1,)), dim=0, keepdim=False)[1]
        return reshape(index, (1,) * input.ndim) if keepdim else index
    return operation.apply(input, dim=wrap_dim(dim, input.ndim), keepdim=keepdim)[1]


@public(out=True)
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether any element over `dim` is nonzero."""
    return _tested("any", input, dim, keepdim)


@public(out=True)
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether all elements over `dim` are nonzero."""
    return _tested("all", input, dim, keepdim)


def _tested(kernel: str, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """A bool, but of uint8, which came before there were bools, the same."""
    y = Reduction.apply(x, kernel=kernel, dims=wrap_dims(dim, x.ndim), keepdim=keepdim)
    return cast(y, dtypes.uint8) if x.dtype is dtypes.uint8 else y


@public(out=True)
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = 1,
) -> Tensor:
    """Return the variance over `dim`, the squared deviations (of complex numbers, distances) summed and divided by
    (n - correction)."""
    if isinstance(dim, builtins.bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = 1 if unbiased else 0
    if input._array.dtype.kind in "iub":
        raise RuntimeError(f"std and var only support floating point and complex dtypes, but got {input.dtype}")
    correction = 1 if correction is None else as_number(correction, "var", "correction")
    if input.is_complex():
        return var(input.real, dim, keepdim=keepdim, correction=correction) + var(
            input.imag, dim, keepdim=keepdim, correction=correction
        )
    return Var.apply(input, dims=wrap_dims(dim, input._array.ndim), keepdim=keepdim, correction=correction)


@public(out=True)
@rounded_once
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = 1,
) -> Tensor:
    """Return the standard deviation over `dim`: the square root of `var`."""
    # Squares may be too large or too small for float32 where their root is not.
    exact = {dtypes.float32: dtypes.float64, dtypes.complex64: dtypes.complex128}.get(input.dtype, input.dtype)
    variance = var(cast(input, exact), dim, correction=correction, keepdim=keepdim, unbiased=unbiased)
    return cast(Std.apply(variance), input.dtype.to_real())


@public(out=True)
@rounded_once
def norm(
    input: Tensor, p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Return the p-norm over `dim` of the elements as one vector: (sum |x|^p)^(1/p); inf, -inf and 0 as their
    limits."""
    if dtype is not None:
        input = cast(input, dtype)
    elif not input.dtype.is_inexact:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{SCALAR_TYPES[input.dtype.name]} (use x.float(), or dtype=)"
        )
    if input.is_complex():
        input = abs(input)
    dims = wrap_dims(dim, input._array.ndim)
    p = as_number(p, "norm", "p")
    if p is None or p == "fro" or p == 2:
        return Norm.apply(input, dims=dims, keepdim=keepdim)
    if not isinstance(p, (int, float)):
        raise RuntimeError(f"norm: expected p to be a number or 'fro', but got {p!r}")
    if math.isinf(p):
        return (amax if p > 0 else amin)(abs(input), dims, keepdim)
    if p == 0:
        return sum(where(ne(input, 0), 1.0, sign(input)), dims, keepdim)  # a count is flat wherever it has a slope
    magnitude = abs(input)
    if p == 1:
        return sum(magnitude, dims, keepdim)
    if p < 2:  # the slope of a power at 0 may be infinite, which times 0 would be NaN
        magnitude = where(ne(magnitude, 0), magnitude, magnitude.detach())
    total = sum(pow(magnitude, p), dims, keepdim)
    return where(ne(total, 0), pow(where(ne(total, 0), total, 1.0), 1 / p), total.detach() ** (1 / p))


class LogSumExp(Op):
    """y = log(sum(exp(x))) over `dims`, which are kept, without overflow; equal infinities share the gradient."""

    def forward(ctx, x, dims):
        ctx.dims, backend = dims, ctx.backend
        highest = backend.amax(x, dims, True)
        finite = backend.where(backend.isinf(highest), 0.0, highest)
        rest = backend.exp(backend.sub(x, backend.expand(finite, x.shape)))
        return backend.add(backend.log(backend.sum(rest, dims, True, x.dtype)), finite)

    def keep(ctx, y, x, dims):
        ctx.save(x, ctx.own(y))

    def backward(ctx, gy):
        x, y = ctx.saved
        is_infinite = abs(y.detach()) == math.inf
        shares = (x.detach() == y.detach()) & is_infinite
        share = cast(shares, x.dtype) / sum(cast(shares, x.dtype), ctx.dims, keepdim=True)
        x, y = where(is_infinite, 0.0, x), where(is_infinite, 0.0, y)
        return gy * where(is_infinite, share, exp(x - y))

    def name(ctx) -> str:
        return "LogsumexpBackward0"


@public(out=True)
@rounded_once
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """Return log(sum(exp(input))) over `dim` without overflow."""
    (input,) = wide_under_autocast(floating(input))
    dims = wrap_dims(dim, input._array.ndim)
    if builtins.any(input._array.shape[d] == 0 for d in dims):
        return log(sum(exp(input), dims, keepdim))
    total = LogSumExp.apply(input, dims=dims)
    return total if keepdim else reshape(total, tuple(s for d, s in enumerate(input._array.shape) if d not in dims))

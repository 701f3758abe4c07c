"""Order statistics: the k-th smallest, the median, the most frequent."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..tensor import Tensor
from .cast import broadcast
from .creation import arange
from .elementwise import where
from .index import gather
from .integers import wrap_dim
from .pieces import cat
from .public import public
from .reduce import Amax, argmax, mean, sum
from .results import ValuesIndices, kthvalue_result, median_result, mode_result, nanmedian_result
from .scan import cummax
from .shape import narrow, reshape, squeeze
from .sort import argsort, sort
from .unary import isnan, logical_not


def _pick(input: Tensor, index: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Return the elements at `index`, which has size 1 along `dim`, and the index itself."""
    values = gather(input, dim, index)
    return (values, index) if keepdim or input.ndim == 0 else (squeeze(values, dim), squeeze(index, dim))


@public(out=True)
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return (values, indices) of the k-th smallest element along `dim`, counted from 1."""
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim] if input.ndim else 1
    _refuse_bools("kthvalue", input)
    if size == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {dim} to have non-zero size.")
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    order = argsort(input, dim, stable=True)
    index = narrow(order, dim, k - 1, 1).clone() if input.ndim else order
    return kthvalue_result(*_pick(input, index, dim, keepdim))


def _refuse_bools(name: str, input: Tensor) -> None:
    if input._array.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}\" not implemented for 'Bool'. Use x.int()")


class Median(Amax):
    """y = the middle one of all elements, the lower of two; elements equal to it share the gradient evenly."""

    is_full = True

    def forward(ctx, x, dims, keepdim, ignore_nan):
        ctx.shape, ctx.dims = x.shape, dims
        backend = ctx.backend
        ordered = backend.sort(backend.contiguous(x).reshape((-1,)), 0, False, True)[0]
        place = _middle(ctx, ordered, ignore_nan)
        return backend.gather_rows(ordered.reshape((-1, 1)), place).reshape(())

    def keep(ctx, y, x, dims, keepdim, ignore_nan):
        ctx.save(x, ctx.own(y))

    def name(ctx) -> str:
        return "MedianBackward0"


def _middle(ctx: Any, ordered: Any, ignore_nan: bool) -> Any:
    """Where the median of a sorted vector is, as an array of one: NaN, of which there may be some at the end, wins."""
    backend, n = ctx.backend, ordered.shape[0]
    numbers = backend.sum(backend.cast(backend.logical_not(backend.isnan(ordered)), dtypes.int64.numpy), (0,), True,
                          dtypes.int64.numpy)  # fmt: skip
    middle = backend.floor_divide(backend.clamp(backend.sub(numbers, 1), 0, None), 2)
    return (
        middle if ignore_nan else backend.where(backend.lt(numbers, n), backend.full((1,), n - 1, middle.dtype), middle)
    )


@public(out=True)
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element (the lower of two), or (values, indices) of those along `dim`; NaN wins."""
    return _median(input, dim, keepdim, False, median_result)


@public(out=True)
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle one of the elements that are not NaN, or (values, indices) of those along `dim`."""
    return _median(input, dim, keepdim, True, nanmedian_result)


def _median(input: Tensor, dim: int | None, keepdim: bool, ignore_nan: bool, result: Any) -> Any:
    _refuse_bools("median", input)
    if dim is None:
        if input._array.size == 0:
            return mean(input) if input.is_floating_point() else input.new_zeros(())  # NaN, with a gradient of nothing
        return Median.apply(input, dims=tuple(range(input.ndim)), keepdim=False, ignore_nan=ignore_nan)
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return result(*_pick(input, arange(1, device=input.device).reshape(()), 0, keepdim))
    size = input._array.shape[dim]
    if size == 0:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    order = argsort(input, dim, stable=True)
    numbers = sum(logical_not(isnan(input)), dim, keepdim=True)
    place = (numbers - 1).clamp(min=0) // 2
    if not ignore_nan:
        place = where(numbers < size, numbers, place)  # the first NaN
    return result(*_pick(input, gather(order, dim, place), dim, keepdim))


@public(out=True)
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return (values, indices) of the most frequent element along `dim`: the smallest of several, its last place."""
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return mode_result(*_pick(input, arange(1, device=input.device).reshape(()), 0, keepdim))
    size = input._array.shape[dim]
    if size == 0:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    ordered, order = sort(input.detach(), dim, stable=True)
    place = reshape(arange(size, device=input.device), [size if d == dim else 1 for d in range(input.ndim)])
    place = broadcast(place, input._array.shape)
    later, earlier = narrow(ordered, dim, 1, size - 1), narrow(ordered, dim, 0, size - 1)
    changes = (later != earlier) & ~(isnan(later) & isnan(earlier))  # one NaN is as good as another
    starts = cat([narrow(place, dim, 0, 1), where(changes, narrow(place, dim, 1, size - 1), 0)], dim)
    length_so_far = place - cummax(starts, dim).values
    last_of_longest = argmax(length_so_far, dim, keepdim=True)
    return mode_result(*_pick(input, gather(order, dim, last_of_longest), dim, keepdim))


# ---------------------------------------------------------------------------------------------- places in a sequence

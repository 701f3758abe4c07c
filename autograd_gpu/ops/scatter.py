"""Writes by index that return a new tensor, and the reads that go with them, on the gathers and scatters of index.

Repeated places are combined in order of appearance, so results are the same on every run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..op import Op
from ..tensor import Tensor
from .bounds import in_range
from .cast import broadcast_shape, broadcast_together, cast, rounded_once
from .creation import arange
from .elementwise import maximum, minimum, where
from .index import (
    GatherRows,
    ScatterAddRows,
    ScatterRows,
    _along,
    _part_under_index,
    _refuse_another_dtype,
    as_index,
    gather,
    getitem,
    nonzero,
)
from .integers import real_dim, wrap_dim
from .pieces import cat
from .public import public
from .reduce import sum
from .scan import LinearScan
from .shape import expand, movedim, narrow, reshape, unsqueeze
from .sort import argsort

# ---------------------------------------------------------------------------------------------- slices by number


def _as_rows(x: Tensor, dim: int) -> Tensor:
    """x (..., n, ...) as (n, the others)."""
    front = movedim(x, dim, 0) if x.ndim else reshape(x, (1, 1))
    return reshape(front, (front._array.shape[0], math.prod(front._array.shape[1:])))


def _from_rows(rows: Tensor, like: Tensor, dim: int) -> Tensor:
    shape = like._array.shape
    if not shape:
        return reshape(rows, ())
    return movedim(reshape(rows, (shape[dim], *shape[:dim], *shape[dim + 1 :])), 0, dim)


def _slices(
    name: str, x: Tensor, dim: int, index: Tensor, source: Tensor, from_the_end: bool = False
) -> tuple[int, Tensor, Tensor]:
    """Return dim, the checked index vector, and the source's slices as rows.

    Only index_fill counts `from_the_end` too.
    """
    dim = wrap_dim(dim, x.ndim)
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with type: {index.dtype}"
        )
    index = reshape(as_index(name, index), (index._array.size,))
    if x.dtype is not source.dtype:
        raise RuntimeError(f"{name}(): self ({x.dtype}) and source ({source.dtype}) must have the same scalar type")
    expected = (*x._array.shape[:dim], index._array.size, *x._array.shape[dim + 1 :]) if x.ndim else ()
    if source._array.shape != expected and not (x.ndim == 0 and source._array.size == index._array.size):
        raise RuntimeError(
            f"{name}(): the source's shape {list(source.shape)} must be self's {list(x.shape)} with "
            f"{index._array.size}, the number of indices, at dimension {dim}"
        )
    size = x._array.shape[dim] if x.ndim else 1
    message = (
        f"{name}(): index out of range in self: index {{index}} is out of bounds for dimension {dim} with size {size}"
    )
    error = RuntimeError if name == "index_add" and x.ndim > 1 else IndexError
    index = in_range(index, size, message, error, low=-size if from_the_end else 0)
    return dim, index, _as_rows(source, dim)


@public(in_place="method")
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Return input with alpha times the slices of source added to those at `index` along `dim`."""
    dim, index, rows = _slices("index_add", input, dim, index, source)
    count = input._array.shape[dim] if input.ndim else 1
    added = _from_rows(ScatterAddRows.apply(rows, index, count=count), input, dim)
    if not input.is_floating_point():
        alpha = int(alpha)
    return input + (added if alpha == 1 else added * alpha)


@public(in_place="method")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Return input with the slices of source in place of those at `index` along `dim`."""
    return _copied("index_copy_", input, dim, index, source)


def _copied(name: str, input: Tensor, dim: int, index: Tensor, source: Tensor, from_the_end: bool = False) -> Tensor:
    dim, index, rows = _slices(name, input, dim, index, source, from_the_end)
    return _from_rows(ScatterRows.apply(_as_rows(input, dim), index, rows), input, dim)


@public(in_place="method")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Return input with `value`, a number or 0-d tensor, at `index` along `dim`."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    if index._array.dtype.kind not in "iu":
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, but got {index.dtype}")
    dim = wrap_dim(dim, input.ndim)
    count = index._array.size
    shape = (*input._array.shape[:dim], count, *input._array.shape[dim + 1 :]) if input.ndim else (count,)[:0]
    source = cast(value, input.dtype) if isinstance(value, Tensor) else input.new_full((), value)
    return _copied("index_fill_", input, dim, index, expand(source, shape), from_the_end=True)


@public(in_place="method")
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Return input with the slices of source combined into those at `index` along `dim`: see `scatter_reduce`."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    dim, index, _ = _slices("index_reduce", input, dim, index, source)
    if input.ndim == 0:
        return scatter_reduce(input, 0, reshape(index, ()), reshape(source, ()), reduce, include_self=include_self)
    column = reshape(index, [-1 if d == dim else 1 for d in range(input.ndim)])
    places = expand(column, source._array.shape)
    return scatter_reduce(input, dim, places, source, reduce, include_self=include_self)


# ---------------------------------------------------------------------------------------------- elements by number


@public(in_place="method")
@rounded_once
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Return input with what src brings to each place along `dim` combined: by sum, prod, mean, amax or amin.

    With ``include_self=False`` a place that src reaches forgets its own value first.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    _refuse_another_dtype(input, src)
    dim = wrap_dim(dim, input.ndim)
    position = _along(input._array.shape, dim, index, "scatter_reduce")
    values = reshape(_part_under_index(src, index), (index._array.size,))
    x = reshape(input, (input._array.size,))
    if reduce in ("sum", "mean"):
        y = _sum_at(x if include_self else _without(x, position), position, values)
        if reduce == "mean":
            ones = values.new_ones(values.shape)
            count = _sum_at(x.new_full(x.shape, int(include_self)), position, ones).clamp(min=1)
            y = y / count if y.is_floating_point() else y // count
    elif reduce == "prod":
        y = _product_at(x, position, values, include_self)
    else:
        y = _extreme_at(x, position, values, reduce, include_self)
    return reshape(y, input._array.shape)


def _sum_at(x: Tensor, position: Tensor, values: Tensor) -> Tensor:
    """x with the values added at their positions."""
    count = x._array.size
    return x + reshape(ScatterAddRows.apply(unsqueeze(values, 1), position, count=count), (count,))


def _without(x: Tensor, position: Tensor) -> Tensor:
    """x with zeros at the positions."""
    zeros = x.new_zeros((position._array.size, 1))
    return reshape(ScatterRows.apply(unsqueeze(x, 1), position, zeros), (x._array.size,))


def _is_reached(x: Tensor, position: Tensor) -> Tensor:
    return _without(x.new_ones(x.shape), position) == 0


def _product_at(x: Tensor, position: Tensor, values: Tensor, include_self: bool) -> Tensor:
    """Values sorted by position, running products within each position, and the last of each taken."""
    order = argsort(position, stable=True)
    place, values = position[order], values[order]

    goes_on = place[1:] == place[:-1]
    is_first = cat([place[:1] == place[:1], ~goes_on])
    is_last = cat([~goes_on, place[:1] == place[:1]])
    products = LinearScan.apply(where(is_first, 0, values), where(is_first, values, 0), dim=0, reverse=False)
    reached = _is_reached(x, position)
    product = _sum_at(where(reached, 0, x.new_ones(x.shape)), place, where(is_last, products, 0))
    return x * product if include_self else where(reached, product, x)


def _extreme_at(x: Tensor, position: Tensor, values: Tensor, reduce: str, include_self: bool) -> Tensor:
    """Of values written in order the last one stays; ties share the gradient evenly."""
    ranked = values.detach()
    order = argsort(ranked if reduce == "amax" else -ranked, stable=True)
    column = unsqueeze(x.detach(), 1)
    best = reshape(ScatterRows.apply(column, position[order], unsqueeze(ranked[order], 1)), (x._array.size,))
    if include_self:
        best = (maximum if reduce == "amax" else minimum)(x.detach(), best)
    if not x.is_floating_point():
        return best
    is_kept = (x == best) | ((x != x) & (best != best))
    counts_itself = is_kept if include_self else ~_is_reached(x, position)
    counts = values == best[position]
    number = _sum_at(cast(counts_itself, x.dtype), position, cast(counts, x.dtype))
    share = _sum_at(where(counts_itself, Slope.apply(x), 0.0), position, where(counts, Slope.apply(values), 0.0))
    return best + share / number


class Slope(Op):
    """y = 0, with the gradient of x: what is added to a value that was found otherwise, infinite as it may be."""

    def forward(ctx, x):
        return ctx.backend.full(x.shape, 0, x.dtype)

    def backward(ctx, gy):
        return gy


def _places(x: Tensor, index: Tensor) -> Tensor:
    """Return an index of the flattened x as a vector, counted from the front."""
    size = x._array.size
    message = f"out of range: tried to access index {{index}} on a tensor of {size} elements."
    return in_range(reshape(index, (index._array.size,)), size, message, low=-size)


@public
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements of the flattened input at `index`, in its shape; negative ones count from the end."""
    if index._array.dtype != dtypes.int64.numpy:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    position = _places(input, index)
    column = reshape(input, (input._array.size, 1))
    return reshape(GatherRows.apply(column, position), index._array.shape)


@public(in_place="method")
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Return input with source written (or added) at the places `index` of the flattened input."""
    if index._array.size != source._array.size:
        raise IndexError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source._array.size}, index.numel() = {index._array.size}"
        )
    position = _places(input, index)
    return _put_at(input, position, reshape(source, (source._array.size,)), accumulate)


def _put_at(input: Tensor, position: Tensor, values: Tensor, accumulate: bool) -> Tensor:
    if input.dtype is not values.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype} for the destination and "
            f"{values.dtype} for the source."
        )
    x = reshape(input, (input._array.size,))
    if accumulate:
        y = _sum_at(x, position, values)
    else:
        y = ScatterRows.apply(unsqueeze(x, 1), position, unsqueeze(values, 1))
    return reshape(y, input._array.shape)


@public(in_place="function")
def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """Return input with `values`, broadcast, written to (or added to) ``input[indices]``."""
    index = tuple(slice(None) if part is None else part for part in indices)
    flat = reshape(arange(input._array.size, device=input.device), input._array.shape)
    position = getitem(flat, index)
    spread = expand(values, position._array.shape)
    count = position._array.size
    return _put_at(input, reshape(position, (count,)), reshape(spread, (count,)), accumulate)


@public(out=True)
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return input's elements at `indices` along `dim`, the others broadcast; without `dim`, of the flat input."""
    if indices._array.dtype != dtypes.int64.numpy:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}")
    if dim is None:
        return take_along_dim(reshape(input, (input._array.size,)), reshape(indices, (indices._array.size,)), 0)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    dim = real_dim(dim, input.ndim)
    x_shape, i_shape = input._array.shape, indices._array.shape
    others = broadcast_shape((*x_shape[:dim], 1, *x_shape[dim + 1 :]), (*i_shape[:dim], 1, *i_shape[dim + 1 :]))
    wide = expand(input, (*others[:dim], x_shape[dim], *others[dim + 1 :]))
    message = f"index {{index}} is out of bounds for dimension {dim} with size {x_shape[dim]}"
    indices = in_range(indices, x_shape[dim], message, RuntimeError, low=-x_shape[dim])
    return gather(wide, dim, expand(indices, (*others[:dim], i_shape[dim], *others[dim + 1 :])))


# ---------------------------------------------------------------------------------------------- masks


@public(in_place="method")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return input with the elements of source, in order, where the mask holds."""
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if input.dtype is not source.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype} and {source.dtype}"
        )
    x, mask = broadcast_together(input, mask)
    number = reshape(mask, (mask._array.size,)).cumsum(0) - 1
    message = "masked_scatter: Number of elements of source < number of ones in mask"
    number = in_range(number, source._array.size, message, RuntimeError, ignored=-1)
    flat = reshape(source, (source._array.size,))
    if not source._array.size:
        flat = reshape(cast(sum(flat), source.dtype), (1,))  # a zero that belongs to the graph; nobody takes it
    number = number.clamp(min=0, max=flat._array.size - 1)
    values = GatherRows.apply(unsqueeze(flat, 1), number)
    return where(mask, reshape(values, x._array.shape), x)


@public
def argwhere(input: Tensor) -> Tensor:
    """Return the indices of nonzero elements, (n, ndim). Synchronises."""
    return nonzero(input)


@public
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """Return `argwhere` cut off after `size` rows, or continued to as many with `fill_value`. Synchronises."""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    places = argwhere(input)
    found = min(places._array.shape[0], size)
    rest = places.new_full((size - found, input.ndim), fill_value)
    return cat([narrow(places, 0, 0, found), rest])

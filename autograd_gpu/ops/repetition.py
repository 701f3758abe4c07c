"""Repetition of a whole tensor or of its elements, as a copy; without one it is `shape.expand`."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..tensor import Tensor
from .bounds import in_range
from .cast import cast
from .creation import arange
from .index import index_select
from .integers import as_integer, as_sizes, wrap_dim
from .public import public
from .searchsorted import searchsorted
from .shape import clone, expand, flatten, reshape, unsqueeze


@public(function=False)
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return input tiled the given number of times along each dimension; new dimensions lead."""
    times = as_sizes(repeats)
    if len(times) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (1,) * (len(times) - input.ndim) + input._array.shape
    if min(times, default=0) < 0:
        sizes = [count * size for count, size in zip(times, shape)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: {sizes}")
    interleaved = [n for size in shape for n in (1, size)]
    repeated = [n for count, size in zip(times, shape) for n in (count, size)]
    tiled = expand(reshape(input, tuple(interleaved)), tuple(repeated))
    return reshape(clone(tiled), tuple(count * size for count, size in zip(times, shape)))


@public
def tile(input: Tensor, *dims: Any) -> Tensor:
    """Return input tiled as NumPy's tile does: missing repeats count as 1."""
    times = as_sizes(dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@public
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Return input with each element (or slice along `dim`) repeated, one number of times or each its own.

    Without `dim`, of the flattened input. With a tensor alone, the indices that its numbers of repeats describe.
    """
    if repeats is None:
        if input._array.dtype.kind not in "iu":
            raise TypeError(
                f"repeat_interleave(): expected int32 or int64 as numbers of repeats, but got {input.dtype}"
            )
        return repeat_interleave(arange(input.shape[0], device=input.device), input, 0)
    if dim is None:
        input, dim = reshape(input, (input._array.size,)), 0
    dim = wrap_dim(dim, input.ndim)
    if isinstance(repeats, Tensor) and repeats._array.size == 1:
        repeats = int(repeats.item())
    if not isinstance(repeats, Tensor):
        repeats = as_integer(repeats, "repeats")
        if repeats < 0:
            raise RuntimeError(f"Repeats must be non-negative, got {repeats}")
        wide = unsqueeze(input, dim + 1)
        shape = wide._array.shape
        return flatten(clone(expand(wide, (*shape[: dim + 1], repeats, *shape[dim + 2 :]))), dim, dim + 1)
    if repeats.shape[0] != input.shape[dim]:
        raise RuntimeError("repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{repeats.shape[0]} and input.size({dim}) = {input.shape[dim]}")  # fmt: skip
    most = dtypes.iinfo(dtypes.int64).max
    ends = in_range(
        cast(repeats, dtypes.int64), most, "repeats can not be negative, but one is {index}", RuntimeError
    ).cumsum(0)
    count = output_size if output_size is not None else int(ends[-1].item()) if repeats._array.size else 0
    return index_select(input, dim, searchsorted(ends, arange(count, device=input.device), right=True))

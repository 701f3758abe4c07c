"""Selections, powers and places: tensors whose shape follows from numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from .. import dtypes
from ..tensor import Tensor
from .arrange import fliplr
from .cast import broadcast, cast
from .creation import tensor
from .index import index_select
from .pieces import cat
from .public import public
from .scan import cumprod
from .shape import reshape, unsqueeze


@public(method=False)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return the selections of r elements of a vector, in the order of itertools, as rows."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(itertools.chain.from_iterable(choose(range(input._array.shape[0]), r)))
    chosen = index_select(input, 0, tensor(places, dtype=dtypes.int64, device=input.device))
    return reshape(chosen, (len(places) // r, r))


@public(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the matrix of the powers 0 to N - 1 (N = len(x) by default) of a vector's elements, a row for each."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x._array.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    if x._array.dtype.kind in "iub":
        x = cast(x, dtypes.int64)
    ones = x.new_ones((x._array.shape[0], min(count, 1)))
    rest = broadcast(unsqueeze(x, 1), (x._array.shape[0], max(count - 1, 0)))
    powers = cat([ones, cumprod(rest, 1)], 1)
    return powers if increasing else fliplr(powers)


@public(method=False)
def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return the coordinates, in an array of this shape, of places in it laid out flat: a tensor for each dimension."""
    if not isinstance(indices, Tensor):
        raise TypeError(f"expected 'indices' to be Tensor, but got {type(indices).__name__}")
    if indices._array.dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got torch.{indices.dtype.name}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    steps = [math.prod(sizes[d + 1 :]) for d in range(len(sizes))]
    return tuple((indices // step) % size for step, size in zip(steps, sizes))

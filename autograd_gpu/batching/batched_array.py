"""Arrays that hide their first dimension: what a vmapped function sees of a batch. Knows layouts, computes nothing."""

from __future__ import annotations

import itertools
import math
from typing import Any

_next_number = itertools.count(1).__next__


class Axis:
    """The batch dimension of one call of vmap. Of two that an array hides, the newer lies outside."""

    __slots__ = ("number", "size", "randomness")

    def __init__(self, size: int, randomness: str) -> None:
        self.number = _next_number()
        self.size, self.randomness = size, randomness


class BatchedArray:
    """An array without its first dimension, `axis`; `raw` is the whole of it, perhaps batched by older axes itself."""

    __slots__ = ("raw", "axis", "shape")
    __array_ufunc__ = None  # NumPy must not compute on it behind the backend's back

    def __init__(self, raw: Any, axis: Axis) -> None:
        self.raw, self.axis = raw, axis
        self.shape = raw.shape[1:]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        return self.raw.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return self.raw.strides[1:]

    @property
    def flags(self) -> Flags:
        return Flags(self)

    @property
    def is_shared(self) -> bool:
        """Whether every element of the batch is one and the same array (stride 0)."""
        return self.raw.strides[0] == 0 and self.raw.size > 0  # an empty array's strides say nothing

    def min(self) -> Any:
        """The smallest value in the whole batch, 0 in a batch of none: for checks of indices."""
        return self.raw.min() if self.raw.size else 0

    def max(self) -> Any:
        """The largest value in the whole batch, 0 in a batch of none: for checks of indices."""
        return self.raw.max() if self.raw.size else 0

    def sum(self) -> Any:
        """The largest of the examples' sums: for checks of counts."""
        whole, batches = self.raw, 1
        while isinstance(whole, BatchedArray):
            whole, batches = whole.raw, batches + 1
        return whole.sum(axis=tuple(range(batches, whole.ndim))).max(initial=0)

    # ------------------------------------------------------------------------------------------ views

    def __getitem__(self, index: Any) -> BatchedArray:
        index = index if isinstance(index, tuple) else (index,)
        return BatchedArray(self.raw[(slice(None), *index)], self.axis)

    def reshape(self, *shape: Any) -> BatchedArray:
        sizes = list(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else list(shape)
        if -1 in sizes:
            known = -math.prod(sizes)
            sizes[sizes.index(-1)] = self.size // known if known else 0
        return BatchedArray(self.raw.reshape((self.raw.shape[0], *sizes)), self.axis)

    def transpose(self, dims: tuple[int, ...]) -> BatchedArray:
        return BatchedArray(self.raw.transpose((0, *(d + 1 for d in dims))), self.axis)

    def swapaxes(self, dim0: int, dim1: int) -> BatchedArray:
        behind = [dim if dim < 0 else dim + 1 for dim in (dim0, dim1)]  # counted from the end, a dim stays where it is
        return BatchedArray(self.raw.swapaxes(*behind), self.axis)

    def diagonal(self, offset: int, dim1: int, dim2: int) -> BatchedArray:
        raw = self.raw.diagonal(offset, dim1 + 1, dim2 + 1)
        if not getattr(raw.flags, "writeable", True):  # NumPy's own diagonals are read-only views of writeable memory
            raw.flags.writeable = True
        return BatchedArray(raw, self.axis)

    def view(self, dtype: Any) -> BatchedArray:
        return BatchedArray(self.raw.view(dtype), self.axis)


class Flags:
    """What of NumPy's flags the layers above ask for."""

    __slots__ = ("array",)
    writeable = True

    def __init__(self, array: BatchedArray) -> None:
        self.array = array

    @property
    def c_contiguous(self) -> bool:
        expected = self.array.dtype.itemsize
        for size, stride in zip(reversed(self.array.shape), reversed(self.array.strides)):
            if size != 1 and stride != expected:
                return self.array.size == 0
            expected *= size
        return True

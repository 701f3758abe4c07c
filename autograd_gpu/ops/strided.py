"""Views by size and stride over a tensor's whole storage, their gradients, and memory laid out as one likes.

A position counts elements. The gradient follows PyTorch's rule: what each position of the storage was given is summed
there, and an input whose own elements share positions divides the sum among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..capturing import readers, reads
from ..device import resolve
from ..dtypes import DType, as_dtype, get_default_dtype
from ..op import Op, View
from ..tensor import Tensor, version_cell, wrap
from .cast import to_device
from .creation import with_grad
from .public import public
from .shape import view as view_in_shape

Ints = tuple[int, ...]


class AsStrided(View):
    """y[i] = the element `start + sum(i * stride)` places after the first of x, whose own strides are `source`."""

    def forward(ctx, x, size, stride, start, source):
        ctx.shape, ctx.places = x.shape, (size, stride, start, source)
        if strides_of(x) == source:
            return ctx.backend.as_strided(x, size, stride, ctx.backend.offset(x) + start)
        return _strided_copy(ctx.backend, x, size, stride, start, source)  # another array in the place of x

    def backward(ctx, gy):
        size, stride, start, source = ctx.places
        return AsStridedBackward.apply(gy, size=size, stride=stride, start=start, source=source, shape=ctx.shape)


class AsStridedCopy(Op):
    """AsStrided for a gradient of x, which may lie in memory in any way: y is a copy."""

    is_linear = True

    def forward(ctx, x, size, stride, start, source):
        ctx.shape, ctx.places = x.shape, (size, stride, start, source)
        return _strided_copy(ctx.backend, x, size, stride, start, source)

    backward = AsStrided.backward


class AsStridedBackward(Op):
    """gx = at each element of x, what gy brought to its position, divided by the number of elements there."""

    is_linear = True

    def forward(ctx, gy, size, stride, start, source, shape):
        ctx.places = {"size": size, "stride": stride, "start": start, "source": source}
        first, count = _window(size, stride, start, source, shape)
        storage = _summed(ctx.backend, gy, stride, first + start, count)
        gx = ctx.backend.as_strided(storage, shape, source, ctx.backend.offset(storage) + first)
        return _shared_out(ctx.backend, ctx.backend.copy(gx), shape, source)

    def backward(ctx, ggx):
        return AsStridedCopy.apply(ggx, **ctx.places)


# ---------------------------------------------------------------------------------------------- positions


def strides_of(x: Any) -> Ints:
    """Return an array's strides in elements; 0 where a size of 1 leaves them open."""
    return tuple(0 if size == 1 else step // x.dtype.itemsize for size, step in zip(x.shape, x.strides))


def extent(size: Sequence[int], stride: Sequence[int]) -> int:
    """Return how many positions from the first element to behind the last one."""
    return 0 if 0 in size else 1 + sum((n - 1) * step for n, step in zip(size, stride))


def dense_strides(size: Sequence[int]) -> Ints:
    """Return the strides of row-major order."""
    return tuple(math.prod(max(n, 1) for n in size[d + 1 :]) for d in range(len(size)))


def _may_overlap(size: Ints, stride: Ints) -> bool:
    """Whether two elements may share a position: some stride does not step over all that smaller ones reach."""
    reach = 1
    for step, n in sorted((step, n) for n, step in zip(size, stride) if n != 1):
        if step < reach:
            return 0 not in size
        reach += (n - 1) * step
    return False


def _positions(size: Ints, stride: Ints) -> np.ndarray:
    positions = np.zeros(size, np.int64)
    for d, (n, step) in enumerate(zip(size, stride)):
        positions += (np.arange(n) * step).reshape((n,) + (1,) * (len(size) - d - 1))
    return positions


def _window(size: Ints, stride: Ints, start: int, source: Ints, shape: Ints) -> tuple[int, int]:
    """Return where x begins in the smallest storage that holds x and its view, and how large that is."""
    low = min(start, 0)
    return -low, max(extent(shape, source), start + extent(size, stride)) - low


def _summed(backend: Any, x: Any, stride: Ints, first: int, count: int) -> Any:
    """Return `count` zeros with each element of x added at its position, in order where positions are shared."""
    if not _may_overlap(x.shape, stride):
        storage = backend.full((count,), 0, x.dtype)
        backend.copy_into(backend.as_strided(storage, x.shape, stride, backend.offset(storage) + first), x)
        return storage
    index = backend.from_numpy((_positions(x.shape, stride) + first).reshape(-1))
    return backend.scatter_add_rows(backend.contiguous(x).reshape((x.size, 1)), index, count).reshape((count,))


def _shared_out(backend: Any, x: Any, shape: Ints, stride: Ints) -> Any:
    """Return x with each element divided by the number of elements that share its position."""
    if not _may_overlap(shape, stride):
        return x
    positions = _positions(shape, stride)
    counts = np.bincount(positions.reshape(-1))[positions]
    return backend.div(x, backend.from_numpy(counts.astype(x.dtype)))


def _strided_copy(backend: Any, x: Any, size: Ints, stride: Ints, start: int, source: Ints) -> Any:
    first, count = _window(size, stride, start, source, x.shape)
    storage = _summed(backend, _shared_out(backend, x, x.shape, source), source, first, count)
    return backend.copy(backend.as_strided(storage, size, stride, backend.offset(storage) + first + start))


def laid_out(backend: Any, x: Any, stride: Ints, begin: int, count: int) -> Any:
    """Return a copy of the array x with the given strides, which begins `begin` elements into a storage of `count`."""
    storage = backend.empty((count,), x.dtype)
    y = backend.as_strided(storage, x.shape, stride, backend.offset(storage) + begin)
    backend.copy_into(y, x)
    return y


def check_in_storage(size: Ints, stride: Ints, offset: int, itemsize: int, available: int) -> None:
    """Raise PyTorch's RuntimeError when such a view would reach beyond a storage of `available` bytes."""
    needed = (offset + extent(size, stride)) * itemsize
    if needed > available and 0 not in size:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {itemsize} "
            f"requiring a storage size of {needed} are out of bounds for storage of size {available}"
        )


# ---------------------------------------------------------------------------------------------- public functions


@public
def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """Return a view of input's storage: element i lies `storage_offset + sum(i * stride)` places after its beginning.

    Without `storage_offset` the view begins where input does. RuntimeError when it would reach beyond the storage, and
    for negative strides.
    """
    array, backend = input._array, input.device.backend
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(step < 0 for step in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    if any(n < 0 for n in size):
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}")
    begin = backend.offset(array)
    offset = begin if storage_offset is None else int(storage_offset)
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    check_in_storage(size, stride, offset, array.dtype.itemsize, backend.storage(array)[1])
    view = AsStrided.apply(input, size=size, stride=stride, start=offset - begin, source=strides_of(array))
    if view._base is not None and input._base is not None:  # one step from the base: it may show more than input does
        base = view._base._array
        step = {"size": size, "stride": stride, "start": offset - backend.offset(base), "source": strides_of(base)}
        view._steps = (None, AsStrided, step, None)
    return view


@public
def as_strided_scatter(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """Return a copy of input, laid out as it is, with src in place of its view by size and stride."""
    if src.device.axis is not None:  # vmapped: what is written differs between examples, so then does the whole
        input = to_device(input, src.device)
    written = new_empty_strided(input, input.shape, strides_of(input._array)).copy_(input)
    offset = 0 if storage_offset is None else storage_offset - input.device.backend.offset(input._array)
    place = as_strided(written, size, stride, offset)
    if place._array.shape != src._array.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    place.copy_(src)
    return written


@public(method=False)
def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of unset values whose elements lie in memory at the given strides."""
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    if any(n < 0 for n in (size if 0 in size else (*size, *stride))):
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}")
    place = resolve(device)
    backend = place.backend
    storage = backend.empty((extent(size, stride),), (as_dtype(dtype) if dtype else get_default_dtype()).numpy)
    return with_grad(wrap(backend.as_strided(storage, size, stride, backend.offset(storage)), place), requires_grad)


@public(function=False)
def new_empty_strided(
    self: Tensor, size: Sequence[int], stride: Sequence[int], dtype: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """`empty_strided` with this tensor's dtype and device."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device or self.device, **options)


def view_as_dtype(self: Tensor, dtype: DType) -> Tensor:
    """Return the same bytes as another dtype, without a history.

    The last size changes with the size of the elements.
    """
    array, old, new = self._array, self.dtype.itemsize, dtype.itemsize
    problem = None
    if new != old:
        if not array.ndim:
            problem = "self.dim() cannot be 0"
        elif new > old and array.shape[-1] % (new // old):
            problem = f"self.size(-1) must be divisible by {new // old}"
        elif new > old and storage_offset(self) % (new // old):
            problem = f"self.storage_offset() must be divisible by {new // old}"
        elif array.shape[-1] != 1 and array.strides[-1] != old:
            problem = "self.stride(-1) must be 1"
    if problem:
        raise RuntimeError(f"{problem} to view {self.dtype} as {dtype} (different element sizes)")
    shown = wrap(array.view(dtype.numpy), self.device)
    shown._cell = version_cell(self)
    return shown


@public(function=False)
def view(self: Tensor, *size: Any, dtype: DType | None = None) -> Tensor:
    """Return the same elements in another shape, or the same bytes as another dtype of the same size."""
    if dtype is not None:
        return view_as_dtype(self, dtype)
    if len(size) == 1 and isinstance(size[0], DType):
        return view_as_dtype(self, size[0])
    return view_in_shape(self, *size)


@public(function=False)
def storage_offset(self: Tensor) -> int:
    """Return the number of elements of its storage before the tensor's first."""
    return self.device.backend.offset(self._array)


@public(function=False)
def data_ptr(self: Tensor) -> int:
    """Return the address of the first element; of an empty tensor 0."""
    if readers:
        reads("asks for a tensor's address")
    return _address(self)


def _address(self: Tensor) -> int:
    if not self._array.size:
        return 0
    return self.device.backend.storage(self._array)[0] + storage_offset(self) * self._array.dtype.itemsize


@public(function=False)
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Return whether both show the same memory in the same shape."""
    return (
        self.device is tensor.device
        and _address(self) == _address(tensor)
        and self.shape == tensor.shape
        and strides_of(self._array) == strides_of(tensor._array)
    )

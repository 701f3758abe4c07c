"""Writing into tensors. A tensor written in place takes the history of what was written; its base and views follow.

Every in-place method is its functional form plus `overwrite`. What is not recorded goes straight into the buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..autocasting import switched
from ..dtypes import SCALAR_TYPES
from ..engine import next_sequence
from ..layouts import NotStrided
from ..modes import duals, modes
from ..op import Op, interceptors
from ..tensor import AccumulateGrad, Tensor, bump_version, conjugated, wrap
from ..user_line import user_line
from ..views import edge_of, multiple_view_step, refresh_view, steps_in_order, take_edge
from .arguments import behind_call, without_arrays
from .cast import Number, as_number, broadcast, broadcast_shape, cast, is_scalar, to_device, zero_gradient
from .overlap import check_overlap
from .public import public
from .shape import clone, expand, narrow
from .strided import AsStrided, AsStridedCopy, extent, laid_out, strides_of

before_write: list[Callable[[Tensor], None]] = []  # called with a tensor whose memory is about to be written


class Copy(Op):
    """y = source, written over x."""

    def forward(ctx, x, source):
        return source

    def backward(ctx, gy):
        return zero_gradient(gy) if ctx.needs(0) else None, gy

    def name(ctx) -> str:
        return "CopyBackwards"


class Fill(Op):
    """y = a number everywhere, written over x."""

    def forward(ctx, x, value):
        return ctx.backend.full(x.shape, value, x.dtype)

    def backward(ctx, gy):
        return zero_gradient(gy)


class CopySlices(Op):
    """The history of a base one of whose views was written: the region's gradient goes to what was written."""

    @classmethod
    def record(cls, base: Tensor, steps: tuple | None, written: Tensor) -> None:
        node = cls()
        node.edges = (edge_of(base), edge_of(written))
        node.backend = base.device.backend
        node.sequence = next_sequence()
        node.where = user_line(2)
        node.output_shape = base._array.shape
        node.steps = steps  # type: ignore[attr-defined]
        node.layout = _layout(base, steps) if _is_strided(steps) else None  # type: ignore[attr-defined]
        move_history(base, (node, 0))

    def backward(ctx, gy):
        region = _region_of(ctx.steps, gy) if ctx.needs(1) else None
        return ZeroRegion.apply(gy, steps=ctx.steps, layout=ctx.layout) if ctx.needs(0) else None, region

    def name(ctx) -> str:
        return "CopySlices"


def _region_of(steps: tuple, gradient: Tensor) -> Tensor:
    """Return the view of a base's gradient; by size and stride, a copy, since a gradient lies in memory as it likes.

    Parts of complex numbers are those of the gradient as programs see it.
    """
    gradient = conjugated(gradient)
    for operation, parameters, number in steps_in_order(steps):
        result = (AsStridedCopy if operation is AsStrided else operation).apply(gradient, **parameters)
        gradient = result if number is None else result[number]
    return conjugated(gradient)


def _arrays_along(backend: Any, array: Any, steps: tuple | None) -> list[Any]:
    """Return a base's array and those of the views that the steps lead to."""
    arrays = [array]
    for operation, parameters, number in steps_in_order(steps):
        step = operation()
        step.backend = backend
        result = step.forward(arrays[-1], **parameters)
        arrays.append(result if number is None else result[number])
    return arrays


def _layout(base: Tensor, steps: tuple | None) -> tuple:
    """Return the base's strides, where it begins, and the size of a storage that holds it and all views of the
    steps."""
    backend = base.device.backend
    arrays = _arrays_along(backend, base._array, steps)
    begins = [backend.offset(array) for array in arrays]
    end = max(begin + extent(array.shape, strides_of(array)) for begin, array in zip(begins, arrays))
    return strides_of(base._array), begins[0] - min(begins), end - min(begins)


class ZeroRegion(Op):
    """y = x with a view of it set to 0. A view by size and stride counts on y's `layout` in memory."""

    def forward(ctx, x, steps, layout):
        ctx.steps, ctx.layout = steps, layout
        y = ctx.backend.copy(x) if layout is None else laid_out(ctx.backend, x, *layout)
        region, backend = _arrays_along(ctx.backend, y, steps)[-1], ctx.backend
        while hasattr(region, "raw"):  # within vmap: what is hidden belongs to the region
            region = region.raw
        while hasattr(backend, "under"):
            backend = backend.under
        backend.fill(region, 0)
        return y

    def backward(ctx, gy):
        return ZeroRegion.apply(gy, steps=ctx.steps, layout=ctx.layout)


def check_writable(x: Tensor, name: str) -> None:
    """Raise when writing to x's memory would be ambiguous, or would lose gradients."""
    array = x._array
    if 0 in array.strides and _repeated_dims(array):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            f"Please clone() the tensor before performing the operation. ({name})"
        )
    check_changeable(x, name)
    if x._base is not None and x._base._edge is not None and modes.grad and _is_strided(x._steps):
        refresh_view(x)  # the write is to the base, of which x may show more than the view that it was taken from did
    for watch in before_write:
        watch(x)


def _repeated_dims(array: Any) -> list[int]:
    """Return the dimensions along which one element is seen again and again."""
    return [d for d, (n, s) in enumerate(zip(array.shape, array.strides)) if n > 1 and s == 0] if array.size else []


def _is_strided(steps: tuple | None) -> bool:
    while steps is not None:
        if steps[1] is AsStrided:
            return True
        steps = steps[0]
    return False


def check_changeable(x: Tensor, name: str) -> None:
    """Raise when changing x in place would lose gradients: a leaf (or a view of one) that requires grad."""
    if x._inference and not modes.inference:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
            f"normal tensor before doing inplace update: x.clone(). ({name})"
        )
    if not modes.grad:
        return
    base = x._base
    if base is not None:
        edge = edge_of(base)
        if edge is not None:
            _check_view_writable(x, name)
        if _is_leafs(edge) or _is_leafs(_viewed(edge_of(x))):
            raise RuntimeError(
                f"a view of a leaf Variable that requires grad is being used in an in-place operation. ({name}: write "
                "under no_grad(), or work on x.clone().)"
            )
        return
    if _is_leafs(x._edge):
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation. ({name}: write under "
            "no_grad(), or work on x.clone().)"
        )


def _viewed(edge: Any) -> Any:
    """Return the edge of what a view was taken from in the end, which may be a leaf that is a view itself."""
    while edge is not None and getattr(edge[0], "is_view", False):
        edge = edge[0].edges[0]
    return edge


def _is_leafs(edge: Any) -> bool:
    return edge is not None and type(edge[0]) is AccumulateGrad


def _check_view_writable(x: Tensor, name: str) -> None:
    """Raise when a recorded write to the view x has no one meaning."""
    if x._made_in is not None:
        where = "in normal mode" if x._made_in == "inference" else "with grad mode enabled"
        raise RuntimeError(
            f"A view was created in {x._made_in} mode and is being modified inplace {where}. Given that this use case "
            "is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the "
            f"inplace either both inside the {x._made_in} block or both outside. ({name})"
        )
    step = multiple_view_step(x._steps)
    if step is not None:
        raise RuntimeError(
            f"Output {step[1]} of {step[0].__name__} is a view and is being modified inplace. This view is the output "
            "of a function that returns multiple views. Such functions do not allow the output views to be modified "
            f"inplace. You should replace the inplace operation by an out-of-place one. ({name})"
        )


def overwrite(x: Tensor, result: Tensor, name: str) -> Tensor:
    """Write `result` into x's buffer, count the write, and let x take its history. Returns x."""
    check_writable(x, name)
    if result._array.shape != x._array.shape:
        raise RuntimeError(
            f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(result.shape)}. ({name}: an "
            "in-place operation cannot enlarge its tensor; use the out-of-place form.)"
        )
    if result.dtype.kind > x.dtype.kind:
        raise RuntimeError(
            f"result type {SCALAR_TYPES[result.dtype.name]} can't be cast to the desired output type "
            f"{SCALAR_TYPES[x.dtype.name]} ({name})"
        )
    result = _on_device_of(x, cast(result, x.dtype), name)
    is_recorded = modes.grad and (edge_of(result) is not None or edge_of(x) is not None)
    if is_recorded and x._base is not None:
        _check_view_writable(x, name)
    x.device.backend.copy_into(x._array, result._array)
    bump_version(x)
    if duals:
        duals[-1].written(x, result)
    if is_recorded:
        if x._base is None:
            move_history(x, edge_of(result))
        else:
            CopySlices.record(x._base, x._steps, result)
            refresh_view(x)
    return x


SHARED_WRITE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args "
    "that has more elements than `self`: `other` is vmapped over, `self` is the same for the whole batch. Use the "
    "out-of-place operation, or make `self` inside from a batched tensor, as in x.new_zeros(shape)."
)


def _on_device_of(x: Tensor, source: Tensor, name: str) -> Tensor:
    """Return the source on x's device. What differs within a vmapped batch cannot be written to what does not."""
    moved = to_device(source, x.device)
    if moved.device is not x.device:
        raise RuntimeError(f"{SHARED_WRITE} ({name})")
    return moved


def move_history(x: Tensor, edge: Any) -> None:
    """Let x take a new history; its views find theirs when next asked."""
    take_edge(x, edge)
    x._epoch += 1


def _records(x: Tensor, values: tuple) -> bool:
    if modes.grad and (edge_of(x) is not None or any(isinstance(v, Tensor) and edge_of(v) is not None for v in values)):
        return True
    return bool(duals) and any(isinstance(v, Tensor) and v._tangent is not None for v in (x, *values))


def _snapshot(x: Tensor) -> Tensor:
    """The tensor as it is now, history included, over a buffer of its own: backward may need the old values."""
    old = wrap(x.device.backend.copy(x._array), x.device)
    old._edge = edge_of(x)
    if duals:
        duals[-1].keep_tangent(old, x)
    return old


def _once(x: Tensor) -> Tensor:
    """Return the part of x in which each element that it shows again and again is there once."""
    for dim in _repeated_dims(x._array):
        x = narrow(x, dim, 0, 1)
    return x


def _fill_masked_once(x: Tensor, mask: Tensor, value: Any) -> None:
    """Fill what the mask holds for anywhere."""
    mask = broadcast(mask, x._array.shape)
    for dim in _repeated_dims(x._array):
        mask = mask.any(dim, keepdim=True)
    _once(x).masked_fill_(mask, value)


def _fill_indexed_once(x: Tensor, dim: int, index: Tensor, value: Any) -> None:
    """Fill what is at any of the indices; along a repeated dimension that is everything."""
    if dim % x.ndim in _repeated_dims(x._array):
        index = index.new_zeros(min(index.numel(), 1))
    _once(x).index_fill_(dim, index, value)


# One value may go to one place several times, so these may write to a tensor that shows an element again and again.
_OF_ONE_VALUE: dict[str, Callable] = {"masked_fill_": _fill_masked_once, "index_fill_": _fill_indexed_once}


def inplace(name: str, function: Callable, kernel: str | None = None) -> Callable:
    """Return the in-place form of a function: ``x.name(...)`` writes function(x, ...) into x.

    With `kernel`, an unrecorded call on plain operands is one launch of that backend function into x's buffer.
    """

    of_one_value = _OF_ONE_VALUE.get(name)

    instead = behind_call(function, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        try:
            if of_one_value is not None and 0 in self._array.strides and _repeated_dims(self._array):
                of_one_value(self, *args, **kwargs)
                return self
            check_writable(self, name)
            if self._cell is not None:
                is_read_over = check_overlap(self, (*args, *kwargs.values()), name)
            else:
                is_read_over = False
            if (
                kernel is not None
                and not kwargs
                and not is_read_over
                and _straight(self, args)
                and not _records(self, args)
            ):
                backend = self.device.backend
                values = [a._array if isinstance(a, Tensor) else as_number(a) for a in args]
                getattr(backend, kernel)(self._array, *values, out=self._array)
                bump_version(self)
                return self
            operand = self
            if _records(self, args):
                operand = _snapshot(self)
                args = tuple(operand if a is self else a for a in args)
            if not interceptors:
                return overwrite(self, function(operand, *args, **kwargs), name)
            with switched():  # in place, autocast casts nothing
                return overwrite(self, function(operand, *args, **kwargs), name)
        except NotStrided as error:
            return without_arrays(error, name, self, *args, **kwargs)
        except Exception as error:
            wrong = instead(error, (self, *args), kwargs)
            if wrong is None:
                raise
            raise wrong from None

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place version of `{function.__name__}`: writes into this tensor and returns it."
    return method


def _straight(x: Tensor, args: tuple) -> bool:
    """Whether the operands need no cast and no broadcast beyond what the kernel's `out` takes."""
    array = x._array
    if array.dtype.kind not in "fV":
        return False
    for a in args:
        if isinstance(a, Tensor):
            if a._array.dtype != array.dtype or a._array.shape != array.shape or a.device is not x.device:
                return False
        elif not is_scalar(a) or isinstance(a, (complex, np.complexfloating)):
            return False
    return True


@public(function=False)
def copy_(self: Tensor, src: Tensor | Number, non_blocking: bool = False) -> Tensor:
    """Write src, broadcast and cast, into this tensor; gradients then flow to src."""
    if not isinstance(src, Tensor):
        if not is_scalar(src):
            raise TypeError("copy_(): argument 'other' (position 1) must be Tensor")
        src = self.new_tensor(src)
    source = _on_device_of(self, src, "copy_")
    check_writable(self, "copy_")
    if check_overlap(self, (source,), "copy_"):
        source = clone(source)
    if source._array.shape != self._array.shape:
        shape = broadcast_shape(self._array.shape, source._array.shape)
        if shape != self._array.shape:
            raise RuntimeError(
                f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(shape)}. (copy_)"
            )
        source = expand(source, shape)
    if not _records(self, (source,)):
        self.device.backend.copy_into(self._array, source._array)
        bump_version(self)
        return self
    return overwrite(self, Copy.apply(self, cast(source, self.dtype)), "copy_")


@public
def fill_(self: Tensor, value: Number | Tensor) -> Tensor:
    """Write one value everywhere."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        value = clone(value) if value._cell is self._cell else value  # an element of what is filled
        return copy_(self, broadcast(to_device(value, self.device), self._array.shape))
    if not is_scalar(value):
        raise TypeError(f"fill_(): argument 'value' (position 1) must be Number, not {type(value).__name__}")
    if 0 in self._array.strides and _repeated_dims(self._array):
        fill_(_once(self), value)
        return self
    check_writable(self, "fill_")
    value = dtypes.fitting(as_number(value), self.dtype)
    if not _records(self, ()):
        self.device.backend.fill(self._array, value)
        bump_version(self)
        return self
    return overwrite(self, Fill.apply(self, value=value), "fill_")


@public(method=False)
def fill(input: Tensor, value: Number | Tensor) -> Tensor:
    """Return a tensor of input's shape and dtype with `value`, a number or a tensor without dimensions, everywhere."""
    return fill_(clone(input), value)


@public
def zero_(self: Tensor) -> Tensor:
    """Write zeros everywhere."""
    return fill_(self, 0)


@public
def detach_(self: Tensor) -> Tensor:
    """Take this tensor out of its graph, in place. Views cannot be taken out: detach() them."""
    if self._base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
            "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets."
        )
    self._edge = None
    return self

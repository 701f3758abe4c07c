"""Padding: more elements around the last dimensions, constants or the tensor's own; fewer where a pad is negative."""

from __future__ import annotations

from collections.abc import Sequence

from ...dtypes import fitting
from ...op import Op
from ...tensor import Tensor
from ..cast import Number
from ..creation import tensor
from ..index import index_select
from ..integers import as_integers
from ..shape import Slice, clone


class ConstantPad(Op):
    """y = x at `index` of `shape`, `value` elsewhere."""

    def forward(ctx, x, shape, index, value):
        ctx.index = index
        y = ctx.backend.full(shape, value, x.dtype)
        ctx.backend.copy_into(y[(*index, ...)], x)
        return y

    def backward(ctx, gy):
        return Slice.apply(gy, index=ctx.index)

    def name(ctx) -> str:
        return "ConstantPadNdBackward0"


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: Number | None = None) -> Tensor:
    """Return input padded by `pad` = (before and after the last dimension, before and after the one before it, ...).

    "constant" pads with `value` (0 by default), "reflect" with what lies inside the edge, "replicate" with the edge,
    "circular" with the other end. Negative numbers cut elements off.
    """
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, but got {list(pad)}")
    dims = len(pad) // 2
    if dims > input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} "
            f"and input of dimension {input.ndim}"
        )
    pad = as_integers(pad, "pad")
    sides = [(pad[2 * i], pad[2 * i + 1]) for i in reversed(range(dims))]
    if mode == "constant":
        return _constant(input, sides, value or 0)
    if mode not in _SOURCES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}; it is constant, reflect, replicate or circular")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not dims + 1 <= input.ndim <= dims + 2 or dims > 3:
        raise NotImplementedError(
            f"Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: got {list(pad)} for input "
            "of "
            f"{input.ndim} dimensions, of which one or two must be left unpadded"
        )
    padded = input
    for dim, (before, after) in enumerate(sides, input.ndim - dims):
        if (before, after) != (0, 0):
            places = _SOURCES[mode](dim, input._array.shape[dim], before, after)
            padded = index_select(padded, dim, tensor(places, device=input.device))
    return clone(input) if padded is input else padded


def _constant(x: Tensor, sides: list[tuple[int, int]], value: Number) -> Tensor:
    sides = [(0, 0)] * (x.ndim - len(sides)) + sides
    sizes = [size + before + after for size, (before, after) in zip(x._array.shape, sides)]
    if any(size < 0 for size in sizes):
        raise RuntimeError(
            f"The input size {list(x.shape)}, plus negative padding {sides}, resulted in a negative output size {sizes}"
        )
    kept = tuple(slice(max(-b, 0), size - max(-a, 0)) for size, (b, a) in zip(x._array.shape, sides))
    if any(min(side) < 0 for side in sides):
        x = Slice.apply(x, index=kept)
    starts = [max(before, 0) for before, _ in sides]
    index = tuple(slice(start, start + size) for start, size in zip(starts, x._array.shape))
    return ConstantPad.apply(x, shape=tuple(sizes), index=index, value=fitting(value, x.dtype))


def _reflected(dim: int, size: int, before: int, after: int) -> list[int]:
    if max(before, after) >= size:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, "
            f"{after}) at dimension {dim} of input of size {size}"
        )
    last = size - 1
    return [last - abs(last - abs(place)) for place in range(-before, size + after)]


def _replicated(dim: int, size: int, before: int, after: int) -> list[int]:
    return [min(max(place, 0), size - 1) for place in range(-before, size + after)]


def _circled(dim: int, size: int, before: int, after: int) -> list[int]:
    if max(before, after) > size:
        raise RuntimeError(
            f"Padding value causes wrapping around more than once: padding ({before}, {after}) at dimension {dim} of "
            "size "
            f"{size}"
        )
    first = max(-before, 0)
    kept = size - first - max(-after, 0)  # what is cut off does not come round again
    return [first + place % kept for place in range(-max(before, 0), kept + max(after, 0))]


_SOURCES = {"reflect": _reflected, "replicate": _replicated, "circular": _circled}

"""Pooling over the last one to three dimensions: the largest or the mean of windows, sliding or of a given number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...op import Op
from ...tensor import Tensor
from ..cast import cast, in_full, rounded_once
from ..creation import arange, tensor
from ..elementwise import where
from ..index import GatherRows, index_select
from ..integers import as_integer, is_integer
from ..reduce import argmax, sum
from ..shape import reshape, select, unsqueeze
from ..unary import abs, sign
from .fused_activation import relu
from .sliding_windows import Sizes, Window, outputs, per_dim

# ---------------------------------------------------------------------------------------------- operations


class MaxPool(Op):
    """y, i = the largest of each window of x (planes, *size), and where in its plane it is: the first of several."""

    def forward(ctx, x, window):
        ctx.window = window
        return ctx.backend.max_pool(x, *window)

    def keep(ctx, outputs, x, window):
        ctx.save(outputs[1].detach())

    def backward(ctx, gy, _):
        (index,) = ctx.saved
        return MaxPoolBackward.apply(gy, index, window=ctx.window)

    def name(ctx) -> str:
        return f"MaxPool{len(ctx.window.size)}DWithIndicesBackward0"


class MaxPoolBackward(Op):
    """gx = the sum of gy over the windows whose largest each element is."""

    def forward(ctx, gy, index, window):
        ctx.window = window
        return ctx.backend.max_pool_backward(gy, index, *window)

    def keep(ctx, gx, gy, index, window):
        ctx.save(index)

    def backward(ctx, ggx):
        (index,) = ctx.saved
        return _picked(ggx, index), None


class AvgPool(Op):
    """y = the mean of each window of x (planes, *size), or its sum over `divisor`."""

    def forward(ctx, x, window, include_pad, divisor):
        ctx.how = {"window": window, "include_pad": include_pad, "divisor": divisor}
        return ctx.backend.avg_pool(x, *window, include_pad, divisor)

    def backward(ctx, gy):
        return AvgPoolBackward.apply(gy, **ctx.how)

    def name(ctx) -> str:
        return f"AvgPool{len(ctx.how['window'].size)}DBackward0"


class AvgPoolBackward(Op):
    """gx = the sum of gy over the windows that each element is in, each divided as its mean was."""

    def forward(ctx, gy, window, include_pad, divisor):
        ctx.how = {"window": window, "include_pad": include_pad, "divisor": divisor}
        return ctx.backend.avg_pool_backward(gy, *window, include_pad, divisor)

    def backward(ctx, ggx):
        return AvgPool.apply(ggx, **ctx.how)


def _picked(x: Tensor, index: Tensor) -> Tensor:
    """Return the elements of x (planes, *size) at the places `index` (planes, *output) of their planes."""
    planes = x._array.shape[0]
    starts = arange(planes, device=x.device) * math.prod(x._array.shape[1:])
    rows = index + reshape(starts, (planes,) + (1,) * (index.ndim - 1))
    picked = GatherRows.apply(reshape(x, (x._array.size, 1)), reshape(rows, (index._array.size,)))
    return reshape(picked, index._array.shape)


# ---------------------------------------------------------------------------------------------- max


def max_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest of each window of input (N, C, L) or (C, L); with `return_indices`, where in L it is too.

    `stride` is the kernel's size by default; outside the input everything is smaller.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest of each window of input (N, C, H, W) or (C, H, W); indices count through H and W."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest of each window of input (N, C, D, H, W) or (C, D, H, W)."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pool(
    dims: int, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool
) -> Any:
    window = _window(f"max_pool{dims}d", dims, x, kernel, stride, padding, dilation, ceil_mode)
    y, index = MaxPool.apply(_as_planes(x, dims), window=window)
    shape = x._array.shape[:-dims] + window.output
    return (reshape(y, shape), reshape(index, shape)) if return_indices else reshape(y, shape)


# ---------------------------------------------------------------------------------------------- mean


def avg_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of input (N, C, L) or (C, L), whose padding counts as zeros, or not at all."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of input (N, C, H, W) or (C, H, W), or its sum over `divisor_override`."""
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of input (N, C, D, H, W) or (C, D, H, W), or its sum over `divisor_override`."""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_pool(
    dims: int,
    x: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    include_pad: bool,
    divisor: int | None,
) -> Tensor:
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    window = _window(f"avg_pool{dims}d", dims, x, kernel, stride, padding, 1, ceil_mode)
    y = AvgPool.apply(_as_planes(x, dims), window=window, include_pad=include_pad, divisor=divisor or 0)
    return reshape(y, x._array.shape[:-dims] + window.output)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (the sum over each window of x^p)^(1/p), p = norm_type, for input (N, C, L) or (C, L)."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (the sum over each window of x^p)^(1/p), p = norm_type, for input (N, C, H, W) or (C, H, W)."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (the sum over each window of x^p)^(1/p), p = norm_type, for input (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


@rounded_once
def _lp_pool(dims: int, x: Tensor, p: float, kernel: Any, stride: Any, ceil_mode: bool) -> Tensor:
    if math.isinf(p):  # the limit: the largest magnitude, or the smallest
        largest = _max_pool(dims, abs(x) if p > 0 else -abs(x), kernel, stride, 0, 1, ceil_mode, False)
        return largest if p > 0 else -largest
    places = math.prod(per_dim(kernel, dims, "kernel_size"))
    mean_of_powers = _avg_pool(dims, x**p, kernel, stride, 0, ceil_mode, True, None)
    return (sign(mean_of_powers) * relu(mean_of_powers.abs()) * places) ** (1.0 / p)


# ---------------------------------------------------------------------------------------------- adaptive


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Return `output_size` means over (N, C, L) or (C, L), of windows as equal as possible; None keeps a size."""
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Return `output_size` means over (N, C, H, W) or (C, H, W), of windows as equal as possible; None keeps a size."""
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Return `output_size` means over (N, C, D, H, W) or (C, D, H, W); None keeps a size."""
    return _adaptive_avg_pool(3, input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any:
    """Return `output_size` largest elements over (N, C, L) or (C, L), of windows as equal as possible."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any:
    """Return `output_size` largest elements over (N, C, H, W) or (C, H, W), of windows as equal as possible."""
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any:
    """Return `output_size` largest elements over (N, C, D, H, W) or (C, D, H, W), of windows as equal as possible."""
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _adaptive_avg_pool(dims: int, x: Tensor, output_size: Any) -> Tensor:
    wanted, kernel = _adaptive(f"adaptive_avg_pool{dims}d", dims, x, output_size)
    if kernel is not None:
        return _avg_pool(dims, x, kernel, kernel, 0, False, True, None)
    # The windows overlap. The mean over a box is the mean over each dimension in turn.
    dtype = x.dtype
    x = in_full(x)
    for d, count in enumerate(wanted, x.ndim - dims):
        pieces, places, lengths = _cut(x, d, count)
        is_inside = arange(places.shape[1], device=x.device) < unsqueeze(lengths, 1)
        trailing = (1,) * (x.ndim - d - 1)
        inside = where(reshape(is_inside, (*is_inside.shape, *trailing)), pieces, 0.0)
        x = sum(inside, d + 1) / reshape(cast(lengths, x.dtype), (count, *trailing))
    return cast(x, dtype)


def _adaptive_max_pool(dims: int, x: Tensor, output_size: Any, return_indices: bool) -> Any:
    wanted, kernel = _adaptive(f"adaptive_max_pool{dims}d", dims, x, output_size)
    if kernel is not None:
        return _max_pool(dims, x, kernel, kernel, 0, 1, False, return_indices)
    plane = x._array.shape[-dims:]
    index = reshape(arange(math.prod(plane), device=x.device), plane).expand(x._array.shape)
    # The largest of a box is the largest of its rows' largest. Last dimension first: the first of equals stays it.
    for d, count in reversed(list(enumerate(wanted, x.ndim - dims))):
        pieces, places, _ = _cut(x.detach(), d, count)
        starts = reshape(select(places, 1, 0), (count, *(1,) * (x.ndim - d - 1)))
        best = argmax(pieces, d + 1) + starts
        x, index = x.gather(d, best), index.gather(d, best)
    return (x, index) if return_indices else x


def _cut(x: Tensor, dim: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return `count` pieces of a dimension, (..., count, longest, ...), their places in it, and the pieces' lengths.

    Behind the end of a shorter piece its last element is repeated.
    """
    size, number = x._array.shape[dim], np.arange(count)
    starts, ends = number * size // count, -(-(number + 1) * size // count)
    longest = int((ends - starts).max(initial=1))
    places = np.minimum(starts[:, None] + np.arange(longest), ends[:, None] - 1)
    there, lengths = tensor(places, device=x.device), tensor(ends - starts, device=x.device)
    pieces = index_select(x, dim, reshape(there, (-1,)))
    shape = x._array.shape
    return reshape(pieces, (*shape[:dim], count, longest, *shape[dim + 1 :])), there, lengths


def _adaptive(name: str, dims: int, x: Tensor, output_size: Any) -> tuple[Sizes, Sizes | None]:
    """Return the wanted sizes, and the kernel if equal windows side by side do it."""
    _check_input(name, dims, x)
    sizes = (output_size,) * dims if is_integer(output_size) or output_size is None else tuple(output_size)
    plane = x._array.shape[-dims:]
    sizes = sizes * dims if len(sizes) == 1 else sizes
    wanted = tuple(own if size is None else as_integer(size, "output_size") for size, own in zip(sizes, plane))
    if len(sizes) != dims or min(wanted) < 0:
        raise RuntimeError(f"{name}: output_size must be {dims} non-negative numbers, but got {output_size}")
    if min(wanted) == 0:
        return wanted, None
    even = all(size % count == 0 for size, count in zip(plane, wanted))
    return wanted, tuple(size // count for size, count in zip(plane, wanted)) if even else None


# ---------------------------------------------------------------------------------------------- shapes and errors


def _as_planes(x: Tensor, dims: int) -> Tensor:
    shape = x._array.shape
    return reshape(x, (math.prod(shape[:-dims]), *shape[-dims:]))


def _check_input(name: str, dims: int, x: Tensor) -> None:
    filled = dims if name.startswith("adaptive") and x.ndim == dims + 1 else dims + 1
    if x.ndim not in (dims + 1, dims + 2) or 0 in x._array.shape[-filled:]:
        raise RuntimeError(
            f"{name}: Expected {dims + 1}D or {dims + 2}D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got: {list(x.shape)}"
        )
    if not x.is_floating_point():
        raise RuntimeError(f'"{name}" not implemented for {x.dtype}: expected a floating point tensor. Use x.float().')


def _window(
    name: str, dims: int, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Window:
    _check_input(name, dims, x)
    kernel, dilation = per_dim(kernel, dims, "kernel_size"), per_dim(dilation, dims, "dilation")
    padding = per_dim(padding, dims, "padding")
    stride = (
        kernel if stride is None or (not is_integer(stride) and len(stride) == 0) else per_dim(stride, dims, "stride")
    )
    for value, word in ((kernel, "kernel size"), (stride, "stride"), (dilation, "dilation")):
        if min(value) <= 0:
            raise RuntimeError(f"{name}: {word} must be greater than zero, but got {list(value)}")
    for pad, k in zip(padding, kernel):
        if pad < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {pad}")
        if pad > k // 2:
            raise RuntimeError(f"{name}: pad should be at most half of kernel size, but got pad={pad}, kernel_size={k}")
    size = x._array.shape[-dims:]
    output = outputs(size, kernel, stride, padding, dilation, ceil_mode)
    if min(output) < 1:
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, size))}). Calculated output size: ({'x'.join(map(str, output))}). "
            "Output size is too small"
        )
    return Window(size, output, kernel, stride, padding, dilation)

"""What max pools took, put back where it was; zeros elsewhere (Zeiler, Taylor & Fergus 2011)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import dtypes
from ...tensor import Tensor
from ..bounds import in_range
from ..creation import arange, zeros
from ..index import ScatterRows
from ..shape import reshape
from .sliding_windows import per_dim


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return zeros with input (N, C, L) or (C, L) at the `indices` that `max_pool1d` gave.

    The length is the least that the pool can have come from, or that of `output_size`.
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return zeros with input (N, C, H, W) or (C, H, W) at the `indices` that `max_pool2d` gave."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return zeros with input (N, C, D, H, W) or (C, D, H, W) at the `indices` that `max_pool3d` gave."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _max_unpool(
    dims: int, x: Tensor, indices: Tensor, kernel: Any, stride: Any, padding: Any, output_size: Sequence[int] | None
) -> Tensor:
    kernel = per_dim(kernel, dims, "kernel_size")
    stride = kernel if stride is None else per_dim(stride, dims, "stride")
    size = _output_size(x, kernel, stride, per_dim(padding, dims, "padding"), output_size)
    _check(dims, x, indices, size)
    message = f"Found an invalid max index: {{index}} (output volumes are of size {'x'.join(map(str, size))})"
    indices = in_range(indices, math.prod(size), message, RuntimeError)
    shape, plane = x._array.shape, math.prod(size)
    planes = math.prod(shape[:-dims])
    first = reshape(arange(planes, device=x.device) * plane, (planes, 1))
    place = reshape(indices, (planes, math.prod(shape[-dims:]))) + first
    nothing = zeros(planes * plane, 1, dtype=x.dtype, device=x.device)
    y = ScatterRows.apply(nothing, reshape(place, (x._array.size,)), reshape(x, (x._array.size, 1)))
    return reshape(y, (*shape[:-dims], *size))


def _output_size(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], output_size: Sequence[int] | None
) -> tuple[int, ...]:
    dims = len(kernel)
    least = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(x._array.shape[-dims:], kernel, stride, padding)]
    if output_size is None:
        return tuple(least)
    wanted = tuple(output_size)[2:] if len(output_size) == dims + 2 else tuple(output_size)
    if len(wanted) != dims:
        raise ValueError(
            f"output_size should be a sequence containing {dims} or {dims + 2} elements, but it has a length of "
            f"'{len(output_size)}'"
        )
    for d, (size, n, s) in enumerate(zip(wanted, least, stride)):
        if not n - s < size < n + s:
            raise ValueError(f'invalid output_size "{output_size}" (dim {d} must be between {n - s} and {n + s})')
    return wanted


def _check(dims: int, x: Tensor, indices: Tensor, size: tuple[int, ...]) -> None:
    if indices.dtype is not dtypes.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if indices._array.shape != x._array.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(x.shape)}) but got indices "
            f"tensor with shape: {list(indices.shape)}"
        )
    if x.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"Input to max_unpooling{dims}d should be a {dims + 1}d or {dims + 2}d Tensor, but got a tensor with "
            f"{x.ndim} dimensions."
        )
    for d, n in enumerate(size):
        if n < 0:
            raise ValueError(
                f"max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size[{d}]={n}"
            )

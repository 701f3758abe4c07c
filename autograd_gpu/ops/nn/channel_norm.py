"""Normalisation of channels over the batch, of groups of channels, and of single channels: each a layer norm of the
elements that share a mean, laid out as rows."""

from __future__ import annotations

import math

from ...modes import no_grad
from ...tensor import Tensor
from ..cast import cast, casts_alike, in_full, rounded_once, same_dtype
from ..reduce import mean, var
from ..shape import reshape, transpose
from ..unary import rsqrt
from .norm import LayerNorm
from .pad import pad
from .pool import avg_pool2d


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return input (N, C, ...) with each channel normalised, scaled by weight (C,) and shifted by bias (C,).

    In training over the batch, whose statistics move the running ones by `momentum` in place; else by the running ones
    (Ioffe & Szegedy 2015).
    """
    _check_channels("batch_norm", input)
    channels = input._array.shape[1]
    for name, value in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if value is not None and value._array.shape != (channels,):
            raise RuntimeError(f"{name} should contain {channels} elements not {value.numel()}")
    same_dtype(
        "batch_norm", input, mixed=True, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
        x = in_full(input)
        scale = rsqrt(cast(running_var, x.dtype) + eps)
        centred = x - _per_channel(cast(running_mean, x.dtype), x)
        return cast(_affine(centred * _per_channel(scale, x), weight, bias), input.dtype)
    if input._array.size // max(channels, 1) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    by_channel = transpose(input, 0, 1)
    rows = reshape(by_channel, (channels, input._array.size // max(channels, 1)))
    _move_towards(running_mean, running_var, rows.detach(), momentum)
    normalised = reshape(_normalised(rows, eps, weight, bias), by_channel._array.shape)
    return cast(_affine(transpose(normalised, 0, 1), weight, bias), input.dtype)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return input (N, C, ...) with each channel of each instance normalised (Ulyanov, Vedaldi & Lempitsky 2016).

    Without `use_input_stats` by the running statistics, as `batch_norm` out of training.
    """
    _check_channels("instance_norm", input)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    same_dtype(
        "instance_norm", input, mixed=True, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    shape = batch, channels, *size = input._array.shape
    if math.prod(size) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    rows = reshape(input, (batch * channels, math.prod(size)))
    if running_mean is not None or running_var is not None:
        with no_grad():
            per_instance = reshape(rows.detach(), (batch, channels, math.prod(size)))
            _move(running_mean, mean(per_instance, (0, 2)), momentum)
            _move(running_var, mean(var(per_instance, 2), 0), momentum)
    return cast(_affine(reshape(_normalised(rows, eps, weight, bias), shape), weight, bias), input.dtype)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Return input (N, C, ...) with each of `num_groups` groups of channels normalised (Wu & He 2018)."""
    _check_channels("group_norm", input)
    batch, channels, *size = input._array.shape
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    if batch * channels // num_groups * math.prod(size) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value._array.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                "shape "
                f"{list(value.shape)} and input of shape {list(input.shape)}"
            )
    same_dtype("group_norm", input, mixed=True, weight=weight, bias=bias)
    rows = reshape(input, (batch * num_groups, channels // num_groups * math.prod(size)))
    result = _affine(reshape(_normalised(rows, eps, weight, bias), input._array.shape), weight, bias)
    return result if casts_alike(input) else cast(result, input.dtype)  # autocast has it in float32


@rounded_once
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Return x / (k + alpha * the mean of x^2 over `size` neighbouring channels)^beta, for input (N, C, ...).

    Channels beyond the first and the last count as zeros (Krizhevsky, Sutskever & Hinton 2012, section 3.3).
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    shape = input._array.shape
    if input._array.size == 0:
        return input
    squares = reshape(input * input, (shape[0], 1, shape[1], -1))
    around = pad(squares, (0, 0, size // 2, (size - 1) // 2))
    neighbours = reshape(avg_pool2d(around, (size, 1), 1), shape)
    return input / (neighbours * alpha + k) ** beta


def _check_channels(name: str, x: Tensor) -> None:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected at least 2 dimensions (N, C, ...), but got input of size {list(x.shape)}")
    if not x.is_floating_point():
        raise RuntimeError(f'"{name}" not implemented for {x.dtype}: expected a floating point tensor. Use x.float().')


def _move_towards(running_mean: Tensor | None, running_var: Tensor | None, rows: Tensor, momentum: float) -> None:
    if running_mean is not None or running_var is not None:
        with no_grad():
            _move(running_mean, mean(rows, 1), momentum)
            _move(running_var, var(rows, 1), momentum)


def _move(running: Tensor | None, now: Tensor, momentum: float) -> None:
    if running is not None:
        running.mul_(1 - momentum).add_(cast(now, running.dtype), alpha=momentum)


def _normalised(rows: Tensor, eps: float, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return each row with mean 0 and variance 1, a half type in float32 if the caller goes on with it."""
    x = rows if weight is None and bias is None else in_full(rows)
    return LayerNorm.apply(x, None, None, eps=eps, rows=rows._array.shape)


def _affine(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is not None:
        y = y * _per_channel(cast(weight, y.dtype), y)
    return y if bias is None else y + _per_channel(cast(bias, y.dtype), y)


def _per_channel(vector: Tensor, x: Tensor) -> Tensor:
    return reshape(vector, (-1,) + (1,) * (x.ndim - 2))

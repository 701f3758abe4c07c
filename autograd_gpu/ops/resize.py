"""Other numbers of pixels: interpolation, a dimension at a time, and channels dealt out to pixels and back.

Every interpolation is separable, and along one dimension a weighted sum of a few gathers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..tensor import Tensor
from .cast import cast
from .creation import tensor
from .index import index_select
from .shape import permute, reshape

Tap = tuple[np.ndarray, np.ndarray | None]  # for each output: an input's place, and its weight or None for 1

_DIMS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
_NEAREST = ("nearest", "nearest-exact")


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Return input (N, C, ...) with its last one to three dimensions at `size`, or `scale_factor` times as long.

    `mode` is nearest, nearest-exact, linear (3-d input), bilinear or bicubic (4-d), trilinear (5-d). With
    `align_corners` the centres of the corner pixels stay where they are, else the corners of the picture.
    """
    _check_mode(input, mode, align_corners, antialias)
    old = input._array.shape[2:]
    new, scales = _sizes(old, size, scale_factor, recompute_scale_factor)
    dtype = input.dtype
    # Half types are rounded once, at the end.
    x = cast(input, dtypes.float32) if dtype in (dtypes.float16, dtypes.bfloat16) and mode not in _NEAREST else input
    for d, (length, count, scale) in enumerate(zip(old, new, scales), 2):
        if mode in _NEAREST:
            x = _weighted(x, d, [(_nearest(length, count, scale, mode == "nearest-exact"), None)])
            continue
        at = _positions(length, count, scale, bool(align_corners))
        x = _weighted(x, d, _cubic(at, length) if mode == "bicubic" else _linear(np.maximum(at, 0), length))
    return cast(x, dtype)


def _check_mode(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if antialias:
        raise NotImplementedError(
            "interpolate: antialias=True is not supported; blur the input first, for example avg_pool2d"
        )
    if mode in _NEAREST:
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                "trilinear"
            )
        if not 3 <= x.ndim <= 5:
            raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {x.ndim}D)")
    elif mode not in _DIMS or x.ndim != _DIMS[mode] + 2:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {x.ndim}D) for the modes: nearest | linear "
            "| "
            f"bilinear | bicubic | trilinear | nearest-exact (got {mode})"
        )
    if not x.is_floating_point():
        raise RuntimeError(
            f'"interpolate" not implemented for {x.dtype}: expected a floating point tensor. Use x.float().'
        )


def _sizes(
    old: Sequence[int], size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], list[float | None]]:
    """Return the new sizes, and for each dimension the scale that was asked for in place of a size, or None."""
    dims = len(old)
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "only one of size or scale_factor should be defined" if size is not None
            else "either size or scale_factor should be defined"
        )  # fmt: skip
    given = size if scale_factor is None else scale_factor
    numbers = tuple(given) if isinstance(given, (tuple, list)) else (given,) * dims
    if len(numbers) != dims:
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions "
            "of "
            f"{list(old)} and {'output size' if scale_factor is None else 'scale_factor'} of {list(numbers)}."
        )
    if scale_factor is None:
        return tuple(int(number) for number in numbers), [None] * dims
    new = tuple(math.floor(length * factor) for length, factor in zip(old, numbers))
    if min(new) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(old)} and output {list(new)}"
        )
    return new, [None if recompute else float(factor) for factor in numbers]


def _positions(length: int, count: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """Return where in the input each output's centre lies."""
    place = np.arange(count, dtype=np.float64)
    if align_corners:
        return place * ((length - 1) / (count - 1) if count > 1 else 0.0)
    return (place + 0.5) * (1 / scale if scale else length / count) - 0.5


def _nearest(length: int, count: int, scale: float | None, exact: bool) -> np.ndarray:
    step = np.float32(1 / scale if scale else length / count)  # PyTorch rounds places in float32, and so must we
    place = np.arange(count, dtype=np.float32)
    place = (place + np.float32(0.5)) * step if exact else place * step
    return np.minimum(np.floor(place), length - 1).astype(np.int64)


def _linear(at: np.ndarray, length: int) -> list[Tap]:
    left = np.minimum(np.floor(at), length - 1)
    right = np.minimum(left + 1, length - 1)
    share = np.minimum(at - left, 1.0)
    return [(left.astype(np.int64), 1 - share), (right.astype(np.int64), share)]


def _cubic(at: np.ndarray, length: int, a: float = -0.75) -> list[Tap]:
    """Four taps with the weights of Keys 1981; places beyond the edge stand for the edge."""
    left = np.floor(at)
    taps: list[Tap] = []
    for step in (-1, 0, 1, 2):
        distance = np.abs(at - left - step)
        near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        places = np.clip(left + step, 0, length - 1).astype(np.int64)
        taps.append((places, np.where(distance <= 1, near, far)))
    return taps


def _weighted(x: Tensor, dim: int, taps: list[Tap]) -> Tensor:
    """Return the sum over taps of weight * x at place, along `dim`."""
    shape = [-1 if d == dim else 1 for d in range(x.ndim)]
    total: Any = None
    for places, weights in taps:
        term = index_select(x, dim, tensor(places, device=x.device))
        if weights is not None:
            term = term * reshape(tensor(weights, dtype=x.dtype, device=x.device), shape)
        total = term if total is None else total + term
    return total


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return `interpolate` of the same arguments, which PyTorch prefers."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """Return `interpolate` with mode="nearest", which PyTorch prefers."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """Return `interpolate` with mode="bilinear" and align_corners=True, which PyTorch prefers."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "bilinear", True)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return input (N, C, ...) with its channels, in `groups` groups, dealt out in turn (Zhang, Zhou, Lin & Sun 2018)."""
    shape = input._array.shape
    if input.ndim <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {shape[1]} channels and {groups} groups."
        )
    rest = math.prod(shape[2:])
    dealt = permute(reshape(input, (shape[0], groups, shape[1] // groups, rest)), 0, 2, 1, 3)
    return reshape(dealt, shape)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Return (..., C, H * r, W * r) for input (..., C * r * r, H, W): channels become pixels (Shi et al. 2016)."""
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    *batch, channels, height, width = input._array.shape
    if r <= 0 or channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            "but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(batch)
    split = reshape(input, (*batch, channels // (r * r), r, r, height, width))
    interleaved = permute(split, *range(n), n, n + 3, n + 1, n + 4, n + 2)
    return reshape(interleaved, (*batch, channels // (r * r), height * r, width * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Return (..., C * r * r, H, W) for input (..., C, H * r, W * r): the reverse of pixel_shuffle."""
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    *batch, channels, height, width = input._array.shape
    for word, length in (("height", height), ("width", width)):
        if r <= 0 or length % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {word} to be divisible by downscale_factor, but {word}={length} is not "
                "divisible "
                f"by {r}"
            )
    n = len(batch)
    split = reshape(input, (*batch, channels, height // r, r, width // r, r))
    return reshape(
        permute(split, *range(n), n, n + 2, n + 4, n + 1, n + 3), (*batch, channels * r * r, height // r, width // r)
    )

"""Other numbers of pixels: interpolation, a dimension at a time, and channels dealt out to pixels and back.

Every interpolation is separable: a sparse matrix along each dimension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...tensor import Tensor
from ...user_line import warn
from ..cast import cast, in_full
from ..integers import as_integers
from ..shape import clone, permute, reshape
from .pool import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .resample import Resampling, resample

_NEAREST = ("nearest", "nearest-exact")
# Along one dimension, a mode's name there; and of how many dimensions inputs are.
_ALONG = {
    "nearest": "nearest", "nearest-exact": "nearest-exact", "linear": "linear", "bilinear": "linear",
    "trilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos",
}  # fmt: skip
_DIMENSIONS = {
    "nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "area": (3, 4, 5), "linear": (3,), "bilinear": (4,),
    "bicubic": (4,), "lanczos": (4,), "trilinear": (5,),
}  # fmt: skip
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


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

    `mode` is nearest, nearest-exact, area (the mean of what a pixel covers), linear (3-d input), bilinear, bicubic or
    lanczos (4-d), trilinear (5-d). With `align_corners` the centres of the corner pixels stay where they are, else the
    corners of the picture. `antialias` stretches the filter of bilinear, bicubic and lanczos where pixels become fewer.
    """
    _check_mode(input, mode, align_corners, antialias)
    old = input._array.shape[2:]
    new, scales = _sizes(old, size, scale_factor, recompute_scale_factor)
    if input._array.size == 0 and 0 in input._array.shape[1:]:
        if 0 in old:
            raise RuntimeError(
                f"Input and output sizes should be greater than 0, but got input {list(old)} output {list(new)}"
            )
        raise RuntimeError(
            f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes {list(input.shape)}"
        )
    if mode == "area":
        return _AREA[len(old)](input, new)
    along = _ALONG[mode] if not antialias else f"antialiased {_ALONG[mode]}"
    dtype = input.dtype
    x = input if mode in _NEAREST else in_full(input)  # half types are rounded once, at the end
    for d, (length, count, scale) in enumerate(zip(old, new, scales), 2):
        x = resample(x, d, Resampling(length, count, scale, along, bool(align_corners)))
    return cast(x, dtype)


def _check_mode(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode in (*_NEAREST, "area") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and x.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    if mode == "lanczos" and x.ndim == 4:
        if align_corners:
            raise ValueError("Lanczos mode does not support align_corners=True")
        if not antialias:
            raise ValueError("Lanczos mode requires antialias=True")
    if not 3 <= x.ndim <= 5 or x.ndim not in _DIMENSIONS.get(mode, ()):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {x.ndim}D) for the modes: nearest | linear "
            f"| bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
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
        new = as_integers(numbers, "size")
    else:
        new = tuple(math.floor(length * factor) for length, factor in zip(old, numbers))
    if min(new) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(old)} and output {list(new)}"
        )
    if scale_factor is None:
        return new, [None] * dims
    return new, [None if recompute else float(factor) for factor in numbers]


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return `interpolate` of the same arguments, which PyTorch prefers."""
    warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """Return `interpolate` with mode="nearest", which PyTorch prefers."""
    warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """Return `interpolate` with mode="bilinear" and align_corners=True, which PyTorch prefers."""
    warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, "bilinear", True)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return input (N, C, ...) with its channels, in `groups` groups, dealt out in turn (Zhang, Zhou, Lin & Sun
    2018)."""
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
    return reshape(clone(dealt), shape)


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
    return reshape(clone(interleaved), (*batch, channels // (r * r), height * r, width * r))


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
    sorted_out = permute(split, *range(n), n, n + 2, n + 4, n + 1, n + 3)
    return reshape(clone(sorted_out), (*batch, channels * r * r, height // r, width // r))

"""Pictures read at places that a grid names, and the grids of affine maps (Jaderberg, Simonyan & Zisserman 2015).

A place is a point between pixels: what is read there is a weighted sum of the pixels around it. One kernel each way
does it; a gradient that is to be differentiated again is that of rows of channels, whose weights are functions of the
grid in tensor operations, which differentiate themselves.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from ... import dtypes
from ...modes import duals, modes
from ...op import Op
from ...tensor import Tensor
from ...user_line import warn
from ..cast import cast, in_full
from ..creation import arange, linspace
from ..elementwise import clamp, fmod, where
from ..gradients_through import gradients_through
from ..matmul import matmul
from ..pieces import stack
from ..shape import broadcast_to, permute, reshape, transpose
from ..unary import floor, isnan, round
from .bag import BagSum

Tap = tuple[Tensor, Tensor]  # along one dimension: for every place a pixel, as a whole number in floats, and its weight

_OUTSIDE = -(2**50)  # a pixel's number outside the picture: any sum with it is below zero


class GridSample(Op):
    """y[n, c, place] = the sum of weight(grid) * x[n, c, pixel(grid)] over the pixels around grid[n, place]."""

    saved_as = "input grid"

    def forward(ctx, x, grid, mode, padding, is_aligned):
        ctx.options = (mode, padding, is_aligned)
        return ctx.backend.grid_sample(x, grid, mode, padding, is_aligned)

    def keep(ctx, y, x, grid, mode, padding, is_aligned):
        ctx.save(x, grid)

    def backward(ctx, gy):
        x, grid = ctx.saved
        if modes.grad or duals:  # to be differentiated again
            return gradients_through(lambda x, grid: _composed(x, grid, *ctx.options), (x, grid), gy)
        needs = {"needs_x": ctx.needs(0), "needs_grid": ctx.needs(1)}
        found = iter(GridSampleBackward.apply(gy, x, grid, options=ctx.options, **needs))
        return tuple(next(found) if needed else None for needed in needs.values())

    def name(ctx) -> str:
        return f"GridSampler{len(ctx.output_shape) - 2}DBackward0"


class GridSampleBackward(Op):
    """What of gx, ggrid is needed, where it is not differentiated again."""

    differentiable = False

    def forward(ctx, gy, x, grid, options, needs_x, needs_grid):
        found = ctx.backend.grid_sample_backward(gy, x, grid, *options, needs_x, needs_grid)
        return tuple(g for g in found if g is not None)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return input (N, C, H, W) read at grid (N, h, w, 2): (N, C, h, w); or (N, C, D, H, W) at (N, d, h, w, 3).

    The last dimension of a grid is (x, y) or (x, y, z), from -1 to 1 across the picture: from centre to centre of its
    corner pixels with `align_corners`, else from edge to edge. `mode` is bilinear, nearest or (4-d input) bicubic;
    beyond the picture lie zeros, its border, or its reflection, as `padding_mode` says. NaN stands for -1.
    """
    _check_grid_sample(input, grid, mode, padding_mode)
    return GridSample.apply(input, grid, mode=mode, padding=padding_mode, is_aligned=_is_aligned(align_corners))


def _composed(x: Tensor, grid: Tensor, mode: str, padding: str, is_aligned: bool) -> Tensor:
    size = x._array.shape[2:]
    wide_grid = in_full(grid)
    wide_grid = where(isnan(wide_grid), -1.0, wide_grid)
    taps = []
    for d, length in enumerate(size):  # the grid has x, which is along the last dimension, first
        along: Tensor = wide_grid[..., len(size) - 1 - d]
        at = (along + 1) * ((length - 1) / 2) if is_aligned else ((along + 1) * length - 1) / 2
        taps.append(_TAPS[mode](at, _padding(padding, length, is_aligned)))
    pixel, weight = _combined(taps, size)
    return _read(x, pixel, weight, grid._array.shape[1:-1])


def _read(x: Tensor, pixel: Tensor, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the weighted sums of pixels, (N * places, taps), of x (N, C, ...) as (N, C, *shape)."""
    batch, channels, *size = x._array.shape
    dims = len(size)
    rows = reshape(permute(x, 0, *range(2, 2 + dims), 1), (batch * math.prod(size), channels))
    y = BagSum.apply(rows, pixel, cast(weight, x.dtype), None)
    return permute(reshape(y, (batch, *shape, channels)), 0, 1 + dims, *range(1, 1 + dims))


def _combined(taps: Sequence[Sequence[Tap]], size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return for each place all its pixels, numbered through the batch, or -1, and their weights: (N * places,
    taps)."""
    batch, dims = taps[0][0][0]._array.shape[0], taps[0][0][0].ndim
    first = reshape(arange(batch, device=taps[0][0][0].device) * math.prod(size), (batch, *(1,) * (dims - 1)))
    numbered: list[list[tuple[Tensor, Tensor]]] = []
    for d, along in enumerate(taps):
        stride = math.prod(size[d + 1 :])
        numbered.append([])
        for pixel, weight in along:
            is_inside = (pixel >= 0) & (pixel <= size[d] - 1)
            number = where(is_inside, cast(where(is_inside, pixel, 0.0), dtypes.int64) * stride, _OUTSIDE)
            numbered[-1].append((number if d else number + first, weight))
    numbers, weights = [], []
    for chosen in itertools.product(*numbered):
        number, weight = chosen[0]
        for other_number, other_weight in chosen[1:]:
            number, weight = number + other_number, weight * other_weight
        numbers.append(number)
        weights.append(weight)
    shape = (numbers[0]._array.size, len(numbers))
    return reshape(clamp(stack(numbers, -1), min=-1), shape), reshape(stack(weights, -1), shape)


# ---------------------------------------------------------------------------------------------- pixels around a place


def _nearest(at: Tensor, pad: Callable[[Tensor], Tensor]) -> list[Tap]:
    return [(round(pad(at.detach())), 1.0 + at * 0.0)]  # a gradient, which is zero


def _linear(at: Tensor, pad: Callable[[Tensor], Tensor]) -> list[Tap]:
    at = pad(at)
    left = floor(at.detach())
    share = at - left
    return [(left, 1.0 - share), (left + 1.0, share)]


def _cubic(at: Tensor, pad: Callable[[Tensor], Tensor], a: float = -0.75) -> list[Tap]:
    """Keys 1981. The place itself is not padded: each of its pixels is."""
    left = floor(at.detach())
    t = at - left

    def near(d: Tensor) -> Tensor:
        return (d * (a + 2) - (a + 3)) * d * d + 1.0

    def far(d: Tensor) -> Tensor:
        return ((d * a - 5 * a) * d + 8 * a) * d - 4 * a

    weights = (far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t))
    return [(pad(left + step), weight) for step, weight in zip((-1.0, 0.0, 1.0, 2.0), weights)]


_TAPS = {"bilinear": _linear, "nearest": _nearest, "bicubic": _cubic}

# ---------------------------------------------------------------------------------------------- beyond the picture


def _clipped(at: Tensor, length: int, is_aligned: bool) -> Tensor:
    """The nearest place on the picture; the slope at the edges is 0."""
    is_inside = (at > 0) & (at < length - 1)
    return where(is_inside, at, clamp(at.detach(), 0.0, float(length - 1)))


def _reflected(at: Tensor, length: int, is_aligned: bool) -> Tensor:
    """The place mirrored at the corner pixels' centres, or at their outer edges, until it is between them."""
    low, span = (0.0, float(length - 1)) if is_aligned else (-0.5, float(length))
    if span == 0:
        return at * 0.0
    distance = at - low
    distance = where(distance < 0, -distance, distance)
    beyond = fmod(distance, span)
    turns = floor(distance.detach() / span)
    back = where(fmod(turns, 2.0) == 0, beyond, span - beyond) + low
    return _clipped(back, length, is_aligned)


_PADDING: dict[str, Callable[[Tensor, int, bool], Tensor]] = {
    "zeros": lambda at, length, is_aligned: at,
    "border": _clipped,
    "reflection": _reflected,
}


def _padding(mode: str, length: int, is_aligned: bool) -> Callable[[Tensor], Tensor]:
    return lambda at: _PADDING[mode](at, length, is_aligned)


# ---------------------------------------------------------------------------------------------- grids


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return the grid of the maps theta (N, 2, 3) for pictures of size (N, C, H, W): (N, H, W, 2), of (x, y).

    theta (N, 3, 4) and size (N, C, D, H, W) give (N, D, H, W, 3), of (x, y, z). See `grid_sample` for align_corners.
    """
    is_aligned = _is_aligned(align_corners)
    spatial = _checked_sizes(theta, size, is_aligned)
    if theta._array.shape[0] != size[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of theta tensor to be: [{size[0]}, {len(spatial)}] but got: "
            f"{list(theta.shape[:2])}."
        )
    dims = len(spatial)
    axes = []
    for d, length in enumerate(spatial):
        steps = linspace(-1.0, 1.0, length, dtype=theta.dtype, device=theta.device) * (length > 1)
        steps = steps if is_aligned else steps * ((length - 1) / length)
        axes.append(broadcast_to(reshape(steps, [-1 if e == d else 1 for e in range(dims)]), spatial))
    base = reshape(stack([*axes[::-1], axes[0] * 0.0 + 1.0], -1), (1, math.prod(spatial), dims + 1))
    batch = theta._array.shape[0]
    grid = matmul(broadcast_to(base, (batch, *base._array.shape[1:])), transpose(theta, 1, 2))
    return reshape(grid, (batch, *spatial, dims))


# ---------------------------------------------------------------------------------------------- errors


def _is_aligned(align_corners: bool | None) -> bool:
    if align_corners is None:
        warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
            "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
            "details."
        )
    return bool(align_corners)


def _check_grid_sample(x: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    name = "grid_sampler(): expected"
    if mode not in _TAPS:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDING:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    shapes = f"but got input with sizes {list(x.shape)} and grid with sizes {list(grid.shape)}"
    if x.ndim not in (4, 5) or x.ndim != grid.ndim:
        raise RuntimeError(f"{name} 4D or 5D input and grid with same number of dimensions, {shapes}")
    if x._array.shape[0] != grid._array.shape[0]:
        raise RuntimeError(f"{name} grid and input to have same batch size, {shapes}")
    if grid._array.shape[-1] != x.ndim - 2:
        raise RuntimeError(f"{name} grid to have size {x.ndim - 2} in last dimension, {shapes}")
    if 0 in x._array.shape[2:]:
        raise RuntimeError(f"{name} input to have non-empty spatial dimensions, {shapes}")
    if mode == "bicubic" and x.ndim == 5:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if x.dtype is not grid.dtype:
        raise RuntimeError(f"{name} scalar type {x.dtype} but found {grid.dtype}")
    if not x.is_floating_point():
        raise NotImplementedError(f'"grid_sampler" not implemented for {x.dtype}: expected a floating point tensor')


def _checked_sizes(theta: Tensor, size: Sequence[int], is_aligned: bool) -> tuple[int, ...]:
    """Return the spatial sizes."""
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    dims = len(size) - 2
    if theta.ndim != 3 or theta._array.shape[1:] != (dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {size}. Got "
            f"{theta.shape}."
        )
    if is_aligned and min(size[2:]) == 1:
        warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This "
            "is not an intended use case of affine_grid. See the documentation of affine_grid for details."
        )
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    return tuple(size[2:])

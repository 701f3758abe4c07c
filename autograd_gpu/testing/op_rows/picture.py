"""Rows of the op table: padding, and pictures of other sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..op_case import Draw, OpCase, call
from ..sliding import per_dim

Array = Any


def pad(x: Array, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Array:
    sides = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    inner = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, sides))
    sides = [(max(b, 0), max(a, 0)) for b, a in sides]
    names = {"replicate": "edge", "circular": "wrap"}
    return np.pad(
        x[inner], sides, mode=names.get(mode, mode), **({"constant_values": value} if mode == "constant" else {})
    )


def interpolate(
    x: Array,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    antialias: bool = False,
) -> Array:
    """A dimension at a time, as a product with the matrix of weights."""
    dims = x.ndim - 2
    for d, n in enumerate(x.shape[2:]):
        count = per_dim(size, dims)[d] if scale_factor is None else int(n * scale_factor)
        step = n / count if scale_factor is None else 1 / scale_factor
        if align_corners:
            step = (n - 1) / max(count - 1, 1)
        rows = _filtered if antialias else _covered if mode == "area" else _tapped
        weights = np.array([rows(o, n, count, step, mode, align_corners) for o in range(count)])
        x = np.moveaxis(np.moveaxis(x, 2 + d, -1) @ weights.T, -1, 2 + d)
    return x


def _tapped(o: int, n: int, count: int, step: float, mode: str, align_corners: bool | None) -> Array:
    """The pixels around output o's centre; those beyond the edge stand for the edge."""
    weights = np.zeros(n)
    at = o * step if align_corners else (o + 0.5) * step - 0.5
    if mode == "nearest" or mode == "nearest-exact":
        weights[min(int((o if mode == "nearest" else o + 0.5) * step), n - 1)] = 1
        return weights
    at = at if mode == "bicubic" else max(at, 0)
    for i in range(math.floor(at) - 1, math.floor(at) + 3):
        weights[min(max(i, 0), n - 1)] += _weight(abs(at - i), mode)
    return weights


def _covered(o: int, n: int, count: int, *_: Any) -> Array:
    """The mean of the pixels that output o covers some of."""
    inside = (np.arange(n) >= o * n // count) & (np.arange(n) < -(-(o + 1) * n // count))
    return inside / inside.sum()


def _filtered(o: int, n: int, count: int, step: float, mode: str, *_: Any) -> Array:
    """All pixels whose centres lie within the filter's reach, stretched where pixels become fewer."""
    stretch = max(step, 1)
    distance = (np.arange(n) + 0.5 - (o + 0.5) * step) / stretch
    weights = np.array([_weight(abs(d), mode, -0.5) for d in distance])
    return weights / weights.sum()


def _weight(distance: float, mode: str, a: float = -0.75) -> float:
    if mode == "lanczos":
        return float(np.sinc(distance) * np.sinc(distance / 3)) if distance < 3 else 0
    if mode != "bicubic":
        return max(1 - distance, 0)
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a if distance < 2 else 0


def pixel_shuffle(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    y = np.zeros((n, c // r**2, h * r, w * r), x.dtype)
    for i, j in itertools.product(range(r), range(r)):
        y[:, :, i::r, j::r] = x[:, i * r + j :: r * r]
    return y


def pixel_unshuffle(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    y = np.zeros((n, c * r**2, h // r, w // r), x.dtype)
    for i, j in itertools.product(range(r), range(r)):
        y[:, i * r + j :: r * r] = x[:, :, i::r, j::r]
    return y


def channel_shuffle(x: Array, groups: int) -> Array:
    order = [c for first in range(x.shape[1] // groups) for c in range(first, x.shape[1], x.shape[1] // groups)]
    return x[:, order]


def upsample_bilinear(x: Array, size: Any = None, scale_factor: Any = None) -> Array:
    return interpolate(x, size, scale_factor, "bilinear", True)


def affine_grid(theta: Array, size: Sequence[int], align_corners: bool) -> Array:
    """Each place's coordinates, and a one, times theta."""
    places = [np.linspace(-1, 1, n) if align_corners else (np.arange(n) * 2 + 1) / n - 1 for n in size[2:]]
    places = [p * (len(p) > 1) for p in places]
    there = np.stack([*np.meshgrid(*places, indexing="ij")[::-1], np.ones(size[2:])], -1)
    return np.einsum("...i,noi->n...o", there, theta)


def grid_sample(
    x: Array, grid: Array, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Array:
    """A place at a time: the product of a row of weights for each dimension."""
    dims = x.ndim - 2
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for at in np.ndindex(grid.shape[:-1]):
        seen = x[at[0]]
        for d in reversed(range(dims)):
            seen = seen @ _pixel_weights(grid[at][dims - 1 - d], x.shape[2 + d], mode, padding_mode, align_corners)
        y[(at[0], slice(None), *at[1:])] = seen
    return y


def _pixel_weights(at: float, n: int, mode: str, padding_mode: str, align_corners: bool) -> Array:
    """What each of n pixels counts at a place between -1 and 1."""

    def held(at: float) -> float:
        if padding_mode == "reflection":
            low, high = (0, n - 1) if align_corners else (-0.5, n - 0.5)
            while high > low and not low <= at <= high:
                at = 2 * low - at if at < low else 2 * high - at
        return at if padding_mode == "zeros" else min(max(at, 0), n - 1)

    at = (at + 1) / 2 * (n - 1) if align_corners else ((at + 1) * n - 1) / 2
    at = at if mode == "bicubic" else held(at)
    weights = np.zeros(n)
    for pixel in [round(at)] if mode == "nearest" else range(math.floor(at) - 1, math.floor(at) + 3):
        weight = 1 if mode == "nearest" else _weight(abs(at - pixel), mode)
        place = int(held(pixel)) if mode == "bicubic" else pixel
        if 0 <= place < n:
            weights[place] += weight
    return weights


def grid(t: Draw, *shape: int) -> Array:
    """Places on and off the picture, none near a pixel or an edge."""
    return t.of(*(t.apart(math.prod(shape)) / math.prod(shape) * 3.1).ravel()).reshape(shape)


PICTURES = [
    OpCase(
        "nn.functional.pad",
        pad,
        lambda t: [
            call(t(2, 3), (1, 2)),
            call(t(2, 3), (1, -1, 0, 2), value=1.5),
            *(call(t(2, 4, 3), (2, 1), mode=mode) for mode in ("reflect", "replicate", "circular")),
            call(t(1, 3, 4), (1, 2, 0, 1), "reflect"),
        ],
        lambda t: [
            call(t(0, 3), (1, 1)),
            call(t(2, 3), (-2, -1)),
            call(t(2, 3), (0, 0)),
            call(t(1, 2, 1), (3, 0), "replicate"),
        ],
    ),
    OpCase(
        "nn.functional.interpolate",
        interpolate,
        lambda t: [
            call(t(1, 2, 3), scale_factor=2),
            call(t(1, 1, 3, 4), (5, 2), mode="nearest-exact"),
            call(t(1, 2, 4), 7, mode="linear"),
            call(t(1, 1, 3, 4), scale_factor=2, mode="bilinear", align_corners=True),
            call(t(1, 1, 3, 4), scale_factor=1.5, mode="bilinear", align_corners=False),
            call(t(1, 1, 3, 4), (5, 3), mode="bicubic", align_corners=False),
            call(t(1, 1, 2, 3, 2), 3, mode="trilinear"),
            call(t(1, 1, 5, 4), (3, 2), mode="area"),
        ],
        lambda t: [
            call(t(0, 2, 3), 4),
            call(t(1, 1, 1, 1), 3, mode="bilinear"),
            call(t(1, 2, 3), 1, mode="linear", align_corners=True),
        ],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.interpolate",
        interpolate,
        lambda t: [
            call(t(1, 1, 7, 6), (3, 4), mode="bilinear", align_corners=False, antialias=True),
            call(t(1, 1, 6, 3), (4, 5), mode="bicubic", align_corners=False, antialias=True),
        ],
        lambda t: [
            call(t(0, 1, 3, 4), 2, mode="bilinear", antialias=True),
            call(t(1, 1, 9, 8), (4, 12), mode="lanczos", antialias=True),
        ],
        tolerance=8,
        variant="antialiased",
    ),
    OpCase(
        "nn.functional.pixel_shuffle",
        pixel_shuffle,
        lambda t: [call(t(2, 8, 3, 2), 2)],
        lambda t: [call(t(0, 4, 3, 2), 2), call(t(1, 2, 3, 2), 1)],
    ),
    OpCase(
        "nn.functional.pixel_unshuffle",
        pixel_unshuffle,
        lambda t: [call(t(2, 2, 4, 6), 2)],
        lambda t: [call(t(0, 1, 4, 2), 2), call(t(1, 2, 3, 2), 1)],
    ),
    OpCase(
        "nn.functional.channel_shuffle",
        channel_shuffle,
        lambda t: [call(t(2, 6, 3), 3), call(t(1, 4, 2, 2), 2)],
        lambda t: [call(t(0, 4, 3), 2), call(t(1, 2, 3), 1)],
    ),
    OpCase(
        "nn.functional.upsample",
        interpolate,
        lambda t: [call(t(1, 2, 3), scale_factor=2), call(t(1, 1, 3, 4), 5, mode="bilinear", align_corners=True)],
        lambda t: [call(t(0, 2, 3), 4)],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.upsample_nearest",
        interpolate,
        lambda t: [call(t(1, 2, 3), scale_factor=2), call(t(1, 1, 3, 4), (5, 2))],
        lambda t: [call(t(0, 2, 3), 4)],
    ),
    OpCase(
        "nn.functional.upsample_bilinear",
        upsample_bilinear,
        lambda t: [call(t(1, 1, 3, 4), scale_factor=2), call(t(1, 1, 3, 4), (5, 2))],
        lambda t: [call(t(0, 2, 3, 2), 4)],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.affine_grid",
        affine_grid,
        lambda t: [
            call(t(2, 2, 3), (2, 1, 3, 4), False),
            call(t(1, 2, 3), (1, 1, 2, 3), True),
            call(t(1, 3, 4), (1, 1, 2, 3, 2), False),
        ],
        lambda t: [call(t(1, 2, 3), (1, 1, 1, 1), False), call(t(0, 2, 3), (0, 1, 1, 2), True)],
        tolerance=8,
    ),
    *(
        OpCase(
            "nn.functional.grid_sample",
            grid_sample,
            lambda t, mode=mode: [
                call(t(1, 2, 3, 4), grid(t, 1, 2, 3, 2), mode, padding, aligned)
                for padding in ("zeros", "border", "reflection")
                for aligned in (False, True)
            ],
            lambda t, mode=mode: [
                call(t(1, 0, 3, 4), grid(t, 1, 2, 3, 2), mode, align_corners=False),
                call(t(1, 2, 1, 1), grid(t, 1, 2, 3, 2), mode, "reflection", True),
                call(t(2, 5, 4, 5), t.between(-1.5, 1.5, 2, 6, 7, 2), mode, align_corners=False),
            ],
            # In 16 bits a place is known to a part of a pixel only.
            dtypes=("float64", "float32"),
            tolerance=32,
            variant=mode,
        )
        for mode in ("bilinear", "nearest", "bicubic")
    ),
    OpCase(
        "nn.functional.grid_sample",
        grid_sample,
        lambda t: [
            call(t(1, 2, 2, 3, 2), grid(t, 1, 2, 1, 2, 3), "bilinear", padding, False)
            for padding in ("zeros", "border", "reflection")
        ],
        lambda t: [call(t(0, 1, 2, 2, 2), t(0, 2, 1, 2, 3), "nearest", align_corners=False)],
        dtypes=("float64", "float32"),
        tolerance=32,
        variant="3d",
    ),
]

"""Along one dimension another number of points: each a weighted sum of a few of the old ones.

The weights are a sparse matrix that the sizes and the mode decide; made once, and kept on the device with its
transpose, by which gradients go back.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...device import Device
from ...op import Op
from ...tensor import Tensor
from ..shape import reshape


class Resample(Op):
    """y[:, i] = the sum over j of W_ij x[:, j], x (outer, length, inner), for the sparse W of `band`."""

    def forward(ctx, x, band, transposed):
        ctx.bands = band, transposed
        return ctx.backend.resample(x, *band)

    def backward(ctx, gy):
        band, transposed = ctx.bands
        return Resample.apply(gy, band=transposed, transposed=band)


class Resampling(NamedTuple):
    """How `length` points become `count`. `scale`, where it was asked for, stands for count / length."""

    length: int
    count: int  # type: ignore[assignment]
    scale: float | None
    mode: str  # nearest, nearest-exact, linear, cubic; antialiased linear, antialiased cubic, antialiased lanczos
    align_corners: bool


def resample(x: Tensor, dim: int, how: Resampling) -> Tensor:
    """Return x with `how.length` points along dim as `how.count`."""
    shape = x._array.shape
    rows = reshape(x, (math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])))
    wide = np.dtype(np.float64 if x._array.dtype == np.float64 else np.float32)
    band, transposed = _on_device(how, x.device.base, wide)
    y = Resample.apply(rows, band=band, transposed=transposed)
    return reshape(y, (*shape[:dim], how.count, *shape[dim + 1 :]))


@functools.lru_cache(maxsize=256)
def _on_device(how: Resampling, device: Device, dtype: np.dtype) -> tuple[tuple, tuple]:
    """Return the matrix and its transpose, each as (start, index, weight) on the device."""
    output, source, weight = _entries(how)
    send = device.backend.from_numpy
    bands = []
    for row, column, count in ((output, source, how.count), (source, output, how.length)):
        order = np.argsort(row, kind="stable")
        start = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=count))))
        bands.append((send(start), send(column[order]), send(weight[order].astype(dtype))))
    return bands[0], bands[1]


def _entries(how: Resampling) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrix's entries that are not zero: output, source and weight of each."""
    if how.mode.startswith("nearest"):
        taps = [(_nearest(how), np.ones(how.count))]
    elif how.mode.startswith("antialiased"):
        return _antialiased(how)
    else:
        taps = _TAPS[how.mode](how)
    outputs = np.arange(how.count)
    output = np.concatenate([outputs for _ in taps])
    source = np.concatenate([places for places, _ in taps])
    return output, source, np.concatenate([weights for _, weights in taps])


Taps = list[tuple[np.ndarray, np.ndarray]]  # for each output: a source and its weight


def _step(how: Resampling) -> float:
    if how.align_corners:
        return (how.length - 1) / (how.count - 1) if how.count > 1 else 0.0
    return 1 / how.scale if how.scale else how.length / how.count


def _positions(how: Resampling) -> np.ndarray:
    """Return where among the old points each new one's centre lies."""
    place = np.arange(how.count, dtype=np.float64)
    return place * _step(how) if how.align_corners else (place + 0.5) * _step(how) - 0.5


def _nearest(how: Resampling) -> np.ndarray:
    step = np.float32(_step(how))  # PyTorch rounds places in float32, and so must we
    place = np.arange(how.count, dtype=np.float32)
    place = (place + np.float32(0.5)) * step if how.mode == "nearest-exact" else place * step
    return np.minimum(np.floor(place), how.length - 1).astype(np.int64)


def _linear(how: Resampling) -> Taps:
    at = np.maximum(_positions(how), 0)
    left = np.minimum(np.floor(at), how.length - 1)
    right = np.minimum(left + 1, how.length - 1)
    share = np.minimum(at - left, 1.0)
    return [(left.astype(np.int64), 1 - share), (right.astype(np.int64), share)]


def _cubic(how: Resampling) -> Taps:
    """Places beyond the edge stand for the edge."""
    at = _positions(how)
    left = np.floor(at)
    places = [np.clip(left + step, 0, how.length - 1).astype(np.int64) for step in (-1, 0, 1, 2)]
    return [(place, _keys(at - left - step, -0.75)) for place, step in zip(places, (-1, 0, 1, 2))]


_TAPS: dict[str, Callable[[Resampling], Taps]] = {"linear": _linear, "cubic": _cubic}

# ---------------------------------------------------------------------------------------------- filters


def _keys(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys 1981."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


# The widest reach of a filter, and its value at a distance.
_FILTERS: dict[str, tuple[int, Callable[[Any], np.ndarray]]] = {
    "antialiased linear": (1, lambda d: np.maximum(1 - np.abs(d), 0)),
    "antialiased cubic": (2, lambda d: _keys(d, -0.5)),
    "antialiased lanczos": (3, lambda d: np.where(np.abs(d) < 3, np.sinc(d) * np.sinc(d / 3), 0)),
}


def _antialiased(how: Resampling) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The filter, stretched where points become fewer, over all old points in its reach, with weights that sum to 1."""
    reach, weigh = _FILTERS[how.mode]
    step = _step(how)
    stretch = max(step, 1.0)
    centre = (np.arange(how.count) + 0.5) * step
    first = np.maximum(np.trunc(centre - reach * stretch + 0.5), 0).astype(np.int64)
    end = np.minimum(np.trunc(centre + reach * stretch + 0.5), how.length).astype(np.int64)
    output = np.repeat(np.arange(how.count), end - first)
    source = np.concatenate([np.arange(a, b) for a, b in zip(first, end)])
    weight = weigh((source - centre[output] + 0.5) / stretch)
    return output, source, weight / np.bincount(output, weight, how.count)[output]

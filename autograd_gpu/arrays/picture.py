"""Pictures that a grid reads, as kernels/include/grid.cuh has them. Knows their sizes and modes, no array."""

from __future__ import annotations

import math
import struct

INT32_MAX = 2**31 - 1
MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
PADDINGS = {"zeros": 0, "border": 1, "reflection": 2}
_PICTURE = struct.Struct("9i4xq")
PICTURE_BYTES = _PICTURE.size


def pack_picture(x_shape: tuple, grid_shape: tuple, mode: str, padding: str, is_aligned: bool) -> bytes:
    """The struct Picture by value, for x (batch, channels, *size) and grid (batch, *places, dims)."""
    batch, channels, *size = x_shape
    if math.prod(size) > INT32_MAX:
        raise ValueError(f"grid_sample: at most {INT32_MAX} pixels a picture, got {tuple(size)}")
    sizes = (1,) * (3 - len(size)) + tuple(size)
    places = math.prod(grid_shape[1:-1])
    return _PICTURE.pack(batch, channels, *sizes, len(size), MODES[mode], PADDINGS[padding], is_aligned, places)


def taps(dims: int, mode: str) -> int:
    """How many pixels a place reads."""
    return {"bilinear": 2, "nearest": 1, "bicubic": 4}[mode] ** dims

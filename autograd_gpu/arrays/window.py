"""Sliding windows as kernels/include/window.cuh reads them. Knows their six tuples of sizes, no array."""

from __future__ import annotations

import functools
import math
import struct

Sizes = tuple[int, ...]

MOST_DIMS = 3
INT32_MAX = 2**31 - 1
_WINDOW = struct.Struct(f"{6 * MOST_DIMS}i")
WINDOW_BYTES = _WINDOW.size


@functools.lru_cache(256)
def pack_window(size: Sizes, output: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> bytes:
    """The struct Window by value, filled up with leading dimensions of size 1."""
    if max(math.prod(size), math.prod(output)) > INT32_MAX:
        raise ValueError(f"windows: at most {INT32_MAX} elements a plane, got {size} and {output}")
    missing = MOST_DIMS - len(size)
    ones, zeros = (1,) * missing, (0,) * missing
    leading = (ones, ones, ones, ones, zeros, ones)
    fields = zip(leading, (size, output, kernel, stride, padding, dilation), strict=True)
    return _WINDOW.pack(*(value for lead, rest in fields for value in (*lead, *rest)))

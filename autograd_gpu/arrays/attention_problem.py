"""An attention as its kernels see it: the host's half of Problem in kernels/include/attention.cuh.

Knows shapes and strides.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any

Array = Any
Layout = tuple[tuple[int, ...], tuple[int, ...]]  # shape, strides in bytes

_PROBLEM = struct.Struct("d8i20q")
PROBLEM_FORMAT = f"{_PROBLEM.size}s"
UNMASKED, BOOLEAN, ADDED = range(3)


def along_d(x: Array, contiguous: Callable[[Array], Array]) -> Array:
    """x with its last dimension contiguous, copied only where it is not."""
    return x if x.shape[3] == 1 or x.strides[3] == x.dtype.itemsize else contiguous(x)


def problem(q: Array, k: Array, v: Array, go: Array | None, mask: Array | None, causal: bool, scale: float) -> bytes:
    """The bytes of a Problem."""
    masks = UNMASKED if mask is None else BOOLEAN if mask.dtype == bool else ADDED
    return _packed(q.dtype.itemsize, *(_layout(x) for x in (q, k, v, go, mask)), masks, causal, scale)


def _layout(x: Array | None) -> Layout | None:
    return None if x is None else (x.shape, x.strides)


@functools.lru_cache(maxsize=4096)
def _packed(
    itemsize: int, q: Layout, k: Layout, v: Layout, go: Layout | None, mask: Layout | None, masks: int, causal: bool,
    scale: float,
) -> bytes:  # fmt: skip
    (_, heads, queries, d), (_, key_heads, keys, _) = q[0], k[0]
    strides = [stride for layout in (q, k, v, go) for stride in _strides(layout, itemsize)]
    mask_strides = _strides(mask, 1 if masks == BOOLEAN else itemsize)
    sizes = heads, heads // key_heads, queries, keys, d, causal, masks, 0
    return _PROBLEM.pack(scale, *sizes, *strides, *mask_strides)


def _strides(layout: Layout | None, itemsize: int) -> list[int]:
    """In elements; none where there is one element for all, as in a mask."""
    if layout is None:
        return [0, 0, 0, 0]
    return [stride // itemsize if size > 1 else 0 for size, stride in zip(*layout, strict=True)]

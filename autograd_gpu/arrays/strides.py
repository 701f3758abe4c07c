"""How a kernel walks strided arrays: the host's half of kernels/include/strides.cuh. Knows shapes, no values."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from typing import Any

MAX_DIMS = 8
# Strided walks count in 31 bits on the device, where 64-bit division is slow.
MAX_STRIDED = 2**31 - 1
# A block's 256 threads, a warp along a line.
LANES, LINES = 32, 8

Strides = tuple[int, ...]


def contiguous_strides(shape: Sequence[int]) -> Strides:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def collapse(shape: Sequence[int], strides: Sequence[Strides]) -> tuple[tuple[int, ...], list[Strides]]:
    """Merge neighbouring dimensions that every array steps through as one; drop those of size 1."""
    sizes: list[int] = []
    steps: list[tuple[int, ...]] = []
    for size, step in zip(shape, zip(*strides, strict=True), strict=True):
        if size == 1:
            continue
        if sizes and all(outer == inner * size for outer, inner in zip(steps[-1], step, strict=True)):
            sizes[-1] *= size
            steps[-1] = step
        else:
            sizes.append(size)
            steps.append(step)
    return tuple(sizes), [tuple(step[n] for step in steps) for n in range(len(strides))]


@functools.lru_cache(maxsize=8192)
def pack_layout(shape: tuple[int, ...], strides: tuple[Strides, ...], reorder: bool = True) -> bytes | None:
    """The bytes of a Layout<len(strides)>; None when it takes more dimensions or elements than a Layout has.

    With `reorder` the dimensions are walked in the order of the first array's strides, so that it is met in the order
    of memory, or in tiles where another lies across it; without, element i is the i-th of the shape.
    """
    order = sorted(range(len(shape)), key=lambda d: -abs(strides[0][d])) if reorder else range(len(shape))
    sizes, steps = collapse([shape[d] for d in order], [tuple(step[d] for d in order) for step in strides])
    if reorder:
        sizes, steps = _in_tiles(sizes, steps)
    if 0 in shape or (len(sizes) <= 1 and all(step in ((), (1,)) for step in steps)):
        return bytes(_layout_size(len(strides)))
    count = 1
    for size in sizes:
        count *= size
    if len(sizes) > MAX_DIMS or count > MAX_STRIDED:
        return None
    innermost_first = range(len(sizes) - 1, -1, -1)
    packed = struct.pack("q", max(1, len(sizes)))
    packed += b"".join(pack_divisor(sizes[d]) for d in innermost_first).ljust(MAX_DIMS * _DIVISOR.size, b"\0")
    packed += b"".join(struct.pack(f"{len(steps)}q", *(step[d] for step in steps)) for d in innermost_first)
    return packed.ljust(_layout_size(len(strides)), b"\0")


@functools.lru_cache(maxsize=8192)
def layout_of(shape: tuple[int, ...], *places: tuple[tuple[int, ...] | None, int]) -> bytes | None:
    """A packed layout of arrays by their strides in bytes and itemsizes; None has no place in memory."""
    nowhere = (0,) * len(shape)
    return pack_layout(
        shape,
        tuple(nowhere if strides is None else tuple(step // size for step in strides) for strides, size in places),
    )


def _in_tiles(sizes: tuple[int, ...], steps: list[Strides]) -> tuple[tuple[int, ...], list[Strides]]:
    """The same dimensions, in tiles of LINES x LANES where the neighbours of one array lie across those of the first:
    of each 32 bytes that a warp gets from it, the others are for the warps of the same block."""
    last = len(sizes) - 1
    if not 1 <= last <= MAX_DIMS - 3 or sizes[last] % LANES:
        return sizes, steps
    across = next((d for d in range(last) if sizes[d] % LINES == 0 and any(step[d] == 1 for step in steps)), None)
    if across is None:
        return sizes, steps
    outer = [d for d in range(last) if d != across]

    def split(values: Strides, lines: int, lanes: int) -> Strides:
        return (*(values[d] for d in outer), lines, lanes)

    tiled = (*split(sizes, sizes[across] // LINES, sizes[last] // LANES), LINES, LANES)
    return tiled, [(*split(s, s[across] * LINES, s[last] * LANES), s[across], s[last]) for s in steps]


_DIVISOR = struct.Struct("IIII")


def _layout_size(arrays: int) -> int:
    return 8 + MAX_DIMS * (_DIVISOR.size + 8 * arrays)


def layout_format(arrays: int) -> str:
    """A Layout<arrays> in the language of Kernel's formats."""
    return f"{_layout_size(arrays)}s"


def pack_divisor(size: int) -> bytes:
    """size, and the multiplier and shift that divide by it: Granlund & Montgomery 1994, round-up variant."""
    shift = (size - 1).bit_length()
    multiplier = (2**32 * (2**shift - size)) // size + 1
    return _DIVISOR.pack(size, multiplier, shift, 0)


def halves(arrays: Sequence[Any]) -> Iterator[list[Any]]:
    """Arrays of one shape (None stays None) cut in two along their greatest dimension."""
    shape = next(x.shape for x in arrays if x is not None)
    dim = max(range(len(shape)), key=shape.__getitem__)
    middle = shape[dim] // 2
    for part in (slice(0, middle), slice(middle, None)):
        index = (slice(None),) * dim + (part,)
        yield [None if x is None else x[index] for x in arrays]

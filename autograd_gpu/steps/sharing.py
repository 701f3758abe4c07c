"""What arguments share memory with: each other, and what a step has besides them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from ..tensor import Tensor, wrap

Range = tuple[Any, int, int]  # a device, the first byte and the one behind the last


def memory_range(x: Tensor) -> Range:
    """The bytes that a tensor shows."""
    array, backend = x._array, x.device.backend
    low = backend.storage(array)[0] + backend.offset(array) * array.dtype.itemsize
    if not array.size:
        return x.device, low, low
    reach = [(size - 1) * step for size, step in zip(array.shape, array.strides)]
    below, above = sum(step for step in reach if step < 0), sum(step for step in reach if step > 0)
    return x.device, low + below, low + above + array.dtype.itemsize


class Ranges:
    """Memory, to be asked whether other memory lies in it."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        self._merged: dict[Any, tuple[list[int], list[int]]] = {}
        for device, low, high in sorted(ranges, key=lambda range: range[1:]):
            lows, highs = self._merged.setdefault(device, ([], []))
            if highs and low < highs[-1]:
                highs[-1] = max(high, highs[-1])
            elif low < high:
                lows.append(low)
                highs.append(high)

    def meet(self, x: Tensor) -> bool:
        """Whether a tensor shows some of it."""
        return x.device in self._merged and self.hold(memory_range(x))

    def hold(self, range: Range) -> bool:
        """Whether some of these bytes is among them."""
        device, low, high = range
        lows, highs = self._merged.get(device, ([], []))
        last = bisect_right(lows, high - 1) - 1
        return low < high and last >= 0 and highs[last] > low


def overlapping(leaves: list) -> dict[int, tuple[int, Range]]:
    """Of arguments that show memory of others, by their number: the first of them, and the bytes of them all."""
    found: dict[Any, Any] = {}
    for number, leaf in enumerate(leaves):
        if isinstance(leaf, Tensor):
            found.setdefault(id(leaf), (memory_range(leaf), number))
    if len(found) < 2:
        return {}
    groups: list[tuple[Range, list[int]]] = []
    for (device, low, high), number in sorted(found.values(), key=lambda each: (str(each[0][0]), *each[0][1:])):
        if groups and groups[-1][0][0] == device and low < groups[-1][0][2] and low < high:
            (_, first, last), numbers = groups[-1]
            groups[-1] = (device, first, max(last, high)), [*numbers, number]
        else:
            groups.append(((device, low, high), [number]))
    shared: dict[Any, Any] = {}
    for extent, numbers in groups:
        if len(numbers) > 1:
            shared |= {number: (min(numbers), extent) for number in numbers}
    return shared


def lie_alike(leaves: list, shared: dict[int, tuple[int, Range]]) -> bool:
    """Whether a copy of the memory that arguments share can take their place."""
    for number, (first, (_, low, _)) in shared.items():
        leaf = leaves[number]
        if leaf.requires_grad or leaf.dtype != leaves[first].dtype:
            return False
        if (memory_range(leaf)[1] - low) % leaf.element_size() or any(leaf.stride(d) < 0 for d in range(leaf.dim())):
            return False
    return True


def shared_places(leaves: list, shared: dict[int, tuple[int, Range]]) -> dict[int, Tensor]:
    """Views of a copy of the memory that arguments share, which lie in it as they do."""
    bases: dict[int, Tensor] = {}
    places = {}
    for number, (first, (device, low, high)) in shared.items():
        leaf = leaves[number]
        backend, size = device.backend, leaf.element_size()
        if first not in bases:
            start = (low - backend.storage(leaf._array)[0]) // size
            whole = backend.as_strided(leaf._array, ((high - low) // size,), (1,), start)
            bases[first] = wrap(backend.copy(whole), device)
        offset = (memory_range(leaf)[1] - low) // size
        places[number] = bases[first].as_strided(tuple(leaf.shape), leaf.stride(), offset)
    return places

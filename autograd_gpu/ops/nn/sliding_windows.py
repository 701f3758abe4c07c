"""The geometry of sliding windows: how many there are, and PyTorch's words when there can be none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..integers import one_or_more

Sizes = tuple[int, ...]


class Window(NamedTuple):
    """Place k of output o lies on o * stride + k * dilation - padding of an input of `size`; a number a dimension."""

    size: Sizes
    output: Sizes
    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes


def per_dim(value: int | Sequence[int], dims: int, name: str) -> Sizes:
    """Return one number a dimension from a number for all or from a sequence."""
    numbers = one_or_more(value, name)
    if len(numbers) == 1:
        numbers *= dims
    if len(numbers) != dims:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {dims} values, but got {value}")
    return numbers


def outputs(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool = False
) -> Sizes:
    """Return how many windows fit; with `ceil_mode` a last one may hang over, if it starts on the input or its left."""
    counts = []
    for length, k, s, p, d in zip(size, kernel, stride, padding, dilation):
        room = length + 2 * p - d * (k - 1) - 1
        count = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= length + p:
            count -= 1
        counts.append(count)
    return tuple(counts)

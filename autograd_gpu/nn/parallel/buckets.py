"""Gradients of many parameters in few tensors, so that few collectives take them: what lies where, and what is there.

Buckets are laid out once, from the parameters alone, so that a run that is resumed adds in the same order as the run
that went on. They hold the last parameters first, whose gradients come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...layouts import strided
from ...modes import no_grad
from ...ops.creation import zeros
from ...tensor import Tensor

FIRST_BYTES = 1 << 20  # of the first bucket, so that the first collective begins early


class Bucket:
    """A flat tensor in which the gradients of some parameters lie, one after another."""

    def __init__(self, parameters: Sequence[Tensor], places: Sequence[int]) -> None:
        self.parameters, self.places = list(parameters), list(places)  # places among all parameters
        like = parameters[0]
        self.flat = zeros(sum(p.numel() for p in parameters), dtype=like.dtype, device=like.device)
        self.views: list[Tensor] = []
        start = 0
        with no_grad():
            for parameter in parameters:
                self.views.append(self.flat[start : start + parameter.numel()].view(parameter.shape))
                start += parameter.numel()
        self.missing: set[int] = set()
        self.work: Any = None
        self.begin()

    def begin(self) -> None:
        """Nothing is there yet."""
        self.missing = set(range(len(self.parameters)))
        self.work = None

    def take(self, slot: int) -> None:
        """Put a parameter's gradient in its place and let it be `.grad`; zeros where it has none, which it keeps."""
        parameter, view = self.parameters[slot], self.views[slot]
        gradient = parameter._grad
        with no_grad():
            if gradient is None:
                view.zero_()
            elif gradient.layout is not strided:
                raise NotImplementedError(
                    "DistributedDataParallel: a parameter's gradient is sparse, which no bucket holds; make the "
                    "embedding with sparse=False"
                )
            elif gradient is not view:
                view.copy_(gradient)
                parameter._grad = view
        self.missing.discard(slot)


def laid_out(parameters: Sequence[Tensor], most_bytes: int) -> list[Bucket]:
    """Return buckets of at most so many bytes (but for a larger parameter), the last parameters first."""
    opened: dict[Any, list[tuple[int, Tensor]]] = {}
    filled: list[list[tuple[int, Tensor]]] = []
    sizes: dict[Any, int] = {}
    for place in range(len(parameters) - 1, -1, -1):
        parameter = parameters[place]
        kind = (parameter.dtype, parameter.device)
        limit = most_bytes if filled else min(FIRST_BYTES, most_bytes)
        if kind in opened and sizes[kind] + parameter.nbytes > limit:
            filled.append(opened.pop(kind))
        opened.setdefault(kind, []).append((place, parameter))
        sizes[kind] = sum(each.nbytes for _, each in opened[kind])
    filled += opened.values()
    return [Bucket([p for _, p in each], [place for place, _ in each]) for each in filled]

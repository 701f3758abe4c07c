"""A step on a GPU as a CUDA graph, which holds for as long as what it has met is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..cuda.capture import CUDAGraph, graph
from .noticed import Noticing


class DeviceGraph(Noticing, CUDAGraph):
    """Capture within `with graph.capture(): ...`, which runs nothing; then `differs()` and `replay()`."""

    ran = False  # the capture leaves the step's work to the first replay

    @contextmanager
    def capture(self) -> Iterator[None]:
        with self.noticing(), graph(self):
            yield

    def give(self, result: Any) -> None:
        """A capture refuses what the host computes."""

    def replay(self) -> None:
        CUDAGraph.replay(self)
        self.restore()

    def describe(self) -> str:
        return "cuda: a graph"

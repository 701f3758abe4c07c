"""A step on a GPU as a CUDA graph, which holds for as long as what it has met is as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..arrays.cuda.fused import Fused, fuse
from ..cuda.capture import CUDAGraph, graph
from ..settings import fuses
from ..tensor import Tensor
from .explanation import Work, work_of
from .noticed import Noticing
from .sharing import Range, memory_range


class DeviceGraph(Noticing, CUDAGraph):
    """Capture within `with graph.capture(): ...`, which runs nothing; then `differs()` and `replay()`."""

    ran = False  # the capture leaves the step's work to the first replay
    fused: Fused | None = None

    def __init__(self) -> None:
        super().__init__()
        self.given: set[Range] = set()  # what operations were given

    def see(self, tensor: Tensor) -> None:
        super().see(tensor)
        if threading.get_ident() == self.thread and not tensor.is_cpu:
            self.given.add(memory_range(tensor))

    @contextmanager
    def capture(self) -> Iterator[None]:
        with self.noticing(), graph(self):
            yield
        if fuses():
            self.fused = fuse(self._graph, self._pool)

    def give(self, result: Any) -> None:
        """A capture refuses what the host computes."""

    def besides(self) -> list[Range]:
        """The memory that the step's operations were given and what hangs on tensors from outside."""
        tensors = [noticed.tensor for noticed in self.tensors.values()]
        gradients = [x._grad for x in tensors if x._grad is not None]
        return [*self.given, *map(memory_range, [*tensors, *gradients])]

    def replay(self) -> None:
        CUDAGraph.replay(self)
        self.restore()

    def nbytes(self) -> int:
        """The memory that the graph keeps."""
        pool = self._pool
        return sum(x.nbytes for x in pool) if isinstance(pool, list) else getattr(pool, "total_bytes", int)()

    def describe(self) -> str:
        if self.fused is None:
            return "cuda: a graph"
        return f"cuda: a graph of {len(self.fused.nodes)} launches as {len(self.fused.units)}"

    def work(self) -> list[Work]:
        """What a replay does, in its order; a CUDA graph keeps that to itself."""
        return [] if self.fused is None else work_of(self.fused.nodes, self.fused.units)

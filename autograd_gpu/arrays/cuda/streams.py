"""Streams, events and captured graphs as the two drivers have them. Knows order and time, no operation.

What the emulator gives does everything when it is asked, so that its streams have nothing to wait for; its graphs keep
the launches and do them again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

NOT_IN_A_GRAPH = (
    "operation not permitted when stream is capturing: {what} cannot be part of a captured graph. Read values after a "
    "replay, and make constants before the capture: a warm-up step does, outside of it."
)


class CupyStreams:
    """CuPy's own objects, and captures into a memory pool that lives as long as the graph."""

    def __init__(self, cupy: Any, arrays: Any) -> None:
        self._cuda, self._arrays, self.pool = cupy.cuda, arrays, arrays.pool
        self.current = cupy.cuda.get_current_stream
        self.default = cupy.cuda.Stream.null
        self._allocation: Any = None

    def new(self) -> Any:
        return self._cuda.Stream(non_blocking=True)

    def event(self, timed: bool) -> Any:
        return self._cuda.Event(disable_timing=not timed)

    def milliseconds(self, start: Any, end: Any) -> float:
        return self._cuda.get_elapsed_time(start, end)

    def begin_capture(self, pool: Any) -> None:
        """Record this thread's launches on the current stream from now on; allocations come from the pool."""
        self._allocation = self._arrays.allocating_from(pool)
        self._allocation.__enter__()
        # Relaxed: growing the pool and loading a module are allowed, which do not touch what is being captured.
        self.current().begin_capture(self._cuda.runtime.streamCaptureModeRelaxed)

    def end_capture(self) -> Any:
        """Return the graph of what was recorded."""
        self._allocation.__exit__(None, None, None)
        return self.current().end_capture()

    def replay(self, graph: Any) -> None:
        graph.launch(self.current())


class EmulatedStreams:
    """One after the other, on the CPU."""

    def __init__(self, arrays: Any, refusals: Any) -> None:
        self._arrays, self._refusals, self.pool = arrays, refusals, arrays.pool
        self.default = self._current = EmulatedStream(self)
        self.recording: EmulatedGraph | None = None
        self._allocation: Any = None

    def current(self) -> EmulatedStream:
        return self._current

    def use(self, stream: EmulatedStream) -> None:
        self._current = stream

    def new(self) -> EmulatedStream:
        return EmulatedStream(self)

    def event(self, timed: bool) -> EmulatedEvent:
        return EmulatedEvent()

    def milliseconds(self, start: EmulatedEvent, end: EmulatedEvent) -> float:
        return (end.at - start.at) * 1e3

    def begin_capture(self, pool: Any) -> None:
        self._allocation = self._arrays.allocating_from(pool)
        self._allocation.__enter__()
        self.recording = EmulatedGraph()

    def end_capture(self) -> EmulatedGraph | None:
        self._allocation.__exit__(None, None, None)
        graph, self.recording = self.recording, None
        return graph

    def replay(self, graph: EmulatedGraph) -> None:
        graph.launch()
        self._refusals.listen()


class EmulatedStream:
    """A stream whose work is always done."""

    done = True

    def __init__(self, streams: EmulatedStreams) -> None:
        self._streams = streams

    @property
    def ptr(self) -> int:
        return 0 if self is self._streams.default else id(self)

    def use(self) -> None:
        self._streams.use(self)

    def synchronize(self) -> None:
        if self._streams.recording is not None:
            raise RuntimeError(NOT_IN_A_GRAPH.format(what="waiting for the device"))

    def wait_event(self, event: EmulatedEvent) -> None:
        """Everything before the event is done."""


class EmulatedEvent:
    """A point in time."""

    done = True
    at = 0.0

    def record(self, stream: EmulatedStream) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        """It has been reached."""


class EmulatedGraph:
    """Launches to be done again. Their memory is the pool's."""

    def __init__(self) -> None:
        self.launches: list[tuple[Any, Sequence[int], Sequence[int], bytes, int]] = []

    def launch(self) -> None:
        for function, grid, block, packed, shared_mem in self.launches:
            function.launch(grid, block, packed, shared_mem)

"""CUDA graphs: the launches of a whole training step, recorded once and replayed without any Python in between.

While a graph is captured nothing runs: operations record their launches, allocate from the graph's own memory, and the
host sees no values. A replay runs them all on the very same memory, so inputs are copied into the tensors of the
capture, and results are read from its outputs. What the host decides (a learning rate of a schedule) is written before
a replay by who registered for it in `before_replay`.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ..capturing import captured
from ..device import Device
from .streams import Stream, streams_of_driver
from .streams import stream as on_stream


def is_current_stream_capturing() -> bool:
    """Whether launches are being recorded rather than run."""
    return any(graph.device_type == "cuda" for graph in captured)


def graph_pool_handle() -> Any:
    """Return memory that several graphs may share which are never replayed at the same time, in the order of
    capture."""
    return streams_of_driver().pool()


class CUDAGraph:
    """Launches to be replayed. Capture with ``with cuda.graph(g): ...``, then ``g.replay()``."""

    device_type = "cuda"
    thread = 0  # that captures it

    def __init__(self, keep_graph: bool = False) -> None:
        self._graph: Any = None
        self._pool: Any = None
        self.before_replay: dict[int, Callable[[], None]] = {}  # by the id of who registered

    def host_call(self, owner: int, call: Callable[[], None]) -> None:
        """Let each replay make this call of the host's before it, once for each owner."""
        self.before_replay[owner] = call

    def writes(self, write: Callable[[], object]) -> None:
        """Nothing runs during a capture."""

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        """Record from now on; the current stream must not be the default one."""
        if any(other.device_type == "cuda" for other in captured):
            raise RuntimeError("CUDAGraph: a capture is under way already; graphs are captured one after another.")
        if self._graph is not None:
            raise RuntimeError(
                "This CUDAGraph instance already owns a captured graph. To capture a new graph, create a new instance, "
                "or reset() this one."
            )
        streams = streams_of_driver()
        if streams.current().ptr == streams.default.ptr:
            raise RuntimeError(
                "CUDA graphs must be captured on a non-default stream. (However, after capture, it's ok to replay them "
                "on the default stream.) Use `with cuda.graph(g):`, which makes one."
            )
        self._pool = streams.pool() if pool is None else pool
        streams.begin_capture(self._pool)
        self.thread = threading.get_ident()
        captured.append(self)

    def capture_end(self) -> None:
        """Stop recording."""
        if self not in captured:
            raise RuntimeError("CUDAGraph: capture_end() without capture_begin() of the same graph.")
        captured.remove(self)
        self._graph = streams_of_driver().end_capture()

    def replay(self) -> None:
        """Run what was recorded, on the current stream."""
        if self._graph is None:
            raise RuntimeError("Called CUDAGraph::replay without a preceding successful capture.")
        for prepare in self.before_replay.values():
            prepare()
        streams_of_driver().replay(self._graph)

    def pool(self) -> Any:
        """Return the graph's memory, for another graph to share."""
        if self._pool is None:
            raise RuntimeError("Called CUDAGraph::pool() without a preceding successful capture.")
        return self._pool

    def reset(self) -> None:
        """Forget the recording and its memory."""
        self._graph = self._pool = None
        self.before_replay.clear()


_capture_stream: list[Stream] = []  # one for all captures, made when first needed


class graph:
    """Capture the block into a graph; nothing in it runs before the first replay.

    Run the step a few times before, on a stream of its own: what it makes once (kernels, an optimizer's state) is then
    there. A block that raises leaves the graph uncaptured.
    """

    def __init__(
        self,
        cuda_graph: CUDAGraph,
        pool: Any = None,
        stream: Stream | None = None,
        capture_error_mode: str = "global",
    ) -> None:
        self.cuda_graph, self.pool, self.stream, self.capture_error_mode = cuda_graph, pool, stream, capture_error_mode

    def __enter__(self) -> None:
        if self.stream is None:
            if not _capture_stream:
                _capture_stream.append(Stream())
            self.stream = _capture_stream[0]
        gc.collect()  # what is collected during the capture would free memory of others in the midst of it
        Device("cuda").backend.synchronize()
        self._on_stream = on_stream(self.stream)
        self._on_stream.__enter__()
        try:
            self.cuda_graph.capture_begin(self.pool, self.capture_error_mode)
        except BaseException:
            self._on_stream.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.cuda_graph.capture_end()
        except Exception:
            if error is None:  # a capture that failed says so here too: the block's own error is the one to see
                raise
        finally:
            self._on_stream.__exit__(None, None, None)
        if error is not None:
            self.cuda_graph.reset()

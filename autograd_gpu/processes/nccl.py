"""NCCL as an engine between processes, by CuPy. Knows flat device arrays, a stream of its own, and who hangs.

Everything is put on the engine's stream, which first waits for what the arrays were computed by; who waits for a work
lets its own stream wait, so that the host goes on and a captured step holds the collective too.
"""

from __future__ import annotations

import collections
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..arrays.cuda import driver
from ..errors import DistBackendError, DistNetworkError
from .launch import meeting_point
from .reduction import ReduceOp
from .works import Call

Array = Any

# Of NCCL's header, by our dtypes' names; what is only copied goes as bytes.
_TYPES = {
    "int8": 0, "uint8": 1, "bool": 1, "int32": 2, "int64": 4, "float16": 6, "float32": 7, "float64": 8, "bfloat16": 9,
}  # fmt: skip
_OPS = {ReduceOp.SUM: 0, ReduceOp.PRODUCT: 1, ReduceOp.MAX: 2, ReduceOp.MIN: 3}
_BYTES = 1
UNIQUE_ID_BYTES = 128

library: Any = None  # CuPy's module, or what stands in for it where there is no GPU


def load() -> Any:
    """Return CuPy's module of NCCL. DistNetworkError where CuPy or NCCL is missing."""
    global library
    if library is None:
        try:
            from cupy.cuda import nccl
        except Exception as error:  # a broken installation raises more than ImportError
            raise DistNetworkError(f"backend 'nccl' needs CuPy, which does not import ({error})") from None
        if not nccl.available:
            raise DistNetworkError(
                "backend 'nccl' needs NCCL, which CuPy does not find: pip install nvidia-nccl-cu13 (or -cu12)"
            )
        library = nccl
    return library


def is_available() -> bool:
    """Whether NCCL can be used: CuPy finds it."""
    try:
        load()
    except DistNetworkError:
        return False
    return True


class NCCLEngine:
    """The processes of one communicator, a GPU each."""

    name = "nccl"

    def __init__(self, unique_id: bytes, rank: int, size: int, timeout: float) -> None:
        self._nccl, self.rank, self.size, self.timeout = load(), rank, size, timeout
        streams = driver.current().streams
        self.stream = streams.new()
        self._communicator = self._nccl.NcclCommunicator(size, unique_id, rank)
        self._watch = Watch(self) if size > 1 else None
        self._together: list[tuple[Any, Call]] | None = None  # ends to be marked when all messages have started

    # ---------------------------------------------------------------------------------------------------- the stream

    def put(self, call: Call, action: Any) -> Any:
        """Put a call's work on the engine's stream, after what the current one has been given; return its end."""
        streams = driver.current().streams
        before, after = streams.event(False), streams.event(False)
        before.record(streams.current())
        self.stream.wait_event(before)
        action()
        if self._together is not None:
            self._together.append((after, call))
            return after
        self._ended(after, call)
        return after

    def _ended(self, after: Any, call: Call) -> None:
        after.record(self.stream)
        if self._watch is not None and not driver.current().capturing():
            self._watch.add(after, call)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """A block in which messages are begun that may wait for each other: NCCL starts them all at its end."""
        self._together = []
        self._nccl.groupStart()
        try:
            yield
        finally:
            self._nccl.groupEnd()
            ends, self._together = self._together, None
            for after, call in ends:
                self._ended(after, call)

    def join(self, after: Any) -> None:
        """Let the current stream wait for an end that `put` gave."""
        driver.current().streams.current().wait_event(after)

    # ------------------------------------------------------------------------------------------- what is done together

    def all_reduce(self, call: Call, array: Array, op: ReduceOp) -> None:
        """Reduce in place."""
        at = _at(array)
        self._communicator.allReduce(at, at, array.size, _type(array, call), _op(op, call), self.stream.ptr)

    def reduce(self, call: Call, array: Array, op: ReduceOp, root: int) -> None:
        """Reduce into the root's array."""
        at = _at(array)
        self._communicator.reduce(at, at, array.size, _type(array, call), _op(op, call), root, self.stream.ptr)

    def reduce_scatter(self, call: Call, out: Array, array: Array, op: ReduceOp) -> None:
        """Reduce, and give each rank its part of the result."""
        self._communicator.reduceScatter(
            _at(array), _at(out), out.size, _type(array, call), _op(op, call), self.stream.ptr
        )

    def broadcast(self, call: Call, array: Array, root: int) -> None:
        """Make every array the root's."""
        self._communicator.broadcast(_at(array), _at(array), array.nbytes, _BYTES, root, self.stream.ptr)

    def all_gather(self, call: Call, out: Array, array: Array) -> None:
        """Put all arrays one after another."""
        self._communicator.allGather(_at(array), _at(out), array.nbytes, _BYTES, self.stream.ptr)

    def gather(self, call: Call, out: Array | None, array: Array, root: int) -> None:
        """Put all arrays one after another at the root."""
        sent = [array.size if rank == root else 0 for rank in range(self.size)]
        received = [array.size if out is not None else 0] * self.size
        self._exchange(out, array, received, sent, repeat=True)

    def scatter(self, call: Call, out: Array, array: Array | None, root: int) -> None:
        """Give each rank its part of the root's array."""
        received = [out.size if rank == root else 0 for rank in range(self.size)]
        self._exchange(out, array, received, [out.size if array is not None else 0] * self.size)

    def all_to_all(self, call: Call, out: Array, array: Array, received: Sequence[int], sent: Sequence[int]) -> None:
        """Send a part of the array to each rank; the counts are elements."""
        self._exchange(out, array, received, sent)

    def _exchange(
        self, out: Array | None, array: Array | None, received: Sequence[int], sent: Sequence[int], repeat: bool = False
    ) -> None:
        """Send a part to each rank and receive one from each, but for those of no elements; `repeat` sends the same."""
        self._nccl.groupStart()
        start = 0
        for peer, count in enumerate(sent):
            if count:
                assert array is not None
                bytes_ = count * array.dtype.itemsize
                self._communicator.send(_at(array) + start, bytes_, _BYTES, peer, self.stream.ptr)
                start += 0 if repeat else bytes_
        start = 0
        for peer, count in enumerate(received):
            if count:
                assert out is not None
                bytes_ = count * out.dtype.itemsize
                self._communicator.recv(_at(out) + start, bytes_, _BYTES, peer, self.stream.ptr)
                start += bytes_
        self._nccl.groupEnd()

    def send(self, call: Call, array: Array, peer: int, tag: int) -> None:
        """Send to one rank. NCCL has no tags: what is sent first is received first."""
        self._communicator.send(_at(array), array.nbytes, _BYTES, peer, self.stream.ptr)

    def receive(self, call: Call, array: Array, peer: int | None, tag: int) -> int:
        """Receive from one rank."""
        if peer is None:
            raise ValueError(f"{call.name}: backend 'nccl' cannot receive from any rank; name the source")
        self._communicator.recv(_at(array), array.nbytes, _BYTES, peer, self.stream.ptr)
        return peer

    # -------------------------------------------------------------------------------------------------------- groups

    def unique_id(self) -> bytes:
        """Return what a communicator of other ranks is made by."""
        return self._nccl.get_unique_id()

    def close(self) -> None:
        """Give the communicator back."""
        if self._watch is not None:
            self._watch.stop()
        self._communicator.destroy()

    def failure(self) -> str | None:
        """Return what NCCL has noticed by itself, or None."""
        try:
            self._communicator.check_async_error()
        except Exception as error:
            return str(error)
        return None

    def abort(self) -> None:
        """End what is under way, and this process; who started it ends the others."""
        self._communicator.abort()
        os._exit(1)


class Watch:
    """A thread that looks whether works on the stream come to an end in time, which the host does not wait for."""

    EVERY = 0.5  # seconds

    def __init__(self, engine: NCCLEngine) -> None:
        self._engine = engine
        self._works: collections.deque[tuple[Any, float, Call]] = collections.deque()
        self._stopped = threading.Event()
        threading.Thread(target=self._go_on, name="nccl watch", daemon=True).start()

    def add(self, end: Any, call: Call) -> None:
        """Look after a work until its end is reached."""
        self._works.append((end, time.monotonic() + self._engine.timeout, call))

    def stop(self) -> None:
        """Look no longer."""
        self._stopped.set()

    def overdue(self) -> str | None:
        """Return what is wrong, or None; works that are done are forgotten."""
        while self._works and self._works[0][0].done:
            self._works.popleft()
        engine = self._engine
        if self._works and time.monotonic() > self._works[0][1]:
            return (
                f"rank {engine.rank} of {engine.size}: {self._works[0][2]} was not answered by all others within "
                f"{engine.timeout:g} s: a rank has ended, hangs, or does not call it"
            )
        found = engine.failure()
        return None if found is None else f"rank {engine.rank} of {engine.size}: NCCL says {found}"

    def _go_on(self) -> None:
        while not self._stopped.wait(self.EVERY):
            if (reason := self.overdue()) is not None:
                print(f"DistBackendError: {reason}", file=sys.stderr, flush=True)
                self._engine.abort()


@contextlib.contextmanager
def rendezvous(address: tuple[str, int] | None = None) -> Iterator[bytes]:
    """A block in which all processes have one unique id, by which they find the first where it is to be met.

    It is NCCL's own: the first's communicator, made within the block, listens where the variable says. Behind it the
    variable is as it was, so that other communicators have ids of their own.
    """
    host, port = meeting_point() if address is None else address
    before = os.environ.get("NCCL_COMM_ID")
    os.environ["NCCL_COMM_ID"] = f"{host}:{port}"
    try:
        yield load().get_unique_id()
    finally:
        if before is None:
            del os.environ["NCCL_COMM_ID"]
        else:
            os.environ["NCCL_COMM_ID"] = before


def _at(array: Array) -> int:
    return driver.current().pointer(array)


def _type(array: Array, call: Call) -> int:
    name = str(array.dtype)
    if name not in _TYPES:
        raise DistBackendError(f"{call}: NCCL has no {name}; reduce as another dtype")
    return _TYPES[name]


def _op(op: ReduceOp, call: Call) -> int:
    if op not in _OPS:
        raise DistBackendError(f"{call}: NCCL has no {op}")
    return _OPS[op]

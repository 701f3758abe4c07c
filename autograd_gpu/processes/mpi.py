"""MPI as an engine between processes, by mpi4py. Knows flat NumPy arrays, how to wait without a core, and who hangs.

Each group has a communicator of its own, so that one that was left halfway mixes with nothing. Nothing blocks: a call
begins and is asked for again and again, ever more seldom, until it is done or its time is over.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from ..errors import DistBackendError, DistNetworkError
from .launch import place
from .reduction import ReduceOp
from .works import Call

_BEFORE_SLEEPING = 50  # times a call is asked for before its thread sleeps between
_SHORTEST, _LONGEST = 2e-5, 1e-3  # seconds between two questions


def is_available() -> bool:
    """Whether mpi4py is installed. It says itself, when first used, where there is no MPI for it."""
    return importlib.util.find_spec("mpi4py") is not None


class MPIEngine:
    """The processes of one communicator."""

    name = "mpi"

    def __init__(self, mpi: Any, communicator: Any, timeout: float) -> None:
        self.mpi, self._communicator, self.timeout = mpi, communicator, timeout
        self.rank, self.size = communicator.rank, communicator.size
        self._ops = {
            ReduceOp.SUM: mpi.SUM, ReduceOp.PRODUCT: mpi.PROD, ReduceOp.MIN: mpi.MIN, ReduceOp.MAX: mpi.MAX,
            ReduceOp.BAND: mpi.BAND, ReduceOp.BOR: mpi.BOR, ReduceOp.BXOR: mpi.BXOR,
        }  # fmt: skip
        self.broken: str | None = None

    # ------------------------------------------------------------------------------------------- what is done together

    def all_reduce(self, call: Call, array: np.ndarray, op: ReduceOp) -> None:
        """Reduce in place."""
        self.finish(call, self._communicator.Iallreduce(self.mpi.IN_PLACE, array, self._ops[op]))

    def reduce(self, call: Call, array: np.ndarray, op: ReduceOp, root: int) -> None:
        """Reduce into the root's array."""
        send, receive = (self.mpi.IN_PLACE, array) if self.rank == root else (array, None)
        self.finish(call, self._communicator.Ireduce(send, receive, self._ops[op], root))

    def reduce_scatter(self, call: Call, out: np.ndarray, array: np.ndarray, op: ReduceOp) -> None:
        """Reduce, and give each rank its part of the result."""
        self.finish(call, self._communicator.Ireduce_scatter_block(array, out, self._ops[op]))

    def broadcast(self, call: Call, array: np.ndarray, root: int) -> None:
        """Make every array the root's."""
        self.finish(call, self._communicator.Ibcast(_bytes(array), root))

    def all_gather(self, call: Call, out: np.ndarray, array: np.ndarray) -> None:
        """Put all arrays one after another."""
        self.finish(call, self._communicator.Iallgather(_bytes(array), _bytes(out)))

    def gather(self, call: Call, out: np.ndarray | None, array: np.ndarray, root: int) -> None:
        """Put all arrays one after another at the root."""
        self.finish(call, self._communicator.Igather(_bytes(array), None if out is None else _bytes(out), root))

    def scatter(self, call: Call, out: np.ndarray, array: np.ndarray | None, root: int) -> None:
        """Give each rank its part of the root's array."""
        self.finish(call, self._communicator.Iscatter(None if array is None else _bytes(array), _bytes(out), root))

    def all_to_all(
        self, call: Call, out: np.ndarray, array: np.ndarray, received: Sequence[int], sent: Sequence[int]
    ) -> None:
        """Send a part of the array to each rank; the counts are elements."""
        size = array.itemsize
        there = [_bytes(array), ([n * size for n in sent], None), self.mpi.BYTE]
        here = [_bytes(out), ([n * size for n in received], None), self.mpi.BYTE]
        self.finish(call, self._communicator.Ialltoallv(there, here))

    def send(self, call: Call, array: np.ndarray, peer: int, tag: int) -> Message:
        """Begin to send to one rank."""
        return Message(self, call, array, self._communicator.Isend(_bytes(array), peer, tag), self.mpi.Status())

    def receive(self, call: Call, array: np.ndarray, peer: int | None, tag: int) -> Message:
        """Begin to receive from one rank, or from any."""
        source = self.mpi.ANY_SOURCE if peer is None else peer
        begun = self._communicator.Irecv(_bytes(array), source, tag)
        return Message(self, call, array, begun, self.mpi.Status(), is_received=True)

    def together(self) -> contextlib.AbstractContextManager:
        """A block in which messages are begun that may wait for each other: here any may."""
        return contextlib.nullcontext()

    def barrier(self, call: Call) -> None:
        """Wait for all."""
        self.finish(call, self._communicator.Ibarrier())

    # ---------------------------------------------------------------------------------------- whether all do the same

    def agree(self, call: Call) -> None:
        """Raise on every rank, before anything else is done, where ranks ask for different things."""
        mark = int.from_bytes(hashlib.blake2b(repr(call).encode(), digest_size=7).digest(), "little")
        extremes = np.array([mark, -mark], np.int64)
        self.finish(call, self._communicator.Iallreduce(self.mpi.IN_PLACE, extremes, self.mpi.MAX))
        if extremes[0] == -extremes[1]:
            return
        told = np.zeros((self.size, 240), np.uint8)
        mine = np.zeros(240, np.uint8)
        text = str(call).encode()[:240]
        mine[: len(text)] = np.frombuffer(text, np.uint8)
        self.finish(call, self._communicator.Iallgather(mine, told))
        calls: dict[str, list[int]] = {}
        for rank in range(self.size):
            calls.setdefault(told[rank].tobytes().rstrip(b"\0").decode(errors="replace"), []).append(rank)
        said = "; ".join(f"{_ranks(ranks)} called {text}" for text, ranks in calls.items())
        raise DistBackendError(
            f"{call.name}: the ranks do not ask for the same: {said}. All ranks of a group call the same collectives "
            "in the same order, with the same dtypes and sizes"
        )

    # -------------------------------------------------------------------------------------------------------- groups

    def of(self, ranks: Sequence[int], timeout: float) -> MPIEngine | None:
        """Return an engine of some ranks in that order, or None where this one is not among them. All call it."""
        group = self._communicator.Get_group().Incl(list(ranks))
        made = self._communicator.Create(group)
        return None if made == self.mpi.COMM_NULL else MPIEngine(self.mpi, made, timeout)

    def close(self) -> None:
        """Give the communicator back, as far as it was not left halfway."""
        if self.broken is None and not self.mpi.Is_finalized():
            self._communicator.Free()

    def abort(self) -> None:
        """End all processes."""
        self._communicator.Abort(1)

    def finish(self, call: Call, request: Any, status: Any = None) -> None:
        """Wait for a request; DistBackendError when the group's time is over."""
        for _ in range(_BEFORE_SLEEPING):
            if request.Test(status):
                return
        deadline, pause = time.monotonic() + self.timeout, _SHORTEST
        while not request.Test(status):
            if time.monotonic() > deadline:
                self.broken = (
                    f"rank {self.rank} of {self.size}: {call} was not answered by all others within "
                    f"{self.timeout:g} s: a rank has ended, hangs, or does not call it"
                )
                raise DistBackendError(self.broken)
            time.sleep(pause)
            pause = min(1.3 * pause, _LONGEST)


class Message:
    """Something on its way to or from one rank."""

    def __init__(
        self, engine: MPIEngine, call: Call, array: np.ndarray, request: Any, status: Any, is_received: bool = False
    ) -> None:
        self._engine, self._call, self._array, self._request = engine, call, array, request
        self._status, self._is_received = status, is_received

    def done(self) -> bool:
        """Whether it has arrived, or is on its way."""
        return bool(self._request.Test(self._status))

    def wait(self) -> int:
        """Wait for that; return the rank that it came from."""
        engine, call = self._engine, self._call
        try:
            engine.finish(call, self._request, self._status)
        except engine.mpi.Exception as error:
            raise DistBackendError(f"{call}: the message that came is longer than the tensor ({error})") from None
        came = self._status.Get_count(engine.mpi.BYTE)
        if self._is_received and came != self._array.nbytes:
            raise DistBackendError(
                f"{call}: expected {self._array.nbytes} bytes, but rank {self._status.source} sent {came}; give recv a "
                "tensor like the one that is sent"
            )
        return self._status.source


def _bytes(array: np.ndarray) -> np.ndarray:
    """A flat array as what every engine copies: MPI has no word for half types and bool."""
    return array.view(np.uint8)


def _ranks(ranks: list[int]) -> str:
    if len(ranks) == 1:
        return f"rank {ranks[0]}"
    return "ranks " + ", ".join(map(str, ranks[:8])) + (", ..." if len(ranks) > 8 else "")


def world(timeout: float) -> MPIEngine:
    """Return the engine of all that were started together. DistNetworkError where MPI was not told of them."""
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise DistNetworkError(
            f"init_process_group: backend 'mpi' needs mpi4py and an MPI, and does not find them ({error}): "
            'pip install "autograd-gpu[mpi]", or mpi4py beside the MPI of the machine'
        ) from None
    told = place()
    if told.size != MPI.COMM_WORLD.size:
        raise DistNetworkError(
            f"init_process_group: {told.launcher} says that there are {told.size} processes, but MPI knows of "
            f"{MPI.COMM_WORLD.size}: MPI's processes are started by MPI, as in `mpiexec -n {told.size} python ...` "
            "(by Slurm: `srun --mpi=pmi2` or pmix, as the MPI was built). Under torchrun use backend 'nccl'"
        )
    engine = MPIEngine(MPI, MPI.COMM_WORLD.Dup(), timeout)
    _end_together(engine)
    return engine


_before: list[Any] = []  # the hook for uncaught errors that was there before ours


def _end_together(engine: MPIEngine) -> None:
    """An error that nobody catches ends all processes, not this one alone."""
    if engine.size == 1 or _before:
        return
    _before.append(sys.excepthook)

    def end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        time.sleep(min(0.2 * engine.rank, 5.0))  # where it goes wrong in many at once the first speaks for all
        if issubclass(kind, DistBackendError):
            print(f"{kind.__name__}: {error}", file=sys.stderr, flush=True)
        else:
            print(f"rank {engine.rank} of {engine.size} ends, and with it all others:", file=sys.stderr)
            _before[0](kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        engine.abort()
        os._exit(1)

    sys.excepthook = end
    atexit.register(_forget)


def _forget() -> None:
    if _before:
        sys.excepthook = _before.pop()

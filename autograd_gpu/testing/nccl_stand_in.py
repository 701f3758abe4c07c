"""Stands in for CuPy's module of NCCL where there is no GPU: its names and parameters, over emulated memory, which the
host reaches by its address. One process needs nothing else; several are those of MPI's world.

It proves that the engine asks NCCL for what is meant, and nothing of NCCL itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from ..arrays.cuda import driver

available = True
_DTYPES = {
    0: np.int8, 1: np.uint8, 2: np.int32, 4: np.int64, 6: np.float16, 7: np.float32, 8: np.float64,
    9: ml_dtypes.bfloat16,
}  # fmt: skip
_OPS: dict[int, Callable[..., Any]] = {0: np.sum, 1: np.prod, 2: np.max, 3: np.min}
_grouped: list[Callable[[], None]] | None = None
calls: list[str] = []  # the names of what was asked for, in order


def get_version() -> int:
    """Return a version that no NCCL has."""
    return 0


def get_unique_id() -> bytes:
    """Return an identity of NCCL's length."""
    return bytes(range(128))


def groupStart() -> None:
    """Keep what is asked for until `groupEnd`."""
    global _grouped
    _grouped = []


def groupEnd() -> None:
    """Do what was asked for since: what is sent first, since it waits for nobody."""
    global _grouped
    asked, _grouped = _grouped or [], None
    for action in asked:
        action()
    for action in asked:
        end = getattr(action, "end", None)
        if end is not None:
            end()


class NcclCommunicator:
    """CuPy's, as far as the engine uses it."""

    def __init__(self, ndev: int, commId: bytes, rank: int) -> None:
        if not isinstance(commId, bytes) or len(commId) != 128:
            raise TypeError("commId: expected 128 bytes")
        self._size, self._rank = ndev, rank
        self._world: Any = None
        if ndev > 1:
            from mpi4py import MPI

            world = MPI.COMM_WORLD
            self._world = world.Dup() if ndev == world.size else world.Split(0 if rank >= 0 else MPI.UNDEFINED, rank)

    def _everybodys(self, sendbuf: int, count: int, datatype: int) -> np.ndarray:
        """(ranks, count)"""
        mine = _memory(sendbuf, count, datatype)
        if self._world is None:
            return mine[None].copy()
        return np.stack(self._world.allgather(mine.copy()))

    def allReduce(self, sendbuf: int, recvbuf: int, count: int, datatype: int, op: int, stream: int) -> None:
        def action() -> None:
            _memory(recvbuf, count, datatype)[:] = _reduced(self._everybodys(sendbuf, count, datatype), op)

        _on_stream("allReduce", action)

    def reduce(self, sendbuf: int, recvbuf: int, count: int, datatype: int, op: int, root: int, stream: int) -> None:
        def action() -> None:
            found = _reduced(self._everybodys(sendbuf, count, datatype), op)
            if self._rank == root:
                _memory(recvbuf, count, datatype)[:] = found

        _on_stream("reduce", action)

    def broadcast(self, sendbuff: int, recvbuff: int, count: int, datatype: int, root: int, stream: int) -> None:
        def action() -> None:
            _memory(recvbuff, count, datatype)[:] = self._everybodys(sendbuff, count, datatype)[root]

        _on_stream("broadcast", action)

    def allGather(self, sendbuf: int, recvbuf: int, count: int, datatype: int, stream: int) -> None:
        def action() -> None:
            _memory(recvbuf, count * self._size, datatype)[:] = self._everybodys(sendbuf, count, datatype).ravel()

        _on_stream("allGather", action)

    def reduceScatter(self, sendbuf: int, recvbuf: int, recvcount: int, datatype: int, op: int, stream: int) -> None:
        def action() -> None:
            found = _reduced(self._everybodys(sendbuf, recvcount * self._size, datatype), op)
            _memory(recvbuf, recvcount, datatype)[:] = found.reshape(self._size, recvcount)[self._rank]

        _on_stream("reduceScatter", action)

    def send(self, sendbuf: int, count: int, datatype: int, peer: int, stream: int) -> None:
        _exchanged("send", _Sent(self, _memory(sendbuf, count, datatype), peer))

    def recv(self, recvbuf: int, count: int, datatype: int, peer: int, stream: int) -> None:
        _exchanged("recv", _Received(self, _memory(recvbuf, count, datatype), peer))

    def check_async_error(self) -> None:
        """Nothing has gone wrong."""

    def abort(self) -> None:
        """Nothing goes on."""

    def destroy(self) -> None:
        """Nothing is kept."""


_to_self: list[np.ndarray] = []


class _Sent:
    def __init__(self, communicator: NcclCommunicator, array: np.ndarray, peer: int) -> None:
        self.communicator, self.array, self.peer = communicator, array, peer

    def __call__(self) -> None:
        if self.peer == self.communicator._rank:
            _to_self.append(self.array.copy())
        else:
            self.request = self.communicator._world.isend(self.array.copy(), self.peer)

    def end(self) -> None:
        if self.peer != self.communicator._rank:
            self.request.wait()


class _Received:
    def __init__(self, communicator: NcclCommunicator, array: np.ndarray, peer: int) -> None:
        self.communicator, self.array, self.peer = communicator, array, peer

    def __call__(self) -> None:
        """What comes is waited for at the end."""

    def end(self) -> None:
        if self.peer == self.communicator._rank:
            self.array[:] = _to_self.pop(0)
        else:
            self.array[:] = self.communicator._world.recv(source=self.peer)


def _exchanged(name: str, action: Any) -> None:
    calls.append(name)
    if _grouped is not None:
        _grouped.append(action)
        return
    action()
    action.end()


class _Launch:
    """What a graph of the emulator keeps and does again."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action

    def launch(self, *geometry: Any) -> None:
        self.action()


def _on_stream(name: str, action: Callable[[], None]) -> None:
    """Do it now, or at each replay of the graph that is being captured."""
    calls.append(name)
    recording: Any = driver.current().streams.recording  # type: ignore[union-attr]
    if recording is None:
        action()
    else:
        recording.launches.append((_Launch(action), 0, 0, b"", 0))


def _reduced(rows: np.ndarray, op: int) -> np.ndarray:
    return _OPS[op](rows, axis=0).astype(rows.dtype)


def _memory(address: int, count: int, datatype: int) -> np.ndarray:
    dtype = np.dtype(_DTYPES[datatype])
    return np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(address), dtype)

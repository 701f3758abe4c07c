"""A step on the CPU, recorded while it runs. What is done to arrays is arrays/native/recording.py's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..arrays.native.recording import Launched, Recording
from ..capturing import captured, readers
from ..device import cpu
from ..tensor import Tensor
from .explanation import Work, work_of
from .noticed import Noticing
from .sharing import Range

_recording = threading.RLock()


class HostGraph(Noticing):
    """Record within `with graph.capture(): ...`, which runs as ever; then `differs()` and `replay()`."""

    device_type = "cpu"
    ran = True  # the capture has done the step's work

    def __init__(self, on_read: Callable[[str], None]) -> None:
        """`on_read` is told of what no replay can follow."""
        super().__init__()
        self.recording = Recording(on_read)
        self._on_read = on_read

    @contextmanager
    def capture(self) -> Iterator[None]:
        with _recording:  # the CPU's arrays are one recording's at a time; other threads compute through them meanwhile
            backend, self.thread = cpu.backend, threading.get_ident()
            captured.append(self)
            readers.append(self._read)
            cpu._backend = self.recording.backend
            try:
                with self.noticing(), self.recording.on():
                    yield
                    for noticed in self.tensors.values():
                        self.give(noticed.tensor._grad)
            finally:
                cpu._backend = backend
                readers.remove(self._read)
                captured.remove(self)

    def give(self, result: Any) -> None:
        """Let a replay leave this where it is found: also what the host has computed and no operation has read."""
        if isinstance(result, Tensor) and result.device is cpu:
            self.recording.meet(result._array)

    def replay(self) -> None:
        self.recording.replay()
        self.restore()

    def host_call(self, owner: int, call: Callable[[], None]) -> None:
        self.recording.note("host", call)

    def writes(self, write: Callable[[], object]) -> None:
        captured.remove(self)
        try:
            with self.recording.paused():
                write()
        finally:
            captured.append(self)

    def is_read(self, tensor: Tensor) -> bool:
        return super().is_read(tensor) or self.recording.is_external(tensor._array)

    def besides(self) -> list[Range]:
        """The memory from outside that the step reads or writes, its arguments' places included."""
        return [(cpu, *bounds) for bounds in self.recording.bounds]

    def describe(self) -> str:
        recording = self.recording
        called = [call.name for call in recording.calls if not isinstance(call, Launched)]
        counts = ", ".join(f"{called.count(name)} {name}" for name in dict.fromkeys(called))
        size = recording.arena.nbytes()
        fused = "" if recording.fused is None else f" as {len(recording.fused.tape)}"
        return f"cpu: {len(recording.tape)} launches{fused}, {counts or 'no other calls'}; {size / 2**20:.1f} MB kept"

    def nbytes(self) -> int:
        """The memory that the recording keeps."""
        return self.recording.arena.nbytes()

    def work(self) -> list[Work]:
        """What a replay does, in its order."""
        fused = self.recording.fused
        return [] if fused is None else work_of(fused.nodes, fused.units)

    def _read(self, what: str) -> None:
        if threading.get_ident() == self.thread:
            self._on_read(what)

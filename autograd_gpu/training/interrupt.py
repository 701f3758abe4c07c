"""Ctrl-C during training: finish the step, so that what is saved is whole."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Self


class StopRequest:
    """Inside ``with StopRequest() as stop`` the first Ctrl-C or SIGTERM makes ``stop`` true; a second interrupts."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return self._signal is not None

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that ended by the signal: 130 for Ctrl-C; 0 when there was none."""
        return 0 if self._signal is None else 128 + self._signal

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

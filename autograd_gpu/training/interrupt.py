"""Ctrl-C and its like during training: finish the step, so that what is saved is whole."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Self

_HANDLED = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
_CLOSED_PIPE = getattr(signal, "SIGPIPE", signal.SIGTERM)


class StopRequest:
    """Inside ``with StopRequest() as stop`` the first Ctrl-C, SIGTERM or SIGHUP makes ``stop`` true, as does output
    that nobody reads any longer; a second signal interrupts. What the parent has chosen to ignore, as nohup does, stays
    ignored."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:
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

    def say(self, text: str) -> None:
        """Print a line. Where nobody reads any longer that is a request to stop, and nothing is printed after it."""
        try:
            print(text, flush=True)
        except OSError:
            self._signal = self._signal or _CLOSED_PIPE
            discard_output()

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number


def discard_output() -> None:
    """Let what is printed go nowhere: also what Python still holds back and would write at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

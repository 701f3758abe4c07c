"""What is going on between processes: works that somebody waits for, and the lane in which they are done in order."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from ..errors import DistBackendError

DEFAULT_TIMEOUT = timedelta(minutes=30)  # PyTorch's of gloo and MPI


class Call(NamedTuple):
    """What a process asks for, so that processes can compare, and messages can say."""

    name: str
    what: str = ""  # dtype and elements, and the op or the root

    def __str__(self) -> str:
        return f"{self.name}({self.what})"


class Work:
    """A collective that has begun. Its result is there once `wait` has returned."""

    def __init__(self, call: Call, finish: Callable[[], Any] | None = None) -> None:
        self.call = call
        self._finish = finish
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._source: int | None = None
        self.began = self.ended = 0.0  # of what the engine did, by time.perf_counter()

    def run(self, action: Callable[[], Any]) -> None:
        """Do what is to be done, on whatever thread, and keep the error."""
        self.began = time.perf_counter()
        try:
            self._source = action()
        except BaseException as error:  # raised again by who waits
            self._error = error
        self.ended = time.perf_counter()
        self._done.set()

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait until it is done, then return True; raise what went wrong."""
        if not self._done.wait(None if timeout is None else timeout.total_seconds()):
            assert timeout is not None
            raise DistBackendError(f"{self.call}: not done after {timeout.total_seconds():g} s; a rank may hang")
        if self._error is not None:
            raise self._error
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()
        return True

    def is_completed(self) -> bool:
        """Return whether it is done, well or not. The result is there after `wait`."""
        return self._done.is_set()

    def is_success(self) -> bool:
        """Return whether it is done without an error."""
        return self._done.is_set() and self._error is None

    def exception(self) -> BaseException | None:
        """Return the error that `wait` raises, or None."""
        return self._error

    def source_rank(self) -> int:
        """Return the group's rank that a received tensor came from."""
        assert self._source is not None
        return self._source

    def get_future(self) -> Any:
        """Return what PyTorch's hooks wait for: this, whose `value` and `wait` are there."""
        return self


class Lane:
    """A thread on which works are done one after another, so that whoever asked goes on meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: collections.deque[tuple[Work, Callable[[], Any]]] = collections.deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closed = False

    def put(self, work: Work, action: Callable[[], Any]) -> None:
        """Do it after all that was put before."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._go_on, name=self._name, daemon=True)
                self._thread.start()
            self._waiting.append((work, action))
            self._changed.notify_all()

    def now(self, work: Work, action: Callable[[], Any]) -> None:
        """Do it on this thread where nothing is waiting, else after it."""
        with self._changed:
            is_free = not self._waiting and not self._busy
        if is_free:  # whoever puts more meanwhile from another thread has no order with this to keep
            work.run(action)
        else:
            self.put(work, action)

    def close(self, seconds: float) -> bool:
        """Let what waits be done, for so long at most; return whether all of it was."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def _go_on(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                work, action = self._waiting.popleft()
                self._busy = True
            work.run(action)
            del work, action

"""Streams and events of the GPU under PyTorch's names: in which order kernels run, and when. Launches nothing."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from ..device import Device


def streams_of_driver() -> Any:
    """Return the driver's streams; imported here, so that the CPU path never loads the CUDA side."""
    from ..arrays.cuda import driver

    return driver.current().streams


def raise_refused() -> None:
    """Raise what kernels that have been waited for found wrong: an index out of bounds."""
    from ..arrays.cuda import driver

    driver.current().refusals.listen()


class Event:
    """A point in a stream's work. With enable_timing, two of them tell the milliseconds between them."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        if interprocess:
            raise NotImplementedError("Event: interprocess=True is not supported; events belong to one process.")
        self._timed = enable_timing
        self._event = streams_of_driver().event(enable_timing)

    def record(self, stream: Stream | None = None) -> None:
        """Mark what the stream (the current one by default) has been given so far."""
        self._event.record((current_stream() if stream is None else stream)._stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Let a stream's further work wait until this event is reached."""
        (current_stream() if stream is None else stream)._stream.wait_event(self._event)

    def query(self) -> bool:
        """Return whether the event has been reached."""
        return bool(self._event.done)

    def synchronize(self) -> None:
        """Wait until the event is reached."""
        self._event.synchronize()
        raise_refused()

    def elapsed_time(self, end_event: Event) -> float:
        """Return the milliseconds from this event to another; both have been reached."""
        if not (self._timed and end_event._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        return float(streams_of_driver().milliseconds(self._event, end_event._event))


class Stream:
    """A queue of kernels: those of one stream run one after another, those of two may run at the same time.

    Memory that one stream still reads must not be freed while another allocates: wait for it first.
    """

    def __init__(self, device: Device | str | int | None = None, priority: int = 0) -> None:
        self._stream = streams_of_driver().new()

    @property
    def cuda_stream(self) -> int:
        """The stream's handle."""
        return self._stream.ptr

    def wait_stream(self, stream: Stream) -> None:
        """Let further work wait for all that the other stream has been given."""
        event = Event()
        event.record(stream)
        event.wait(self)

    def wait_event(self, event: Event) -> None:
        """Let further work wait for an event."""
        event.wait(self)

    def record_event(self, event: Event | None = None) -> Event:
        """Return an event (a new one by default) that marks what this stream has been given so far."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def query(self) -> bool:
        """Return whether all work is done."""
        return bool(self._stream.done)

    def synchronize(self) -> None:
        """Wait until all work is done."""
        self._stream.synchronize()
        raise_refused()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.cuda_stream == self.cuda_stream

    def __hash__(self) -> int:
        return hash(self.cuda_stream)

    def __repr__(self) -> str:
        return f"<autograd_gpu.cuda.Stream cuda_stream={self.cuda_stream:#x}>"


def _named(stream: Any) -> Stream:
    named = object.__new__(Stream)
    named._stream = stream
    return named


def current_stream(device: Device | str | int | None = None) -> Stream:
    """Return the stream that this thread's kernels go to."""
    return _named(streams_of_driver().current())


def default_stream(device: Device | str | int | None = None) -> Stream:
    """Return the stream that kernels go to unless told otherwise."""
    return _named(streams_of_driver().default)


def set_stream(stream: Stream) -> None:
    """Let this thread's kernels go to a stream from now on."""
    stream._stream.use()


class stream:
    """Let the kernels of a block go to a stream; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self._target = stream

    def __enter__(self) -> None:
        if self._target is not None:
            self._before = current_stream()
            set_stream(self._target)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._target is not None:
            set_stream(self._before)

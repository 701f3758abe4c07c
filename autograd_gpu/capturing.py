"""What is being captured, if anything: who captures says so, optimisers, schedulers, modules and autocast ask.

A capture is of what its own thread does: other threads ask and are told that there is none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Graph(Protocol):
    """A step that is being recorded, for a kind of device."""

    device_type: str
    thread: int

    def host_call(self, owner: int, call: Callable[[], None]) -> None:
        """Let each replay make this call of the host's, once for each owner: before its launches on a GPU, at this
        place on the CPU."""

    def writes(self, write: Callable[[], object]) -> None:
        """Do now, and not again at a replay, what only the host knows. Left undone where a capture runs nothing."""


class Notices(Protocol):
    """Who wants to know what a step on its thread meets."""

    def notice(self, owner: Any) -> None:
        """A module is called, or an optimizer takes a step."""

    def see(self, tensor: Any) -> None:
        """A tensor is asked for its gradient."""


captured: list[Graph] = []  # those there are, of whatever thread
noticing: list[Notices] = []
readers: list[Callable[[str], None]] = []  # told when the host reads values of the CPU's tensors


def running() -> Graph | None:
    """Return what this thread captures now."""
    for graph in captured:
        if graph.thread == threading.get_ident():
            return graph
    return None


def met(owner: Any, tensors: Iterable[Any] = ()) -> None:
    """Tell who watches of a module that is called, an optimizer that takes a step, tensors whose gradients are read."""
    for notices in noticing:
        if owner is not None:
            notices.notice(owner)
        for tensor in tensors:
            notices.see(tensor)


def reads(what: str) -> None:
    """Tell who watches that the host reads values."""
    for reader in readers:
        reader(what)

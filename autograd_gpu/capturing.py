"""What is being captured, if anything: who captures says so, optimisers, schedulers, modules and autocast ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Graph(Protocol):
    """A step that is being recorded, for a kind of device."""

    device_type: str

    def host_call(self, owner: int, call: Callable[[], None]) -> None:
        """Let each replay make this call of the host's, once for each owner: before its launches on a GPU, at this
        place on the CPU."""

    def writes(self, write: Callable[[], None]) -> None:
        """Do now, and not again at a replay, what only the host knows. Left undone where a capture runs nothing."""

    def notice(self, owner: Any) -> None:
        """Replays hold for as long as this module's or optimizer's settings are what they are now."""


captured: list[Graph] = []  # the one there is
readers: list[Callable[[str], None]] = []  # told when the host reads values of the CPU's tensors


def running() -> Graph | None:
    """Return what is being captured now."""
    return captured[0] if captured else None


def reads(what: str) -> None:
    """Tell who watches that the host reads values."""
    for reader in readers:
        reader(what)

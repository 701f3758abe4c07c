"""``torch.futures``: a result that is there later, or is there already."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any


class Future:
    """A result that somebody sets and others wait for."""

    def __init__(self, *, devices: Any = None) -> None:
        self._future: concurrent.futures.Future = concurrent.futures.Future()

    def done(self) -> bool:
        """Return whether the result is there."""
        return self._future.done()

    def wait(self) -> Any:
        """Return the result, or raise the error, when it is there."""
        return self._future.result()

    value = wait

    def set_result(self, result: Any) -> None:
        """Give the result."""
        self._future.set_result(result)

    def set_exception(self, result: BaseException) -> None:
        """Give an error in the result's place."""
        self._future.set_exception(result)

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call callback(self) when the result is there."""
        self._future.add_done_callback(lambda _: callback(self))

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """Return the future of callback(self)."""
        following = Future()

        def go_on(_: Any) -> None:
            try:
                following.set_result(callback(self))
            except Exception as error:
                following.set_exception(error)

        self._future.add_done_callback(go_on)
        return following


def wait_all(futures: Sequence[Future]) -> list[Any]:
    """Return all results."""
    return [future.wait() for future in futures]


def collect_all(futures: Sequence[Future]) -> Future:
    """Return the future of the list of futures, there when all are."""
    collected = Future()
    left = len(futures)
    if not left:
        collected.set_result([])

    def count(_: Future) -> None:
        nonlocal left
        left -= 1
        if not left:
            collected.set_result(list(futures))

    for future in futures:
        future.add_done_callback(count)
    return collected

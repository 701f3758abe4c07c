"""PyTorch's list of what else a file may name, for programs that set it. It changes nothing: `load` builds what it
builds, whatever a program calls safe."""

from __future__ import annotations

from typing import Any, Self

_named: list[Any] = []


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Add functions and classes to the list."""
    _named.extend(one for one in safe_globals if one not in _named)


def get_safe_globals() -> list[Any]:
    """Return the list."""
    return list(_named)


def clear_safe_globals() -> None:
    """Empty the list."""
    _named.clear()


class safe_globals:
    """Functions and classes on the list within a block."""

    def __init__(self, safe_globals: list[Any]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> Self:
        self.before = get_safe_globals()
        add_safe_globals(self.safe_globals)
        return self

    def __exit__(self, *exception: object) -> None:
        _named[:] = self.before

"""Switches that are attributes: typed, listed, and put back at the end of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any


class Switch:
    """A bool that is kept for who asks."""

    def __init__(self, value: bool | int) -> None:
        self.value: Any = value

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self.value

    def __set__(self, instance: object, value: Any) -> None:
        if not isinstance(value, bool):
            raise RuntimeError(f"set_{self.name} expects a bool, but got {type(value).__name__}")
        self.value = value


class Count(Switch):
    """A number that is kept for who asks."""

    def __set__(self, instance: object, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise RuntimeError(f"set_{self.name} expects an int, but got {type(value).__name__}")
        self.value = value


class Switchboard:
    """Has switches as its attributes, and refuses others: a misspelt one would be obeyed by nobody."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(self, name):
            raise AttributeError(f"Unknown attribute {name}: there is {', '.join(switches_of(self))}")
        super().__setattr__(name, value)


class SwitchModule(Switchboard, ModuleType):
    """A module whose attributes are switches. `flags` sets several for a block, `set_flags` returns the former ones."""


def switches_of(board: Switchboard) -> list[str]:
    """Return the names of its settings."""
    return [name for name, value in vars(type(board)).items() if isinstance(value, (Switch, property))]


def set_all(board: Switchboard, values: dict[str, Any]) -> dict[str, Any]:
    """Set those that are not None; returns what all of them were."""
    before = {name: getattr(board, name) for name in values}
    for name, value in values.items():
        if value is not None:
            setattr(board, name, value)
    return before


@contextlib.contextmanager
def switched(board: Switchboard, values: dict[str, Any]) -> Iterator[None]:
    """Set them within the block."""
    before = set_all(board, values)
    try:
        yield
    finally:
        set_all(board, before)

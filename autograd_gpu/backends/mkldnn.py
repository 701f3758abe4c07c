"""oneDNN's switches. oneDNN is not used here: the CPU is NumPy's, and the switches choose nothing."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

from .switches import Switch, SwitchModule, set_all, switched


def is_available() -> bool:
    """Return False: there is no oneDNN."""
    return False


def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True) -> AbstractContextManager[None]:
    """Set the switches within a block."""
    return switched(sys.modules[__name__], _named(enabled, deterministic, allow_tf32))  # type: ignore[arg-type]


def set_flags(
    _enabled: bool | None = None, _deterministic: bool | None = None, _allow_tf32: bool | None = None
) -> tuple:
    """Set those that are given; returns what all of them were."""
    return tuple(set_all(sys.modules[__name__], _named(_enabled, _deterministic, _allow_tf32)).values())  # type: ignore[arg-type]


def _named(*values: Any) -> dict[str, Any]:
    return dict(zip(("enabled", "deterministic", "allow_tf32"), values))


class _Mkldnn(SwitchModule):
    enabled = Switch(True)
    deterministic = Switch(False)
    allow_tf32 = Switch(True)


sys.modules[__name__].__class__ = _Mkldnn

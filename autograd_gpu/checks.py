"""What PyTorch asserts with, so that it can be compiled: ``torch._assert`` and ``torch._check``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _assert(condition: Any, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    assert condition, message


def _assert_async(condition: Any, assert_msg: str = "Expected Tensor to be non-zero") -> None:
    """Raise RuntimeError unless a tensor of one element is not zero. Synchronises."""
    if not bool(condition):
        raise RuntimeError(assert_msg)


def _checking(error: type[Exception]) -> Callable[..., None]:
    def check(cond: Any, message: Callable[[], Any] | None = None) -> None:
        if not cond:
            raise error("Expected cond to be True" if message is None else str(message()))

    check.__doc__ = f"Raise {error.__name__} with the message that a function gives unless the condition holds."
    return check


_check, _check_index, _check_value, _check_type = map(_checking, (RuntimeError, IndexError, ValueError, TypeError))


def is_storage(obj: Any, /) -> bool:
    """Return False: there are no storages."""
    return False


_warns_always = False


def set_warn_always(b: bool, /) -> None:
    """Keep whether warnings are to be repeated, which Python's own filters decide here."""
    global _warns_always
    _warns_always = b


def is_warn_always_enabled() -> bool:
    """Return what `set_warn_always` was told."""
    return _warns_always

"""Which line of the user's program did something: two references taken now, resolved only when an error is built."""

from __future__ import annotations

import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def user_line() -> tuple | None:
    """Return (code, instruction) of the innermost frame outside this package: two references, resolved by `line_of`."""
    frame = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_PACKAGE):
            return code, frame.f_lasti
        frame = frame.f_back  # type: ignore[assignment]
    return None


def line_of(where: tuple | None) -> str:
    """Return "file:line" of what `user_line` gave."""
    if where is None:
        return "an unknown line"
    code, instruction = where
    for start, stop, line in code.co_lines():
        if start <= instruction < stop and line is not None:
            return f"{code.co_filename}:{line}"
    return f"{code.co_filename}:{code.co_firstlineno}"

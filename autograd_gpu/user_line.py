"""Which line of the user's program did something: two references taken now, resolved only when an error is built."""

from __future__ import annotations

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_JOBS = os.path.join(_PACKAGE, "training") + os.sep  # programs like the user's own, which happen to lie in the package


_is_ours: dict[str, bool] = {}  # by file name: a look-up is half the price of startswith


def user_line(depth: int) -> tuple | None:
    """Return (code, instruction) of the innermost frame outside this package, at least `depth` frames up.

    Two references, which `line_of` resolves when an error is built.
    """
    frame = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        ours = _is_ours.get(name)
        if ours is None:
            ours = _is_ours[name] = name.startswith(_PACKAGE) and not name.startswith(_JOBS)
        if not ours:
            return code, frame.f_lasti
        frame = frame.f_back  # type: ignore[assignment]
    return None


def user_frames(depth: int, most: int) -> tuple[tuple, ...]:
    """Return (code, instruction) of the frames outside this package, from the innermost outwards, at most `most`."""
    frame, found = sys._getframe(depth), list[tuple]()
    while frame is not None and len(found) < most:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) or name.startswith(_JOBS):
            found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the innermost line outside this package, however many calls of ours lie between."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def line_of(where: tuple | None) -> str:
    """Return "file:line" of what `user_line` gave."""
    if where is None:
        return "an unknown line"
    code, instruction = where
    for start, stop, line in code.co_lines():
        if start <= instruction < stop and line is not None:
            return f"{code.co_filename}:{line}"
    return f"{code.co_filename}:{code.co_firstlineno}"

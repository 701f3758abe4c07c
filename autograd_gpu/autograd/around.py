"""What stands around `Op.apply` and `Op.run` while a mode is on, in whatever order modes come and go. Off, nothing."""

from __future__ import annotations

from collections.abc import Callable

from ..op import Op

_plain = {"apply": Op.__dict__["apply"].__func__, "run": Op.run}
_around: dict[str, list[Callable]] = {"apply": [], "run": []}  # the last is the outermost


def stand_around(method: str, wrapper: Callable) -> None:
    """Let every operation's `method`, "apply" or "run", be what ``wrapper(method beneath it)`` returns."""
    _around[method].append(wrapper)
    _compose(method)


def stand_aside(method: str, wrapper: Callable) -> None:
    """Undo `stand_around`."""
    _around[method].remove(wrapper)
    _compose(method)


def _compose(method: str) -> None:
    function: Callable = _plain[method]
    for wrapper in _around[method]:
        function = wrapper(function)
    setattr(Op, method, classmethod(function) if method == "apply" else function)

"""PyTorch's switches for deterministic algorithms. All are deterministic here; the switches keep what they were told."""

from __future__ import annotations

_MODES = {"default": 0, "warn": 1, "error": 2}
_mode = "default"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accept the request: nothing here gives other bits on another run, whatever the mode."""
    if not isinstance(mode, bool):
        raise TypeError(f"_set_deterministic_algorithms(): argument 'mode' must be bool, not {type(mode).__name__}")
    set_deterministic_debug_mode("default" if not mode else "warn" if warn_only else "error")


def are_deterministic_algorithms_enabled() -> bool:
    """Return whether deterministic algorithms have been asked for."""
    return _mode != "default"


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return whether they have been asked for with `warn_only`."""
    return _mode == "warn"


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Set the mode by name or number: "default" (0), "warn" (1) or "error" (2)."""
    global _mode
    names = dict(enumerate(_MODES))
    name = names.get(debug_mode, debug_mode) if isinstance(debug_mode, int) else debug_mode
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if name not in _MODES:
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, 0, 1 or 2, but got {debug_mode}"
        )
    _mode = str(name)


def get_deterministic_debug_mode() -> int:
    """Return the mode's number."""
    return _MODES[_mode]

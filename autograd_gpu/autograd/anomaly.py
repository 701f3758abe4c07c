"""Anomaly mode: backward stops at the first NaN, and names the user line that recorded the operation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..op import Op
from ..user_line import line_of
from .around import stand_around, stand_aside


class _State:
    enabled = False
    check_nan = True


def _checked(run: Callable) -> Callable:
    def run_checked(node: Op, gradients: list[Any]) -> Any:
        try:
            results = run(node, gradients)
        except Exception as error:
            if hasattr(error, "add_note"):
                error.add_note(f"Error detected in {node.name()}, recorded at {line_of(node.where)}.")
            raise
        if _State.check_nan:
            for number, result in enumerate(results):
                if result is not None and bool(result.detach().isnan().any()):
                    raise RuntimeError(
                        f"Function '{node.name()}' returned nan values in its {number}th output. The operation was "
                        f"recorded at {line_of(node.where)}."
                    )
        return results

    return run_checked


class detect_anomaly:
    """Within this context, backward raises at the first NaN gradient with the forward line of its operation."""

    def __init__(self, check_nan: bool = True) -> None:
        self._wanted = (True, check_nan)
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before = (_State.enabled, _State.check_nan)
        _switch(*self._wanted)

    def __exit__(self, *exception: object) -> None:
        _switch(*self._before)


class set_detect_anomaly(detect_anomaly):
    """Switch anomaly mode on or off, at once when called, until the end of the block when used with ``with``."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (_State.enabled, _State.check_nan)
        self._wanted = (mode, check_nan)
        _switch(*self._wanted)

    def __enter__(self) -> None:
        _switch(*self._wanted)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _State.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN."""
    return _State.check_nan


def _switch(enabled: bool, check_nan: bool) -> None:
    if enabled != _State.enabled:
        (stand_around if enabled else stand_aside)("run", _checked)
    _State.enabled, _State.check_nan = enabled, check_nan

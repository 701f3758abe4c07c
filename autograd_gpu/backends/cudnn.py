"""cuDNN's switches. cuDNN is not used here: convolutions and norms are our own kernels, and the switches choose
nothing.

`deterministic` is always so, there is one algorithm, so that there is nothing to `benchmark`, and float32 convolutions
are computed in float32 whatever `allow_tf32` says.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

from .switches import Count, Switch, SwitchModule, set_all, switched


def version() -> int | None:
    """Return None: there is no cuDNN."""
    return None


def is_available() -> bool:
    """Return False: there is no cuDNN."""
    return False


def is_acceptable(tensor: Any) -> bool:
    """Return False: cuDNN computes nothing."""
    return False


def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int | None = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> AbstractContextManager[None]:
    """Set the switches within a block."""
    return switched(sys.modules[__name__], _named(enabled, benchmark, benchmark_limit, deterministic, allow_tf32))  # type: ignore[arg-type]


def set_flags(
    _enabled: bool | None = None,
    _benchmark: bool | None = None,
    _benchmark_limit: int | None = None,
    _deterministic: bool | None = None,
    _allow_tf32: bool | None = None,
) -> tuple:
    """Set those that are given; returns what all of them were."""
    values = _named(_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32)
    return tuple(set_all(sys.modules[__name__], values).values())  # type: ignore[arg-type]


def _named(*values: Any) -> dict[str, Any]:
    return dict(zip(("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32"), values))


class _Cudnn(SwitchModule):
    enabled = Switch(True)
    benchmark = Switch(False)
    benchmark_limit = Count(10)
    deterministic = Switch(False)
    allow_tf32 = Switch(True)


sys.modules[__name__].__class__ = _Cudnn

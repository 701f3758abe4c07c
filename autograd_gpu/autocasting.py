"""Autocast's switches, a set for each thread: on which devices operations cast, and to what. Casts nothing itself.

While any switch of a thread is on, `caster` is among the interceptors, first of them: what a tangent is computed of, or
a checkpoint keeps, is the operation on what was cast.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import Any, NamedTuple

from .dtypes import DType, bfloat16, float16, float32
from .op import interceptors
from .tensor import Tensor

CASTABLE = frozenset(dtype.numpy for dtype in (float16, bfloat16, float32))  # float64 and integers stay as they are


class Switches(NamedTuple):
    """One state of a thread; never changed, only replaced."""

    enabled: frozenset[str] = frozenset()  # types of devices
    dtypes: MappingProxyType[str, DType] = MappingProxyType({"cpu": bfloat16, "cuda": float16})
    caches: bool = True


class _Thread(threading.local):
    switches = Switches()


_thread = _Thread()
caster: list[Any] = []  # what `amp` put here to cast operands


def switches() -> Switches:
    """Return this thread's state."""
    return _thread.switches


def switch(to: Switches) -> Switches:
    """Set this thread's state; returns the one before."""
    before, _thread.switches = _thread.switches, to
    if bool(before.enabled) != bool(to.enabled):
        if to.enabled:
            interceptors.insert(0, caster[0])
        else:
            interceptors.remove(caster[0])
    return before


def switch_off() -> Switches:
    """Let nothing be cast on this thread; returns the state before."""
    now = _thread.switches
    return switch(now._replace(enabled=frozenset())) if now.enabled else now


class switched:
    """Another state within the block; without one, nothing is cast in it."""

    def __init__(self, to: Switches | None = None) -> None:
        self.to = to

    def __enter__(self) -> None:
        self.before = switch_off() if self.to is None else switch(self.to)

    def __exit__(self, *exception: object) -> None:
        switch(self.before)


def casts_alike(*tensors: Tensor) -> bool:
    """Whether autocast is on for these tensors and casts each of them: then their dtypes may differ until it has."""
    enabled = _thread.switches.enabled
    return bool(enabled) and all(x.device.type in enabled and x._array.dtype in CASTABLE for x in tensors)

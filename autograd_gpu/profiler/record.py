"""``record_function``: a name for a part of the program, in profiles and in NVTX ranges."""

from __future__ import annotations

import functools
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from .collecting import collectors

nvtx_ranges: list[Any] = []  # the modules that push and pop ranges while `emit_nvtx` is on


class record_function:
    """Give what happens within the block, or the decorated function, a name in profiles. Off, it does nothing."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._start = 0
        self._ranges: list[Any] = []

    def __enter__(self) -> record_function:
        for nvtx in nvtx_ranges:
            nvtx.range_push(self.name)
            self._ranges.append(nvtx)
        self._start = perf_counter_ns()
        return self

    def __exit__(self, *exception: object) -> None:
        for collector in collectors:
            collector.note(self.name, max(self._start, collector.began), "user_annotation")
        while self._ranges:
            self._ranges.pop().range_pop()

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return named

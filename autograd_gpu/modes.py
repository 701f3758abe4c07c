"""What this thread's operations do: record, or not, or take no part in graphs at all; and forward mode's level in
force.

Grad modes are PyTorch's: context managers, decorators with or without parentheses, and for generators.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

_GENERATOR = 0x20  # inspect.CO_GENERATOR; inspect itself takes a tenth of this package's import time


class _Modes(threading.local):
    grad = True
    inference = False


modes = _Modes()
duals: list[Any] = []  # the forward mode level in force, if any: it computes each operation with its tangents


def is_grad_enabled() -> bool:
    """Whether operations on this thread are being recorded."""
    return modes.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside ``inference_mode``."""
    return modes.inference


class Mode:
    """A grad mode as a context manager, a decorator (with or without parentheses), and for generators.

    A decorated generator runs its own code in the mode; its caller gets the caller's mode back at every yield.
    """

    def __new__(cls, function: Callable | None = None, *args: Any, **kwargs: Any) -> Any:
        mode = super().__new__(cls)
        if callable(function) and not isinstance(function, bool):  # @no_grad without parentheses
            mode.__init__()  # type: ignore[misc]
            return mode(function)
        return mode

    def __init__(self) -> None:
        self._entered: list[tuple[bool, bool]] = []

    def _switch(self) -> None:
        raise NotImplementedError

    def _clone(self) -> Mode:
        return type(self)()

    def __enter__(self) -> None:
        self._entered.append((modes.grad, modes.inference))
        self._switch()

    def __exit__(self, *exception: object) -> None:
        modes.grad, modes.inference = self._entered.pop()

    def __call__(self, function: Callable) -> Callable:
        if isinstance(function, type):  # every instance is built in the mode, as PyTorch does
            original = function.__init__  # type: ignore[misc]

            @functools.wraps(original)
            def initialise(instance: Any, *args: Any, **kwargs: Any) -> None:
                with self._clone():
                    original(instance, *args, **kwargs)

            function.__init__ = initialise  # type: ignore[misc]
            return function
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & _GENERATOR:
            return self._wrap_generator(function)

        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            with self._clone():
                return function(*args, **kwargs)

        return in_mode

    def _wrap_generator(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, generator)
            try:
                while True:
                    try:
                        with self._clone():
                            value = step()
                    except StopIteration as finished:
                        return finished.value
                    try:
                        sent = yield value
                    except GeneratorExit:
                        with self._clone():
                            generator.close()
                        raise
                    except BaseException as error:
                        step = functools.partial(generator.throw, error)
                    else:
                        step = functools.partial(generator.send, sent)
            finally:
                del generator, step

        return in_mode


class no_grad(Mode):
    """Operations inside are not recorded."""

    def _switch(self) -> None:
        modes.grad = False


class enable_grad(Mode):
    """Operations inside are recorded, also within ``no_grad``; not within ``inference_mode``."""

    def _switch(self) -> None:
        modes.grad = not modes.inference


class inference_mode(Mode):
    """No recording, no version counting; tensors made inside can never be recorded.

    ``inference_mode(False)`` ends it.
    """

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, None if isinstance(mode, bool) else mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode

    def _switch(self) -> None:
        modes.inference = self.mode
        modes.grad = not self.mode

    def _clone(self) -> Mode:
        return type(self)(self.mode)


class set_grad_enabled(Mode):
    """Set recording on or off, at once when called, until the end of the block when used with ``with``."""

    def __new__(cls, mode: bool) -> Any:
        return super().__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self._before = (modes.grad, modes.inference)
        self._switch()

    def _switch(self) -> None:
        modes.grad = self.mode and not modes.inference

    def _clone(self) -> Mode:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        self._entered.append(self._before)
        self._switch()

    def __call__(self, function: Callable) -> Callable:
        modes.grad, modes.inference = self._before  # used as a decorator: only the function runs in the mode
        return super().__call__(function)

"""Tensors that a function brings along, in closures, globals, defaults and objects: no transform lets it write them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..ops.inplace import before_write
from ..tensor import Tensor

_MOST = 100_000  # objects that are looked at; what is larger is no closure


class Guarded:
    """Within this context, and on this thread, a write in place to a tensor that `function` brings along raises.

    Its arguments, given as `inputs`, are its own to write.
    """

    def __init__(self, function: Callable, inputs: Sequence[Tensor] = ()) -> None:
        self.function, self.thread = function, threading.get_ident()
        self.own = [x if x._base is None else x._base for x in inputs]

    def __enter__(self) -> None:
        before_write.append(self._check)

    def __exit__(self, *exception: object) -> None:
        before_write.remove(self._check)

    def _check(self, x: Tensor) -> None:
        root = x if x._base is None else x._base
        if threading.get_ident() != self.thread or any(root is own for own in self.own):
            return
        if any(tensor is root or tensor._base is root for tensor in brought_along(self.function)):
            raise RuntimeError(
                "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place "
                "operation that would mutate a captured Tensor. This is not supported; please rewrite the function "
                "being transformed to explicitly accept the mutated Tensor(s) as inputs."
            )


def brought_along(function: Callable) -> Iterator[Tensor]:
    """Yield the tensors that can be reached from a function without calling it."""
    seen: set[int] = set()
    stack: list[Any] = [function]
    while stack and len(seen) < _MOST:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        else:
            stack.extend(_held_by(value))


def _held_by(value: Any) -> Iterator[Any]:
    if isinstance(value, FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not bound yet
                continue
        names = set(_names(value.__code__))
        yield from (value.__globals__[name] for name in names if name in value.__globals__)
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
    elif isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from value
    elif not isinstance(value, (type, ModuleType)) and not _is_the_library(value):
        yield from getattr(value, "__dict__", {}).values()


def _is_the_library(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == __package__.partition(".")[0] and not hasattr(value, "_buffers")


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code, and code within it, may look up among its globals."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)

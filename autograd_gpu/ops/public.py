"""What is public about an operation, said beside it: in which forms and under which names a program reaches it.

    @public(in_place="function", out=True, also="arccos")
    def acos(input): ...

is `torch.acos(x)`, `torch.acos(x, out=y)`, `x.acos()`, `x.acos_()` and `torch.acos_(x)`, and all of these as `arccos`.
Knows names alone: `ops/methods.py` and `ops/functions.py` put the forms where they belong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


class Public(NamedTuple):
    """One function and the forms it has."""

    operation: Callable[..., Any]
    home: str  # the module that declares it, which the function's own `__module__` is not where it was made elsewhere
    name: str
    function: bool = True
    method: bool = True
    attribute: bool = False
    in_place: str = ""
    direct: bool = False
    out: bool = False
    also: str = ""

    @property
    def names(self) -> list[str]:
        """The names that share the function and its method."""
        return [self.name, *self.also.split()]


declared: list[Public] = []


@overload
def public(operation: F, /) -> F: ...


@overload
def public(
    *,
    function: bool = True,
    method: bool = True,
    attribute: bool = False,
    in_place: Literal["", "method", "function"] = "",
    direct: bool = False,
    out: bool = False,
    also: str = "",
    name: str = "",
) -> Callable[[F], F]: ...


def public(operation: Any = None, /, **forms: Any) -> Any:
    """Declare a function's public forms, and return it as it is. Bare, `@public`, it is a function and a method.

    function    torch.f(x)
    method      x.f()
    attribute   x.f; then method is False
    in_place    "method": x.f_() too; "function": torch.f_(x) as well
    direct      x.f_() is one launch of the backend's function of that name into x when nothing is recorded
    out         torch.f(x, out=y)
    also        other names with the same forms, separated by spaces
    name        the public name, where the function's own is another
    """

    def declare(operation: F) -> F:
        declared.append(Public(operation, _module_being_read(), **{"name": operation.__name__, **forms}))
        return operation

    return declare if operation is None else declare(operation)


def _module_being_read() -> str:
    frame = sys._getframe(2)
    while frame.f_code.co_name != "<module>" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals["__name__"]

"""What a function says when an argument is of a wrong type: PyTorch's words, in place of what failed inside.

Nothing is looked at beforehand. A call that fails is compared with the function's annotations.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .cast import is_scalar

_NUMBERS = frozenset(("Number", "float", "int", "bool", "Any"))


@functools.cache
def explaining(function: Callable, is_method: bool = False) -> Callable:
    """Return the function such that a list in a tensor's place, or a float in an int's, is what its error speaks of."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            wrong = wrong_argument(error, function, args, kwargs, is_method)
            if wrong is None:
                raise
            raise wrong from None

    return call


def takes_more_tensors(function: Callable) -> bool:
    """Whether a method takes a tensor besides its own."""
    annotations = [kind for name, kind in function.__annotations__.items() if name != "return"]
    return any("Tensor" in str(kind).split(" | ") for kind in annotations[1:])


def wrong_argument(
    error: Exception, function: Callable, args: tuple, kwargs: dict, is_method: bool = False
) -> TypeError | None:
    """Return an error that names the first argument whose type its annotation excludes, in place of the one that the
    function raised; None when there is none, or when that says so of an int, by PyTorch's name for the function."""
    if type(error) is TypeError and "argument '" in str(error) and "must be int" in str(error):
        return None
    try:
        signature = inspect.signature(function)
        given = signature.bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return None
    for position, (name, parameter) in enumerate(signature.parameters.items(), 0 if is_method else 1):
        kinds = str(parameter.annotation).split(" | ")
        if name not in given:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL and name in ("tensors", "operands", "matrices"):
            several = (
                given[name][0] if len(given[name]) == 1 and isinstance(given[name][0], (list, tuple)) else given[name]
            )
            for number, value in enumerate(several):
                if not isinstance(value, Tensor):
                    return TypeError(f"expected Tensor as element {number} in argument 0, but got {type_name(value)}")
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        value = given[name]
        place = f" (position {position})" if parameter.kind is not parameter.KEYWORD_ONLY else ""
        if "Tensor" not in kinds:
            wanted = wanted_instead(value, kinds)
            if wanted:
                return TypeError(f"{function.__name__}(): argument '{name}'{place} must be {wanted}")
            continue
        if isinstance(value, Tensor) or (value is None and (parameter.default is None or "None" in kinds)):
            continue
        if is_scalar(value) and not _NUMBERS.isdisjoint(kinds):
            continue
        if any(kind not in _NUMBERS and kind not in ("Tensor", "None") for kind in kinds):
            continue  # it may also be a sequence, or a name
        return TypeError(f"{function.__name__}(): argument '{name}'{place} must be Tensor, not {type_name(value)}")
    return None


def wanted_instead(value: Any, kinds: list[str]) -> str | None:
    """Return what a value should have been, and is not, where its annotation allows plain kinds and sizes alone."""
    if (value is None and "None" in kinds) or isinstance(value, Tensor):
        return None
    kinds = [kind for kind in kinds if kind != "None"]
    if kinds in (["int"], ["bool"], ["str"]):
        return None if _is_plain(value, kinds[0]) else f"{kinds[0]}, not {type_name(value)}"
    if kinds and {"float"} <= set(kinds) <= {"int", "float", "bool", "Number"}:
        return None if is_scalar(value) else f"float, not {type_name(value)}"
    if kinds and set(kinds) <= {"int", "Size", "Sequence[int]", "tuple[int, ...]", "list[int]"}:
        if not isinstance(value, (tuple, list)):
            return None if _is_plain(value, "int") else f"tuple of ints, not {type_name(value)}"
        for place, item in enumerate(value):
            if not isinstance(item, Tensor) and not _is_plain(item, "int"):
                return f"tuple of ints, but found element of type {type_name(item)} at pos {place}"
    return None


def _is_plain(value: Any, kind: str) -> bool:
    if kind == "int":
        return hasattr(value, "__index__") and not isinstance(value, (bool, np.bool_))
    return isinstance(value, str if kind == "str" else (bool, np.bool_))


def type_name(value: Any) -> str:
    """Return the name of a value's type, with its module unless that is Python's own."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"

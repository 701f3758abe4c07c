"""What becomes of a call whose arguments do not fit: made again by the function's own names where PyTorch has others
for them, else told in PyTorch's words, in place of what failed inside.

Nothing is looked at beforehand. A call that fails is compared with the function's signature and annotations.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from ..layouts import strided
from ..tensor import Tensor
from .cast import is_scalar

_NUMBERS = frozenset(("Number", "float", "int", "bool", "Any"))


# PyTorch's other names for arguments, most of them NumPy's, where its parser of arguments takes them.
_OTHER_NAMES = {
    "axis": ("dim", "dims"), "keepdims": ("keepdim",), "x": ("input", "self"), "a": ("input",), "x1": ("input",),
    "x2": ("other", "mat2", "vec2"), "axis0": ("dim0",), "axis1": ("dim1",), "split_size": ("split_size_or_sections",),
}  # fmt: skip
_SEQUENCES = frozenset(("size", "dims", "shape", "repeats", "data"))  # of what is also taken one by one, `zeros(2, 3)`


@functools.cache
def _names(function: Callable) -> tuple[frozenset[str], bool]:
    """Return a function's parameters, and whether it takes any number of them by position."""
    parameters = inspect.signature(function).parameters.values()
    kinds = [one.kind for one in parameters]
    named = frozenset(one.name for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD))
    return named, inspect.Parameter.VAR_POSITIONAL in kinds


def other_names(function: Callable) -> set[str]:
    """Return the names, beside its own, by which a function that is wrapped here takes arguments."""
    own, takes_any_number = _names(function)
    found = {other for other, names in _OTHER_NAMES.items() if not own.isdisjoint(names)}
    if takes_any_number:
        found |= _SEQUENCES
    return found | {"layout", "pin_memory"} if {"device", "dtype"} <= own else found


def by_own_names(function: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict] | None:
    """Return the arguments of a call that failed by the function's own names, and Python's types as dtypes; None where
    that changes nothing."""
    own, takes_any_number = _names(function)
    found: dict[str, Any] = {}
    sequence: tuple = ()
    is_changed = False
    for name, value in kwargs.items():
        mine = next((mine for mine in _OTHER_NAMES.get(name, ()) if mine in own), None)
        if name == "dtype" and name in own and isinstance(value, type):
            found[name], is_changed = as_dtype(value), True
        elif name in own:
            found[name] = value
        elif mine is not None and mine not in kwargs:
            found[mine], is_changed = value, True
        elif name in _SEQUENCES and takes_any_number:
            sequence, is_changed = (value,), True
        elif "device" in own and ((name == "layout" and value in (None, strided)) or name == "pin_memory"):
            is_changed = True  # there is one layout, and copies to a GPU start from any memory
        else:
            return None
    if not is_changed:
        return None
    first = (found.pop("input"),) if sequence and not args and "input" in found else ()
    return (*args, *first, *sequence), found


@functools.cache
def explaining(function: Callable, is_method: bool = False) -> Callable:
    """Return the function such that a list in a tensor's place, or a float in an int's, is what its error speaks of."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if kwargs and (again := by_own_names(function, args, kwargs)) is not None:
                return call(*again[0], **again[1])
            wrong = wrong_argument(error, function, args, kwargs, is_method)
            if wrong is None:
                raise
            raise wrong from None

    return call


def known_as(function: Callable, module: str, name: str) -> Callable:
    """Return the function, saying where programs find it: pickle looks there."""
    function.__module__, function.__qualname__ = module, name
    return function


def has_other_names(method: Callable) -> bool:
    """Whether programs give a method arguments by other names than its own: `axis`, `size`."""
    code = method.__code__
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return "dim" in own or "dim0" in own or bool(code.co_flags & inspect.CO_VARARGS)


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

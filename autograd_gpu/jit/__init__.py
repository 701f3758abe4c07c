"""``torch.jit``, importable: nothing is compiled. `script` and `trace` return what they got, and say so once."""

from __future__ import annotations

import builtins
import functools
import typing
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from ..nn.module import Module

F = TypeVar("F")
Final = typing.Final


class ScriptModule(Module):
    """A module that PyTorch would compile. Here it is a Module."""


class ScriptFunction:
    """What PyTorch makes of a function. Nothing is one here."""


class TracerWarning(Warning):
    """What PyTorch warns with while it traces."""


@functools.cache
def _warn(name: str) -> None:
    warnings.warn(f"{name} compiles nothing here: it returns what it was given.", stacklevel=3)


def script(obj: F, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> F:
    """Return obj, a function, class or module, as it is."""
    _warn("torch.jit.script")
    return obj


def trace(func: F, example_inputs: Any = None, *args: Any, **kwargs: Any) -> F:
    """Return func as it is, without calling it."""
    _warn("torch.jit.trace")
    return func


def trace_module(mod: F, inputs: Any, *args: Any, **kwargs: Any) -> F:
    """Return the module as it is."""
    _warn("torch.jit.trace_module")
    return mod


def freeze(mod: F, *args: Any, **kwargs: Any) -> F:
    """Return the module as it is."""
    return mod


def optimize_for_inference(mod: F, other_methods: Any = None) -> F:
    """Return the module as it is."""
    return mod


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return the function as it is: the decorator with or without arguments."""
    return drop if callable(drop) else lambda function: function


def _as_it_is(fn: F) -> F:
    """Return the function or class as it is."""
    return fn


unused = export = interface = script_method = script_if_tracing = _overload = _overload_method = _as_it_is


def annotate(the_type: Any, the_value: F) -> F:
    """Return the value."""
    return the_value


def Attribute(value: F, type: Any) -> F:
    """Return the value."""
    return value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Return whether obj is of the type, of which List[int] is list."""
    types: Any = target_type if builtins.isinstance(target_type, tuple) else (target_type,)
    return builtins.isinstance(obj, tuple(typing.get_origin(one) or one for one in types))


def is_scripting() -> bool:
    """Return False: nothing is compiled."""
    return False


def is_tracing() -> bool:
    """Return False: nothing is traced."""
    return False


def fork(func: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call the function at once; `wait` gives its result."""
    return func(*args, **kwargs)


def wait(future: F) -> F:
    """Return what `fork` gave."""
    return future


def load(*args: Any, **kwargs: Any) -> Any:
    """Raise: files of compiled modules need PyTorch itself."""
    raise NotImplementedError(
        "torch.jit.load: files of compiled modules need PyTorch itself. Save a state dict instead."
    )


def save(*args: Any, **kwargs: Any) -> None:
    """Raise: there are no compiled modules to be saved."""
    raise NotImplementedError("torch.jit.save: there are no compiled modules here. Save a state dict instead.")

"""``torch.compiler`` and ``torch.compile``: nothing is compiled, what comes in goes out as it is."""

from __future__ import annotations

import functools
import warnings
from typing import Any, TypeVar

F = TypeVar("F")


@functools.cache
def _warn() -> None:
    warnings.warn("torch.compile compiles nothing here: it returns what it was given.", stacklevel=3)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """Return the function or module as it is; without one, the decorator that does so."""
    _warn()
    return model if model is not None else lambda function: function


def is_compiling() -> bool:
    """Return False: nothing is compiled."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Return the function as it is; without one, the decorator that does so."""
    return fn if fn is not None else lambda function: function


def allow_in_graph(fn: F) -> F:
    """Return the function as it is."""
    return fn


assume_constant_result = allow_in_graph


def reset() -> None:
    """Do nothing: nothing is kept of a compilation."""


cudagraph_mark_step_begin = reset


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """Return no backend."""
    return []

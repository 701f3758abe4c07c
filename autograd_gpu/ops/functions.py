"""The functions that the package gives under its own name: what the operations declare, in all their forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import methods  # noqa: F401  (every declaration has been made then, and the in-place forms hang on Tensor)
from .arguments import explaining
from .out import accepting_out
from .public import declared


def package_functions() -> dict[str, Callable[..., Any]]:
    """Return every declared function by its public name."""
    functions: dict[str, Callable[..., Any]] = {}
    for operation in declared:
        if operation.function:
            function = (accepting_out if operation.out else explaining)(operation.operation)
            functions |= dict.fromkeys(operation.names, function)
        if operation.in_place == "function":
            functions |= {f"{name}_": getattr(Tensor, f"{name}_") for name in operation.names}
    return functions

"""The functions that the package gives under its own name: what the operations declare, in all their forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from .arguments import front, known_as
from .out import accepting_out
from .public import declared


def package_function(name: str) -> Callable[..., Any]:
    """Return a declared function by its public name."""
    for operation in declared:
        if operation.function and name in operation.names:
            function = (accepting_out if operation.out else front)(operation.operation, name)
            return known_as(function, "autograd_gpu", name)
        if operation.in_place == "function" and name in [f"{one}_" for one in operation.names]:
            return getattr(Tensor, name)
    raise AttributeError(f"no operation that has been read declares a function '{name}': run `make pages`")

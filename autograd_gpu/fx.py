"""``torch.fx``, importable: no graph is traced."""

from __future__ import annotations

from typing import Any, TypeVar

F = TypeVar("F")


class Proxy:
    """What stands for a value while PyTorch traces. Nothing is one here."""


def wrap(fn_or_name: F) -> F:
    """Return the function or name as it is."""
    return fn_or_name


def symbolic_trace(root: Any, concrete_args: Any = None) -> Any:
    """Raise: tracing needs PyTorch itself."""
    raise NotImplementedError("torch.fx.symbolic_trace needs PyTorch itself: no graph of a program is made here.")

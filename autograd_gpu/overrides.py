"""``torch.overrides``: what programs ask about ``__torch_function__``, which nothing here heeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .tensor import Tensor


def has_torch_function(*relevant_args: Iterable[Any]) -> bool:
    """Return False: functions compute with tensors, whatever class they are of."""
    return False


has_torch_function_unary = has_torch_function_variadic = has_torch_function


def is_tensor_like(inp: Any) -> bool:
    """Return whether inp is a tensor."""
    return isinstance(inp, Tensor)


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """Raise: nothing has a ``__torch_function__`` that is called."""
    raise TypeError(
        f"no implementation found for '{getattr(public_api, '__name__', public_api)}': __torch_function__ is not "
        "called here. Ask has_torch_function first."
    )

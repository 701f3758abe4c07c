"""``Variable``: what a tensor with a history was called before PyTorch 0.4. A tensor, by another name."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        return data.detach().requires_grad_(requires_grad)


class Variable(metaclass=_VariableType):
    """``Variable(x, requires_grad=True)`` is a leaf over x's memory that requires grad."""

"""Whether tensors are the same, or nearly."""

from __future__ import annotations

from ..tensor import Tensor
from .public import public
from .unary import isfinite, isnan


@public
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and the same elements."""
    return input.shape == other.shape and (input == other).all().item()


@public
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether |input - other| <= atol + rtol * |other| everywhere."""
    return isclose(input, other, rtol, atol, equal_nan).all().item()


@public
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return where |input - other| <= atol + rtol * |other|."""
    near = (input == other) | (isfinite(other) & ((input - other).abs() <= atol + rtol * other.abs()))
    return near | (isnan(input) & isnan(other)) if equal_nan else near

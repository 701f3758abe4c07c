"""Whether tensors are the same, or nearly."""

from __future__ import annotations

from ..dtypes import SCALAR_TYPES
from ..tensor import Tensor
from .cast import as_number, floating
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
    if input._array.dtype != other._array.dtype:
        raise RuntimeError(f"{_name_of(input)} did not match {_name_of(other)}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not as_number(tolerance) >= 0:
            raise RuntimeError(f"isclose(): {name} must be greater than or equal to zero, but got {tolerance}")
    near = input == other
    if rtol or atol:
        x, y = floating(input), floating(other)
        near |= isfinite(y) & ((x - y).abs() <= atol + rtol * y.abs())
    return near | (isnan(input) & isnan(other)) if equal_nan else near


def _name_of(x: Tensor) -> str:
    return SCALAR_TYPES[x.dtype.name]

"""Windows of signal processing, as tensors of one dimension."""

from __future__ import annotations

import math
from typing import Any

from .. import dtypes
from ..dtypes import DType
from ..tensor import Tensor
from .creation import arange, ones, with_grad
from .public import public
from .special import i0
from .unary import abs, cos, sqrt


def _places(name: str, length: int, periodic: bool, dtype: DType | None, device: Any) -> tuple[Tensor, int]:
    """Return the window's places 0, 1, ... as floats, and what a period is: the last place, or one more."""
    dtype = dtype or dtypes.get_default_dtype()
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if length == 1:
        return ones(1, dtype=dtype, device=device), 0
    return arange(length, dtype=dtype, device=device), length if periodic else length - 1


def _cosines(name: str, weights: tuple[float, ...], length: int, periodic: bool, options: dict[str, Any]) -> Tensor:
    """The sum of weights[k] * cos(2 pi k place / period)."""
    place, period = _places(name, length, periodic, options.get("dtype"), options.get("device"))
    if period:
        angle = place * (2 * math.pi / period)
        terms = [cos(angle * k) * weight for k, weight in enumerate(weights[1:], 1)]
        place = sum(terms[1:], terms[0]) + weights[0]
    return with_grad(place, options.get("requires_grad", False))


@public(method=False)
def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Return (1 - cos(2 pi n / N)) / 2. Options: dtype, device, requires_grad."""
    return _cosines("hann_window", (0.5, -0.5), window_length, periodic, options)


@public(method=False)
def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options: Any
) -> Tensor:
    """Return alpha - beta * cos(2 pi n / N). Options: dtype, device, requires_grad."""
    return _cosines("hamming_window", (alpha, -beta), window_length, periodic, options)


@public(method=False)
def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Return 0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N). Options: dtype, device, requires_grad."""
    return _cosines("blackman_window", (0.42, -0.5, 0.08), window_length, periodic, options)


@public(method=False)
def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the triangle 1 - |2n / N - 1|."""
    place, period = _places("bartlett_window", window_length, periodic, dtype, device)
    return with_grad(1 - abs(place * (2 / period) - 1) if period else place, requires_grad)


@public(method=False)
def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return I0(beta sqrt(1 - (2n / N - 1)^2)) / I0(beta) (Kaiser & Schafer 1980)."""
    place, period = _places("kaiser_window", window_length, periodic, dtype, device)
    if period:
        offset = place * (2 / period) - 1
        inside = (1 - offset * offset).clamp(min=0)
        place = i0(sqrt(inside) * beta) / i0(place.new_full((), beta))
    return with_grad(place, requires_grad)

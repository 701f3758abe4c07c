"""Activations of one element and up to three numbers: launches kernels/activation.cu."""

from __future__ import annotations

import functools
from typing import Any

from autograd_gpu.arrays.cuda.map import MapKernel, scalar_for
from autograd_gpu.arrays.cuda.memory import empty

__all__ = ["nonlinearity", "nonlinearity_backward"]

Array = Any
Numbers = tuple[float, ...]

KINDS = (
    "elu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish silu softplus softshrink softsign "
    "tanhshrink threshold"
).split()

_forward = {kind: MapKernel("activation.cu", kind, arrays=2, parameters="PAAA") for kind in KINDS}
_backward = {kind: MapKernel("activation.cu", f"{kind}_backward", arrays=3, parameters="PPAAA") for kind in KINDS}


def nonlinearity(x: Array, kind: str, numbers: Numbers) -> Array:
    """f(x), element by element."""
    return _forward[kind](x.dtype, empty(x.shape, x.dtype), x, *_three(numbers, x.dtype))


def nonlinearity_backward(gy: Array, x: Array, kind: str, numbers: Numbers) -> Array:
    """gy * f'(x), element by element."""
    return _backward[kind](x.dtype, empty(x.shape, x.dtype), gy, x, *_three(numbers, x.dtype))


@functools.lru_cache(maxsize=256)
def _three(numbers: Numbers, dtype: Any) -> Numbers:
    return tuple(scalar_for(number, dtype, "nonlinearity") for number in (*numbers, 0.0, 0.0, 0.0)[:3])

"""Activations of one element and up to three numbers: launches kernels/activation.cu."""

from __future__ import annotations

import functools
import re
from typing import Any

from autograd_gpu.arrays.cuda.compile import source
from autograd_gpu.arrays.cuda.map import MapKernel
from autograd_gpu.arrays.cuda.memory import empty
from autograd_gpu.arrays.scalars import scalar_for

__all__ = ["activation", "activation_backward"]

Array = Any
Numbers = tuple[float, ...]

KINDS = re.findall(r"(?m)^ACTIVATION\((\w+)", source("activation.cu"))

_forward = {kind: MapKernel("activation.cu", kind, ("P", *"AAA")) for kind in KINDS}
_backward = {kind: MapKernel("activation.cu", f"{kind}_backward", ("P", "P", *"AAA")) for kind in KINDS}


def activation(x: Array, kind: str, numbers: Numbers) -> Array:
    """f(x), element by element."""
    return _of(_forward, kind)(x.dtype, empty(x.shape, x.dtype), x, *_three(numbers, x.dtype))


def activation_backward(gy: Array, x: Array, kind: str, numbers: Numbers) -> Array:
    """gy * f'(x), element by element."""
    return _of(_backward, kind)(x.dtype, empty(x.shape, x.dtype), gy, x, *_three(numbers, x.dtype))


def _of(kernels: dict[str, MapKernel], kind: str) -> MapKernel:
    try:
        return kernels[kind]
    except KeyError:
        raise TypeError(
            f"{kind}: no CUDA kernel: add ACTIVATION({kind}, value, slope) to kernels/activation.cu"
        ) from None


@functools.lru_cache(maxsize=256)
def _three(numbers: Numbers, dtype: Any) -> Numbers:
    return tuple(scalar_for(number, dtype, "activation") for number in (*numbers, 0.0, 0.0, 0.0)[:3])

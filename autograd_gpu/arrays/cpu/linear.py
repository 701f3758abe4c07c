"""The affine map with what surrounds it: bias, gelu, gelu's slope. BLAS, and passes over its result."""

from __future__ import annotations

import numpy as np

from .elementwise import gelu, gelu_backward
from .matmul import matmul
from .precision import wide
from .quiet import quiet
from .reduce import sum

__all__ = ["gelu_linear_backward", "linear", "linear_gelu", "linear_parameters_backward"]


@quiet
def linear(x, weight, bias):
    if bias is None:
        return matmul(x, weight.swapaxes(0, 1))
    y = matmul(wide(x), wide(weight).swapaxes(0, 1))
    return np.add(y, wide(bias), out=y).astype(x.dtype, copy=False)


def linear_gelu(x, weight, bias, approximate):
    h = linear(x, weight, bias)
    return h, gelu(h, approximate)


def gelu_linear_backward(gy, weight, h, approximate):
    return gelu_backward(matmul(gy, weight), h, approximate)


def linear_parameters_backward(gy, x):
    return matmul(gy.swapaxes(0, 1), x), sum(gy, (0,), False, gy.dtype)

"""The affine map with what surrounds it: products by BLAS, and passes over them compiled for this processor."""

from __future__ import annotations

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.elementwise import gelu, gelu_backward
from autograd_gpu.arrays.native.matmul import matmul, product_function
from autograd_gpu.arrays.native.reduce import sum

__all__ = ["gelu_linear_backward", "linear", "linear_gelu", "linear_parameters_backward"]


linear = product_function(cpu.linear, True)


def linear_gelu(x, weight, bias, approximate):
    h = linear(x, weight, bias)
    return h, gelu(h, approximate)


def gelu_linear_backward(gy, weight, h, approximate):
    return gelu_backward(matmul(gy, weight), h, approximate)


def linear_parameters_backward(gy, x):
    return matmul(gy.swapaxes(0, 1), x), sum(gy, (0,), False, gy.dtype)

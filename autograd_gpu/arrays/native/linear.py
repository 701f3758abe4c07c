"""The affine map with what surrounds it: products by NumPy's BLAS, and passes over them compiled for this processor."""

from __future__ import annotations

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.elementwise import add, gelu, gelu_backward
from autograd_gpu.arrays.native.reduce import sum
from autograd_gpu.arrays.native.runtime import SHARED_FROM

__all__ = ["gelu_linear_backward", "linear", "linear_gelu", "linear_parameters_backward"]


def linear(x, weight, bias):
    # A pass of NumPy's is as fast where one thread makes it; half types round the product and the bias once, together.
    if bias is None or x.itemsize == 2 or len(x) * len(weight) < SHARED_FROM:
        return cpu.linear(x, weight, bias)
    y = cpu.matmul(x, weight.swapaxes(0, 1))
    return add(y, cpu.expand(bias.reshape(1, -1), y.shape), y)


def linear_gelu(x, weight, bias, approximate):
    h = linear(x, weight, bias)
    return h, gelu(h, approximate)


def gelu_linear_backward(gy, weight, h, approximate):
    return gelu_backward(cpu.matmul(gy, weight), h, approximate)


def linear_parameters_backward(gy, x):
    return cpu.matmul(gy.swapaxes(0, 1), x), sum(gy, (0,), False, gy.dtype)

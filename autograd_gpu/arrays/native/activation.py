"""Activations of one element and up to three numbers, compiled for this processor: kernels/activation.cu."""

from __future__ import annotations

import functools

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import map_function

__all__ = ["activation", "activation_backward"]

NUMBERS = 3  # that every kernel takes
COST = 5  # of an element, an addition being 1: as an exponential and a division


@functools.cache
def _value(kind, count):
    def numpys(x, *numbers):
        return cpu.activation(x, kind, numbers[:count])

    return map_function(numpys, "activation.cu", kind, ("P", *("A",) * NUMBERS), cost=COST)


@functools.cache
def _slope(kind, count):
    def numpys(gy, x, *numbers):
        return cpu.activation_backward(gy, x, kind, numbers[:count])

    return map_function(numpys, "activation.cu", f"{kind}_backward", ("P", "P", *("A",) * NUMBERS), cost=COST)


def activation(x, kind, numbers):
    return _value(kind, len(numbers))(x, *numbers, *(0.0,) * (NUMBERS - len(numbers)))


def activation_backward(gy, x, kind, numbers):
    return _slope(kind, len(numbers))(gy, x, *numbers, *(0.0,) * (NUMBERS - len(numbers)))

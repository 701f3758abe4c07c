"""Numbers of discrete distributions out of uniform ones on the GPU, in float64; kernels/distribution.cu inverts."""

from __future__ import annotations

from autograd_gpu.arrays.cuda.map import MapKernel
from autograd_gpu.arrays.cuda.memory import empty

__all__ = ["binomial_from", "poisson_from"]

_poisson = MapKernel("distribution.cu", "poisson_from", ("P", "P"))
_binomial = MapKernel("distribution.cu", "binomial_from", ("P", "P", "P"))


def poisson_from(u, rate):
    return _poisson(u.dtype, empty(u.shape, u.dtype), u, rate)


def binomial_from(u, count, probability):
    return _binomial(u.dtype, empty(u.shape, u.dtype), u, count, probability)

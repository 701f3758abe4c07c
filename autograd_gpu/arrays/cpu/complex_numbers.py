"""Complex numbers on the CPU: their parts as views and as numbers, and what only they have."""

from __future__ import annotations

import numpy as np

from .quiet import quiet

__all__ = [
    "as_complex", "as_real", "conj", "imag_part", "join", "magnitude", "phase", "real_part", "sgn",
]  # fmt: skip

_PARTS = {np.dtype(np.complex64): np.dtype(np.float32), np.dtype(np.complex128): np.dtype(np.float64)}
_WHOLE = {parts: whole for whole, parts in _PARTS.items()}


def conj(x):
    """The complex conjugates."""
    return np.conjugate(x, order="C")


def join(real, imag):
    """real + i imag."""
    out = np.empty(real.shape, _WHOLE[real.dtype])
    out.real, out.imag = real, imag
    return out


@quiet
def magnitude(x):
    """|x|, real."""
    return np.absolute(x, order="C")


@quiet
def phase(x):
    """The angle of x in radians, real."""
    return np.arctan2(x.imag, x.real, order="C")


@quiet
def sgn(x):
    """x / |x|, and 0 of 0."""
    size = np.absolute(x)
    return np.divide(x, np.where(size == 0, 1, size), order="C")


def real_part(x):
    """A view of the real parts."""
    return x.real


def imag_part(x):
    """A view of the imaginary parts."""
    return x.imag


def as_real(x):
    """A view of the parts, in a last dimension of two."""
    parts = _PARTS[x.dtype]
    return np.ndarray((*x.shape, 2), parts, *_place(x), (*x.strides, parts.itemsize))


def as_complex(x):
    """A view of pairs, neighbours in memory along the last dimension, as numbers."""
    if not x.size:
        return np.empty(x.shape[:-1], _WHOLE[x.dtype])
    return np.ndarray(x.shape[:-1], _WHOLE[x.dtype], *_place(x), x.strides[:-1])


def _place(x):
    """The array that owns the memory of x, and where x begins in it, in bytes."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner, x.__array_interface__["data"][0] - owner.__array_interface__["data"][0]

"""Buffers on the CPU: allocation, copies, fills, and views beyond NumPy's own."""

from __future__ import annotations

from sys import getrefcount

import numpy as np
from numpy import broadcast_to as _broadcast_to
from numpy.lib.stride_tricks import as_strided as _as_strided

from .cast import cast

__all__ = [
    "arange", "as_strided", "contiguous", "copy", "copy_into", "empty", "expand", "fill", "from_numpy", "full",
    "offset", "owns", "storage", "synchronize", "to_numpy",
]  # fmt: skip


def empty(shape, dtype):
    return np.empty(shape, dtype)


def full(shape, value, dtype):
    if type(value) is int and value == 0:  # not -0.0
        return np.zeros(shape, dtype)
    out = np.empty(shape, dtype)
    out[...] = value
    return out


def arange(start, step, count, dtype):
    exact = np.int64 if isinstance(start, int) and isinstance(step, int) else np.float64
    return (exact(start) + np.arange(count, dtype=exact) * exact(step)).astype(dtype)


def from_numpy(array):
    return np.array(array, order="C", copy=True)


def to_numpy(x):
    return np.array(x, order="C", copy=True)


def copy(x):
    return np.array(x, order="C", copy=True)


def contiguous(x):
    return x if x.flags.c_contiguous else np.array(x, order="C", copy=True)


def copy_into(out, x):
    if np.may_share_memory(out, x):
        x = x.copy()
    if x.dtype is not out.dtype:
        x = cast(x, out.dtype)
    np.copyto(out, x)


def fill(out, value):
    out[...] = value


def expand(x, shape):
    if x.flags.c_contiguous and x.size:  # a tenth of broadcast_to's price
        strides = [0 if n != m else stride for n, m, stride in zip(x.shape, shape, x.strides)]
        return np.ndarray(shape, x.dtype, x, 0, strides)
    view = _broadcast_to(x, shape)
    view.flags.writeable = x.flags.writeable
    return view


def as_strided(x, shape, strides, offset):
    itemsize = x.dtype.itemsize
    return np.ndarray(shape, x.dtype, _whole(x), offset * itemsize, [step * itemsize for step in strides])


def offset(x):
    return (x.__array_interface__["data"][0] - _whole(x).__array_interface__["data"][0]) // x.dtype.itemsize


def root(x):
    """The last of the arrays that x is a view of: the owner of its memory, but for another library's."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


def _whole(x):
    """The array that covers the whole buffer of x."""
    x = root(x)
    if x.flags.c_contiguous:
        return x
    reach = 1 + sum((size - 1) * step for size, step in zip(x.shape, x.strides)) // x.itemsize
    return _as_strided(x, (reach,), (x.itemsize,))  # another library laid it out: all of it, in order of address


def owns(x):
    base = x.base
    if not isinstance(base, np.ndarray):
        return base is None  # else the memory is another library's
    # A reshaped whole buffer that only this view holds: the name here, the view and getrefcount's argument make three.
    return (
        x.size == base.size
        and x.flags.c_contiguous
        and not isinstance(base.base, np.ndarray)
        and getrefcount(base) == 3
    )


def storage(x):
    """The address and the bytes of the whole buffer that x shows."""
    whole = _whole(x)
    return whole.__array_interface__["data"][0], whole.nbytes


def synchronize():
    """The CPU backend is never ahead of the program."""

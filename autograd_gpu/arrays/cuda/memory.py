"""Device memory: making, copying, filling and viewing arrays. Knows layouts, no mathematics."""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.cast import cast_into
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.map import MAX_BLOCKS, MapKernel
from autograd_gpu.arrays.cuda.transpose import copied_transposed
from autograd_gpu.arrays.scalars import scalar_for

__all__ = [
    "arange", "as_strided", "contiguous", "copy", "copy_into", "empty", "expand", "fill", "from_numpy", "full",
    "offset", "owns", "storage", "synchronize", "to_numpy",
]  # fmt: skip

Array = Any

_copy = MapKernel("memory.cu", "copy", ("P",))
_fill = MapKernel("memory.cu", "fill", ("A",))
_arange_integers = Kernel("memory.cu", "arange_integers", "Pqqq")
_arange_reals = Kernel("memory.cu", "arange_reals", "Pqdd")


# ---- making


def empty(shape, dtype):
    return driver.current().empty(shape, dtype)


def full(shape, value, dtype):
    out = empty(shape, dtype)
    fill(out, value)
    return out


def arange(start, step, count, dtype):
    out = empty((count,), dtype)
    if count:
        kernel = _arange_integers if isinstance(start, int) and isinstance(step, int) else _arange_reals
        block = block_for(count)
        kernel(out.dtype, min(MAX_BLOCKS, ceil_div(count, block)), block, out, count, start, step)
    return out


# ---- between host and device


def from_numpy(array):
    return driver.current().from_host(array)


def to_numpy(x):
    return driver.current().to_host(contiguous(x))


def synchronize():
    """Wait until everything launched so far has finished."""
    driver.current().synchronize()


# ---- copying and filling


def copy(x):
    return _copy_to(empty(x.shape, x.dtype), x)


def _copy_to(out, x):
    if x.flags.c_contiguous or not copied_transposed(out, x):
        _copy(x.dtype, out, x)
    return out


def contiguous(x):
    return x if x.flags.c_contiguous else copy(x)


def copy_into(out, x):
    if _overlap(out, x):
        x = copy(x)  # a thread could write what another has yet to read
    if out.dtype == x.dtype:
        _copy_to(out, x)
    else:
        cast_into(out, x)


def fill(out, value):
    _fill(out.dtype, out, scalar_for(value, out.dtype, "fill"))


def _overlap(x: Array, y: Array) -> bool:
    """Whether two arrays may share memory, by the bytes between their ends."""
    (x_start, x_end), (y_start, y_end) = _extent(x), _extent(y)
    return x_start < y_end and y_start < x_end


def _extent(x: Array) -> tuple[int, int]:
    start = end = driver.current().pointer(x)
    if x.size == 0:
        return start, start
    for size, stride in zip(x.shape, x.strides, strict=True):
        reach = (size - 1) * stride
        start, end = (start + reach, end) if reach < 0 else (start, end + reach)
    return start, end + x.itemsize


# ---- views


def expand(x, shape):
    strides = [stride if size == wanted else 0 for size, stride, wanted in zip(x.shape, x.strides, shape, strict=True)]
    return driver.current().view(x, shape, strides)


def as_strided(x, shape, strides, offset):
    itemsize = x.itemsize
    return driver.current().view(x, shape, [stride * itemsize for stride in strides], offset * itemsize)


def offset(x):
    return (driver.current().pointer(x) - driver.current().storage(x)[0]) // x.itemsize


def owns(x):
    return driver.current().owns(x)


def storage(x):
    """The address and the bytes of the whole buffer that x shows."""
    return driver.current().storage(x)

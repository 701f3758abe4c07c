"""Conversion between dtypes, compiled for this processor: kernels/cast.cu."""

from __future__ import annotations

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import map_function
from autograd_gpu.arrays.native.runtime import DTYPES, KIND, NAME

__all__ = ["cast"]

REALS = DTYPES[:4]


def _cast_to(dtype):
    """From a real to a whole dtype what cannot be held is what NumPy makes of it; a half type takes double by one rounding."""
    if dtype.kind in "iu":
        dtypes = DTYPES[4:]
    else:
        dtypes = [source for source in DTYPES if source.itemsize < 8 or source.kind != "f" or dtype not in REALS[:2]]
    dtypes = [source for source in dtypes if source != dtype]
    return map_function(
        lambda x: cpu.cast(x, dtype), "cast.cu", f"cast_to_{NAME[dtype]}", ("P",), gives=dtype, dtypes=dtypes
    )


_casts = {dtype: _cast_to(dtype) for dtype in KIND}


def cast(x, dtype):
    function = _casts.get(dtype)
    return function(x) if function is not None else cpu.cast(x, dtype)

"""Conversion between dtypes, compiled for this processor: kernels/cast.cu."""

from __future__ import annotations

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import map_function
from autograd_gpu.arrays.native.runtime import DTYPES, KIND, NAME

__all__ = ["cast"]

REALS = DTYPES[:4]


def _cast_to(dtype):
    def cast(x):
        return cpu.cast(x, dtype)

    # A double goes to a half type in one rounding, which is NumPy's.
    sources = [source for source in DTYPES if source.itemsize < 8 or source.kind != "f" or dtype not in REALS[:2]]
    sources = [source for source in sources if source != dtype]
    return map_function(cast, "cast.cu", f"cast_to_{NAME[dtype]}", ("P",), gives=dtype, dtypes=sources)


_casts = {dtype: _cast_to(dtype) for dtype in KIND}


def cast(x, dtype):
    function = _casts.get(dtype)
    return function(x) if function is not None else cpu.cast(x, dtype)

"""Conversion between dtypes on the GPU."""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.compile import dtype_name
from autograd_gpu.arrays.cuda.map import MapKernel
from autograd_gpu.arrays.sources import ALL

__all__ = ["cast"]

_casts = {name: MapKernel("cast.cu", f"cast_to_{name}", ("P",), gives=name) for name in ALL}


def cast(x, dtype):
    """A fresh copy of x in `dtype`: rounded to nearest even between reals, truncated on the way to integers."""
    return cast_into(driver.current().empty(x.shape, dtype), x)


def cast_into(out: Any, x: Any) -> Any:
    return _casts[dtype_name(out.dtype)](x.dtype, out, x)

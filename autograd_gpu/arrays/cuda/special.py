"""Special functions on the GPU, elementwise in any layout. Knows dtypes; the series are in kernels/special.cu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.arrays.alike import check_dtype
from autograd_gpu.arrays.cuda.elementwise import result_in
from autograd_gpu.arrays.cuda.map import MapKernel
from autograd_gpu.arrays.cuda.memory import empty
from autograd_gpu.arrays.scalars import scalar_for

__all__ = [
    "digamma", "erfcx", "erfinv", "frexp_exponent", "frexp_mantissa", "i0", "i0e", "i1", "i1e", "lgamma", "nextafter",
    "zeta",
]  # fmt: skip


INT32 = np.dtype(np.int32)


def _unary(name: str) -> Callable[..., Any]:
    kernel = MapKernel("special.cu", f"special_{name}", ("P",))

    def function(x, out=None):
        return kernel(x.dtype, result_in(name, out, x, x.dtype), x)

    function.__name__ = function.__qualname__ = name
    return function


digamma, erfcx, erfinv, lgamma = map(_unary, ("digamma", "erfcx", "erfinv", "lgamma"))
i0, i0e, i1, i1e = map(_unary, ("i0", "i0e", "i1", "i1e"))

_frexp_mantissa, _frexp_exponent = (
    MapKernel("special.cu", f"special_{name}", ("P",)) for name in ("frexp_mantissa", "frexp_exponent")
)


def frexp_mantissa(x):
    """The m of x = m * 2**e with 1/2 <= |m| < 1."""
    return _frexp_mantissa(x.dtype, empty(x.shape, x.dtype), x)


def frexp_exponent(x):
    """The e of x = m * 2**e with 1/2 <= |m| < 1, an int32; 0 for zeros, infinities and NaN."""
    return _frexp_exponent(x.dtype, empty(x.shape, INT32), x)


def _binary(name: str) -> Callable[..., Any]:
    kernel = MapKernel("special.cu", f"special_{name}", ("PA", "PA"))

    def function(x, y, out=None):
        dtype = y.dtype if isinstance(x, (int, float)) else x.dtype
        operands = ((None, scalar_for(v, dtype, name)) if isinstance(v, (int, float)) else (v, 0) for v in (x, y))
        if not isinstance(x, (int, float)) and not isinstance(y, (int, float)):
            check_dtype(name, x=x, y=y)
        out = result_in(name, out, y if isinstance(x, (int, float)) else x, dtype)
        return kernel(dtype, out, *(part for operand in operands for part in operand))

    function.__name__ = function.__qualname__ = name
    return function


zeta, nextafter = map(_binary, ("zeta", "nextafter"))

"""Special functions on the GPU, elementwise in any layout. Knows dtypes; the series are in kernels/special.cu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_gpu.backends.cuda.map import MapKernel, scalar_for
from autograd_gpu.backends.cuda.memory import empty

__all__ = [
    "digamma", "erfcx", "erfinv", "i0", "i0e", "i1", "i1e", "lgamma", "nextafter", "zeta",
]  # fmt: skip


def _unary(name: str) -> Callable[..., Any]:
    kernel = MapKernel("special.cu", f"special_{name}", arrays=2, parameters="P")

    def function(x, out=None):
        if out is None:
            out = empty(x.shape, x.dtype)
        return kernel(x.dtype, out, x)

    function.__name__ = function.__qualname__ = name
    return function


digamma, erfcx, erfinv, lgamma = map(_unary, ("digamma", "erfcx", "erfinv", "lgamma"))
i0, i0e, i1, i1e = map(_unary, ("i0", "i0e", "i1", "i1e"))


def _binary(name: str) -> Callable[..., Any]:
    kernel = MapKernel("special.cu", f"special_{name}", arrays=3, parameters="PAPA")

    def function(x, y, out=None):
        dtype = y.dtype if isinstance(x, (int, float)) else x.dtype
        operands = ((None, scalar_for(v, dtype, name)) if isinstance(v, (int, float)) else (v, 0) for v in (x, y))
        if out is None:
            out = empty(y.shape if isinstance(x, (int, float)) else x.shape, dtype)
        return kernel(dtype, out, *(part for operand in operands for part in operand))

    function.__name__ = function.__qualname__ = name
    return function


zeta, nextafter = map(_binary, ("zeta", "nextafter"))

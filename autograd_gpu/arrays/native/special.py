"""Special functions compiled for this processor, elementwise in any layout; the series are in kernels/special.cu.
Bessel functions are NumPy's: their series, a branch an element, are slower here."""

from __future__ import annotations

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import map_function

__all__ = ["digamma", "erfcx", "lgamma", "zeta"]

COST, SERIES = 32, 256  # of an element: a polynomial or two, and a series until it has converged

digamma, erfcx, lgamma = (
    map_function(getattr(cpu, name), "special.cu", f"special_{name}", ("P",), cost=COST)
    for name in ("digamma", "erfcx", "lgamma")
)
zeta = map_function(cpu.zeta, "special.cu", "special_zeta", ("PA", "PA"), cost=SERIES)

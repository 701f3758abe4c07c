"""The regularised incomplete gamma functions compiled for this processor; kernels/incomplete_gamma.cu expands them."""

from __future__ import annotations

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import map_function
from autograd_gpu.arrays.native.special import SERIES

__all__ = ["igamma", "igammac"]

igamma, igammac = (
    map_function(getattr(cpu, name), "incomplete_gamma.cu", name, ("PA", "PA"), cost=SERIES) for name in __all__
)

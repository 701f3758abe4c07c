"""The regularised incomplete gamma functions on the GPU; kernels/incomplete_gamma.cu expands them."""

from __future__ import annotations

from autograd_gpu.arrays.alike import check_dtype
from autograd_gpu.arrays.cuda.map import MapKernel
from autograd_gpu.arrays.cuda.memory import empty
from autograd_gpu.arrays.scalars import scalar_for

__all__ = ["igamma", "igammac"]

_igamma, _igammac = (MapKernel("incomplete_gamma.cu", name, ("PA", "PA")) for name in ("igamma", "igammac"))


def igamma(a, x):
    """The share of the gamma distribution of shape a below x."""
    return _launch(_igamma, a, x)


def igammac(a, x):
    """The share of the gamma distribution of shape a above x."""
    return _launch(_igammac, a, x)


def _launch(kernel, a, x):
    if not isinstance(a, (int, float)) and not isinstance(x, (int, float)):
        check_dtype("igamma", a=a, x=x)
    like = x if isinstance(a, (int, float)) else a
    operands = ((None, scalar_for(v, like.dtype, "igamma")) if isinstance(v, (int, float)) else (v, 0) for v in (a, x))
    return kernel(like.dtype, empty(like.shape, like.dtype), *(part for operand in operands for part in operand))

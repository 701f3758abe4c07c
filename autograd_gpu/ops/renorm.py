"""Limits on norms."""

from __future__ import annotations

from ..tensor import Tensor
from .cast import rounded_once
from .elementwise import where
from .integers import wrap_dim
from .public import public
from .reduce import norm


@public(in_place="method", out=True)
@rounded_once
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Return input with each slice along `dim` scaled down to a p-norm of at most `maxnorm`."""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = wrap_dim(dim, input.ndim)
    length = norm(input, p, tuple(d for d in range(input.ndim) if d != dim), keepdim=True)
    return input * where(length > maxnorm, maxnorm / (length + 1e-7), 1.0)

"""Dropout (Srivastava et al. 2014) of elements and of whole channels, and the kinds that keep SELU's statistics."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module


class _DropoutNd(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, zero each element with probability p and scale the others by 1 / (1 - p); else the identity."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what is left of the input."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """In training, zero each channel of (N, C, L) or (C, L) with probability p and scale the others by 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what is left of the input."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """In training, zero each channel of (N, C, H, W) with probability p and scale the others by 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what is left of the input."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """In training, zero each channel of (N, C, D, H, W) with probability p and scale the others by 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what is left of the input."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """In training, set elements to SELU's negative limit with probability p, and keep mean and variance."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what is left of the input."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what is left of the input."""
        return F.feature_alpha_dropout(input, self.p, self.training)

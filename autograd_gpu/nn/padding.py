"""Padding as modules: each keeps its widths and calls ``nn.functional.pad`` in its mode."""

from __future__ import annotations

from collections.abc import Sequence

from ..ops.integers import is_integer
from ..tensor import Tensor
from . import functional as F
from .module import Module


class _Pad(Module):
    """Widths before and after each of the last `dims` dimensions, the last one first; one int for all of them."""

    dims: int
    mode: str

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.dims) if is_integer(padding) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """(..., L) with `value` before and after."""

    dims = 1


class ConstantPad2d(_ConstantPad):
    """(..., H, W) with `value` around."""

    dims = 2


class ConstantPad3d(_ConstantPad):
    """(..., D, H, W) with `value` around."""

    dims = 3


class ZeroPad1d(_ZeroPad):
    """(..., L) with zeros before and after."""

    dims = 1


class ZeroPad2d(_ZeroPad):
    """(..., H, W) with zeros around."""

    dims = 2


class ZeroPad3d(_ZeroPad):
    """(..., D, H, W) with zeros around."""

    dims = 3


class ReflectionPad1d(_Pad):
    """(..., L) mirrored at its ends, which are not repeated."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """(..., H, W) mirrored at its edges, which are not repeated."""

    dims, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """(..., D, H, W) mirrored at its faces, which are not repeated."""

    dims, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """(..., L) with its ends repeated."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """(..., H, W) with its edges repeated."""

    dims, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """(..., D, H, W) with its faces repeated."""

    dims, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """(..., L) as one turn of a ring."""

    dims, mode = 1, "circular"


class CircularPad2d(_Pad):
    """(..., H, W) as one tile of a torus."""

    dims, mode = 2, "circular"


class CircularPad3d(_Pad):
    """(..., D, H, W) as one cell of a lattice."""

    dims, mode = 3, "circular"

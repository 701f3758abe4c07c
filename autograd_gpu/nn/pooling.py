"""Pools as modules: each keeps its settings and calls the function of nearly the same name in ``nn.functional``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.integers import is_integer
from ..ops.nn.sliding_windows import per_dim
from ..tensor import Tensor
from . import functional as F
from .module import Module

Numbers = int | Sequence[int]


class _MaxPoolNd(Module):
    dims: int

    def __init__(
        self,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        dilation: Numbers = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the largest of each window, and with return_indices where they are."""
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.dims - 1]
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest of each window of (N, C, L) or (C, L)."""

    dims = 1


class MaxPool2d(_MaxPoolNd):
    """The largest of each window of (N, C, H, W) or (C, H, W)."""

    dims = 2


class MaxPool3d(_MaxPoolNd):
    """The largest of each window of (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3


class AvgPool1d(Module):
    """The mean of each window of (N, C, L) or (C, L)."""

    def __init__(
        self,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        given = (kernel_size, kernel_size if stride is None else stride, padding)
        self.kernel_size, self.stride, self.padding = ((v,) if is_integer(v) else v for v in given)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    dims: int

    def __init__(
        self,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        pool = F.avg_pool2d if self.dims == 2 else F.avg_pool3d
        settings = (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        return pool(input, *settings, self.divisor_override)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The mean of each window of (N, C, H, W) or (C, H, W)."""

    dims = 2


class AvgPool3d(_AvgPoolNd):
    """The mean of each window of (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3


class _AdaptivePool(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        """Return output_size windows' largest or mean."""
        name = type(self).__name__  # AdaptiveAvgPool2d -> adaptive_avg_pool2d
        return getattr(F, f"adaptive_{name[8:11].lower()}_pool{name[-2:]}")(input, self.output_size)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The means of output_size windows of (N, C, L) or (C, L), as equal as possible."""


class AdaptiveAvgPool2d(_AdaptivePool):
    """The means of output_size windows of (N, C, H, W) or (C, H, W), as equal as possible."""


class AdaptiveAvgPool3d(_AdaptivePool):
    """The means of output_size windows of (N, C, D, H, W) or (C, D, H, W), as equal as possible."""


class _AdaptiveMaxPoolNd(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return output_size windows' largest, and with return_indices where they are."""
        pool = getattr(F, f"adaptive_max_pool{type(self).__name__[-2:]}")
        return pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest of output_size windows of (N, C, L) or (C, L), as equal as possible."""


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest of output_size windows of (N, C, H, W) or (C, H, W), as equal as possible."""


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest of output_size windows of (N, C, D, H, W) or (C, D, H, W), as equal as possible."""


class _LPPoolNd(Module):
    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Return the norms."""
        pool = getattr(F, f"lp_pool{type(self).__name__[-2:]}")  # LPPool2d -> lp_pool2d
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        settings = f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}"
        return f"{settings}, ceil_mode={self.ceil_mode}"


class LPPool1d(_LPPoolNd):
    """The p-norm of each window of (N, C, L) or (C, L)."""


class LPPool2d(_LPPoolNd):
    """The p-norm of each window of (N, C, H, W) or (C, H, W)."""


class LPPool3d(_LPPoolNd):
    """The p-norm of each window of (N, C, D, H, W) or (C, D, H, W)."""


class _MaxUnpoolNd(Module):
    dims: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size, self.padding = self._sizes(kernel_size), self._sizes(padding)
        self.stride = self._sizes(kernel_size if stride is None else stride)

    def _sizes(self, given: Any) -> tuple[int, ...]:
        return (given,) * self.dims if is_integer(given) else tuple(given)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the values at the places that a max pool with return_indices gave, zeros elsewhere."""
        unpool = getattr(F, f"max_unpool{self.dims}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Undoes MaxPool1d as far as the indices tell."""

    dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Undoes MaxPool2d as far as the indices tell."""

    dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Undoes MaxPool3d as far as the indices tell."""

    dims = 3


class _FractionalMaxPoolNd(Module):
    dims: int

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = per_dim(kernel_size, self.dims, "kernel_size")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else per_dim(output_size, self.dims, "output_size")
        self.output_ratio = None
        if output_ratio is not None:
            ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * self.dims
            self.output_ratio = tuple(ratios)
        if (output_size is None) == (output_ratio is None):
            raise ValueError(
                f"{type(self).__name__} requires specifying either an output size, or a pooling ratio, and not both"
            )
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """Return the largest of each of the drawn regions."""
        pool = F.fractional_max_pool2d if self.dims == 2 else F.fractional_max_pool3d
        sizes = (self.output_size, self.output_ratio)
        return pool(input, self.kernel_size, *sizes, self.return_indices, self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest of regions whose borders are drawn at random (Graham 2014), over (N, C, H, W)."""

    dims = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest of regions whose borders are drawn at random, over (N, C, D, H, W)."""

    dims = 3

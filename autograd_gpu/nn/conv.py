"""Convolutions as modules: they hold weight and bias, and pad in the modes that the functions do not know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..ops.creation import empty
from ..ops.nn.sliding_windows import per_dim
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

Numbers = int | Sequence[int]


class _ConvNd(Module):
    dims: int
    transposed = False
    output_padding: tuple[int, ...] = ()

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Numbers,
        stride: Numbers = 1,
        padding: Numbers | str = 0,
        dilation: Numbers = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        for count, word in ((in_channels, "in_channels"), (out_channels, "out_channels")):
            if count % groups:
                raise ValueError(f"{word} must be divisible by groups")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(f"padding_mode must be zeros, reflect, replicate or circular, but got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = (
            in_channels, out_channels, groups, padding_mode,
        )  # fmt: skip
        self.kernel_size = per_dim(kernel_size, self.dims, "kernel_size")
        self.stride = per_dim(stride, self.dims, "stride")
        self.padding: Any = padding if isinstance(padding, str) else per_dim(padding, self.dims, "padding")
        self.dilation = per_dim(dilation, self.dims, "dilation")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string '{padding}', should be one of {{'same', 'valid'}}")
        if padding == "same" and max(self.stride) > 1:
            raise ValueError("padding='same' is not supported for strided convolutions")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(empty((first, second // groups, *self.kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty((out_channels,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of the input."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._sides(), mode=self.padding_mode), 0
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.dims - 1]
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _sides(self) -> tuple[int, ...]:
        """What F.pad has to add before and after each dimension, last dimension first."""
        if self.padding == "same":
            totals = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation)]
            sides = [(total // 2, total - total // 2) for total in totals]
        else:
            sides = [(0, 0) if self.padding == "valid" else (pad, pad) for pad in self.padding]
        return tuple(pad for side in reversed(sides) for pad in side)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        nothing = (0,) * self.dims
        if self.padding != nothing:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * self.dims:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding not in ((), nothing):
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv1d(_ConvNd):
    """y = weight * x + bias over (N, C, L) or (C, L)."""

    dims = 1


class Conv2d(_ConvNd):
    """y = weight * x + bias over (N, C, H, W) or (C, H, W)."""

    dims = 2


class Conv3d(_ConvNd):
    """y = weight * x + bias over (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Numbers,
        stride: Numbers = 1,
        padding: Numbers = 0,
        output_padding: Numbers = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Numbers = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = per_dim(output_padding, self.dims, "output_padding")

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the transposed convolution of the input, of `output_size` if that is one of the sizes it can have."""
        more = self.output_padding if output_size is None else self._padding_for(input, output_size)
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.dims - 1]
        return convolve(input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)

    def _padding_for(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        steps = zip(input.shape[-self.dims :], self.stride, self.padding, self.dilation, self.kernel_size)
        least = [(o - 1) * s - 2 * p + d * (k - 1) + 1 for o, s, p, d, k in steps]
        wanted = list(output_size)[-self.dims :]
        for size, low, s in zip(wanted, least, self.stride):
            if not low <= size < low + s:
                most = [low + s - 1 for low, s in zip(least, self.stride)]
                raise ValueError(
                    f"requested an output size of {wanted}, but valid sizes range from {least} to {most} (for an "
                    "input of "
                    f"{list(input.shape)[-self.dims :]})"
                )
        return tuple(size - low for size, low in zip(wanted, least))


class ConvTranspose1d(_ConvTransposeNd):
    """What Conv1d with this weight would take back to x, plus bias, over (N, C, L) or (C, L)."""

    dims = 1


class ConvTranspose2d(_ConvTransposeNd):
    """What Conv2d with this weight would take back to x, plus bias, over (N, C, H, W) or (C, H, W)."""

    dims = 2


class ConvTranspose3d(_ConvTransposeNd):
    """What Conv3d with this weight would take back to x, plus bias, over (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3

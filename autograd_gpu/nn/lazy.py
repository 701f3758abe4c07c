"""Layers that learn the size of their input from the first one, and are then the layers without Lazy."""

from __future__ import annotations

from typing import Any

from ..modes import no_grad
from ..ops.creation import tensor
from ..tensor import Tensor
from .channel_norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _NormBase,
)  # fmt: skip
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, _ConvNd
from .linear import Linear
from .module import Module
from .parameter import UninitializedBuffer, UninitializedParameter


class LazyModuleMixin:
    """What lazy layers share. The class has `cls_to_become` and `initialize_parameters(input)`."""

    cls_to_become: type[Module]

    def has_uninitialized_params(self: Any) -> bool:
        """Return whether a parameter or buffer has no size yet."""
        kept = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(one, (UninitializedParameter, UninitializedBuffer)) for one in kept)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give parameters and buffers the sizes that go with the input."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}: it says what the input's size means"
        )

    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Complete the layer, turn it into the layer that it is, and call that."""
        with no_grad():
            self.initialize_parameters(*args, **kwargs)
        self.__class__ = self.cls_to_become
        return self(*args, **kwargs)


class LazyLinear(LazyModuleMixin, Linear):
    """Linear with in_features from the first input."""

    cls_to_become = Linear
    weight: Any
    bias: Any

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False, device, dtype)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None

    def reset_parameters(self) -> None:
        """Draw what has a size."""
        if self.in_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take in_features from the input."""
        self.in_features = input.shape[-1]
        if self.has_uninitialized_params():
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()


class _LazyConv(LazyModuleMixin, _ConvNd):
    weight: Any
    bias: Any

    def __init__(self, out_channels: int, kernel_size: Any, *settings: Any, **named: Any) -> None:
        super().__init__(0, 0, kernel_size, *settings, **named)
        self.out_channels = out_channels
        where = {"device": self.weight.device, "dtype": self.weight.dtype}
        self.weight = UninitializedParameter(**where)
        if self.bias is not None:
            self.bias = UninitializedParameter(**where)

    def reset_parameters(self) -> None:
        """Draw what has a size."""
        if self.in_channels and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any) -> None:
        """Take in_channels from the input."""
        if input.dim() not in (self.dims + 1, self.dims + 2):
            raise RuntimeError(
                f"Expected {self.dims + 1}D (unbatched) or {self.dims + 2}D (batched) input to {type(self).__name__}, "
                f"but got input of size: {list(input.shape)}"
            )
        self.in_channels = input.shape[-self.dims - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        if self.has_uninitialized_params():
            counts = (self.out_channels, self.in_channels)
            first, second = reversed(counts) if self.transposed else counts
            self.weight.materialize((first, second // self.groups, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class _LazyNorm(LazyModuleMixin, _NormBase):
    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, eps, momentum, False, False)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, device=device)

    def initialize_parameters(self, input: Tensor) -> None:
        """Take num_features from the input."""
        self._check(input)
        self.num_features = input.shape[1]
        if self.has_uninitialized_params():
            for kept in (*self._parameters.values(), *self._buffers.values()):
                if isinstance(kept, (UninitializedParameter, UninitializedBuffer)):
                    kept.materialize((self.num_features,))
            self.reset_parameters()


def _lazy(base: type[Any], layer: type[Any], source: str) -> Any:
    name = f"Lazy{layer.__name__}"
    members = {
        "cls_to_become": layer, "__module__": __name__, "__qualname__": name,
        "__doc__": f"{layer.__name__} with {source} from the first input.",
    }  # fmt: skip
    return type(name, (base, layer), members)


LazyConv1d, LazyConv2d, LazyConv3d = (_lazy(_LazyConv, one, "in_channels") for one in (Conv1d, Conv2d, Conv3d))
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = (
    _lazy(_LazyConv, one, "in_channels") for one in (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
)
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = (
    _lazy(_LazyNorm, one, "num_features") for one in (BatchNorm1d, BatchNorm2d, BatchNorm3d)
)
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = (
    _lazy(_LazyNorm, one, "num_features") for one in (InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)
)

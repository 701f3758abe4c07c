"""Tensors as Python numbers, lists and NumPy arrays, in other dtypes, and on other devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..capturing import readers, reads
from ..device import Device, resolve
from ..device import cpu as CPU
from ..dtypes import DType
from ..layouts import check_memory_format
from ..tensor import Tensor
from .cast import cast, to_device
from .public import public
from .shape import clone


@public(function=False)
def item(self: Tensor) -> Any:
    """Return the only element as a Python number. Synchronises."""
    if self._array.size != 1:
        raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
    return _host(self).reshape(()).item()


@public(function=False)
def tolist(self: Tensor) -> Any:
    """Return the elements as nested lists of Python numbers. Synchronises."""
    return _host(self).tolist()


def _host(self: Tensor) -> np.ndarray:
    if readers:
        reads("reads a tensor's values")
    return self._array if self.device is CPU else self.device.backend.to_numpy(self._array)


@public(function=False)
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """Return a NumPy array over the same memory. With `force`, a copy where a share is not possible."""
    if force:
        return _host(self.detach())
    if self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self.device is not CPU:
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
            "memory first."
        )
    if readers:
        reads("takes a tensor's values as NumPy's")
    return self._array


@public(function=False)
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return the tensor in another dtype and/or on another device: ``to(dtype)``, ``to(device)``, ``to(other)``."""
    kwargs.pop("non_blocking", None)
    copy_wanted = kwargs.pop("copy", False)
    check_memory_format(kwargs.pop("memory_format", None), "to")
    dtype, device = kwargs.pop("dtype", None), kwargs.pop("device", None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    for value in args:
        if isinstance(value, Tensor):
            dtype, device = value.dtype, value.device
        elif isinstance(value, (DType, type, np.dtype)):
            dtype = value
        elif isinstance(value, (str, int, Device)) and not isinstance(value, bool):
            device = value
        elif isinstance(value, bool) or value is None:
            continue  # non_blocking, copy by position
        else:
            raise TypeError(f"to(): expected a dtype, a device or a tensor, but got {type(value).__name__}")
    result = self if device is None else to_device(self, resolve(device))
    if dtype is not None:
        result = cast(result, dtypes.as_dtype(dtype))
    return clone(result) if copy_wanted and result is self else result


@public(function=False)
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Return the tensor on a GPU."""
    return to(self, device="cuda" if device is None else Device(device))


@public(function=False)
def cpu(self: Tensor) -> Tensor:
    """Return the tensor on the CPU."""
    return to(self, device="cpu")


@public(function=False)
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor in the dtype and on the device of other."""
    return to(self, other)

"""Pickling and shallow copies of tensors. Dtype, device, requires_grad, class and a program's own attributes are kept.

On the CPU a view brings its whole storage, as in PyTorch, and what shares memory within one pickle shares it
afterwards: the storage travels as the NumPy array that owns it, which pickle knows again. A tensor on a GPU travels by
itself. Gradients, hooks and the graph stay behind: what was computed comes back as a leaf.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from .. import dtypes
from ..arrays.cpu.memory import root
from ..capturing import readers, reads
from ..device import cpu, resolve
from ..engine import hooks_of
from ..tensor import Tensor, version_cell
from ..views import edge_of
from .creation import with_grad


def storage(array: np.ndarray) -> np.ndarray | None:
    """Return the array that owns the memory which this one shows; None where that is not one plain piece."""
    owner = root(array)
    is_plain = type(owner) is np.ndarray and owner.dtype.isnative and owner.flags.c_contiguous
    return owner if is_plain else None


def offset_in(owner: np.ndarray, array: np.ndarray) -> int:
    """Return the place in bytes of an array's first element in its storage."""
    return array.__array_interface__["data"][0] - owner.__array_interface__["data"][0] if array.size else 0


def shown(owner: np.ndarray, dtype: np.dtype, shape: tuple, offset: int, strides: tuple) -> np.ndarray:
    """Return a view of a storage. ValueError where it would reach beyond it. Offset and strides count bytes."""
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, owner.reshape(-1).view(np.uint8), offset, strides)


def attributes(tensor: Tensor) -> dict[str, Any]:
    """Return what a program has hung on a tensor."""
    ours = Tensor.__annotations__
    return {name: value for name, value in vars(tensor).items() if name not in ours and name not in vars(Tensor)}


def reduce(self: Tensor, protocol: Any) -> tuple:
    """Return how a tensor is made again, for pickle."""
    if self.device.axis is not None:
        raise RuntimeError("pickle: a tensor within vmap stands for one of a batch. Pickle what vmap returns.")
    if readers:
        reads("pickles a tensor")
    edge = edge_of(self)
    if edge is not None and hooks_of(edge[0]).tensor.get(edge[1]):
        warnings.warn("backward hooks on a tensor will not be serialized: register them anew.", stacklevel=2)
    array = self._array if self.device is cpu else self.device.backend.to_numpy(self._array)
    owner = storage(array) if self.device is cpu else None
    if owner is None:
        owner = array = np.array(array, order="C", subok=False)
    place = (offset_in(owner, array), array.shape, array.strides)
    arguments = (type(self), owner, self.dtype.name, place, self.requires_grad, str(self.device))
    return rebuild, arguments, attributes(self) or None


def rebuild(
    kind: type, owner: np.ndarray, dtype: str, place: tuple[int, tuple, tuple], requires_grad: bool, device: str
) -> Tensor:
    """Return the tensor that `reduce` spoke of."""
    offset, shape, strides = place
    if not owner.flags.writeable:  # joblib maps large arrays for reading only
        owner = owner.copy()
    array = shown(owner, dtypes.named(dtype).numpy, shape, offset, strides)
    tensor: Tensor = object.__new__(kind)
    tensor.device = resolve(device)
    tensor._array = array if tensor.device is cpu else tensor.device.backend.from_numpy(array)
    return with_grad(tensor, requires_grad)


def copied(self: Tensor, memo: dict[int, Any]) -> Any:
    """Return, for copy.deepcopy, a tensor's array over memory of its own, which on the CPU others of the same memory
    will share."""
    if readers:
        reads("copies a tensor by copy.deepcopy")
    owner = storage(self._array) if self.device is cpu else None
    if owner is None:
        return self.device.backend.copy(self._array)
    array = self._array
    return shown(copy.deepcopy(owner, memo), array.dtype, array.shape, offset_in(owner, array), array.strides)


def shallow(self: Tensor) -> Tensor:
    """Return, for copy.copy, a leaf over the same memory and version."""
    duplicate = object.__new__(type(self))
    duplicate._array, duplicate.device, duplicate._cell = self._array, self.device, version_cell(self)
    duplicate._inference = self._inference
    vars(duplicate).update(attributes(self))
    return with_grad(duplicate, self.requires_grad)

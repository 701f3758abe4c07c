"""Sharing buffers with other libraries without a copy: DLPack both ways, and the array interfaces of NumPy and CUDA.

What is shared has no history, and other libraries' writes are not counted as versions.
"""

from __future__ import annotations

import ctypes
from typing import Any

import ml_dtypes
import numpy as np

from .. import dtypes
from ..capturing import readers, reads
from ..device import Device, emulating
from ..device import cpu as CPU
from ..tensor import Tensor, wrap
from .public import public

_KDL_CPU, _KDL_CUDA, _KDL_CUDA_HOST = 1, 2, 3  # DLDeviceType
_KDL_UINT, _KDL_BFLOAT = 1, 4  # DLDataTypeCode
_CODE_OFFSET = 20  # of DLTensor.dtype.code: after data (8 bytes), device (4 + 4) and ndim (4)


@public(method=False)
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor over the memory of another library's array, or of a DLPack capsule.

    `device` moves it; `copy` True gives it memory of its own.
    """
    if isinstance(ext_tensor, Tensor):
        tensor = ext_tensor.detach()
    elif hasattr(ext_tensor, "__dlpack__"):
        place, index = ext_tensor.__dlpack_device__()
        if place in (_KDL_CPU, _KDL_CUDA_HOST):
            tensor = wrap(_numpy_from(ext_tensor.__dlpack__()), CPU)
        elif place == _KDL_CUDA:
            tensor = _on_gpu(ext_tensor, index)
        else:
            raise BufferError(f"from_dlpack: expected an array on the CPU or on CUDA, but got device type {place}")
    elif type(ext_tensor).__name__ == "PyCapsule":
        tensor = wrap(_numpy_from(ext_tensor), CPU)
    else:
        raise RuntimeError(
            "from_dlpack received an invalid capsule: expected an object with __dlpack__, or a DLPack capsule, but got "
            f"{type(ext_tensor).__name__}"
        )
    dtypes.from_numpy(tensor._array.dtype)  # raises for what we have no dtype for, such as complex numbers
    moved = tensor if device is None else tensor.to(device)
    return moved.clone() if copy and moved is tensor else moved


def _on_gpu(array: Any, index: int) -> Tensor:
    if emulating():
        raise BufferError('from_dlpack: the array is on a real GPU, but with AUTOGRAD_GPU_EMULATE "cuda" is another')
    import cupy

    return wrap(cupy.from_dlpack(array), Device("cuda", index))


class _Capsule:
    """What NumPy wants to see around a capsule."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **request: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _KDL_CPU, 0


class _Writable:
    """Memory that NumPy was handed read-only, because an unversioned capsule cannot say that it may be written."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array  # keeps the memory alive
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _numpy_from(capsule: Any) -> np.ndarray:
    code = _dtype_code(capsule)
    is_bfloat = code.value == _KDL_BFLOAT
    if is_bfloat:
        code.value = _KDL_UINT  # NumPy has no bfloat16 of its own: it takes the bits, which we then read as ml_dtypes'
    array = np.asarray(_Writable(np.from_dlpack(_Capsule(capsule))))
    return array.view(ml_dtypes.bfloat16) if is_bfloat else array


def _dtype_code(capsule: Any) -> ctypes.c_uint8:
    """The field of an unversioned capsule's DLTensor that says what kind of numbers it holds."""
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.c_uint8.from_address(get_pointer(capsule, b"dltensor") + _CODE_OFFSET)


@public(method=False)
@public(function=False, name="__dlpack__")
def to_dlpack(
    self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
) -> Any:
    """Return a DLPack capsule over the tensor's memory."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if dl_device is not None and tuple(dl_device) != to_dlpack_device(self):
        raise BufferError(f"__dlpack__: the tensor is on {self.device}; move it first, with .to(device)")
    if readers:
        reads("hands a tensor's memory out by DLPack")
    array = self.device.backend.copy(self._array) if copy else self._array
    if self.device is not CPU:
        _refuse_emulated("__dlpack__")
        return array.__dlpack__(stream=stream)
    if array.dtype != ml_dtypes.bfloat16:
        # Only a versioned capsule says that its memory may be written.
        return array.__dlpack__() if max_version is None else array.__dlpack__(max_version=max_version)
    capsule = array.view(np.uint16).__dlpack__()
    _dtype_code(capsule).value = _KDL_BFLOAT
    return capsule


@public(function=False, name="__dlpack_device__")
def to_dlpack_device(self: Tensor) -> tuple[int, int]:
    """Return DLPack's (device type, index)."""
    return (_KDL_CPU, 0) if self.device is CPU else (_KDL_CUDA, self.device.index or 0)


def _refuse_emulated(name: str) -> None:
    if emulating():
        raise BufferError(f"{name}: emulated device memory cannot be shared with other libraries; use .cpu() first")


@public(function=False, method=False, attribute=True, name="__array_interface__")
def array_interface(self: Tensor) -> dict:
    """NumPy's array interface, over the tensor's memory."""
    if self.device is not CPU:
        raise AttributeError(f"the tensor is on {self.device}: use .cpu() for NumPy, or __cuda_array_interface__")
    if self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if readers:
        reads("takes a tensor's values as NumPy's")
    return self._array.__array_interface__


@public(function=False, method=False, attribute=True, name="__cuda_array_interface__")
def cuda_array_interface(self: Tensor) -> dict:
    """Numba's and CuPy's array interface, over the tensor's memory."""
    if self.device is CPU:
        raise AttributeError(
            "Can't get __cuda_array_interface__ on non-CUDA tensor type: the tensor is on the CPU. If CUDA data is "
            "required use tensor.cuda() to copy tensor to device memory."
        )
    if emulating():
        raise AttributeError("__cuda_array_interface__: the tensor is on the emulated GPU, which no other library sees")
    if self.requires_grad:
        raise RuntimeError(
            "Can't get __cuda_array_interface__ on Variable that requires grad. If gradients aren't required, use "
            "var.detach() to get Variable that doesn't require grad."
        )
    if readers:
        reads("hands a tensor's memory to another library")
    return self._array.__cuda_array_interface__

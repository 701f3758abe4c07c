"""``torch.utils._foreach_utils``: lists of tensors sorted by device and dtype, for optimisers written with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..device import Device
from ..dtypes import DType
from ..tensor import Tensor

Lists = list[list[Tensor | None]]


def _group_tensors_by_device_and_dtype(
    tensorlistlist: Sequence[Sequence[Tensor | None]], with_indices: bool = False
) -> dict[tuple[Device | None, DType | None], tuple[Lists, list[int]]]:
    """Return lists of the same length in groups by the first list's devices and dtypes, with their places if asked."""
    groups: dict[Any, tuple[Lists, list[int]]] = {}
    for index, first in enumerate(tensorlistlist[0] if tensorlistlist else ()):
        key = (None, None) if first is None else (first.device, first.dtype)
        lists, indices = groups.setdefault(key, ([[] for _ in tensorlistlist], []))
        for column, values in zip(lists, tensorlistlist):
            if values:
                column.append(values[index])
        if with_indices:
            indices.append(index)
    return groups


def _get_foreach_kernels_supported_devices() -> list[str]:
    return ["cuda"]


def _get_fused_kernels_supported_devices() -> list[str]:
    return ["cuda", "cpu"]


def _has_foreach_support(tensors: Sequence[Tensor], device: Any) -> bool:
    """Return whether a list is of tensors, on a device for which a list is worth it."""
    return getattr(device, "type", device) == "cuda" and all(isinstance(tensor, Tensor) for tensor in tensors)


def _device_has_foreach_support(device: Any) -> bool:
    return device.type in (*_get_foreach_kernels_supported_devices(), "cpu")

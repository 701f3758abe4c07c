"""``torch.accelerator``: the GPU, by a name that fits every kind of device."""

from __future__ import annotations

from typing import Any

from .cuda import devices
from .device import Device, cuda_is_available

is_available = cuda_is_available
device_count = devices.device_count


def current_accelerator(check_available: bool = False) -> Device | None:
    """Return the GPU's device, or None where there is none."""
    return Device("cuda") if cuda_is_available() else None


def _checked() -> None:
    if not cuda_is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")


def current_device_index() -> int:
    """Return the index of the GPU that "cuda" means."""
    _checked()
    return devices.current_device()


def set_device_index(device: Any, /) -> None:
    """Choose the one GPU of this process."""
    _checked()
    devices.set_device(device)


current_device_idx, set_device_idx = current_device_index, set_device_index


def synchronize(device: Any = None, /) -> None:
    """Wait until the GPU has done what was asked of it."""
    _checked()
    devices.synchronize()


def empty_cache() -> None:
    """Give memory that is kept for later back to the driver."""
    _checked()
    devices.empty_cache()


def memory_allocated(device: Any = None, /) -> int:
    """Return the bytes that tensors hold on the GPU."""
    _checked()
    return devices.memory_allocated()

"""Names of devices and the way from a name to its backend. A backend is imported on first use, never before."""

from __future__ import annotations

import importlib
import re
import threading
from types import ModuleType
from typing import Any

from .settings import emulation


class Device:
    """A place where tensors live: ``device("cpu")``, ``device("cuda")``, ``device("cuda", 1)``.

    One object per place.
    """

    __slots__ = ("type", "index", "_backend")

    type: str
    index: int | None
    _backend: ModuleType | None
    axis: Any = None  # of a vmap level (`func`), which is a device too: the batch dimension that its tensors hide

    def __new__(cls, device: str | int | Device, index: int | None = None) -> Device:
        if isinstance(device, Device):
            return device
        if isinstance(device, int):
            return _interned("cuda", device)
        parsed = re.fullmatch(r"(\w+)(?::(\d+))?", device) if isinstance(device, str) else None
        if parsed is None:
            raise RuntimeError(f'Invalid device string: \'{device}\'. Expected "cpu", "cuda" or "cuda:<index>".')
        if parsed[2] is not None:
            if index is not None:
                raise RuntimeError(f"device: the index is given twice, in '{device}' and as {index}. Give it once.")
            index = int(parsed[2])
        return _interned(parsed[1], index)

    @property
    def base(self) -> Device:
        """The real device: this one, or what lies under the vmap levels."""
        return self

    @property
    def backend(self) -> ModuleType:
        """The package of array functions for this device. Importing CUDA's may raise DeviceUnavailable."""
        backend = self._backend
        if backend is None:
            backend = self._backend = importlib.import_module(_ARRAYS[self.type])
        return backend

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, str) and str(self) == other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple:
        return (Device, (str(self),))

    def __enter__(self) -> Device:
        _outer_defaults.append(_default)
        set_default_device(self)
        return self

    def __exit__(self, *exception: object) -> None:
        set_default_device(_outer_defaults.pop())


# The CPU's are compiled for this processor where they can be, else NumPy's.
_ARRAYS = {"cpu": "autograd_gpu.arrays.native", "cuda": "autograd_gpu.arrays.cuda"}
_outer_defaults: list[Device] = []
_devices: dict[tuple[str, int | None], Device] = {}


def _interned(kind: str, index: int | None) -> Device:
    device = _devices.get((kind, index))
    if device is None:
        if kind not in ("cpu", "cuda"):
            raise RuntimeError(
                f"Expected one of cpu, cuda device type at start of device string: {kind}. autograd_gpu has no "
                f"'{kind}'."
            )
        device = object.__new__(Device)
        device.type, device.index, device._backend = kind, index, None
        _devices[kind, index] = device
    return device


cpu = Device("cpu")


def resolve(device: Device | str | int | None) -> Device:
    """Return the Device a tensor is put on: the default for None, the current GPU's index for a plain "cuda"."""
    if device is None:
        return _default
    if device is cpu:
        return cpu
    device = Device(device)
    if device.axis is not None:
        return device
    if device.type == "cpu":
        return cpu
    current = _current_cuda_index()
    if device.index not in (None, current):
        raise RuntimeError(
            f"{device}: tensors are kept on one GPU per process, which is cuda:{current}; invalid device ordinal "
            f"{device.index}. Choose another GPU with CUDA_VISIBLE_DEVICES={device.index}."
        )
    return Device("cuda", current)


_default = cpu


class _Innermost(threading.local):
    level: Device | None = None


innermost = _Innermost()  # the vmap level of the function that this thread is in


def in_level(device: Device) -> Device:
    """Return the vmap level that the running function is in, where it stands on `device`; else the device itself."""
    level = innermost.level
    return device if level is None or level.base is not device.base else level


def set_default_device(device: Device | str | int | None) -> None:
    """Set the device that tensors are made on when none is named; None means the CPU again."""
    global _default
    _default = cpu if device is None else resolve(device)


def get_default_device() -> Device:
    """Return the device that tensors are made on when none is named."""
    return _default


def _current_cuda_index() -> int:
    return Device("cuda").backend.current_device()


def cuda_is_available() -> bool:
    """Whether tensors can be put on ``device="cuda"``: a GPU with CuPy, or the emulated one."""
    if emulating():
        return True
    try:
        return bool(Device("cuda").backend.device_count())
    except Exception:  # no CuPy, no driver, or a CuPy that does not fit it: either way there is none to use
        return False


def emulating() -> bool:
    """Whether ``device="cuda"`` means the emulated GPU on this machine's CPU."""
    return emulation() != "0"

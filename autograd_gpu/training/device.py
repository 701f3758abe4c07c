"""Which device a job runs on."""

from __future__ import annotations

from ..arrays.native import runtime
from ..device import Device, resolve
from ..errors import DeviceUnavailable


def choose_device(name: str) -> Device:
    """Return the device of ``auto``, ``cpu`` or ``cuda``. DeviceUnavailable says what is missing for ``cuda``."""
    if name != "auto":
        device = resolve(name)
        device.backend.synchronize()
        if device.type == "cpu":
            runtime.prepare()
        return device
    try:
        return choose_device("cuda")
    except DeviceUnavailable:
        return choose_device("cpu")

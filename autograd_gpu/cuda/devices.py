"""Which GPUs there are, and what is asked of them as a whole. Imports CuPy only for a GPU asked for."""

from __future__ import annotations

import importlib.util

from ..device import Device, emulating, resolve
from ..ops.random import default_generator


def is_available() -> bool:
    """Whether tensors can be put on ``device="cuda"``: a GPU with CuPy, or the emulated one."""
    if emulating():
        return True
    if importlib.util.find_spec("cupy") is None:
        return False
    try:
        return bool(Device("cuda").backend.device_count())
    except Exception:  # no driver, or a CuPy that does not fit it: either way there is none to use
        return False


def device_count() -> int:
    """Return how many GPUs there are."""
    return Device("cuda").backend.device_count() if is_available() else 0


def current_device() -> int:
    """Return the index of the GPU that ``device="cuda"`` means."""
    return Device("cuda").backend.current_device()


def get_device_name(device: Device | str | int | None = None) -> str:
    """Return the name of the GPU."""
    return Device("cuda").backend.device_name()


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait until the GPU has done everything that was asked of it."""
    Device("cuda").backend.synchronize()


def manual_seed(seed: int) -> None:
    """Seed the GPU's default generator."""
    default_generator(resolve("cuda")).manual_seed(seed)


manual_seed_all = manual_seed

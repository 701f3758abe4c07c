"""Which GPUs there are, and what is asked of them as a whole. Imports CuPy only for a GPU asked for."""

from __future__ import annotations

from ..device import Device, cuda_is_available, resolve
from ..ops.random import default_generator

is_available = cuda_is_available


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

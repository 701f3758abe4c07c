"""Guarded device memory as NumPy arrays. Knows ownership; the pages and their guards are the runtime's."""

import numpy as np

from .runtime import runtime


class DeviceAllocation:
    """Owns one buffer; the arrays over it hold it as their base, and the last of them frees it."""

    def __init__(self, nbytes: int) -> None:
        library = runtime()
        self._release = library.emu_release  # kept: at interpreter exit, globals may be gone before the last array
        self._pointer = library.emu_allocate(nbytes)
        if not self._pointer:
            raise MemoryError(f"no memory for a device buffer of {nbytes} bytes")
        self.__array_interface__ = {"version": 3, "shape": (nbytes,), "typestr": "|u1", "data": (self._pointer, False)}

    def __del__(self) -> None:
        if getattr(self, "_pointer", None):
            self._release(self._pointer)


def allocate(nbytes: int) -> np.ndarray:
    """Gives `nbytes` of device memory as uint8, filled with a pattern that is NaN in every float format.

    It lies between inaccessible pages, its end (rounded up to 16 bytes) against the upper one, and is freed with the
    last array over it.
    """
    return np.asarray(DeviceAllocation(nbytes))


def is_device_memory(array: np.ndarray) -> bool:
    """Whether all of `array` lies in one live buffer of `allocate`."""
    return bool(runtime().emu_owns(array.ctypes.data, array.nbytes))

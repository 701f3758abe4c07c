"""The C++ runtime as Python calls it. Knows its functions' types; every call keeps the interpreter's lock."""

import ctypes
import functools

from .build import build_runtime


@functools.cache
def runtime() -> ctypes.PyDLL:
    """The runtime, compiled on first use. Global, because the kernels' shared objects look their symbols up in it."""
    library = ctypes.PyDLL(str(build_runtime()), mode=ctypes.RTLD_GLOBAL)
    library.emu_allocate.restype = ctypes.c_void_p
    library.emu_allocate.argtypes = [ctypes.c_size_t]
    library.emu_release.restype = None
    library.emu_release.argtypes = [ctypes.c_void_p]
    library.emu_owns.restype = ctypes.c_int
    library.emu_owns.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.emu_launch.restype = ctypes.c_int
    library.emu_launch.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    library.emu_failure.restype = ctypes.c_char_p
    library.emu_failure.argtypes = []
    return library

"""The library that calls kernels: built once, loaded, and held to what it takes arrays to look like.

Calls from Python are functions made in C++ (runtime/call.cpp): they read an array's address and layout themselves,
which takes a tenth of what struct and ctypes need for three arrays, and does not ask for Python's headers.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np

from autograd_gpu.arrays.native import build
from autograd_gpu.arrays.sources import SCALARS, CompileError

DTYPES = tuple(np.dtype(getattr(ml_dtypes, name, None) or name) for name in SCALARS)
KIND = {dtype: kind for kind, dtype in enumerate(DTYPES)}
NAME = dict(zip(DTYPES, SCALARS, strict=True))

# Work, in additions of two floats: from where a kernel is shared out to threads, and from where Python's lock is given up.
# Measured: benchmarks/results/native_threshold.json.
SHARED_FROM, RELEASED_FROM = 32768, 16384


class Unusable(ImportError):
    """The reason why NumPy's path is taken."""


@functools.cache
def library() -> ctypes.PyDLL:
    """The runtime, ready to make functions. Raises Unusable."""
    if os.environ.get("AUTOGRAD_GPU_NATIVE", "1") in ("", "0"):
        raise Unusable("AUTOGRAD_GPU_NATIVE=0")
    try:
        found = ctypes.PyDLL(str(build.build_runtime(object.__basicsize__)))
    except (CompileError, OSError) as error:
        raise Unusable(str(error)) from None
    for maker in (found.host_kernel, found.host_table, found.host_map_function, found.host_map_into):
        maker.restype = ctypes.py_object
    found.host_map.restype = ctypes.c_void_p
    _begin(found)
    return found


# PyArray_NewFromDescr's place in NumPy's table of C functions, the same in every version.
_NEW_FROM_DESCR = 94


def _begin(found: ctypes.PyDLL) -> None:
    """Hands over Python's and NumPy's objects, once the layout of an array is what runtime/python.h says."""
    _look_at_an_array(found)
    try:
        from numpy._core._multiarray_umath import _ARRAY_API
    except ImportError:
        raise Unusable(f"NumPy {np.__version__} does not show its C functions") from None
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(pointer(_ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    objects = (None, True, np.ndarray, float, int, bool, bytes, IndexError, *DTYPES)
    addresses = (ctypes.c_void_p * len(objects))(*map(id, objects))
    found.host_begin(addresses, ctypes.c_void_p(table[_NEW_FROM_DESCR]), SHARED_FROM, RELEASED_FROM)
    found.host_set_threads(default_threads())


def _look_at_an_array(found: ctypes.PyDLL) -> None:
    x = np.zeros((3, 5), np.float32)[:, 1:]
    told = (ctypes.c_long * 7)()
    found.host_look_at(ctypes.py_object(x), told)
    contiguous = 1
    facts = [x.ctypes.data, 2, 3, 20, id(x.dtype), told[5], id(np.ndarray)]
    if list(told) != facts or told[5] & contiguous or not told[5] & 0x100:
        raise Unusable(f"NumPy {np.__version__} lays arrays out otherwise")


def default_threads() -> int:
    """What the process may run on, or OMP_NUM_THREADS where it says less."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(asked) if asked.isdecimal() and int(asked) > 0 else cores


# ---- kernels' libraries


@functools.cache
def entries(file: str, dtype: str) -> ctypes.CDLL | None:
    """The library of `file` for `dtype`, built if need be; None where there is none, for the reason in `failures`."""
    try:
        return ctypes.CDLL(str(build.build_library(file, dtype)))
    except (CompileError, OSError) as error:
        failures[file, dtype] = str(error)
        return None


failures: dict[tuple[str, str], str] = {}


def entry(file: str, dtype: str, name: str) -> int | None:
    """The address of a kernel's entry point."""
    found = entries(file, dtype)
    try:
        return None if found is None else ctypes.cast(getattr(found, f"{name}_host"), ctypes.c_void_p).value
    except AttributeError:
        return None


def kernel_function(name: str, address: int, letters: str) -> Callable[..., None]:
    return library().host_kernel(name.encode(), ctypes.c_void_p(address), letters.encode())


def path() -> Path:
    return build.cache_folder() / "native"


def describe() -> str:
    """What `autograd-gpu info` says of the path that the CPU takes."""
    try:
        library()
    except Unusable as error:
        return f"NumPy ({error})"
    failed = f"; {len(failures)} files do not compile" if failures else ""
    return f"kernels compiled for this processor by {build.compiler()[0]}, {library().host_threads()} threads{failed}"

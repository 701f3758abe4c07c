"""The library that calls kernels: built once, loaded, and held to what it takes arrays to look like.

Calls from Python are functions made in C++ (runtime/call.cpp): they read an array's address and layout themselves,
which takes a tenth of what struct and ctypes need for three arrays, and does not ask for Python's headers.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from autograd_gpu import settings
from autograd_gpu.arrays.native import build
from autograd_gpu.arrays.sources import SCALARS, CompileError

DTYPES = tuple(np.dtype(getattr(ml_dtypes, name, None) or name) for name in SCALARS)
KIND = {dtype: kind for kind, dtype in enumerate(DTYPES)}
NAME = dict(zip(DTYPES, SCALARS, strict=True))

# Work, in additions of two floats: from where a kernel is shared out to threads, and from where Python's lock is given
# up. Measured by benchmarks/native_threshold.py.
SHARED_FROM, RELEASED_FROM = 32768, 16384


class Unusable(RuntimeError):
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
    for maker in "kernel table map_function map_into product rows_function reduction_function expand".split():
        getattr(found, f"host_{maker}").restype = ctypes.py_object
    for record in "map rows reduction".split():
        getattr(found, f"host_{record}").restype = ctypes.c_void_p
    _begin(found)
    return found


# Places of PyArray_NewFromDescr and PyArray_SetBaseObject in NumPy's table of C functions, the same in every version.
_NEW_FROM_DESCR, _SET_BASE_OBJECT = 94, 282


def _begin(found: ctypes.PyDLL) -> None:
    """Hands over Python's and NumPy's objects, once the layout of an array is what runtime/python.h says."""
    _look_at_an_array(found)
    table = numpy_functions()
    objects = (None, True, np.ndarray, float, int, bool, bytes, tuple, IndexError, *DTYPES)
    addresses = (ctypes.c_void_p * len(objects))(*map(id, objects))
    found.host_begin(addresses, *(ctypes.c_void_p(table[place]) for place in (_NEW_FROM_DESCR, _SET_BASE_OBJECT)))
    found.host_set_thresholds(ctypes.c_long(SHARED_FROM), ctypes.c_long(RELEASED_FROM))
    found.host_set_threads(settings.get_num_threads())
    settings.on_threads.append(found.host_set_threads)


def numpy_functions() -> Any:
    """NumPy's table of C functions, addresses by their places in it. Raises Unusable."""
    try:
        from numpy._core._multiarray_umath import _ARRAY_API
    except ImportError:
        raise Unusable(f"NumPy {np.__version__} does not show its C functions") from None
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(pointer(_ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))


def _look_at_an_array(found: ctypes.PyDLL) -> None:
    x = np.zeros((3, 5), np.float32)[:, 1:]
    told = (ctypes.c_long * 7)()
    found.host_look_at(ctypes.py_object(x), told)
    contiguous = 1
    facts = [x.ctypes.data, 2, 3, 20, id(x.dtype), told[5], id(np.ndarray)]
    if list(told) != facts or told[5] & contiguous or not told[5] & 0x100:
        raise Unusable(f"NumPy {np.__version__} lays arrays out otherwise")


# ---- kernels' libraries


@functools.cache
def entries(file: str, dtype: str) -> ctypes.CDLL | None:
    """The library of `file` for `dtype`; None where there is none, for the reason in `failures`.

    It is built here and now if need be, in about a second. In the background, while NumPy's path serves, would be no
    wait, but then a run's numbers would depend on how soon the compiler was done.
    """
    try:
        if not build.library_path(file, dtype).exists():
            _say_so()
        return ctypes.CDLL(str(build.build_library(file, dtype)))
    except (CompileError, OSError) as error:
        failures[file, dtype] = str(error)
        return None


failures: dict[tuple[str, str], str] = {}


def entry(file: str, dtype: str, name: str) -> int | None:
    """The address of a kernel's entry point."""
    found = entries(file, dtype)
    try:
        address = None if found is None else ctypes.cast(getattr(found, f"{name}_host"), ctypes.c_void_p).value
    except AttributeError:
        return None
    if address is not None:
        KERNEL_AT[address] = file, dtype, name
    return address


# Which kernel it is whose entry point was asked for, by its address: file, dtype, name.
KERNEL_AT: dict[int, tuple[str, str, str]] = {}


def signature(function: Callable[..., object]) -> bytes:
    """A function's parameters and documentation as those of one made in C++ are kept."""
    return f"{function.__name__}{inspect.signature(function)}\n--\n\n{function.__doc__ or ''}".encode()


def kernel_function(name: str, address: int, letters: str) -> Callable[..., None]:
    return library().host_kernel(name.encode(), ctypes.c_void_p(address), letters.encode())


@functools.cache
def _say_so() -> None:
    """A line, once and to a person only, that explains the wait."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("autograd_gpu: compiling kernels for this processor, each once; a second or so each", file=sys.stderr)


# What a training step asks for: models of linear layers, attention, norms and losses, their optimisers, their data.
OF_TRAINING = {
    "float32": (
        "activation.cu cast.cu elementwise_binary.cu elementwise_fused.cu elementwise_select.cu elementwise_unary.cu "
        "index.cu loss.cu memory.cu norm.cu optim.cu random.cu reduce.cu softmax.cu"
    ),
    "float64": "cast.cu elementwise_binary.cu elementwise_select.cu random.cu",
    "int64": "cast.cu elementwise_binary.cu index.cu memory.cu",
    "bool": "cast.cu elementwise_binary.cu elementwise_unary.cu reduce.cu",
}


def prepare() -> None:
    """Build what training needs and is not there yet, on all cores, with a line that says so."""
    try:
        library()
    except Unusable:
        return
    pairs = [(file, dtype) for dtype, files in OF_TRAINING.items() for file in files.split()]
    missing = [pair for pair in pairs if not build.library_path(*pair).exists()]
    if missing:
        print(f"compiling {len(missing)} files of kernels for this processor, once ...", file=sys.stderr, flush=True)
        build.build_many(missing)


def describe() -> str:
    """What `autograd-gpu info` says of the path that the CPU takes."""
    try:
        library()
    except Unusable as error:
        return f"NumPy's path, since: {str(error).strip().splitlines()[0]}"
    failed = f"; NumPy's path for {', '.join(f'{file} {dtype}' for file, dtype in failures)}" if failures else ""
    return f"kernels compiled for this processor by {build.compiler()[0]}, {settings.get_num_threads()} threads{failed}"

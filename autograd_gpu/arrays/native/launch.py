"""Kernels as functions of Python's: what the families call. Knows dtypes, layouts and NumPy's twin; no formula.

A kernel is looked for when its dtype is first asked for. Where there is none, since its file is not compiled for the
dtype or does not compile here, the NumPy backend's function of the same name runs.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Callable, Container
from typing import Any, ClassVar

import numpy as np

from autograd_gpu.arrays.alike import checked
from autograd_gpu.arrays.native import runtime
from autograd_gpu.arrays.scalars import compared, scalar_for
from autograd_gpu.arrays.sources import DTYPES, SCALARS
from autograd_gpu.arrays.strides import halves

_WHOLE = (int, bool, type(None))
_REAL = (*_WHOLE, float)


class Kernel:
    """One `__global__` function of one file, for whatever dtypes the file is compiled for.

        softmax_forward = Kernel("softmax.cu", "softmax_forward", "PPqii")
        forward = softmax_forward[x.dtype]                # None: NumPy's path
        forward(rows, x.size, x, y, rows, cols, 0)        # grid, work in elements, an argument a letter

    The format is that of arrays/cuda/launch.py. `all` holds every kernel, for the test that all are loaded.
    """

    all: ClassVar[list[Kernel]] = []

    def __init__(self, file: str, name: str, format: str) -> None:
        self.file, self.name, self.format = file, name, format
        self._functions: dict[np.dtype, Callable[..., None] | None] = {}
        Kernel.all.append(self)

    def __getitem__(self, dtype: np.dtype) -> Callable[..., None] | None:
        try:
            return self._functions[dtype]
        except KeyError:
            return self._load(dtype)

    def address(self, dtype: np.dtype) -> int | None:
        """Where the kernel's entry point is."""
        name = runtime.NAME.get(dtype)
        return runtime.entry(self.file, name, self.name) if name in DTYPES[self.file] else None

    def _load(self, dtype: np.dtype) -> Callable[..., None] | None:
        address, function = self.address(dtype), None
        if address is not None:
            letters = re.sub(r"\d+s", "s", self.format.replace("A", SCALARS[runtime.NAME[dtype]][2]))
            function = runtime.kernel_function(self.name, address, letters)
        self._functions[dtype] = function
        return function

    def __repr__(self) -> str:
        return f"Kernel({self.file!r}, {self.name!r}, {self.format!r})"


def rows_function(
    kernel: Kernel, takes: str, gives: str, reads: str, cost: float
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function that calls `kernel` for rows: made in C++, for arrays that lie row by row; itself for others.

    What the letters mean is said in runtime/rows.cpp, `cost` is what an element takes, an addition being 1.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        lib = runtime.library()

        def load(dtype: np.dtype) -> None:
            address = kernel.address(dtype)
            if address is not None:
                lib.host_rows_entry(record, runtime.KIND[dtype], ctypes.c_void_p(address))

        letters = (text.encode() for text in (takes, gives, reads))
        slow = loading(load, checked(function))
        record = ctypes.c_void_p(lib.host_rows(*letters, ctypes.c_double(cost), ctypes.py_object(slow)))
        return lib.host_rows_function(record, function.__name__.encode(), runtime.signature(function))

    return decorate


def loading(load: Callable[[np.dtype], None], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which calls `load` first with each dtype of arrays that it had not met."""
    met: set[np.dtype] = set()

    @functools.wraps(function)
    def run(*arguments: Any, **more: Any) -> Any:
        for x in arguments:
            if isinstance(x, np.ndarray) and x.dtype not in met:
                met.add(x.dtype)
                if x.dtype in runtime.KIND:
                    load(x.dtype)
        return function(*arguments, **more)

    return run


def by_numpy_too() -> None:
    """Say that NumPy does a part of what a function of launches does: a recording then calls the function again."""
    runtime.library().host_tape_leave()


# What a parameter of a map is, for call.cpp, by how its kernel takes it.
_OPERANDS = {"P": "a", "PA": "b", "C": "c", "A": "n", "iA": "o"}


def map_function(
    numpy_function: Callable[..., Any],
    file: str,
    kernel: str,
    operands: tuple[str, ...],
    *,
    gives: np.dtype | None = None,
    dtypes: Container[np.dtype] = runtime.DTYPES,
    compares: bool = False,
    cost: float = 1,
) -> Callable[..., Any]:
    """f(*operands, out=None) by a kernel built on kernels/include/map.cuh; NumPy's function where there is no kernel.

    An operand is "P" an array, "PA" an array or a number, "C" an array of bools, "A" a number, "iA" a number or None.
    The result's dtype is the operands' where `gives` does not say another; `dtypes` are those that the kernel serves.
    `cost` is what an element takes, an addition being 1.
    """
    return Map(numpy_function, file, kernel, operands, gives, dtypes, compares, cost).function


class Map:
    """One kernel built on map.cuh, and what a call needs beside it.

    `all` holds every one, for the test that all run.
    """

    all: ClassVar[list[Map]] = []

    def __init__(
        self,
        numpy_function: Callable[..., Any],
        file: str,
        kernel: str,
        operands: tuple[str, ...],
        gives: np.dtype | None,
        dtypes: Container[np.dtype],
        compares: bool,
        cost: float,
    ) -> None:
        self.numpy, self.file, self.kernel, self.operands = numpy_function, file, kernel, operands
        self.gives, self.dtypes, self.compares = gives, dtypes, compares
        self._number = compared if compares else scalar_for
        Map.all.append(self)
        self.loaded: dict[np.dtype, bool] = {}
        lib = runtime.library()
        letters = "".join(_OPERANDS[operand] for operand in operands).encode()
        kind, cost_of_one = -1 if gives is None else runtime.KIND[gives], ctypes.c_double(cost)
        self._record = ctypes.c_void_p(lib.host_map(letters, kind, compares, cost_of_one, ctypes.py_object(self._slow)))
        record, name = self._record, numpy_function.__name__
        self.function = lib.host_map_function(record, name.encode(), runtime.signature(numpy_function))
        self._into = lib.host_map_into(record, name.encode())

    def _is_loaded(self, dtype: np.dtype) -> bool:
        known = self.loaded.get(dtype)
        if known is None:
            name, address = runtime.NAME.get(dtype), None
            if name in DTYPES[self.file] and dtype in self.dtypes:
                address = runtime.entry(self.file, name, self.kernel)
            known = self.loaded[dtype] = address is not None
            if address is not None:
                runtime.library().host_map_entry(self._record, runtime.KIND[dtype], ctypes.c_void_p(address))
        return known

    def _slow(self, *operands: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Any layout, any number, and what is for NumPy."""
        if len(operands) > len(self.operands):
            *operands, out = operands
        arrays = [x for x in operands if isinstance(x, np.ndarray)]
        like = next((x for x, kind in zip(operands, self.operands) if kind != "C" and isinstance(x, np.ndarray)), None)
        if like is None or not self._is_loaded(like.dtype) or not self._fit(operands, like, out):
            return self.numpy(*operands, **({} if out is None else {"out": out}))
        operands = [self._plain(x, kind, like.dtype) for x, kind in zip(operands, self.operands, strict=True)]
        shape = arrays[0].shape
        if out is None:
            out = np.empty(shape, like.dtype if self.gives is None else self.gives)
        if out.size:
            self._run(out, operands)
        return out

    def _fit(self, operands: Any, like: np.ndarray, out: np.ndarray | None) -> bool:
        """Whether these are operands that the kernel takes."""
        shape = like.shape
        takes = (
            _WHOLE if like.dtype.kind in "iub" else _REAL
        )  # of a whole dtype and a fraction NumPy makes what it does
        for x, kind in zip(operands, self.operands, strict=True):
            if isinstance(x, np.ndarray):
                wanted = np.dtype(bool) if kind == "C" else like.dtype
                if type(x) is not np.ndarray or x.dtype != wanted or x.shape != shape or not x.flags.aligned:
                    return False
            elif kind in ("P", "C") or type(x) not in takes or (self.compares and not _holds(like.dtype, x)):
                return False
        if out is None:
            return True
        wanted = like.dtype if self.gives is None else self.gives
        if out.dtype != wanted or out.shape != shape or not out.flags.aligned or not out.flags.writeable:
            return False
        # An element is read before it is written, but not before another is: the same memory, or none of it.
        return not any(
            isinstance(x, np.ndarray) and np.may_share_memory(out, x) and not _same_places(out, x) for x in operands
        )

    def _plain(self, x: Any, kind: str, dtype: np.dtype) -> Any:
        if isinstance(x, np.ndarray) or x is None:
            return x
        return self._number(x, dtype, self.kernel)

    def _run(self, out: np.ndarray, operands: list[Any]) -> None:
        if self._into(out, *operands):
            return
        # More dimensions or elements than a layout holds.
        arrays = [x if isinstance(x, np.ndarray) else None for x in operands]
        for out_half, *halved in halves([out, *arrays]):
            self._run(out_half, [x if half is None else half for x, half in zip(operands, halved, strict=True)])


def _holds(dtype: np.dtype, number: float) -> bool:
    if dtype.kind not in "iu":
        return dtype.kind != "b" or number in (0, 1)
    limits = np.iinfo(dtype)
    return limits.min <= number <= limits.max


def _same_places(x: np.ndarray, y: np.ndarray) -> bool:
    return (
        x.strides == y.strides
        and x.dtype == y.dtype
        and x.__array_interface__["data"][0] == y.__array_interface__["data"][0]
    )

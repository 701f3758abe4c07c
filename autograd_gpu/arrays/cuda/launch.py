"""From a Python call to a packed kernel launch. Knows formats and geometry; never looks inside an array."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from autograd_gpu.arrays.cuda import compile, driver
from autograd_gpu.arrays.sources import SCALARS

WARP = 32

Extent = int | tuple[int, ...]


class Kernel:
    """One `__global__` function of one file, for whatever dtypes the file is compiled for.

        softmax_forward = Kernel("softmax.cu", "softmax_forward", "PPiq")
        softmax_forward(x.dtype, grid, block, x, y, cols, rows, shared_mem=0)

    `format` has struct's letter for each parameter: P pointer (an array or None), i int, I unsigned, q long long,
    f float, d double, A the type the dtype is computed in, <n>s a struct by value as bytes.
    """

    all: ClassVar[list[Kernel]] = []

    def __new__(cls, file: str, name: str, format: str) -> Kernel:
        return super().__new__(_kernel_with(_letters(format)))

    def __init__(self, file: str, name: str, format: str) -> None:
        self.file, self.name, self.format = file, name, format
        # A struct by value starts at an 8-byte boundary, which struct's "s" does not ask for by itself.
        self._layout = re.sub(r"(\d+s)", r"0q\1", format)
        self._prepared: dict[tuple[object, np.dtype], tuple[Any, Callable[..., bytes]]] = {}
        Kernel.all.append(self)

    def __call__(self, dtype: np.dtype, grid: Extent, block: Extent, *arguments: Any, shared_mem: int = 0) -> None:
        """Launch the kernel for `dtype`; an argument a parameter."""
        raise NotImplementedError  # each kernel is of a class with its own: _kernel_with

    def _prepare(self, gpu: driver.Driver, dtype: np.dtype) -> tuple[Any, Callable[..., bytes]]:
        name = compile.dtype_name(dtype)
        compile.check_dtype(self.file, name, self.name)
        letter = SCALARS[name][2]
        try:
            function = gpu.load(self.file, name).function(self.name, self.format.replace("A", letter))
        except LookupError:
            raise TypeError(f"{self.name}: no CUDA kernel for {name}: kernels/{self.file} has none") from None
        prepared = function, struct.Struct("@" + self._layout.replace("A", letter)).pack
        self._prepared[gpu.context(), dtype] = prepared
        KERNEL_OF[id(function)] = self, name
        return prepared

    def __repr__(self) -> str:
        return f"Kernel({self.file!r}, {self.name!r}, {self.format!r})"


# Which kernel it is that was loaded, and for which dtype, by the id of what the driver launches.
KERNEL_OF: dict[int, tuple[Kernel, str]] = {}


def _letters(format: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+s|[a-zA-Z]", format))


_CALL = """\
def __call__(self, dtype, grid, block, {names}, *, shared_mem=0):
    gpu = driver._current or driver.current()
    try:
        function, pack = self._prepared[gpu.context(), dtype]
    except KeyError:
        function, pack = self._prepare(gpu, dtype)
    pointer = gpu.pointer
    grid = (grid, 1, 1) if type(grid) is int else _three(grid)
    block = (block, 1, 1) if type(block) is int else _three(block)
    gpu.launch(function, grid, block, pack({values}), shared_mem)
"""


@functools.cache
def _kernel_with(letters: tuple[str, ...]) -> type[Kernel]:
    """Kernel, its __call__ written out for these parameters: a third of a launch's time would go into loops over
    them."""
    names = [f"a{i}" for i in range(len(letters))]
    values = (
        f"0 if {name} is None else pointer({name})" if letter == "P" else name
        for name, letter in zip(names, letters, strict=True)
    )
    namespace: dict[str, Any] = {"driver": driver, "_three": _three}
    exec(_CALL.format(names=", ".join(names), values=", ".join(values)), namespace)
    return type("Kernel", (Kernel,), {"__call__": namespace["__call__"]})


def _three(extent: tuple[int, ...]) -> tuple[int, ...]:
    return (*extent, *(1,) * (3 - len(extent)))


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def block_for(work: int, limit: int = 256) -> int:
    """Threads for `work` items: whole warps, no more than needed, at most `limit`."""
    return min(limit, WARP * max(1, ceil_div(work, WARP)))

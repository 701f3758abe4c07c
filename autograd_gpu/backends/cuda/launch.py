"""From a Python call to a packed kernel launch. Knows formats and geometry; never looks inside an array."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from autograd_gpu.backends.cuda import compile, driver

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

    def __init__(self, file: str, name: str, format: str) -> None:
        self.file, self.name, self.format = file, name, format
        # A struct by value starts at an 8-byte boundary, which struct's "s" does not ask for by itself.
        self._layout = re.sub(r"(\d+s)", r"0q\1", format)
        letters = re.findall(r"\d+s|[a-zA-Z]", format)
        self._pointers = tuple(i for i, letter in enumerate(letters) if letter == "P")
        self._prepared: dict[tuple[object, np.dtype], tuple[Any, Callable[..., bytes]]] = {}
        Kernel.all.append(self)

    def __call__(self, dtype: np.dtype, grid: Extent, block: Extent, *arguments: Any, shared_mem: int = 0) -> None:
        gpu = driver.current()
        try:
            function, pack = self._prepared[gpu.context(), dtype]
        except KeyError:
            function, pack = self._prepare(gpu, dtype)
        values, pointer = [*arguments], gpu.pointer
        for i in self._pointers:
            array = values[i]
            values[i] = 0 if array is None else pointer(array)
        grid = (grid, 1, 1) if type(grid) is int else _three(grid)
        block = (block, 1, 1) if type(block) is int else _three(block)
        gpu.launch(function, grid, block, pack(*values), shared_mem)

    def _prepare(self, gpu: driver.Driver, dtype: np.dtype) -> tuple[Any, Callable[..., bytes]]:
        name = compile.dtype_name(dtype)
        compile.check_dtype(self.file, name, self.name)
        letter = compile.SCALARS[name][2]
        try:
            function = gpu.load(self.file, name).function(self.name, self.format.replace("A", letter))
        except LookupError:
            raise TypeError(f"{self.name}: no CUDA kernel for {name}") from None
        prepared = function, struct.Struct("@" + self._layout.replace("A", letter)).pack
        self._prepared[gpu.context(), dtype] = prepared
        return prepared

    def __repr__(self) -> str:
        return f"Kernel({self.file!r}, {self.name!r}, {self.format!r})"


def _three(extent: tuple[int, ...]) -> tuple[int, ...]:
    return (*extent, *(1,) * (3 - len(extent)))


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def block_for(work: int, limit: int = 256) -> int:
    """Threads for `work` items: whole warps, no more than needed, at most `limit`."""
    return min(limit, WARP * max(1, ceil_div(work, WARP)))


def warps_for(work: int, limit: int = 8) -> int:
    """Warps for `work` items at one item a lane, at most `limit`."""
    return min(limit, max(1, ceil_div(work, WARP)))

"""One thread an element: launches every kernel built on kernels/include/map.cuh. Knows geometry, no formula."""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from autograd_gpu.arrays.alike import check_shape
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.strides import halves, layout_format, layout_of

THREADS = 256
ELEMENTS_PER_THREAD = 8
# Enough blocks to fill any GPU many times over; beyond, each thread takes more steps.
MAX_BLOCKS = 1 << 16


class MapKernel:
    """A kernel whose parameters are out, count, a layout of all arrays, then the operands.

    An operand is "P" an array, "PA" an array or a number, "C" an array of bools, "A" a number, "iA" a number or None.
    The result's dtype is the operands' where `gives` does not say another. `all` holds every one.
    """

    all: ClassVar[list[MapKernel]] = []

    def __init__(self, file: str, name: str, operands: Sequence[str], gives: str | None = None) -> None:
        self.file, self.name, self.operands, self.gives = file, name, tuple(operands), gives
        MapKernel.all.append(self)
        arrays = 1 + sum(operand in ("P", "PA", "C") for operand in operands)
        parameters = "".join(operands).replace("C", "P")
        self._kernel = Kernel(file, name, "Pq" + layout_format(arrays) + parameters)
        self._inputs = tuple(i for i, letter in enumerate(parameters) if letter == "P")
        self._flat = bytes(struct.calcsize(layout_format(arrays)))

    def __call__(self, dtype: np.dtype, out: Any, *parameters: Any) -> Any:
        """out[i] = f(inputs[0][i], ...), and `out` again.

        The inputs are the parameters at the places of pointers, all of out's shape; None is one without a place in
        memory.
        """
        count = out.size
        layout, flat = self._flat, out.flags.c_contiguous
        for i in self._inputs:
            x = parameters[i]
            if x is not None:
                if x.shape != out.shape:
                    check_shape(self._kernel.name, result=out, operand=x)
                if not x.flags.c_contiguous:
                    flat = False
        if count == 0:
            return out
        if not flat:
            inputs = [parameters[i] for i in self._inputs]
            layout = layout_of(
                out.shape, *((None, 1) if x is None else (x.strides, x.itemsize) for x in (out, *inputs))
            )
            if layout is None:
                return self._by_halves(dtype, out, inputs, parameters)
        grid, block = geometry(count)
        self._kernel(dtype, grid, block, out, count, layout, *parameters)
        return out

    def _by_halves(self, dtype: np.dtype, out: Any, inputs: list[Any], parameters: tuple[Any, ...]) -> Any:
        for out_half, *input_halves in halves([out, *inputs]):
            of_half = [*parameters]
            for i, x in zip(self._inputs, input_halves, strict=True):
                of_half[i] = x
            self(dtype, out_half, *of_half)
        return out


@functools.lru_cache(maxsize=4096)
def geometry(count: int) -> tuple[int, int]:
    """Grid and block for `count` elements."""
    threads = ceil_div(count, ELEMENTS_PER_THREAD)
    block = block_for(threads, THREADS)
    return min(MAX_BLOCKS, ceil_div(threads, block)), block

"""One thread an element: launches every kernel built on kernels/include/map.cuh. Knows geometry, no formula."""

from __future__ import annotations

import functools
import math
import struct
from typing import Any

import numpy as np

from autograd_gpu.backends.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.backends.cuda.strides import halves, layout_format, pack_layout

THREADS = 256
ELEMENTS_PER_THREAD = 8
# Enough blocks to fill any GPU many times over; beyond, each thread takes more steps.
MAX_BLOCKS = 1 << 16

BOOL = np.dtype(bool)
FLOAT64 = np.dtype(np.float64)
FLOAT32_MAX = float(np.finfo(np.float32).max)

Scalar = bool | int | float


NUMBERS = (int, float)


class MapKernel:
    """A kernel whose parameters are out, count, a layout of all `arrays` (out is one), then `parameters`."""

    def __init__(self, file: str, name: str, arrays: int, parameters: str) -> None:
        self._kernel = Kernel(file, name, "Pq" + layout_format(arrays) + parameters)
        self._flat = bytes(struct.calcsize(layout_format(arrays)))

    def __call__(self, dtype: np.dtype, out: Any, *parameters: Any) -> Any:
        """out[i] = f(inputs[0][i], ...), and `out` again.

        The inputs are the arrays among `parameters`, all of out's shape; None is an input without a place in memory.
        """
        count = out.size
        if count == 0:
            return out
        layout = self._flat
        if not (out.flags.c_contiguous and all(_is_flat(p) for p in parameters)):
            inputs = [p for p in parameters if not isinstance(p, NUMBERS)]
            layout = _layout(out.shape, *((None, 1) if x is None else (x.strides, x.itemsize) for x in (out, *inputs)))
            if layout is None:
                for out_half, *input_halves in halves([out, *inputs]):
                    rest = iter(input_halves)
                    self(dtype, out_half, *(p if isinstance(p, NUMBERS) else next(rest) for p in parameters))
                return out
        block = THREADS if count >= THREADS * ELEMENTS_PER_THREAD else block_for(ceil_div(count, ELEMENTS_PER_THREAD))
        grid = min(MAX_BLOCKS, -(-count // (block * ELEMENTS_PER_THREAD)))
        self._kernel(dtype, grid, block, out, count, layout, *parameters)
        return out


def _is_flat(parameter: Any) -> bool:
    return parameter is None or isinstance(parameter, NUMBERS) or parameter.flags.c_contiguous


@functools.lru_cache(maxsize=8192)
def _layout(shape: tuple[int, ...], *places: tuple[tuple[int, ...] | None, int]) -> bytes | None:
    """A packed layout of arrays by their strides in bytes and itemsizes; None has no place in memory."""
    nowhere = (0,) * len(shape)
    return pack_layout(
        shape,
        tuple(nowhere if strides is None else tuple(step // size for step in strides) for strides, size in places),
    )


def scalar_for(value: Scalar, dtype: np.dtype, name: str) -> Scalar:
    """`value` as a kernel of `dtype` computes with it: half types in float, integers within their range."""
    if dtype == BOOL:
        return int(bool(value))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise OverflowError(f"{name}: {value} does not fit into {dtype}")
        return int(value)
    value = float(value)
    if dtype != FLOAT64 and math.fabs(value) > FLOAT32_MAX:
        return math.copysign(math.inf, value)  # struct refuses to
    return value
